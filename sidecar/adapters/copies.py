"""Adapter: our own copies of sources, made for Upsampler: smaller, or turned upright. Served by signed links only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ..core.errors import PermanentError
from ..core.formats import EXTENSIONS
from ..core.job import Job
from .images import ImageInfo, can_fit, compress_source, upright
from .incoming import storage_error

FOLDER = ".sources"

Publish = Callable[[Path, str, Job], None]


@dataclass(frozen=True)
class Copy:
    """`name`: relative to the uploads folder, as source tokens name it. Its size times `factor` is what Upsampler
    gives back; where that is not the paid size, the result is resized to it."""

    name: str
    width: int
    height: int
    factor: int


class SourceCopies:
    """The folder `smi-downloads/.sources` in the shared uploads folder: every machine can serve it, and the shop."""

    def __init__(self, downloads_dir: Path, uploads_dir: Path, publish: Publish | None = None):
        """`publish`: brings a copy into that folder at the shop, where none is shared; an empty file stays here then,
        which tells when that was."""
        self._root, self._uploads = downloads_dir / FOLDER, uploads_dir
        self._publish = publish

    def make(self, job: Job, source: Path, info: ImageInfo, *, max_bytes: int, max_pixels: int) -> Copy:
        """A copy within both limits (bytes, pixels), upright. Raises as `compress_source` and `upright`, and as
        `publish`; for this folder ConfigurationError disk_full, folder_not_writable. Safe to repeat."""
        try:
            self._root.parent.mkdir(parents=self._uploads == self._root.parent, exist_ok=True)
            self._root.mkdir(exist_ok=True)
        except OSError as error:
            raise storage_error(error, self._root) from error
        stem = f"{job.job_id}.{job.attempt}"
        turned, target = (self._root / f"{stem}.{part}" for part in ("upright.png", "copy"))
        if not can_fit(info, max_pixels=max_pixels, factor=job.factor):  # before all of it is decoded to be turned
            raise PermanentError("source_too_large", f"no copy of {info.width}x{info.height} pixels has few enough")
        try:
            if info.orientation != 1:
                source = upright(source, turned)
            made = compress_source(
                source, target, max_bytes=max_bytes, max_pixels=max_pixels, factor=job.factor, max_factor=16
            )
            path = target.replace(self._root / f"{stem}.{EXTENSIONS[made.format]}")
        except OSError as error:
            raise storage_error(error, self._root) from error
        finally:
            for path_left in (turned, target):
                path_left.unlink(missing_ok=True)
        name = str(path.resolve().relative_to(self._uploads.resolve()))
        if self._publish:
            self._publish(path, f"{FOLDER}/{path.name}", job)
            self._remember(path)
        return Copy(name, made.width, made.height, made.factor)

    def _remember(self, path: Path) -> None:
        try:
            path.touch()
        except OSError as error:
            raise storage_error(error, self._root) from error

    def made_since(self, name: str, then: float) -> bool:
        """Whether a copy is there that was made after a time, Unix seconds."""
        try:
            return (self._uploads / name).stat().st_mtime >= then
        except OSError:  # also a folder that is away: making one tells why
            return False

    def all(self, job_id: str = "*") -> list[Path]:
        """Every file in the folder, or those of one job."""
        return [path for path in self._root.glob(f"{job_id}.*" if job_id != "*" else "*") if path.is_file()]
