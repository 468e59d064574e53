"""Adapter: a deadline over a whole exchange. A socket timeout is none: it begins anew with each byte that drips."""

from __future__ import annotations

import errno
import math
import os
import socket
import threading
from contextlib import suppress
from time import monotonic

import urllib3

from sidecar.core.errors import TemporaryError


class _Watch:
    """The thread that waits for all deadlines of this process: one for each fetch would cost more than most fetches."""

    def __init__(self) -> None:
        self._ends: dict[Deadline, float] = {}
        self._changed = threading.Condition()
        self._wakes = math.inf
        self._running = False

    def add(self, deadline: Deadline, end: float) -> None:
        with self._changed:
            self._ends[deadline] = end
            if not self._running:
                self._start(deadline)
            elif end < self._wakes:
                self._changed.notify()

    def _start(self, first: Deadline) -> None:
        """Raises OSError where there is no room for a thread: without one, nothing would end an exchange."""
        try:
            threading.Thread(target=self._run, name="deadlines", daemon=True).start()
        except RuntimeError as error:
            del self._ends[first]
            raise OSError(errno.EAGAIN, str(error)) from error
        self._running = True

    def remove(self, deadline: Deadline) -> None:
        """When this returns, the deadline has done what it does, or will never do it."""
        with self._changed:
            self._ends.pop(deadline, None)

    def _run(self) -> None:
        with self._changed:
            while True:
                for deadline, end in list(self._ends.items()):
                    if end <= monotonic():
                        del self._ends[deadline]
                        deadline.pass_()
                self._wakes = min(self._ends.values(), default=math.inf)
                self._changed.wait(None if math.isinf(self._wakes) else max(self._wakes - monotonic(), 0))


_watch = _Watch()
os.register_at_fork(after_in_child=_watch.__init__)  # type: ignore[misc]  # no subclass; the child has none of its parent's threads and fetches


class Deadline:
    """Ends one exchange after `seconds`: shuts its socket down, so that whoever waits for it wakes up."""

    def __init__(self, seconds: float):
        self._seconds = seconds
        self._end = monotonic() + seconds
        self._socket: socket.socket | None = None
        self._watched = False
        self.passed = False

    def left(self) -> float:
        """Seconds left; raises TemporaryError("fetch_failed") when there are none."""
        left = self._end - monotonic()
        if self.passed or left <= 0:
            raise self._late()
        return left

    def guard(self, sock: socket.socket) -> None:
        """From now on this is the socket to shut down: at once, when the exchange was ended before there was one.
        Raises OSError where there is no room for a thread that would do it."""
        self._socket = sock
        if self.passed:
            self.pass_()
        if not self._watched:
            _watch.add(self, self._end)
            self._watched = True

    def allow(self, seconds: float) -> None:
        """From now on so many seconds are left: the answer's headers have said how much there is to come."""
        self._seconds, self._end = seconds, monotonic() + seconds
        if self._watched:
            _watch.add(self, self._end)

    def cancel(self) -> None:
        """The exchange is over: the socket may serve the next one."""
        if self._watched:
            _watch.remove(self)
        self._socket = None

    def explain(self, error: Exception) -> TemporaryError:
        """The error to raise for a failure of the network, which may be the deadline's doing."""
        if self.passed:
            return self._late()
        if isinstance(error, urllib3.exceptions.ProtocolError):
            return TemporaryError("result_cut", f"the connection broke: {_short(error)}")
        return TemporaryError("fetch_failed", _short(error))

    def _late(self) -> TemporaryError:
        return TemporaryError("fetch_failed", f"not done within {self._seconds:g} s")

    def pass_(self) -> None:
        """The time is up: the socket is shut down. Called by the watch, or to end the exchange early."""
        self.passed = True
        sock = self._socket
        if sock is not None:
            with suppress(OSError):  # closed meanwhile
                # Not SSLSocket.shutdown, which takes the TLS object away from the thread that reads.
                socket.socket.shutdown(sock, socket.SHUT_RDWR)


def _short(error: Exception) -> str:
    return (str(error) or type(error).__name__)[:200]
