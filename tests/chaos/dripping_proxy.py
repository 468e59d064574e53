"""A way to the shop that can be made to drip: answers of its door, or files that are fetched from it, byte by byte."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import suppress

from tests.testbed.listening import Listening

STEP_S = 0.05


class DrippingProxy(Listening):
    """Passes on whatever comes to `url`. `rates`: bytes a second, by kind (`door`, `source`); a kind that is not in it
    is passed on at once, also what is on its way."""

    def __init__(self, upstream: int = 0) -> None:
        """`upstream`: the shop's port."""
        super().__init__(socket.create_server(("127.0.0.1", 0), backlog=100))
        self.upstream = upstream
        self.rates: dict[str, float] = {}
        self.dripped = {"door": 0, "source": 0}  # bytes that came slowly
        self.url = f"http://127.0.0.1:{self.port}"

    def _talk(self, client: socket.socket) -> None:
        _Link(self, client).run()


class _Link:
    """One connection, and its other end."""

    def __init__(self, proxy: DrippingProxy, client: socket.socket) -> None:
        self._proxy, self._client = proxy, client
        self._kind = "door"  # of the request that was made last

    def run(self) -> None:
        with socket.create_connection(("127.0.0.1", self._proxy.upstream), timeout=10) as shop:
            shop.settimeout(None)
            threading.Thread(target=self._requests, args=(shop,), daemon=True).start()
            while data := shop.recv(65536):  # ends: the shop closes it
                self._send_on(data)

    def _requests(self, shop: socket.socket) -> None:
        with suppress(OSError):
            while data := self._client.recv(65536):  # ends: the client closes it
                if data.startswith((b"GET ", b"POST ")):
                    self._kind = "source" if b"/wp-content/uploads/" in data.split(b"\r\n", 1)[0] else "door"
                shop.sendall(data)
        with suppress(OSError):
            shop.shutdown(socket.SHUT_RDWR)

    def _send_on(self, data: bytes) -> None:
        while data:  # ends: with the data, of which each turn sends some
            rate = self._proxy.rates.get(self._kind)
            size = len(data) if rate is None else max(1, int(rate * STEP_S))
            if rate is not None:  # counted first: the other side must not be ahead of the count
                self._proxy.dripped[self._kind] += len(data[:size])
            self._client.sendall(data[:size])
            if rate is not None:
                time.sleep(max(STEP_S, 1 / rate))
            data = data[size:]
