"""A listener of a test: takes connections, each in a thread of its own, until its block ends."""

from __future__ import annotations

import contextlib
import socket
import threading
from abc import ABC, abstractmethod
from types import TracebackType
from typing import Self


class Listening(ABC):
    """A context manager. What follows a connection stands in `_talk`; a socket that breaks there ends it quietly."""

    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener
        self._open: set[socket.socket] = set()

    @property
    def port(self) -> int:
        return self._listener.getsockname()[1]

    @abstractmethod
    def _talk(self, client: socket.socket) -> None:
        """One connection, until an end of it closes. Further sockets of it belong into `_open`."""

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Nothing comes through any more. Safe to call twice."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for end in list(self._open):
            cut(end)

    def _accept(self) -> None:
        while True:  # ends: stop closes the listener
            try:
                client, _ = self._listener.accept()  # ends: stop closes it
            except OSError:
                return
            self._open.add(client)
            threading.Thread(target=self._run, args=(client,), daemon=True).start()

    def _run(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError):
            self._talk(client)
        self._open.discard(client)


def cut(end: socket.socket) -> None:
    """Both directions of a socket end, whoever waits at it."""
    with contextlib.suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
