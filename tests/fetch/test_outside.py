"""Adapter `outside`: what a stranger gets at an address."""

from __future__ import annotations

import contextlib
import socket
import threading

import pytest

from sidecar.adapters import outside


def test_an_answer_that_breaks_off_is_no_answer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(10)

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.settimeout(10)
                connection.recv(65536)
                connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab")

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        seen = outside.get(f"http://127.0.0.1:{server.getsockname()[1]}/", timeout=10)
        thread.join(10)
    assert (seen.status, bool(seen.why)) == (0, True)


@pytest.mark.parametrize(
    "beginning",
    [b"HTTP/1.1 200 OK\r\nX-Slow: ", b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", b"HTTP/1.0 200 OK\r\n\r\n"],
    ids=["headers", "body", "body without a length"],
)
def test_an_answer_that_drips_has_an_end(beginning: bytes) -> None:
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(10)

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(beginning)
                with contextlib.suppress(OSError):
                    for _ in range(2000):
                        connection.sendall(b"x")
                        if over.wait(0.02):
                            return

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        seen = outside.get(f"http://127.0.0.1:{server.getsockname()[1]}/", timeout=0.2)
        over.set()
        thread.join(10)
    assert (seen.status, seen.why) == (0, "ReadTimeout")
