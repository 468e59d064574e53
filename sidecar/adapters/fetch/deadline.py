"""Adapter: a deadline over a whole exchange. A socket timeout is none: it begins anew with each byte that drips."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from time import monotonic

import urllib3

from sidecar.core.errors import TemporaryError


class Deadline:
    """Ends one exchange after `seconds`: shuts its socket down, so that whoever waits for it wakes up."""

    def __init__(self, seconds: float):
        self._seconds = seconds
        self._end = monotonic() + seconds
        self._socket: socket.socket | None = None
        self._timer: threading.Timer | None = None
        self.passed = False

    def left(self) -> float:
        """Seconds left; raises TemporaryError("fetch_failed") when there are none."""
        left = self._end - monotonic()
        if self.passed or left <= 0:
            raise self._late()
        return left

    def guard(self, sock: socket.socket) -> None:
        """From now on this is the socket to shut down."""
        self._socket = sock
        if self._timer is None:
            self._timer = threading.Timer(max(self._end - monotonic(), 0), self._fire)
            self._timer.daemon = True
            self._timer.start()

    def cancel(self) -> None:
        """The exchange is over: the socket may serve the next one."""
        self._socket = None
        if self._timer is not None:
            self._timer.cancel()

    def explain(self, error: Exception) -> TemporaryError:
        """The error to raise for a failure of the network, which may be the deadline's doing."""
        if self.passed:
            return self._late()
        if isinstance(error, urllib3.exceptions.ProtocolError):
            return TemporaryError("result_cut", f"the connection broke: {_short(error)}")
        return TemporaryError("fetch_failed", _short(error))

    def _late(self) -> TemporaryError:
        return TemporaryError("fetch_failed", f"not done within {self._seconds:g} s")

    def _fire(self) -> None:
        self.passed = True
        sock = self._socket
        if sock is not None:
            with suppress(OSError):  # closed meanwhile
                # Not SSLSocket.shutdown, which takes the TLS object away from the thread that reads.
                socket.socket.shutdown(sock, socket.SHUT_RDWR)


def _short(error: Exception) -> str:
    return (str(error) or type(error).__name__)[:200]
