"""The load generator reads whole answers and notices wrong ones."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from bench.http_load import Connection, request, rush


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.path == "/unchanged":
            self.send_response(304)
            self.send_header("Content-Length", "9")  # what the body would have: there is none
            self.end_headers()
            return
        body = b"x" * int(self.path.strip("/"))
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def url() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join(30)


def test_answers_of_any_size_follow_each_other_on_one_connection(url: str) -> None:
    connection = Connection(url)
    sizes = [0, 10, 3_000_000, 1]
    assert [connection.exchange(request("GET", f"{url}/{size}")) for size in sizes] == [(200, size) for size in sizes]
    connection.close()


def test_a_304_has_no_body_whatever_its_headers_say(url: str) -> None:
    connection = Connection(url)
    assert connection.exchange(request("GET", f"{url}/unchanged")) == (304, 0)
    assert connection.exchange(request("GET", f"{url}/5")) == (200, 5)
    connection.close()


def test_a_rush_gives_the_time_of_each_request(url: str) -> None:
    seconds, waits = rush(url, [[request("GET", f"{url}/5")] * 3] * 4)
    assert len(waits) == 12
    assert max(waits) <= seconds


def test_a_rush_with_wrong_answers_is_no_measurement(url: str) -> None:
    with pytest.raises(RuntimeError, match="304"):
        rush(url, [[request("GET", f"{url}/unchanged")]])
