"""A request while its bytes arrive: whole, too large, or wanted until a moment that no drip puts off."""

from __future__ import annotations

import random

import pytest

from sidecar.web.arrival import BODY_S, HEAD_BYTES, HEAD_S, Arrival

LIMITS = {"/messages": 1 << 20, "/webhooks": 64 << 10}
GET = b"GET /status/a HTTP/1.1\r\nHost: x\r\n\r\n"


def limit(method: str, path: str) -> int:
    return LIMITS.get(path, 0) if method == "POST" else 0


def post(*lines: str, body: bytes = b"", path: str = "/webhooks") -> bytes:
    return "\r\n".join([f"POST {path} HTTP/1.1", *lines]).encode() + b"\r\n\r\n" + body


def arrived(*parts: bytes, now: float = 0.0) -> Arrival:
    arrival = Arrival(limit, now=now)
    for part in parts:
        arrival.add(part, now=now)
    return arrival


WHOLE = {
    "no body": GET,
    "a body of known length": post("Content-Length: 3", body=b"abc"),
    "an empty one": post("Content-Length: 0"),
    "chunks": post("Transfer-Encoding: chunked", body=b"3\r\nabc\r\n10;x=y\r\n" + b"d" * 16 + b"\r\n0\r\n\r\n"),
    "chunks and trailers": post("Transfer-Encoding: chunked", body=b"1\r\na\r\n0\r\nX: y\r\n\r\n"),
    "chunks that are none": post("Transfer-Encoding: chunked", body=b"ZZ\r\n"),
    "a chunk of a negative size": post("Transfer-Encoding: chunked", body=b"-5\r\n"),
    "a line that never ends": post("Transfer-Encoding: chunked", body=b"1" * 9000),
    "nonsense": b"\x16\x03\x01\r\n\r\n",
}


@pytest.mark.parametrize("kind", list(WHOLE))
def test_it_is_whole_with_its_last_byte_however_the_bytes_come(kind: str) -> None:
    request, chance = WHOLE[kind], random.Random(kind)
    assert arrived(request).whole
    for _ in range(20):
        arrival, at = arrived(), 0
        while at < len(request) and not arrival.whole:
            step = chance.choice((1, 2, 3, 50))
            arrival.add(request[at : at + step], now=0)
            at += step
        assert arrival.whole and not arrival.refusal
    if "line" not in kind:
        assert not arrived(request[:-1]).whole


@pytest.mark.parametrize(
    ("request_", "refusal"),
    [
        (b"GET / HTTP/1.1\r\nX: " + b"x" * HEAD_BYTES, "431"),
        (post("Content-Length: 65537"), "413"),
        (post("Content-Length: 999999999999999999", path="/messages"), "413"),
        (post("Transfer-Encoding: chunked", body=b"ffffff\r\nx"), "413"),
        (post("Transfer-Encoding: chunked", body=b"1\r\na\r\n" * 20000), "413"),
    ],
)
def test_what_is_too_large_is_refused_before_it_has_come(request_: bytes, refusal: str) -> None:
    arrival = arrived(request_)
    assert arrival.refusal.startswith(refusal) and not arrival.whole


@pytest.mark.parametrize("body", ["Content-Length: 9", "Transfer-Encoding: chunked", "Content-Length: 99999999999"])
def test_a_body_that_the_door_does_not_want_is_not_waited_for(body: str) -> None:
    arrival = arrived(post(body, path="/webhooks/forged"))
    assert (arrival.whole, arrival.unread) == (True, True)


def test_no_drip_puts_a_deadline_off() -> None:
    arrival = Arrival(limit, now=100)
    for number, byte in enumerate(post("Content-Length: 9")):
        assert not arrival.whole
        arrival.add(bytes([byte]), now=100 + number / 10)
    head_took = 100 + number / 10
    assert arrival.deadline == pytest.approx(head_took + BODY_S)
    arrival.add(b"x", now=head_took + 9)
    assert arrival.deadline == pytest.approx(head_took + BODY_S)
    slow = Arrival(limit, now=5)
    slow.add(b"GET", now=9)
    assert slow.deadline == 5 + HEAD_S


def test_a_large_body_and_one_that_waits_for_a_word_say_so() -> None:
    message = arrived(post("Expect: 100-continue", "Content-Length: 100000", path="/messages"))
    assert (message.large, message.wants_continue) == (True, True)
    assert not arrived(post("Content-Length: 100")).large
    assert not arrived(post("Content-Length: 1", "Expect: 100-continue", path="/none")).wants_continue


def test_what_follows_belongs_to_the_next_request() -> None:
    arrival = arrived(post("Content-Length: 3", body=b"abc") + GET)
    assert arrival.whole and bytes(arrival.bytes).endswith(GET)
