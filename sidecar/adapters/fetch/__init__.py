"""Adapter: safe streaming GET over http(s) to public addresses."""

from sidecar.adapters.fetch.fetcher import FetchResponse, Resolver, SafeFetcher, system_resolver

__all__ = ["FetchResponse", "Resolver", "SafeFetcher", "system_resolver"]
