"""Bought pictures without files: what is known of each address, and what goes wrong with it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sidecar.adapters.copies import Copy
from sidecar.adapters.images import ImageInfo
from sidecar.adapters.sources import Source
from sidecar.core.errors import PermanentError, SidecarError
from sidecar.core.job import Job

INFO = ImageInfo("png", 8, 6, "RGB")


@dataclass
class FakeSources:
    """Same methods as Sources. `info`, `sizes` (bytes) and `faults` by address; others are a PNG of 8 x 6 pixels."""

    info: dict[str, ImageInfo] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)
    faults: dict[str, SidecarError] = field(default_factory=dict)

    def look(self, job: Job) -> Source:
        if job.source_url in self.faults:
            raise self.faults[job.source_url]
        info = self.info.get(job.source_url, INFO)
        return Source(job.source_url, None, info, self.sizes.get(job.source_url, 1000))

    def obtain(self, job: Job, into: Path, *, max_bytes: int, transfer: Any = None) -> Path:
        """There are no pixels here: whoever wants to compare finds the source gone."""
        raise self.faults.get(job.source_url) or PermanentError("source_gone", "a double has no pixels")

    def local_path(self, job: Job) -> Path | None:
        """On this machine, wherever it is."""
        return Path(job.source_url)

    def name(self, path: Path) -> str:
        return str(path)

    def named(self, name: str) -> Path:
        return Path(name)


@dataclass
class FakeCopies:
    """Same methods as SourceCopies: each copy has half the width and height, and twice the factor."""

    fault: SidecarError | None = None
    made: list[str] = field(default_factory=list)

    def make(self, job: Job, info: ImageInfo, *, max_bytes: int, max_pixels: int) -> Copy:
        if self.fault:
            raise self.fault
        self.made.append(job.job_id)
        width, height = info.display_size
        return Copy(f".sources/{job.job_id}.jpg", width // 2, height // 2, job.factor * 2)

    def all(self) -> list[Path]:
        return []
