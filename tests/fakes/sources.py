"""Bought pictures without files: what is known of each address, and what goes wrong with it.

`tests/workflow/test_slow_sources.py` holds them to Sources' contract.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sidecar.adapters.copies import Copy
from sidecar.adapters.fetch import FetchResponse
from sidecar.adapters.images import ImageInfo
from sidecar.adapters.sources import Source
from sidecar.core.errors import SidecarError
from sidecar.core.job import Job
from tests.fakes.fetcher import png

INFO = ImageInfo("png", 8, 6, "RGB")


@dataclass
class FakeSources:
    """Same methods as Sources. `info`, `sizes` (bytes) and `faults` by address; others are a PNG of 8 x 6 pixels.

    `far`: they lie elsewhere. `long_heads`: addresses of which the first bytes do not tell. `etag`, `data`: what
    a server sends; `breaks_at`: after so many bytes it fails with `failure`, once. `asked`: what was asked for.
    """

    info: dict[str, ImageInfo] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)
    faults: dict[str, SidecarError] = field(default_factory=dict)
    far: bool = False
    long_heads: set[str] = field(default_factory=set)
    etag: str = '"v1"'
    data: bytes = png(8, 6)
    breaks_at: int | None = None
    failure: Exception | None = None
    asked: list[str] = field(default_factory=list)
    _addresses: dict[Path, str] = field(default_factory=dict)

    def local_path(self, job: Job) -> Path | None:
        if self.far:
            return None
        self._may_fail(job)
        return self.here(job)

    def here(self, job: Job) -> Path:
        """As if it lay on this machine."""
        path = Path(job.source_url)
        self._addresses[path] = job.source_url
        return path

    def inspect(self, job: Job, transfer: Any = None) -> Source | None:
        self._may_fail(job)
        self.asked.append("look")
        if self.far and job.source_url in self.long_heads:
            return None
        path = self.local_path(job)
        return self.inspect_here(path) if path else self._source(job.source_url, None)

    def inspect_here(self, path: Path) -> Source:
        return self._source(self._addresses[path], path)

    def _source(self, url: str, path: Path | None) -> Source:
        return Source(url, path, self.info.get(url, INFO), self.sizes.get(url, 1000))

    def inspect_file(self, job: Job, fetched: Path) -> Source:
        return self.seen_before(job, self.info.get(job.source_url, INFO), len(self.data))

    def seen_before(self, job: Job, info: ImageInfo, bytes: int | None) -> Source:
        return Source(job.source_url, None, info, bytes)

    @contextmanager
    def stream(self, job: Job, *, begun: Any = None, **how: Any) -> Iterator[FetchResponse]:
        self._may_fail(job)
        start = begun.bytes if begun and begun.etag == self.etag else 0
        self.asked.append(f"from {start}")
        yield FetchResponse(200, len(self.data) - start, self._chunks(start), start, self.etag)

    def _chunks(self, start: int) -> Iterator[bytes]:
        end, self.breaks_at = self.breaks_at, None
        yield self.data[start:end]
        if end is not None and self.failure:
            raise self.failure

    def _may_fail(self, job: Job) -> None:
        if job.source_url in self.faults:
            raise self.faults[job.source_url]

    def name(self, path: Path) -> str:
        return str(path)

    def named(self, name: str) -> Path:
        return Path(name)


@dataclass
class FakeCopies:
    """Same methods as SourceCopies: each copy has half the width and height, and twice the factor. `gone`: those of
    before have been thrown away."""

    fault: SidecarError | None = None
    made: list[str] = field(default_factory=list)
    gone: bool = False
    most_bytes: list[int] = field(default_factory=list)

    def make(self, job: Job, source: Path, info: ImageInfo, *, max_bytes: int, max_pixels: int) -> Copy:
        if self.fault:
            raise self.fault
        self.made.append(job.job_id)
        self.most_bytes.append(max_bytes)
        self.gone = False
        width, height = info.display_size
        return Copy(f".sources/{job.job_id}.jpg", width // 2, height // 2, job.factor * 2)

    def made_since(self, name: str, then: float) -> bool:
        return not self.gone

    def all(self, job_id: str = "*") -> list[Path]:
        return []
