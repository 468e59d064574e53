"""Adapter: a temp file that grows while its bytes come, and what a failed write to the uploads folder means."""

from __future__ import annotations

import errno
import hashlib
import os
from contextlib import suppress
from pathlib import Path

from ..core.errors import ConfigurationError, SidecarError
from .behind import Behind, begun

DIRECT_BYTES = 4 << 20  # most results end before a thread would pay
SPARE_BYTES = 2 << 20  # of a spare, held in memory: most are thrown away before they have touched the disk
CHUNKS_BEHIND = 4  # of 1 MiB: what a slow disk may cost in memory
# A file lies in memory in pieces as large as it was written in, and each customer's download costs the web server up to
# three times as much CPU when they are small (docs/performance.md, "Downloads").
WRITE_BYTES = 1 << 20


class Incoming:
    """A temp file that grows while its bytes are hashed. Not yet anything that a customer could get.

    The first megabytes are hashed and written by the caller's thread; from then on a thread does it, while the caller
    checks the bytes that follow: hash, write and inflate leave the interpreter to each other.
    """

    def __init__(self, path: Path, mode: int):
        self.path = path
        self.bytes = 0  # given to write()
        self._sha256 = hashlib.sha256()
        self._spare = False
        self._held: list[bytes | memoryview] = []
        self._held_bytes = 0
        self._error: OSError | None = None
        self._behind: Behind[bytes | memoryview] | None = None
        try:
            self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, mode)
        except OSError as error:
            raise storage_error(error, path) from error
        try:
            set_mode(self._fd, mode)
        except OSError as error:
            os.close(self._fd)
            raise storage_error(error, path) from error

    def write(self, chunk: bytes | memoryview, *, spare: bool = False) -> None:
        """The chunk must not change any more; small ones are written together. `spare`: the file is needed only if what
        is made of it comes to nothing; it is not hashed, and not written while it is small. Raises
        ConfigurationError("disk_full" | "folder_not_writable"), maybe only with a later chunk or in `close`."""
        self.bytes += len(chunk)
        self._spare = self._spare or spare
        self._held.append(chunk)
        self._held_bytes += len(chunk)
        if self._held_bytes >= WRITE_BYTES and not (spare and self.bytes <= SPARE_BYTES):
            self._put_held()

    def _put_held(self) -> None:
        held, self._held, self._held_bytes = self._held, [], 0
        if held:
            self._put(b"".join(held) if len(held) > 1 else held[0])

    def _put(self, chunk: bytes | memoryview) -> None:
        if self._behind is None and self.bytes > DIRECT_BYTES:
            self._behind = begun(self._store, most=CHUNKS_BEHIND, name="incoming")
        if self._behind is None:
            self._store(chunk)
        else:
            self._behind.put(chunk)
        self._check()

    def close(self) -> None:
        """Bytes are on the disk when this returns. Raises as `write` does."""
        self._put_held()
        if self._behind:
            self._behind.end()
        self._check()
        if self._fd >= 0:
            fd, self._fd = self._fd, -1
            try:
                os.fsync(fd)
            except OSError as error:
                raise storage_error(error, self.path) from error
            finally:
                os.close(fd)

    @property
    def sha256(self) -> str:
        """64 hex digits, after `close`. Raises RuntimeError for a spare, which is not hashed."""
        if self._spare:
            raise RuntimeError("a spare has no digest")
        return self._sha256.hexdigest()

    def discard(self) -> None:
        self._error = self._error or OSError(errno.ECANCELED, "discarded")  # nothing more is written
        self._held.clear()
        if self._behind:
            self._behind.cancel()
        with suppress(OSError):
            if self._fd >= 0:
                os.close(self._fd)
                self._fd = -1
        self.path.unlink(missing_ok=True)

    def _store(self, chunk: bytes | memoryview) -> None:
        """After an error nothing more is stored: `write` and `close` tell of it."""
        if self._error is not None:
            return
        if not self._spare:
            self._sha256.update(chunk)
        view = memoryview(chunk)
        try:
            while view:
                view = view[os.write(self._fd, view) :]
        except OSError as error:
            self._error = error

    def _check(self) -> None:
        if self._error is not None:
            raise storage_error(self._error, self.path) from self._error


FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # the disk, the user's quota, the process' own limit
_UNKNOWN_THERE = (errno.EINVAL, errno.ENOTSUP, errno.ENOSYS)


def set_mode(file: Path | int, mode: int) -> None:
    """The mode of a new file or folder (a path, or a descriptor), where its file system has modes. Raises OSError."""
    try:
        os.chmod(file, mode)
    except OSError as error:  # EPERM: FAT, and shares that belong to one user
        if error.errno not in (errno.EPERM, *_UNKNOWN_THERE):
            raise


def sync_folder(folder: Path) -> None:
    """A new name in it survives a loss of power, where its file system can promise that (older SMB, FUSE). Raises
    OSError."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in _UNKNOWN_THERE:
            raise
    finally:
        os.close(handle)


def storage_error(error: OSError, path: Path) -> SidecarError:
    """Which of our two holds a failed write to the uploads folder is."""
    code = "disk_full" if error.errno in FULL else "folder_not_writable"
    return ConfigurationError(code, f"{path}: {error.strerror}")
