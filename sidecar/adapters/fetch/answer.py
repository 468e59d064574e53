"""Adapter: what a server's answer says about a file: its first bytes, its size, or that it is not given out."""

from __future__ import annotations

from dataclasses import dataclass

import urllib3

from sidecar.core.errors import PermanentError


@dataclass(frozen=True)
class Head:
    """The first bytes of a file; `total`: how many the whole file has, None if the server did not say."""

    data: bytes
    total: int | None


class Refused(PermanentError):
    """The server has answered with 4xx. `status` is the answer's, `host` the one that gave it, after redirects."""

    def __init__(self, status: int, host: str):
        super().__init__("result_gone", f"HTTP {status}")
        self.status, self.host = status, host


def total_bytes(response: urllib3.BaseHTTPResponse) -> int | None:
    """Bytes of the whole file, by the answer's headers."""
    if response.status == 206:
        said = response.headers.get("Content-Range", "").rpartition("/")[2]
    else:
        said = response.headers.get("Content-Length", "")
    return int(said) if said.isascii() and said.isdigit() else None
