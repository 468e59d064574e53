"""One server process of the testbed: start, stop, kill, restart, and a log file.

Each runs in a session of its own, so that its children are known and end with it, also those that lead their own
process group (an RQ work-horse does).
"""

import contextlib
import os
import resource
import signal
import subprocess
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.testbed import reaper


class StartFailed(RuntimeError):
    """A part did not come up; the message holds the end of its log."""


class Process:
    """Base of all parts. A subclass says what to run (`command`) and when it is ready (`is_ready`)."""

    stop_signal = signal.SIGTERM

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self.folder = folder
        self.log = folder / f"{name}.log"
        self.working_folder = folder
        self._child: subprocess.Popen[bytes] | None = None
        self._ended: list[subprocess.Popen[bytes]] = []  # earlier runs, killed without their children

    def command(self) -> Sequence[str]:
        raise NotImplementedError

    def environment(self) -> Mapping[str, str] | None:
        """None: the caller's own environment."""
        return None

    def is_ready(self) -> bool:
        raise NotImplementedError

    @property
    def pid(self) -> int:
        """Raises StartFailed if it was never started or has been stopped."""
        if self._child is None:
            raise StartFailed(f"{self.name} is not running")
        return self._child.pid

    @property
    def running(self) -> bool:
        return self._child is not None and self.returncode is None

    @property
    def returncode(self) -> int | None:
        """Of a process that ended by itself: its exit status, or the negative signal; None before and after `stop`."""
        if self._child is None:
            return None
        # It stays a zombie, so that its number can't become that of another process before `kill` used it.
        ended = os.waitid(os.P_PID, self._child.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG)
        if ended is None:
            return None
        return ended.si_status if ended.si_code == os.CLD_EXITED else -ended.si_status

    def pids(self) -> list[int]:
        """The process and all its living children of any generation, the process first."""
        return [] if self._child is None else session_members(self._child.pid)

    def stopped(self) -> list[int]:
        """Those of them that a SIGSTOP has put to sleep."""
        return [] if self._child is None else [pid for pid, state in _states(self._child.pid).items() if state == "T"]

    def launch(self) -> None:
        """Start it without waiting until it is ready. Appends to the log.

        Children of an earlier run, whose parent was killed, live on until `stop` or `kill`.
        """
        if self.running:
            raise StartFailed(f"{self.name} is running already")
        if self._child is not None:
            self._ended.append(self._child)
        self.folder.mkdir(parents=True, exist_ok=True)
        with open(self.log, "ab") as log, _uninterrupted():
            self._child = subprocess.Popen(
                list(self.command()),
                cwd=self.working_folder,
                env=self.environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            reaper.watch(self._child.pid)

    def start(self, timeout: float = 30) -> Self:
        self.launch()
        self.wait_ready(timeout)
        return self

    def wait_ready(self, timeout: float = 30) -> None:
        """Raises StartFailed when the process ends, or is not ready after `timeout` seconds."""
        deadline = time.monotonic() + timeout
        while not self.is_ready():
            if not self.running:
                raise StartFailed(f"{self.name} ended with {self.returncode}:\n{self.log_tail()}")
            if time.monotonic() > deadline:
                raise StartFailed(f"{self.name} was not ready after {timeout:g} s:\n{self.log_tail()}")
            time.sleep(0.01)

    def stop(self, timeout: float = 10) -> None:
        """Ask it to end, wait up to `timeout` seconds, then end what is left of it. Safe to call twice."""
        if self.running:
            self.signal(self.stop_signal)
            deadline = time.monotonic() + timeout
            while self.running and time.monotonic() < deadline:
                time.sleep(0.005)
        self.kill()

    def kill(self) -> None:
        """SIGKILL, the process and all its children. Safe to call twice."""
        runs = [*self._ended, *([self._child] if self._child is not None else [])]
        self._child, self._ended = None, []
        for run in runs:
            while members := session_members(run.pid):  # ends: nobody survives this signal
                for pid in members:
                    _send(pid, signal.SIGKILL)
                time.sleep(0.002)
            run.wait(30)
            reaper.forget(run.pid)

    def signal(self, number: int) -> None:
        """Send one signal to the process alone, not to its children."""
        _send(self.pid, number)

    def restart(self, timeout: float = 30) -> None:
        self.stop()
        self.start(timeout)

    def log_tail(self, lines: int = 40) -> str:
        if not self.log.exists():
            return "(no log)"
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def __enter__(self) -> Self:
        try:
            return self if self.running else self.start()
        except BaseException:  # `__exit__` is not called then
            self.stop()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


@contextlib.contextmanager
def _uninterrupted() -> Iterator[None]:
    """Signals whose handlers may raise come when this is over: a child that was started is known by then. What is
    ignored stays ignored, also for the child; a handler of ours is not the child's."""
    came: list[int] = []
    handlers = {
        number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM)
    }
    ours = [number for number, handler in handlers.items() if callable(handler)]
    if threading.current_thread() is not threading.main_thread():
        ours = []  # Python runs handlers in the main thread only
    for number in ours:
        signal.signal(number, lambda number, frame: came.append(number))
    try:
        yield
    finally:
        for number in ours:
            signal.signal(number, handlers[number])
        for number in came:
            signal.raise_signal(number)


def session_members(session: int) -> list[int]:
    """Ids of the living processes of a session, its leader first; zombies are left out."""
    return sorted(_states(session), key=lambda pid: (pid != session, pid))


def _states(session: int) -> dict[int, str]:
    """The same with the letter that `ps` shows. By then any of them may have ended by itself."""
    states = {}
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            with open(f"/proc/{entry}/stat") as stat:
                # The second field, the program's name, may itself hold blanks and brackets.
                fields = stat.read().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(fields[3]) == session and fields[0] not in "ZX":
            states[int(entry)] = fields[0]
    return states


def limit_files(pids: Iterable[int], size: int = resource.RLIM_INFINITY) -> None:
    """The largest file that these processes may write, in bytes, as far as they still live: a full disk for one of
    them, and a signal for PHP, which does not ignore it."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


def _send(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):  # it may have ended by itself a moment ago
        os.kill(pid, number)
