"""Face: `run`. Keeps the processes of one machine alive; their lines go where its own would, without a detour."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from ..adapters import logs

POLL_S = 0.1
STOP_S = 30  # a file that is being collected when this is over is collected again
CONFIGURATION_FAULT = 2  # an exit status that no restart changes
_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class Patience:
    """A process that dies is started again after `pause_s`, and after twice as long each next time, up to
    `longest_s`. One that has lived for `lived_s` has begun well; `most` that have not in a row, and it is hopeless."""

    pause_s: float = 1.0
    longest_s: float = 30.0
    lived_s: float = 30.0
    most: int = 6


class Child:
    """One process, the leader of a group of its own: what it has started ends with it."""

    def __init__(self, name: str, line: Sequence[str], patience: Patience):
        self.name = name
        self._line, self._patience = line, patience
        self._process: subprocess.Popen[bytes] | None = None
        self._began = self._next_at = 0.0
        self._short_lives = 0

    def start(self) -> None:
        self._began = time.monotonic()
        self._process = subprocess.Popen(self._line, start_new_session=True, preexec_fn=_end_with_parent)

    def look(self) -> int | None:
        """Start it again when its pause is over. The exit status that makes it hopeless, or None."""
        if self._process is None:
            if time.monotonic() >= self._next_at:
                self.start()
            return None
        status = self._process.poll()
        if status is None:
            return None
        self.signal(signal.SIGTERM)  # to what it has left behind
        self._process = None
        lived = time.monotonic() - self._began
        self._short_lives = 1 if lived >= self._patience.lived_s else self._short_lives + 1
        if status == CONFIGURATION_FAULT or self._short_lives >= self._patience.most:
            return status
        pause = min(self._patience.pause_s * 2 ** (self._short_lives - 1), self._patience.longest_s)
        self._next_at = time.monotonic() + pause
        said = {"process": self.name, "status": status, "lived_s": round(lived, 1), "pause_s": pause}
        logs.log("run.died", "A process has died and is started again.", level="warning", **said)
        return None

    def signal(self, number: int) -> None:
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)

    def ask_to_end(self) -> None:
        """Only itself: it ends its own processes in good order."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)

    def wait(self, until: float) -> None:
        """Until it has ended; at `until` (monotonic) it is killed with all that it has started."""
        if self._process is None:
            return
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(max(0.0, until - time.monotonic()))
        self.signal(signal.SIGKILL)
        self._process.wait()  # ends: it was killed


def _end_with_parent() -> None:
    """In the child, before it becomes its program: should we be killed, it ends, too, and its port is free again."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


class Supervisor:
    """Starts `lines` in their order, and ends them in the reverse of it: the store comes first and goes last."""

    def __init__(self, lines: Mapping[str, Sequence[str]], patience: Patience = Patience()):
        self._children = [Child(name, line, patience) for name, line in lines.items()]
        self._ended = threading.Event()

    def run(self) -> int:
        """Until SIGTERM or SIGINT: 0. Else the exit status of the process that can't be kept alive."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._ended.set())
        try:
            for child in self._children:
                child.start()
            while not self._ended.wait(POLL_S):
                for child in self._children:
                    status = child.look()
                    if status is not None:
                        said = {"process": child.name, "status": status}
                        logs.log("run.hopeless", "A process can't be kept alive.", level="error", **said)
                        return status if status > 0 else 1
            return 0
        finally:
            self._stop()

    def _stop(self) -> None:
        first, *others = self._children
        until = time.monotonic() + STOP_S
        for child in others:
            child.ask_to_end()
        for child in others:
            child.wait(until)
        first.ask_to_end()
        first.wait(time.monotonic() + STOP_S)
