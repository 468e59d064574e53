"""HTTP clients that cost little themselves: raw sockets, requests made beforehand, answers thrown away."""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Sequence
from urllib.parse import urlsplit

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_BUFFER = 1 << 20


class _ClosedBetween(RuntimeError):
    """The server has closed the connection before it began to answer."""


class Connection:
    """One kept-alive HTTP/1.1 connection. Answers must have a Content-Length or no body at all."""

    def __init__(self, url: str, timeout: float = 60):
        parts = urlsplit(url)
        self._address = (parts.hostname or "", parts.port or 80)
        self._timeout = timeout
        self._buffer = bytearray(_BUFFER)
        self._socket = self._connect()

    def _connect(self) -> socket.socket:
        connection = socket.create_connection(self._address, timeout=self._timeout)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def exchange(self, request: bytes) -> tuple[int, int]:
        """(status, bytes of the body). Raises RuntimeError when the server closes too early.

        A server may end a kept connection between two requests (nginx after a thousand of them): it is opened anew.
        """
        try:
            return self._exchange(request)
        except _ClosedBetween:
            self.reopen()
            return self._exchange(request)

    def _exchange(self, request: bytes) -> tuple[int, int]:
        head = b""
        try:
            self._socket.sendall(request)
            head = self._socket.recv(1 << 16)
        except (BrokenPipeError, ConnectionResetError) as error:
            raise _ClosedBetween from error
        if not head:
            raise _ClosedBetween
        while (end := head.find(b"\r\n\r\n")) < 0:
            got = self._socket.recv(1 << 16)
            if not got:
                raise RuntimeError(f"the server closed after {head[:200]!r}")
            head += got
        status = int(head[9:12])
        length = _LENGTH.search(head, 0, end)
        size = int(length[1]) if length and status != 304 else 0
        left = size - (len(head) - end - 4)
        view = memoryview(self._buffer)
        while left > 0:
            came = self._socket.recv_into(view, min(left, _BUFFER))
            if not came:
                raise RuntimeError(f"the server closed {left} bytes too early")
            left -= came
        return status, size

    def close(self) -> None:
        self._socket.close()

    def reopen(self) -> None:
        """For a server that closes after each answer."""
        self._socket.close()
        self._socket = self._connect()


def request(method: str, url: str, headers: dict[str, str] | None = None, body: bytes = b"") -> bytes:
    """The bytes of a request."""
    parts = urlsplit(url)
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    lines = [f"{method} {target} HTTP/1.1", f"Host: {parts.netloc}"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body


def rush(url: str, requests: Sequence[Sequence[bytes]], expected: int = 200) -> tuple[float, list[float]]:
    """A client for each list of requests, all at the same time: (seconds for all, seconds of each request).

    Raises RuntimeError for another status than `expected`.
    """
    waits: list[float] = []
    wrong: list[int] = []

    def client(mine: Sequence[bytes]) -> None:
        connection = Connection(url)
        taken = []
        for one in mine:
            began = time.perf_counter()
            status, _ = connection.exchange(one)
            taken.append(time.perf_counter() - began)
            if status != expected:
                wrong.append(status)
        connection.close()
        waits.extend(taken)

    clients = [threading.Thread(target=client, args=(mine,)) for mine in requests]
    began = time.perf_counter()
    for thread in clients:
        thread.start()
    for thread in clients:
        thread.join()  # ends: each exchange has a timeout
    seconds = time.perf_counter() - began
    if wrong or len(waits) != sum(map(len, requests)):
        raise RuntimeError(f"{url}: answers {set(wrong)} where {expected} was expected, {len(waits)} in all")
    return seconds, waits
