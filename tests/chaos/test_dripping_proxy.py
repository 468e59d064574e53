"""The tool drips what it is told to, and nothing else."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import requests

from tests.chaos.dripping_proxy import DrippingProxy

FILE = bytes(range(256)) * 40


class Shop(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(FILE)))
        self.end_headers()
        self.wfile.write(FILE)

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def proxy() -> Iterator[DrippingProxy]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Shop)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    with DrippingProxy(server.server_address[1]) as proxy:
        yield proxy
    server.shutdown()
    server.server_close()


def test_all_is_passed_on_and_only_what_should_drip_does(proxy: DrippingProxy) -> None:
    proxy.rates["source"] = 40_000
    for path, slow in (("/wp-json/x", 0), ("/wp-content/uploads/a.jpg", len(FILE))):
        assert requests.get(proxy.url + path, timeout=20).content == FILE
        assert (proxy.dripped["door"], proxy.dripped["source"] >= slow) == (0, True)


def test_what_is_on_its_way_goes_on_when_all_is_well_again(proxy: DrippingProxy) -> None:
    proxy.rates["door"] = 20
    with requests.get(proxy.url, stream=True, timeout=20) as answer:
        assert answer.raw.read(1) == FILE[:1]
        proxy.rates.clear()
        assert answer.raw.read() == FILE[1:]


def test_a_shop_that_is_away_is_away(proxy: DrippingProxy) -> None:
    proxy.upstream = 1
    with pytest.raises(requests.ConnectionError):
        requests.get(proxy.url, timeout=20)
