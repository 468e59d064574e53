"""Workflow, port: files: results on their way, finished ones, and our copies of sources.

A write raises ConfigurationError disk_full or folder_not_writable. Where files travel to the shop, what concerns a
finished file also raises ConfigurationError shop_unreachable and those of the shop's door, TemporaryError upload_failed
and uploads_full, and StaleClaim when the shop has ended the attempt. Names are relative to the folder of results, e.g.
``2026/11/…_4x.jpg``.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from ...core.job import Job
from ...core.pictures import ImageInfo


class StoredFile(Protocol):
    """A finished file: its name, bytes, and when it was last written (Unix seconds)."""

    @property
    def name(self) -> str: ...
    @property
    def bytes(self) -> int: ...
    @property
    def modified(self) -> float: ...


class Incoming(Protocol):
    """A temp file that grows while its bytes are hashed. `bytes`: written so far; `sha256`: after `close`, if no
    chunk was a spare."""

    @property
    def path(self) -> Path: ...
    @property
    def sha256(self) -> str: ...
    def write(self, chunk: bytes | memoryview, *, spare: bool = False) -> None:
        """The chunk must not change any more. `spare`: the file is needed only if what is made of it comes to nothing.
        Raises as the module says, at this chunk or at a later one."""

    def close(self) -> None:
        """The bytes are on the disk when this returns."""

    def discard(self) -> None:
        """Safe to repeat, also after the file was published."""

    @property
    def bytes(self) -> int: ...


class Files(Protocol):
    """The folder of results."""

    @property
    def root(self) -> Path: ...

    # ------------------------------------------------------------------ files that are being made
    def prepare(self) -> None:
        """Make the folder; safe to repeat."""

    def incoming(self, job_id: str, claim: str, suffix: str = "part") -> Incoming:
        """A temp file of one try of a job, open for writing; the claim names the try."""

    def temp_path(self, job_id: str, claim: str, suffix: str) -> Path:
        """Where such a file lies, or would. It is not made."""

    def hash_file(self, path: Path) -> tuple[int, str]:
        """Bytes and sha256 of a local file, which is on the disk then. Raises as a write does."""

    def discard_temps(self, job_id: str) -> None:
        """What dead tries of the job have left."""

    def temps(self) -> list[Path]:
        """Temp files of all jobs, those of the dead among them."""

    # ------------------------------------------------------------------ finished files
    # Under a name that `name` does not make, nothing of ours is there: it is neither told nor removed.
    def name(self, job_id: str, factor: int, extension: str, at: float) -> str:
        """``YYYY/MM/{job_id}_{factor}x.{extension}``: the same within a month (UTC) for all attempts. `at`: Unix
        seconds."""

    def publish(self, temp: Path, name: str, *, attempt: int, sha256: str) -> None:
        """A closed file under its name: all of it, durably, or nothing. Safe to repeat with the same bytes; other bytes
        replace them. Raises PermanentError path_outside, also for a name that `name` does not make."""

    def path(self, name: str) -> Path:
        """Where it lies, in a folder of ours. Raises PermanentError path_outside: for every name, where files lie at
        the shop."""

    def size(self, name: str) -> int | None:
        """Bytes, None if there is no such file. Raises ConfigurationError folder_not_writable, as do the next three,
        when the folder itself is away: then nobody knows."""

    def sha256(self, name: str) -> str:
        """Of a finished file, 64 hex digits; all of it is read. Empty if there is no such file."""

    def remove(self, name: str) -> bool:
        """False when it was not there. Raises as a write does."""

    def of_job(self, job_id: str) -> list[str]:
        """Names of the finished files of all attempts."""

    def stored(self) -> Iterator[StoredFile]:
        """All finished files, in no order; files of others are left out."""

    def probe(self) -> None:
        """Raises as a write does, when the folder can't be used."""

    # ------------------------------------------------------------------ results that were refused
    def keep_refused(self, job_id: str, attempt: int, thumbnail: bytes) -> None:
        """A small JPEG, for the admin."""

    def refused(self, job_id: str = "*") -> list[Path]:
        """Those that lie here, of one job or of all."""


class SourceCopy(Protocol):
    """`name`: as source tokens name it; `factor`: what to ask Upsampler for, so that the paid size comes out."""

    @property
    def name(self) -> str: ...
    @property
    def width(self) -> int: ...
    @property
    def height(self) -> int: ...
    @property
    def factor(self) -> int: ...


class Copies(Protocol):
    """Our own copies of sources: smaller, or turned upright."""

    def make(self, job: Job, source: Path, info: ImageInfo, *, max_bytes: int, max_pixels: int) -> SourceCopy:
        """A copy of a local file within both limits. Safe to repeat. Raises PermanentError source_too_large when no
        copy fits, source_not_an_image, source_unsupported, conversion_failed, and as the module says."""

    def made_since(self, name: str, then: float) -> bool:
        """Whether a copy is there that was made after a time, Unix seconds."""

    def all(self, job_id: str = "*") -> list[Path]:
        """Those that lie here, of one job or of all; an empty file stands for one that lies at the shop."""
