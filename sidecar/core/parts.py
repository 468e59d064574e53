"""Core: what is known of a part: all of a result, not yet checked or finished, or the beginning of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Part:
    """`key`: what it is a part of. `total`: bytes of the whole, None if the server did not say; `etag`: "" if it has no
    strong one; only a part with both can be gone on with. `facts`: what whoever kept it has found out."""

    path: Path
    key: str
    bytes: int
    total: int | None
    etag: str
    complete: bool
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def resumable(self) -> bool:
        return not self.complete and bool(self.etag) and self.total is not None and 0 < self.bytes < self.total
