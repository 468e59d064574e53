"""Adapter: what a server's answer says about a file: its first bytes, its size, or that it is not given out."""

from __future__ import annotations

from dataclasses import dataclass

import urllib3

from sidecar.adapters.fetch.coding import packing_of, unpacked_head
from sidecar.core.errors import PermanentError


@dataclass(frozen=True)
class Head:
    """The first bytes of a file. `total`: how many there are, None if the server did not say; `whole`: no more."""

    data: bytes
    total: int | None
    whole: bool


class Refused(PermanentError):
    """The server has answered with 4xx. `status` is the answer's, `host` the one that gave it, after redirects."""

    def __init__(self, status: int, host: str):
        super().__init__("result_gone", f"HTTP {status}")
        self.status, self.host = status, host


def head_of(response: urllib3.BaseHTTPResponse, data: bytes, asked: int) -> Head:
    """`data`: what came of the first `asked` bytes."""
    total = _total(response)
    whole = len(data) < asked if total is None else total <= len(data)
    packing = packing_of(response.headers.get("Content-Encoding"))
    if not packing:
        return Head(data, total, whole)
    data, complete = unpacked_head(data, packing, asked)
    whole = whole and complete
    return Head(data, len(data) if whole else None, whole)


def _total(response: urllib3.BaseHTTPResponse) -> int | None:
    if response.status == 206:
        said = response.headers.get("Content-Range", "").rpartition("/")[2]
    else:
        said = response.headers.get("Content-Length", "")
    return int(said) if said.isascii() and said.isdigit() else None
