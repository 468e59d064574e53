"""Servers that come to no end: a byte now and then, or nothing. That a client does not wait for them is told by
`WireServer.heard_out`, and not by a clock: a machine may be as slow as it likes."""

from __future__ import annotations

from contextlib import suppress

from tests.fetch.wire_server import Exchange

MOST = 2000  # bytes, in two minutes or more: far longer than any limit of a test


def headers(exchange: Exchange) -> None:
    after(exchange, b"HTTP/1.1 200 OK\r\nX-Slow: ")


def body(exchange: Exchange) -> None:
    after(exchange, b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")


def body_without_length(exchange: Exchange) -> None:
    after(exchange, b"HTTP/1.1 200 OK\r\n\r\n")


def silence(exchange: Exchange) -> None:
    exchange.server.stopping.wait(120)


def after(exchange: Exchange, start: bytes) -> None:
    """Blanks behind `start`, for as long as anybody listens, or MOST of them."""
    exchange.send(start)
    with suppress(OSError):
        for _ in range(MOST):
            if exchange.server.stopping.wait(0.06):
                return
            exchange.send(b" ")
        exchange.server.heard_out += 1


ALL = {"headers drip": headers, "a body drips": body, "silence": silence}
