"""A TCP server whose every byte is the test's: for answers that no decent HTTP server gives."""

from __future__ import annotations

import socket
import ssl
import struct
import threading
from collections.abc import Callable
from contextlib import suppress

Script = Callable[["Exchange"], None]


class Exchange:
    """One connection. `request` is read up to the end of its headers and Content-Length."""

    def __init__(self, server: WireServer, connection: socket.socket):
        self.server = server
        self.connection = connection
        self.request = b""

    def read_request(self) -> bool:
        """Waits for the next request; False when the client has gone."""
        data = b""
        while b"\r\n\r\n" not in data:
            if not (piece := self.connection.recv(65536)):  # ends: the server shuts it down
                return False
            data += piece
        head, _, body = data.partition(b"\r\n\r\n")
        length = next(
            (int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0
        )
        while len(body) < length:
            body += self.connection.recv(65536)  # ends: the server shuts it down
        self.request = head + b"\r\n\r\n" + body
        self.server.requests.append(self.request)
        return True

    def send(self, data: bytes) -> None:
        self.connection.sendall(data)

    def answer(self, status: str = "200 OK", body: bytes = b"", *headers: str, length: int | None = None) -> None:
        """A whole answer; `length` may lie."""
        lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body) if length is None else length}", *headers]
        self.send("\r\n".join(lines).encode() + b"\r\n\r\n" + body)

    def reset(self) -> None:
        """Ends the connection with a reset."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()


class WireServer:
    """Runs `script` for each connection in a thread of its own. `tls` makes it an https server."""

    def __init__(self, script: Script, *, tls: ssl.SSLContext | None = None, read: bool = True):
        self.script = script
        self.requests: list[bytes] = []
        self.connections = 0
        self.stopping = threading.Event()
        self.heard_out = 0  # drips (drips.py) that somebody has listened to until they ended
        self._tls = tls
        self._read = read
        self._open: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.host = f"127.0.0.1:{self.port}"
        self.url = f"{'https' if tls else 'http'}://{self.host}"

    def __enter__(self) -> WireServer:
        self._begin(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self._open:
            with suppress(OSError):
                socket.socket.shutdown(connection, socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(10)
            assert not thread.is_alive()

    def _begin(self, call: Callable, *arguments: object) -> None:
        thread = threading.Thread(target=call, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:  # ends: stop closes the listener
            try:
                connection, _ = self._listener.accept()  # ends: stop closes it
            except OSError:
                return
            self.connections += 1
            self._open.append(connection)
            self._begin(self._run, connection)

    def _run(self, connection: socket.socket) -> None:
        with suppress(OSError):
            if self._tls is not None:
                connection = self._tls.wrap_socket(connection, server_side=True)
                self._open.append(connection)
            with connection:
                exchange = Exchange(self, connection)
                if not self._read or exchange.read_request():
                    self.script(exchange)


def keep_alive(script: Script) -> Script:
    """The script for each request of a connection that stays open."""

    def run(exchange: Exchange) -> None:
        script(exchange)
        while exchange.read_request():
            script(exchange)

    return run
