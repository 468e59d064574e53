"""Servers that never come to an end: a byte now and then, or nothing."""

from __future__ import annotations

from contextlib import suppress

from tests.fetch.wire_server import Exchange


def headers(exchange: Exchange) -> None:
    _drip(exchange, b"HTTP/1.1 200 OK\r\nX-Slow: ")


def body(exchange: Exchange) -> None:
    _drip(exchange, b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")


def silence(exchange: Exchange) -> None:
    exchange.server.stopping.wait(120)


def _drip(exchange: Exchange, start: bytes) -> None:
    """For as long as anybody listens: far longer than any limit."""
    exchange.send(start)
    with suppress(OSError):
        while not exchange.server.stopping.wait(0.05):
            exchange.send(b" ")


ALL = {"headers drip": headers, "a body drips": body, "silence": silence}
