"""Web: files on their way to readers. One thread for all of a process: waiting for a reader costs none of its own."""

from __future__ import annotations

import contextlib
import fcntl
import os
import selectors
import socket
import struct
import termios
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from gunicorn.workers.gthread import PollableMethodQueue

AT_ONCE = 4 << 20  # bytes for one reader before it is the next one's turn
STALL_S = 60  # how often it is looked at what a reader has taken
STALL_BYTES = 64 << 10  # whoever takes less in STALL_S has gone; a broken-off download goes on where it ended


@dataclass
class Parcel:
    """`left` bytes of an open file from `offset` on. `handle` is a file descriptor of our own."""

    handle: int
    offset: int
    left: int

    def push(self, connection: socket.socket) -> None:
        """Send as much as the connection takes without waiting. Raises OSError when nothing more can be sent to it."""
        while self.left:
            try:
                sent = os.sendfile(connection.fileno(), self.handle, self.offset, min(self.left, AT_ONCE))
            except BlockingIOError:
                return
            if not sent:
                raise OSError("the file has become shorter")
            self.offset += sent
            self.left -= sent
            if sent == AT_ONCE:
                return

    def close(self) -> None:
        """The file is not needed any more, or nobody reads it."""
        os.close(self.handle)


@dataclass
class _Reader:
    connection: socket.socket
    parcel: Parcel
    done: Callable[[bool], None]
    looked_at: float
    left_then: int

    @property
    def not_taken(self) -> int:
        """Bytes that the reader has not got yet: those that we have not sent, and those that the system holds."""
        held = struct.unpack("i", fcntl.ioctl(self.connection.fileno(), termios.TIOCOUTQ, b"\0" * 4))[0]
        return self.parcel.left + held


class Sender:
    """Made and started after the fork. `send` may be called in any thread, `done` is called in the sender's."""

    def __init__(self, *, stall_s: float = STALL_S):
        self._stall_s = stall_s
        self._calls = PollableMethodQueue()
        self._readers: dict[int, _Reader] = {}
        self._poller = selectors.DefaultSelector()

    def start(self) -> None:
        """Once, before the first `send`."""
        self._calls.init()
        self._poller.register(self._calls.fileno(), selectors.EVENT_READ)
        threading.Thread(target=self._run, name="sender", daemon=True).start()

    def send(self, connection: socket.socket, parcel: Parcel, done: Callable[[bool], None]) -> None:
        """`connection` must not block. `done`: whether all of it was sent; the parcel is closed then."""
        self._calls.defer(self._take, connection, parcel, done)

    def _take(self, connection: socket.socket, parcel: Parcel, done: Callable[[bool], None]) -> None:
        reader = _Reader(connection, parcel, done, time.monotonic(), parcel.left)
        reader.left_then = reader.not_taken
        self._readers[connection.fileno()] = reader
        self._poller.register(connection, selectors.EVENT_WRITE, reader)

    def _run(self) -> None:
        look_again = 0.0
        while True:
            for key, _ in self._poller.select(min(1.0, self._stall_s)):
                if key.data is None:
                    self._calls.run_callbacks(None)
                else:
                    self._push(key.data)
            if (now := time.monotonic()) >= look_again:
                look_again = now + min(1.0, self._stall_s)
                self._give_up_stalled(now)

    def _push(self, reader: _Reader) -> None:
        try:
            reader.parcel.push(reader.connection)
        except OSError:
            self._finish(reader, whole=False)
        else:
            if not reader.parcel.left:
                self._finish(reader, whole=True)

    def _give_up_stalled(self, now: float) -> None:
        for reader in list(self._readers.values()):
            if now - reader.looked_at < self._stall_s:
                continue
            left = reader.not_taken
            if reader.left_then - left < STALL_BYTES:
                self._finish(reader, whole=False)
            reader.looked_at, reader.left_then = now, left

    def _finish(self, reader: _Reader, *, whole: bool) -> None:
        del self._readers[reader.connection.fileno()]
        with contextlib.suppress(KeyError, ValueError):
            self._poller.unregister(reader.connection)
        reader.parcel.close()
        reader.done(whole)
