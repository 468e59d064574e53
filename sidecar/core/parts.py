"""Core: what is known of a part: all of a result, not yet checked, or the beginning of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Part:
    """`key`: what it is a part of. `total`: bytes of the whole, None if the server did not say; `etag`: "" if it has no
    strong one; only a part with both can be gone on with."""

    path: Path
    key: str
    bytes: int
    total: int | None
    etag: str
    complete: bool

    @property
    def resumable(self) -> bool:
        return not self.complete and bool(self.etag) and self.total is not None and 0 < self.bytes < self.total
