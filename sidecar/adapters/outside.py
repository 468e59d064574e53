"""Adapter: what a stranger gets at an address: no signature, no cookie, no redirect followed. For checks only."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import requests
import urllib3

MOST_BYTES = 1 << 20  # of an answer that are read


@dataclass(frozen=True)
class Seen:
    """`status` 0: nobody answered, `why` says how it failed."""

    status: int
    body: bytes = b""
    date: str = ""
    why: str = ""

    def json(self) -> Any:
        """None when the body is no JSON."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None


def get(url: str, *, host: str = "", timeout: float = 10) -> Seen:
    """What a GET brings. `host`: the Host header when it is not the address'. `timeout`: seconds of silence. Never
    raises for what the network does."""
    return _ask("GET", url, {"Host": host} if host else {}, None, timeout)


def post(url: str, body: bytes, headers: dict[str, str], *, timeout: float = 10) -> Seen:
    return _ask("POST", url, headers, body, timeout)


def _ask(method: str, url: str, headers: dict[str, str], body: bytes | None, timeout: float) -> Seen:
    with requests.Session() as session:
        session.trust_env = False
        try:
            answer = session.request(
                method, url, data=body, headers=headers, timeout=timeout, allow_redirects=False, stream=True
            )
            with answer:
                read = answer.raw.read(MOST_BYTES, decode_content=True)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            return Seen(0, why=type(error).__name__)
    return Seen(answer.status_code, read, answer.headers.get("Date", ""))
