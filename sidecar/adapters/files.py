"""Adapter: finished files in the uploads folder. Temp file in the same file system, fsync, rename: all or nothing."""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from ..core.errors import ConfigurationError, PermanentError
from ..core.job import JOB_ID
from ..core.packaged import SCHEMAS
from .incoming import Incoming, set_mode, storage_error, sync_folder
from .owner import as_around

INCOMING = ".incoming"
KEPT = ".kept"  # in the names of what a transfer leaves there (adapters/parts.py)
REFUSED = ".refused"  # the bridge reads it (admin/class-refused-result.php)
_NAME = re.compile(rf"[0-9]{{4}}/[0-9]{{2}}/({JOB_ID})_[0-9]{{1,2}}x\.(?:jpg|png|webp)\Z")
_NOT_THERE = (FileNotFoundError, NotADirectoryError)

# What stands in smi-downloads so that paid files are not served past the token; the bridge makes the same.
GUARDS: dict[str, str] = json.loads((SCHEMAS / "guards.json").read_text())["files"]


@dataclass(frozen=True)
class StoredFile:  # as workflow.ports.StoredFile
    name: str
    bytes: int
    modified: float


class ResultFiles:
    """The folder `uploads/smi-downloads`. Names are made here, from checked parts only. A write raises
    ConfigurationError disk_full, folder_not_writable. `user_of`: a folder of the user who has to write there."""

    def __init__(self, root: Path, *, file_mode: int = 0o644, folder_mode: int = 0o755, user_of: Path | None = None):
        self.root = root
        self._user_of = user_of
        self._root: tuple[tuple[int, int] | None, str] = (None, "")
        self._file_mode, self._folder_mode = file_mode, folder_mode

    @staticmethod
    def name(job_id: str, factor: int, extension: str, at: float) -> str:
        """``YYYY/MM/{job_id}_4x.jpg``, relative to the folder; the month is UTC's."""
        return time.strftime("%Y/%m/", time.gmtime(at)) + f"{job_id}_{factor}x.{extension}"

    def prepare(self) -> None:
        """Make the folder and its guards; safe to repeat."""
        try:
            self._make(self.root / INCOMING)
            for name, text in GUARDS.items():
                path = self.root / name
                if not _is_written(path, text):
                    path.write_text(text)
                    as_around(path)
        except OSError as error:
            raise storage_error(error, self.root) from error

    def incoming(self, job_id: str, claim: str, suffix: str = "part") -> Incoming:
        """A fresh temp file, named by job and claim, so that a stale worker never writes into its successor's."""
        self.prepare()
        return Incoming(self.temp_path(job_id, claim, suffix), self._file_mode)

    def temp_path(self, job_id: str, claim: str, suffix: str) -> Path:
        return self.root / INCOMING / f"{job_id}.{claim}.{suffix}"

    def publish(self, temp: Path, name: str, *, attempt: int, sha256: str) -> None:
        """Rename a closed file into place, durably. Attempt and digest matter where it has to travel (RestFiles)."""
        if self.owner(name) is None:
            raise PermanentError("path_outside", name)
        target = self.path(name)
        try:
            self._make(target.parent)
            set_mode(temp, self._file_mode)
            os.replace(temp, target)
            sync_folder(target.parent)
        except OSError as error:
            raise storage_error(error, target) from error

    def path(self, name: str) -> Path:
        """Where a stored file lies; PermanentError("path_outside") for a name that would leave the folder. Raises
        ConfigurationError("folder_not_writable")."""
        root = self._real_root()
        path = os.path.normpath(os.path.join(root, name))
        if _has_link(root, path):  # only then is it worth looking at every folder up to the file system's root again
            path = os.path.realpath(path)
        if path != root and not path.startswith(root + os.sep):
            raise PermanentError("path_outside", name)
        return Path(path)

    def _real_root(self) -> str:
        """Where the folder really lies. Found out again when it is another one: a shop's folders may be links that are
        turned at an update."""
        try:
            now = os.stat(self.root)
        except FileNotFoundError:
            return os.path.realpath(self.root)
        except OSError as error:
            raise storage_error(error, self.root) from error
        known = (now.st_dev, now.st_ino)
        if self._root[0] != known:
            self._root = known, os.path.realpath(self.root)
        return self._root[1]

    def size(self, name: str) -> int | None:
        """Bytes, or None if there is no such file."""
        if self.owner(name) is not None:
            with suppress(*_NOT_THERE), disk_errors(self.root):
                found = self.path(name).stat()
                return found.st_size if stat.S_ISREG(found.st_mode) else None
            self._must_be_there()
        return None

    def sha256(self, name: str) -> str:
        if self.owner(name) is not None:
            with suppress(*_NOT_THERE), disk_errors(self.root), self.path(name).open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
            self._must_be_there()
        return ""

    def _must_be_there(self) -> None:
        """Raises ConfigurationError folder_not_writable when the folder is away, as with a volume that is not mounted:
        its files are not gone then."""
        with disk_errors(self.root):
            if not self.root.is_dir():
                raise ConfigurationError("folder_not_writable", f"{self.root}: the folder is not there")

    def hash_file(self, path: Path) -> tuple[int, str]:
        """Bytes and sha256 of any local file, and sync it."""
        try:
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
                os.fsync(file.fileno())
                return os.fstat(file.fileno()).st_size, digest
        except OSError as error:
            raise storage_error(error, path) from error

    def remove(self, name: str) -> bool:
        if self.size(name) is None:
            return False
        path = self.path(name)
        try:
            path.unlink()
        except FileNotFoundError:
            return False
        except OSError as error:
            raise storage_error(error, path) from error
        return True

    @staticmethod
    def owner(name: str) -> str | None:
        """The job that a file of ours belongs to; None for a file that does not bear one of our names."""
        match = _NAME.match(name)
        return match[1] if match else None

    def of_job(self, job_id: str) -> list[str]:
        """Names of all stored files of a job, of whatever month and factor."""
        with disk_errors(self.root):
            if self.root.exists() or not self.root.parent.is_dir():  # else it is still to be made, by the first file
                self._must_be_there()
            found = self.root.glob(f"[0-9][0-9][0-9][0-9]/[0-9][0-9]/{job_id}_*")
            return [name for path in found if self.owner(name := str(path.relative_to(self.root))) == job_id]

    def discard_temps(self, job_id: str) -> None:
        """What dead tries have left (not by `Path.glob`, which compiles a pattern for each job). What is in the way
        of this is in the way of the next file, too, and is told there."""
        with suppress(OSError), os.scandir(self.root / INCOMING) as entries:
            for entry in entries:
                if entry.name.startswith(f"{job_id}.") and KEPT not in entry.name:
                    Path(entry.path).unlink(missing_ok=True)

    def keep_refused(self, job_id: str, attempt: int, thumbnail: bytes) -> None:
        """Keep a small JPEG of a result that was refused; the bridge shows it to the admin."""
        folder = self.root / REFUSED
        try:
            self._make(folder)
            (folder / f"{job_id}.{attempt}.jpg").write_bytes(thumbnail)
        except OSError as error:
            raise storage_error(error, folder) from error

    def refused(self, job_id: str = "*") -> list[Path]:
        return [path for path in (self.root / REFUSED).glob(f"{job_id}.*.jpg") if path.is_file()]

    def stored(self) -> Iterator[StoredFile]:
        """All finished files, e.g. ``2026/11/…_4x.jpg``; guards, temp files and files of others are not among them."""
        for path in self.root.glob("[0-9][0-9][0-9][0-9]/[0-9][0-9]/*"):
            name = str(path.relative_to(self.root))
            if self.owner(name) is not None:
                with suppress(*_NOT_THERE), disk_errors(path):
                    found = path.stat()
                    if stat.S_ISREG(found.st_mode):
                        yield StoredFile(name, found.st_size, found.st_mtime)

    def temps(self) -> list[Path]:
        return [path for path in (self.root / INCOMING).glob("*") if path.is_file()]

    def probe(self) -> None:
        """Write, read back and remove a file; raises ConfigurationError when the folder is not usable."""
        self.prepare()
        path = self.root / INCOMING / f"probe-{os.getpid()}"
        try:
            path.write_bytes(b"smi" * 1024)
            path.read_bytes()
        except OSError as error:
            raise storage_error(error, path) from error
        finally:
            path.unlink(missing_ok=True)

    def _make(self, folder: Path) -> None:
        if not folder.is_dir():
            root = self.root if folder.is_relative_to(self.root) else Path(self._real_root())
            for path in reversed([folder, *folder.parents][: len(folder.relative_to(root).parts) + 1]):
                if not path.is_dir():
                    # Not the uploads folder itself: when its volume is not mounted, the file must not go elsewhere.
                    path.mkdir(exist_ok=True)
                    set_mode(path, self._folder_mode)
                    as_around(path, self._user_of if path == root else None)


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """What a disk that is away says (a share that has gone stale, a folder that may not be looked into) becomes
    ConfigurationError folder_not_writable: nobody knows then. That something is not there is no such error."""
    try:
        yield
    except _NOT_THERE:
        raise
    except OSError as error:
        raise storage_error(error, path) from error


def _is_written(path: Path, text: str) -> bool:
    """Whether a guard stands there; an empty one may be what a full disk has left of it."""
    try:
        return os.stat(path).st_size > 0 or not text
    except _NOT_THERE:
        return False


def _has_link(root: str, path: str) -> bool:
    """Whether a link stands on the way from `root` down to `path`; says nothing about a path that is not below it."""
    end = len(root)
    while (end := path.find(os.sep, end + 1)) >= 0:
        if os.path.islink(path[:end]):
            return True
    return os.path.islink(path)
