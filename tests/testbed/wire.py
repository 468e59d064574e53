"""A way from one port to another, between two networks of this machine, on which something may happen to a request."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from tests.testbed.listening import Listening, cut

BLOCK = 1 << 16
STEP_S = 0.05  # between two pieces of an answer that drips
_LENGTH = re.compile(rb"\r\ncontent-length: *([0-9]+)", re.IGNORECASE)


@dataclass(frozen=True)
class Trouble:
    """`answer`: somebody in between says this, and the request goes no further. `body`, `reply`: so many bytes of the
    request's body or of its answer come through, then both connections break. `rate`: so many bytes of the
    answer come a second, asked before each piece; None: all at once."""

    answer: bytes = b""
    body: int | None = None
    reply: int | None = None
    rate: Callable[[], float | None] = lambda: None


def refusal(status: int, words: str = "no") -> Trouble:
    """What a proxy says of its own."""
    page = f"<html>{words}</html>".encode()
    head = f"HTTP/1.1 {status} {words}\r\nContent-Type: text/html\r\nContent-Length: {len(page)}\r\nConnection: close"
    return Trouble(head.encode() + b"\r\n\r\n" + page)


class Wire(Listening):
    """`listener`: where connections come in; `connect` makes one that leads on.

    `trouble` is asked about the head of each request (with `http`), from the thread of its connection.
    """

    def __init__(self, listener: socket.socket, connect: Callable[[], socket.socket], *, http: bool = False) -> None:
        super().__init__(listener)
        self._connect, self._http = connect, http
        self.trouble: Callable[[bytes], Trouble | None] = lambda head: None

    def _talk(self, client: socket.socket) -> None:
        with self._connect() as server:
            self._open.add(server)
            way = _Way(client, server)
            back = threading.Thread(target=way.back, daemon=True)
            back.start()
            with contextlib.suppress(OSError):
                if self._http:
                    way.requests(lambda head: self.trouble(head))
                else:
                    way.forth()
            back.join()  # ends: the server closes it, or stop cuts it
            self._open.discard(server)


class _Way:
    """One connection through a wire."""

    def __init__(self, client: socket.socket, server: socket.socket) -> None:
        self._client, self._server = client, server
        self._seen = b""  # of the client, not yet sent on
        self._reply: int | None = None  # bytes of answers that may still come through
        self._rate: Callable[[], float | None] = lambda: None

    def back(self) -> None:
        with contextlib.suppress(OSError):
            while data := self._server.recv(BLOCK):  # ends: the server closes it, or stop cuts it
                if self._reply is not None:
                    data, self._reply = data[: self._reply], self._reply - len(data)
                self._send_back(data)
                if self._reply is not None and self._reply <= 0:
                    break
        for end in (self._client, self._server):
            cut(end)

    def _send_back(self, data: bytes) -> None:
        while data and (rate := self._rate()) is not None:  # ends: with the data, of which each turn sends some
            piece, data = data[: max(1, int(rate * STEP_S))], data[max(1, int(rate * STEP_S)) :]
            self._client.sendall(piece)
            time.sleep(max(STEP_S, 1 / rate))
        self._client.sendall(data)

    def forth(self) -> None:
        while data := self._client.recv(BLOCK):  # ends: the client closes it, or stop cuts it
            self._server.sendall(data)
        self._server.shutdown(socket.SHUT_WR)

    def requests(self, trouble: Callable[[bytes], Trouble | None]) -> None:
        while head := self._head():
            found = _LENGTH.search(head)
            length = int(found[1]) if found else 0
            befallen = trouble(head) or Trouble()
            if befallen.answer:
                self._body(length, None)
                self._client.sendall(befallen.answer)
                break
            self._reply, self._rate = befallen.reply, befallen.rate
            self._server.sendall(head)
            if not self._body(length if befallen.body is None else min(length, befallen.body), self._server):
                break
            if befallen.body is not None:
                break
        for end in (self._client, self._server):
            cut(end)

    def _head(self) -> bytes:
        while b"\r\n\r\n" not in self._seen:
            if not (data := self._client.recv(BLOCK)):  # ends: the client closes it, or stop cuts it
                return b""
            self._seen += data
        head, _, self._seen = self._seen.partition(b"\r\n\r\n")
        return head + b"\r\n\r\n"

    def _body(self, length: int, to: socket.socket | None) -> bool:
        while length:
            data, self._seen = (self._seen[:length], self._seen[length:]) if self._seen else (b"", b"")
            # ends: the client closes it, or stop cuts it
            if not data and not (data := self._client.recv(min(BLOCK, length))):
                return False
            if to:
                to.sendall(data)
            length -= len(data)
        return True
