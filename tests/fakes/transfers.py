"""Transfers without threads, and parts without a disk; tests/store/test_transfers.py holds both to their contract."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from sidecar.adapters.transfers import Transfer
from sidecar.core.errors import Crowded
from sidecar.core.parts import Part
from tests.fakes.files import MemoryFiles


class InstantTransfers:
    """As Transfers, carried out at once. Switches: `slow` (each goes on alone until `finish`), `crowded`."""

    def __init__(self) -> None:
        self.slow = False
        self.crowded = False
        self.waiting: list[Callable[[], None]] = []

    def run(self, work: Callable[[Transfer], Any], ended: Callable[[Any, Any], None]) -> tuple[bool, Any]:
        transfer = Transfer()
        if not self.slow:
            return True, work(transfer)
        if self.crowded:
            raise Crowded()
        transfer.alone = True

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

    def close(self, *, wait_s: float = 0) -> None:
        self.waiting.clear()


class MemoryParts:
    """As Parts, on the files of a MemoryFiles."""

    def __init__(self, files: MemoryFiles) -> None:
        self._files = files
        self._parts: dict[str, tuple[Part, bytes]] = {}

    def find(self, job_id: str, key: str) -> Part | None:
        part = self._parts.get(job_id, (None, b""))[0]
        return part if part and part.key == key else None

    def keep(self, temp: Path, job_id: str, *, key: str, total: int | None, etag: str, complete: bool) -> None:
        self._files.check()
        data = self._files.unfinished.pop(temp)
        self._parts[job_id] = Part(Path(f"{job_id}.kept"), key, len(data), total, etag, complete), data

    def take(self, part: Part, temp: Path) -> Path:
        self._files.check()
        _, data = self._parts.pop(part.path.name.removesuffix(".kept"))
        self._files.unfinished[temp] = data
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

    def source(self, job_id: str) -> Path:
        return Path(f"/nowhere/{job_id}.kept.source")

    def drop(self, job_id: str) -> None:
        self._parts.pop(job_id, None)


def without_disk(part: Part) -> Part:
    """For comparisons: where it lies is each one's own."""
    return replace(part, path=Path())
