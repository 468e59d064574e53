"""Adapter: what is kept on the disk for the next try: a download or its beginning, or a finished file."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ..core.parts import Part
from ..core.pictures import ImageInfo
from .files import KEPT
from .incoming import storage_error

_BLOCK = 1 << 20
_NOTHING: Mapping[str, Any] = MappingProxyType({})


@contextmanager
def _disk_errors(path: Path) -> Iterator[None]:
    """A refusal of the disk becomes the error that holds the stage."""
    try:
        yield
    except OSError as error:
        raise storage_error(error, path) from error


class Parts:
    """One for each name, in the folder of temp files: whatever machine goes on with the job finds it there. A write
    raises ConfigurationError disk_full, folder_not_writable."""

    def __init__(self, folder: Path, prepare: Callable[[], None] = lambda: None):
        """`prepare`: makes the folder where it is not there yet."""
        self._folder, self._prepare = folder, prepare

    @staticmethod
    def source_of(job_id: str) -> str:
        """The name of the part of a job's source; that of its result is the job's id."""
        return f"{job_id}.source"

    def find(self, name: str, key: str) -> Part | None:
        """The part of `key`, if there is one. Another one is replaced by what comes next."""
        path, about = self._paths(name)
        try:
            said = json.loads(about.read_text())
            size = path.stat().st_size
        except (OSError, ValueError):
            return None
        if said.pop("key", None) != key or said["bytes"] != size:
            return None
        return Part(path, key, **said)

    def keep(
        self,
        temp: Path,
        name: str,
        *,
        key: str,
        total: int | None,
        etag: str,
        complete: bool,
        facts: Mapping[str, Any] = _NOTHING,
    ) -> None:
        """Keep a closed temp file under `name`. Raises ConfigurationError disk_full, folder_not_writable;
        FileNotFoundError when the temp file has gone."""
        path, about = self._paths(name)
        part = asdict(Part(path, key, temp.stat().st_size, total, etag, complete, dict(facts)))
        del part["path"]
        try:
            about.unlink(missing_ok=True)  # never a description of another file
            temp.replace(path)
            os.utime(path)  # what is still tried is not thrown away as old
            about.write_text(json.dumps(part))
        except OSError as error:
            raise storage_error(error, path) from error

    def take(self, part: Part, temp: Path) -> Path:
        """The part as a temp file, to be grown or published."""
        try:
            part.path.replace(temp)
            self._paths(part.path.name.removesuffix(KEPT))[1].unlink(missing_ok=True)
        except OSError as error:
            raise storage_error(error, temp) from error
        return temp

    def lend(self, part: Part, temp: Path) -> Path:
        """The part as a temp file, to be read; the part stays, also when the process dies over it."""
        try:
            temp.unlink(missing_ok=True)
            os.link(part.path, temp)
        except OSError:  # a file system without links: then it is in one pair of hands
            return self.take(part, temp)
        return temp

    @staticmethod
    def chunks(path: Path) -> Iterator[bytes]:
        with path.open("rb") as file:
            while chunk := file.read(_BLOCK):
                yield chunk

    @staticmethod
    def grow(path: Path, at: int, chunks: Iterable[bytes]) -> Iterator[int]:
        """Write `chunks` from byte `at` on; yields the size of each when it is written."""
        with path.open("r+b", buffering=0) as file:  # what a buffer keeps may not fit when it is closed
            with _disk_errors(path):
                file.truncate(at)
                file.seek(at)
            for chunk in chunks:
                with _disk_errors(path):
                    rest = memoryview(chunk)
                    while rest:  # ends: each turn writes something, or raises
                        rest = rest[file.write(rest) or 0 :]
                yield len(chunk)
            with _disk_errors(path):
                file.close()

    @staticmethod
    def cut(path: Path, size: int) -> None:
        """Cut off what is behind `size` bytes, and see that the rest is on the disk."""
        with path.open("r+b", buffering=0) as file, _disk_errors(path):
            file.truncate(size)
            os.fsync(file.fileno())

    def keep_look(self, job_id: str, key: str, info: ImageInfo, bytes: int | None) -> None:
        """Keep what was seen of a source that lies elsewhere."""
        path = self._look(job_id)
        self._prepare()  # it may be the first thing ever that is written here
        try:
            path.write_text(json.dumps({"key": key, "info": asdict(info), "bytes": bytes}))
        except OSError as error:
            raise storage_error(error, path) from error

    def find_look(self, job_id: str, key: str) -> tuple[ImageInfo, int | None] | None:
        """What was seen of it, and how many bytes it has, if that is known."""
        try:
            said = json.loads(self._look(job_id).read_text())
            return (ImageInfo(**said["info"]), said["bytes"]) if said["key"] == key else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def drop(self, job_id: str) -> None:
        """Throw away all that is kept for a job."""
        for path in (*self._paths(job_id), *self._paths(self.source_of(job_id)), self._look(job_id)):
            with suppress(OSError):
                path.unlink(missing_ok=True)

    def _look(self, job_id: str) -> Path:
        return self._folder / f"{self.source_of(job_id)}{KEPT}.look"

    def _paths(self, name: str) -> tuple[Path, Path]:
        return self._folder / f"{name}{KEPT}", self._folder / f"{name}{KEPT}.json"
