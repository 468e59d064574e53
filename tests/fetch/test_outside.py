"""Adapter `outside`: what a stranger gets at an address."""

from __future__ import annotations

import socket
import threading

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
