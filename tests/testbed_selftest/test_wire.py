"""A way on which answers drip passes on all of them, and at once when all is well again."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import requests

from tests.testbed.wire import Trouble, Wire

FILE = bytes(range(256)) * 40


class Shop(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(FILE)))
        self.end_headers()
        self.wfile.write(FILE)

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def way() -> Iterator[Wire]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Shop)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    listener = socket.create_server(("127.0.0.1", 0))
    with Wire(listener, lambda: socket.create_connection(server.server_address[:2], timeout=20), http=True) as wire:
        yield wire
    server.shutdown()
    server.server_close()


def test_an_answer_drips_until_all_is_well_again(way: Wire) -> None:
    asked: list[float] = []

    def rate() -> float | None:
        asked.append(20)
        return 20 if len(asked) < 4 else None

    way.trouble = lambda head: Trouble(rate=rate)
    assert requests.get(f"http://127.0.0.1:{way.port}", timeout=20).content == FILE
    assert len(asked) >= 4


def test_without_trouble_nothing_drips(way: Wire) -> None:
    assert requests.get(f"http://127.0.0.1:{way.port}", timeout=20).content == FILE
