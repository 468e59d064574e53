"""What systemd or `run` does: a process that ended is started again."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from tests.testbed.process import Process

PAUSE_S = 0.2


class Supervisor:
    """A context manager that watches over processes."""

    def __init__(self, processes: Sequence[Process]) -> None:
        self._processes = processes
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def _watch(self) -> None:
        while not self._ended.wait(PAUSE_S):
            for process in self._processes:
                if process.returncode is not None:
                    process.launch()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join(30)
