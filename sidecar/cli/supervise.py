"""Console: keeps the processes of one machine alive. They are forks: what all of them need is loaded once, and their
memory is shared; their lines go where its own would, without a detour."""

from __future__ import annotations

import ctypes
import math
import os
import signal
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass

from ..adapters import logs

KILLED_S = 1  # between two looks whether a killed one is gone
STOP_S = 30  # a file that is being collected when this is over is collected again
CONFIGURATION_FAULT = 2  # an exit status that no restart changes
ENDS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)  # the last one: the terminal is closed
AWAITED = (*ENDS, signal.SIGCHLD)
_PR_SET_PDEATHSIG, _PR_SET_NAME = 1, 15  # <linux/prctl.h>
_prctl = ctypes.CDLL(None, use_errno=True).prctl

Program = Callable[[], int | None]  # what a process does until it ends: its exit status, None for 0


@dataclass(frozen=True)
class Patience:
    """A process that dies is started again after `pause_s`, and after twice as long each next time, up to
    `longest_s`. One that has lived for `lived_s` has begun well; `most` that have not in a row, and it is hopeless."""

    pause_s: float = 1.0
    longest_s: float = 30.0
    lived_s: float = 30.0
    most: float = 6


# Without end: a worker that has lost Redis, or that one picture has killed, is missed by all the others.
ENDLESS = Patience(longest_s=1.0, most=math.inf)


class Born(BaseException):
    """We are the new process: unwinds the supervisor."""

    def __init__(self, program: Program):
        self.program = program


class NoRoom(Exception):
    """The system has no room for one more process, or does not grant it."""


class Reaper:
    """Takes note of every child that has ended, so that none stays a zombie: the first process of a container is the
    parent of whatever has lost its own."""

    def __init__(self) -> None:
        self._statuses: dict[int, int | None] = {}  # of the children that we have started; None: it lives

    def expect(self, pid: int) -> None:
        """A child of ours: it will be asked for."""
        self._statuses[pid] = None

    def status(self, pid: int) -> int | None:
        """Its exit status, or the negative signal, told once; None while it lives."""
        self._reap()
        if self._statuses[pid] is None:
            return None
        return self._statuses.pop(pid)

    def _reap(self) -> None:
        with suppress(ChildProcessError):  # there is none any more
            while True:  # ends: when no further one has ended
                pid, status = os.waitpid(-1, os.WNOHANG)
                if not pid:
                    return
                if pid in self._statuses:
                    self._statuses[pid] = os.waitstatus_to_exitcode(status)


class Child:
    """One process, a fork, the leader of a group of its own: what it has started ends with it."""

    def __init__(self, name: str, program: Program, patience: Patience, reaper: Reaper):
        self.name = name
        self._program, self._patience, self._reaper = program, patience, reaper
        self._pid = 0
        self._began = self._next_at = 0.0
        self._short_lives = 0

    def start(self) -> None:
        """Raises Born in the new process, and NoRoom where there can be none now."""
        self._began, parent = time.monotonic(), os.getpid()
        sys.stdout.flush()
        try:
            self._pid = os.fork()
        except OSError as error:
            raise NoRoom(error.strerror) from error
        if not self._pid:
            os.setpgid(0, 0)
            _be_born(self.name, parent)
            raise Born(self._program)
        self._reaper.expect(self._pid)
        with suppress(OSError):  # it has done so already
            os.setpgid(self._pid, self._pid)

    def pause_s(self) -> float:
        """How long until it is to be started again; without end while it lives."""
        return math.inf if self._pid else max(0.0, self._next_at - time.monotonic())

    def poll(self) -> int | None:
        """Start it again when its pause is over. The exit status that makes it hopeless, or None."""
        if not self._pid:
            if not self.pause_s():
                self._start_again()
            return None
        status = self._ended()
        if status is None:
            return None
        lived = time.monotonic() - self._began
        self._short_lives = 1 if lived >= self._patience.lived_s else self._short_lives + 1
        if status == CONFIGURATION_FAULT or self._short_lives >= self._patience.most:
            return status
        pause = min(self._patience.pause_s * 2 ** min(self._short_lives - 1, 32), self._patience.longest_s)
        self._next_at = time.monotonic() + pause
        said = {"process": self.name, "status": status, "lived_s": round(lived, 1), "pause_s": pause}
        logs.log("run.died", "A process has died and is started again.", level="warning", **said)
        return None

    def _start_again(self) -> None:
        """A machine, or a hoster, that has no room for one more process for a while is no reason to end the others."""
        try:
            self.start()
        except NoRoom as error:
            self._next_at = time.monotonic() + self._patience.pause_s
            said = {"process": self.name, "detail": str(error), "pause_s": self._patience.pause_s}
            logs.log("run.no_room", "A process can't be started now; it is tried again.", level="warning", **said)

    def _ended(self) -> int | None:
        """Its exit status, or the negative signal; None while it lives."""
        status = self._reaper.status(self._pid)
        if status is None:
            return None
        self.signal(signal.SIGTERM)  # to what it has left behind
        self._pid = 0
        return status

    def signal(self, number: int) -> None:
        """To the process and to all that it has started."""
        if self._pid:
            with suppress(ProcessLookupError):
                os.killpg(self._pid, number)

    def ask_to_end(self) -> None:
        """Only itself: it ends its own processes in good order."""
        if self._pid and self._ended() is None:
            os.kill(self._pid, signal.SIGTERM)

    def wait(self, until: float) -> None:
        """Until it has ended; at `until` (monotonic) it is killed with all that it has started."""
        while self._pid and self._ended() is None:
            left = until - time.monotonic()
            if left <= 0:
                self.signal(signal.SIGKILL)
                left = KILLED_S
            signal.sigtimedwait([signal.SIGCHLD], left)


