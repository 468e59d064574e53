"""Transfers without threads, and parts without a disk; tests/store/test_transfers.py holds both to their contract."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from sidecar.adapters.transfers import Transfer
from sidecar.core.errors import Crowded
from sidecar.core.parts import Part
from sidecar.core.pictures import ImageInfo
from tests.fakes.files import MemoryFiles

_NOTHING: Mapping[str, Any] = MappingProxyType({})


class InstantTransfers:
    """As Transfers, carried out at once. Switches: `slow` (each goes on alone until `finish`), `just_done` (it has
    ended in the moment in which its worker left), `crowded`, `crowd` (how many were turned away)."""

    def __init__(self) -> None:
        self.slow = False
        self.just_done = False
        self.crowded = False
        self.crowd = 0
        self.waiting: list[Callable[[], None]] = []

    def run(self, name: str, work: Callable[[Transfer], Any], ended: Callable[[Any, Any], None]) -> tuple[bool, Any]:
        transfer = Transfer()
        if not self.slow:
            return True, work(transfer)
        if self.crowded:
            raise Crowded(slow=True)
        transfer.alone = not self.just_done

        def body() -> None:
            failure, result = None, None
            try:
                result = work(transfer)
            except Exception as error:
                failure = error
            ended(failure, result)

        self.waiting.append(body)
        return False, None

    def finish(self) -> int:
        """All that goes on alone ends; how many those were."""
        waiting, self.waiting = self.waiting, []
        for body in waiting:
            body()
        return len(waiting)

    def alone(self) -> int:
        return len(self.waiting)

    def turned_away(self) -> int:
        return self.crowd

    def close(self, *, wait_s: float = 0) -> None:
        self.waiting.clear()


class MemoryParts:
    """As Parts, on the files of a MemoryFiles."""

    def __init__(self, files: MemoryFiles) -> None:
        self._files = files
        self._parts: dict[str, tuple[Part, bytes]] = {}
        self._looks: dict[str, tuple[str, ImageInfo, int | None]] = {}

    @staticmethod
    def source_of(job_id: str) -> str:
        return f"{job_id}.source"

    def find(self, name: str, key: str) -> Part | None:
        part = self._parts.get(name, (None, b""))[0]
        return part if part and part.key == key else None

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
        self._files.check()
        if temp not in self._files.unfinished:
            raise FileNotFoundError(temp)
        data = self._files.unfinished.pop(temp)
        self._parts[name] = Part(Path(f"{name}.kept"), key, len(data), total, etag, complete, dict(facts)), data

    def take(self, part: Part, temp: Path) -> Path:
        self._files.check()
        _, data = self._parts.pop(part.path.name.removesuffix(".kept"))
        self._files.unfinished[temp] = data
        return temp

    def lend(self, part: Part, temp: Path) -> Path:
        self._files.check()
        self._files.unfinished[temp] = self._parts[part.path.name.removesuffix(".kept")][1]
        return temp

    def chunks(self, path: Path) -> Iterator[bytes]:
        yield self._files.unfinished[path]

    def grow(self, path: Path, at: int, chunks: Iterable[bytes]) -> Iterator[int]:
        self._files.unfinished[path] = self._files.unfinished[path][:at]
        for chunk in chunks:
            self._files.unfinished[path] += chunk
            yield len(chunk)

    def cut(self, path: Path, size: int) -> None:
        self._files.unfinished[path] = self._files.unfinished[path][:size]

    def keep_look(self, job_id: str, key: str, info: ImageInfo, bytes: int | None) -> None:
        self._files.check()
        self._looks[job_id] = key, info, bytes

    def find_look(self, job_id: str, key: str) -> tuple[ImageInfo, int | None] | None:
        kept = self._looks.get(job_id)
        return kept[1:] if kept and kept[0] == key else None

    def drop(self, job_id: str) -> None:
        self._parts.pop(job_id, None)
        self._parts.pop(self.source_of(job_id), None)
        self._looks.pop(job_id, None)
