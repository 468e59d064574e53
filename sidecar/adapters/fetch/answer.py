"""Adapter: what a server's answer says about a file: its first bytes, its size, or that it is not given out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import urllib3

from sidecar.adapters.fetch.coding import packing_of, unpacked_head
from sidecar.core.errors import PartRefused, PermanentError


class Resumable(Protocol):
    """What an earlier try has of a file (workflow.ports, parts)."""

    @property
    def bytes(self) -> int: ...
    @property
    def total(self) -> int | None: ...
    @property
    def etag(self) -> str: ...


@dataclass(frozen=True)
class FetchResponse:
    """An answer whose body is still on the wire.

    `content_length` is bytes, None if the server did not say (then a cut connection can't be told from the end), or has
    packed the file, which `chunks` unpacks. `chunks` yields bytes objects of `chunk_size` bytes (shorter ones at the
    end, and where they come slowly), and raises like `SafeFetcher.stream`. `begins_at`: 0, or how much of the file an
    earlier try has already. `etag`: "" unless it is a strong one.
    """

    status: int
    content_length: int | None
    chunks: Iterator[bytes]
    begins_at: int = 0
    etag: str = ""


@dataclass(frozen=True)
class Head:
    """The first bytes of a file. `total`: how many there are, None if the server did not say; `whole`: no more."""

    data: bytes
    total: int | None
    whole: bool
    headers: Mapping[str, str] = field(default_factory=dict, compare=False)


class Refused(PermanentError):
    """The server has answered with 4xx. `status` is the answer's, `host` the one that gave it, after redirects."""

    def __init__(self, status: int, host: str):
        super().__init__("result_gone", f"HTTP {status}")
        self.status, self.host = status, host


def head_of(response: urllib3.BaseHTTPResponse, data: bytes, asked: int) -> Head:
    """What an answer says of a file. `data`: what came of the first `asked` bytes. Raises
    TemporaryError("fetch_failed") for a packing that can't be undone."""
    total = _total(response)
    whole = len(data) < asked if total is None else total <= len(data)
    packing = packing_of(response.headers.get("Content-Encoding"))
    if not packing:
        return Head(data, total, whole, response.headers)
    data, complete = unpacked_head(data, packing, asked)
    whole = whole and complete
    return Head(data, len(data) if whole else None, whole, response.headers)


@dataclass(frozen=True)
class Begun:
    """What an earlier try has of a file: so many bytes, of so many in all, of the version that `etag` names."""

    bytes: int
    total: int
    etag: str

    @property
    def headers(self) -> dict[str, str]:
        """Ask for the rest of that very version; a server that has another one sends all of it (RFC 9110, 13.1.5)."""
        return {"Range": f"bytes={self.bytes}-", "If-Range": self.etag}


def strong_etag(response: urllib3.BaseHTTPResponse) -> str:
    """The entity tag if two answers with it are the same byte for byte, else "" (RFC 9110, 8.8.1)."""
    tag = response.headers.get("ETag", "")
    return tag if len(tag) > 2 and tag.startswith('"') and tag.endswith('"') else ""


def begins_at(response: urllib3.BaseHTTPResponse, begun: Begun | None) -> int:
    """Where the body begins in the file (Content-Range; RFC 9110, 14.4): 0 for all of it. Raises PartRefused for a part
    that was not asked for: not every server heeds If-Range."""
    if response.status != 206:
        return 0
    said = response.headers.get("Content-Range", "")
    if (
        begun is None
        or said != f"bytes {begun.bytes}-{begun.total - 1}/{begun.total}"
        or strong_etag(response) != begun.etag
    ):
        raise PartRefused("fetch_failed", f"a part was sent that was not asked for: {said[:60]}")
    return begun.bytes


def _total(response: urllib3.BaseHTTPResponse) -> int | None:
    if response.status == 206:
        said = response.headers.get("Content-Range", "").rpartition("/")[2]
    else:
        said = response.headers.get("Content-Length", "")
    return int(said) if said.isascii() and said.isdigit() else None