def _be_born(name: str, parent: int) -> None:
    """In the new process: should its parent be killed, it ends, too, and its port is free again."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    _prctl(_PR_SET_NAME, f"smi-{name}".encode())  # as `ps -A` and `top` show it
    signal.pthread_sigmask(signal.SIG_UNBLOCK, AWAITED)
    if os.getppid() != parent:
        signal.raise_signal(signal.SIGTERM)


class Supervisor:
    """Starts `programs` in their order. The one that is named `last` comes to its end after all others: the store."""

    def __init__(self, programs: Mapping[str, Program], *, last: str = "", patience: Mapping[str, Patience] = {}):
        """`patience`: where it is not the usual one."""
        reaper = Reaper()
        self._children = [Child(name, run, patience.get(name, Patience()), reaper) for name, run in programs.items()]
        self._last = last

    def run(self) -> int:
        """Until SIGTERM, SIGINT, or SIGHUP (a closed terminal, unless under nohup): 0. Else the exit status of the
        process that can't be kept alive.

        It comes back in each new process, too, when that has done its work: with its exit status, on the same way out.
        """
        signal.pthread_sigmask(signal.SIG_BLOCK, _awaited())  # they wait until we ask for them
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # whoever has started us may have it ignored: no exit status then
        try:
            status = self._keep_alive()
        except Born as born:
            program = born.program
        except BaseException:
            self._stop()
            raise
        else:
            self._stop()
            return status
        return program() or 0  # outside of `except`: nothing has failed

    def _keep_alive(self) -> int:
        for child in self._children:
            child.start()
        while True:  # ends: with a signal, or when it is hopeless
            for child in self._children:
                status = child.poll()
                if status is not None:
                    said = {"process": child.name, "status": status}
                    logs.log("run.hopeless", "A process can't be kept alive.", level="error", **said)
                    return status if status > 0 else 1
            if _next_signal(min(child.pause_s() for child in self._children)) in ENDS:
                return 0

    def _stop(self) -> None:
        _end([child for child in self._children if child.name != self._last])
        _end([child for child in self._children if child.name == self._last])


def _awaited() -> set[int]:
    """Not the closed terminal of somebody who has said that it is not to matter."""
    is_deaf = signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    return {number for number in AWAITED if number != signal.SIGHUP or not is_deaf}


def _next_signal(within_s: float) -> int | None:
    """The next signal that we wait for, which may have come already; None: there was none."""
    awaited = _awaited()
    found = signal.sigwaitinfo(awaited) if within_s == math.inf else signal.sigtimedwait(awaited, within_s)
    return found.si_signo if found else None


def _end(children: Iterable[Child]) -> None:
    until = time.monotonic() + STOP_S
    for child in children:
        child.ask_to_end()
    for child in children:
        child.wait(until)
