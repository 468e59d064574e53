"""The folder of finished files in memory; `tests/store/test_files.py` holds it to the contract of the others.

For results that need no conversion: codecs want real files.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from sidecar.adapters.files import ResultFiles, StoredFile
from sidecar.core.errors import ConfigurationError, PermanentError, SidecarError

ROOT = Path("/nowhere/smi-downloads")


class MemoryIncoming:
    """As adapters.incoming.Incoming."""

    def __init__(self, files: MemoryFiles, path: Path) -> None:
        self._files = files
        self.path = path
        self.bytes = 0
        files.unfinished[path] = b""

    def write(self, chunk: bytes | memoryview, *, spare: bool = False) -> None:
        self._files.check()
        self._files.unfinished[self.path] = self._files.unfinished.get(self.path, b"") + bytes(chunk)
        self.bytes += len(chunk)

    def close(self) -> None:
        self._files.check()

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self._files.unfinished[self.path]).hexdigest()

    def discard(self) -> None:
        self._files.unfinished.pop(self.path, None)


class MemoryFiles:
    """Same methods as ResultFiles, as far as the workflow uses them. `broken`: an error that every write raises.
    `is_away`: the folder, as a volume that is not mounted."""

    name = staticmethod(ResultFiles.name)
    owner = staticmethod(ResultFiles.owner)

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self.clock = clock
        self.written: dict[str, float] = {}
        self.root = ROOT
        self.broken: SidecarError | None = None
        self.is_away = False
        self.files: dict[str, bytes] = {}
        self.unfinished: dict[Path, bytes] = {}

    def check(self) -> None:
        if self.broken:
            raise self.broken

    def check_temp(self, temp: Path) -> None:
        if temp not in self.unfinished:
            raise ConfigurationError("folder_not_writable", f"{temp}: No such file or directory")

    def prepare(self) -> None:
        self.check()

    def probe(self) -> None:
        self.check()

    def incoming(self, job_id: str, claim: str, suffix: str = "part") -> MemoryIncoming:
        self.check()
        return MemoryIncoming(self, self.temp_path(job_id, claim, suffix))

    def temp_path(self, job_id: str, claim: str, suffix: str) -> Path:
        return self.root / ".incoming" / f"{job_id}.{claim}.{suffix}"

    def keep_refused(self, job_id: str, attempt: int, thumbnail: bytes) -> None:
        self.check()

    def refused(self, job_id: str = "*") -> list[Path]:
        return []

    def publish(self, temp: Path, name: str, *, attempt: int, sha256: str) -> None:
        if self.owner(name) is None:
            raise PermanentError("path_outside", name)
        self.check()
        self.check_temp(temp)
        self.files[name] = self.unfinished.pop(temp)
        self.written[name] = self.clock()

    def path(self, name: str) -> Path:
        if name.startswith("/") or ".." in name.split("/"):
            raise PermanentError("path_outside", name)
        return self.root / name

    def size(self, name: str) -> int | None:
        if self.owner(name):
            self._must_be_there()
        return len(self.files[name]) if self.owner(name) and name in self.files else None

    def sha256(self, name: str) -> str:
        return "" if self.size(name) is None else hashlib.sha256(self.files[name]).hexdigest()

    def remove(self, name: str) -> bool:
        if self.size(name) is None:
            return False
        self.check()
        del self.files[name]
        self.written.pop(name, None)
        return True

    def hash_file(self, path: Path) -> tuple[int, str]:
        self.check_temp(path)
        data = self.unfinished[path]
        return len(data), hashlib.sha256(data).hexdigest()

    def _must_be_there(self) -> None:
        if self.is_away:
            raise ConfigurationError("folder_not_writable", "the folder is not there")

    def of_job(self, job_id: str) -> list[str]:
        self._must_be_there()
        return [name for name in self.files if self.owner(name) == job_id]

    def stored(self) -> Iterator[StoredFile]:
        ours = {name: data for name, data in self.files.items() if self.owner(name)}
        return iter([StoredFile(name, len(data), self.written[name]) for name, data in ours.items()])

    def temps(self) -> list[Path]:
        """They lie nowhere, so that nobody finds out how old they are."""
        return list(self.unfinished)

    def discard_temps(self, job_id: str) -> None:
        for path in [path for path in self.unfinished if path.name.split(".")[0] == job_id]:
            del self.unfinished[path]
