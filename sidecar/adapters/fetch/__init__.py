"""Adapter: safe streaming GET over http(s) to public addresses."""

from sidecar.adapters.fetch.answer import FetchResponse, Head, Refused, Resumable
from sidecar.adapters.fetch.fetcher import SafeFetcher
from sidecar.adapters.fetch.names import Resolver, system_resolver

__all__ = ["FetchResponse", "Head", "Refused", "Resolver", "Resumable", "SafeFetcher", "system_resolver"]
