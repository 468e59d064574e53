"""Faults of framing: a stranger's are refused in a quiet line, and none of them is a fault of ours.

`SMI_FUZZ=10000 pytest tests/doors/test_framing.py` sends so many to each server.
"""

from __future__ import annotations

import os
import random
import re
import threading
from collections import Counter
from urllib.parse import urlsplit

import pytest

from tests.doors.rig import JOB, Doors, exchange, status_of

HOW_MANY = int(os.environ.get("SMI_FUZZ", "400"))
pytestmark = pytest.mark.timeout(180 + HOW_MANY / 10)
CHUNKED = "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
FAULTS = {
    "no size": b"ZZ\r\nabc\r\n0\r\n\r\n",
    "a negative size": b"-1\r\nabc\r\n0\r\n\r\n",
    "a size in another notation": b"0x3\r\nabc\r\n0\r\n\r\n",
    "a chunk that is longer than it says": b"2\r\nabc\r\n0\r\n\r\n",
    "a bad extension": b"3;=\r\nabc\r\n0\r\n\r\n",
    "a bad trailer": b"3\r\nabc\r\n0\r\nContent-Length: 4\r\n\r\n",
    "a bare line feed": b"3\nabc\n0\n\n\r\n",
}


def resident_bytes(doors: Doors) -> int:
    """Of all web processes."""
    total = 0
    for pid in doors.sidecar.process("web").pids():
        with open(f"/proc/{pid}/status") as status:
            total += int(re.search(r"VmRSS:\s+(\d+)", status.read())[1]) << 10
    return total


def no_fault_of_ours(log: str) -> None:
    for word in ('"level": "error"', '"level": "critical"', "[ERROR]", "Traceback", "stage.broke"):
        assert word not in log, log[-3000:]


@pytest.mark.parametrize("door", ["/messages", "/webhooks/upsampler/{token}"])
@pytest.mark.parametrize("fault", list(FAULTS))
def test_a_malformed_chunk_is_a_bad_request(doors: Doors, door: str, fault: str) -> None:
    before = len(doors.log)
    path = door.format(token=doors.webhook_token)
    answer = exchange(doors.sidecar.url, f"POST {path} HTTP/1.1\r\nHost: x\r\n{CHUNKED}".encode() + FAULTS[fault])
    assert status_of(answer) == 400, answer
    log = doors.log[before:]
    no_fault_of_ours(log)
    assert doors.webhook_token not in log and len(log.splitlines()) <= 1


def test_chunks_that_are_right_are_taken(doors: Doors) -> None:
    head = f"POST /webhooks/upsampler/{doors.webhook_token} HTTP/1.1\r\nHost: x\r\n{CHUNKED}"
    assert status_of(exchange(doors.sidecar.url, head.encode() + b"2\r\n{}\r\n0\r\n\r\n")) == 202


class Fuzzer:
    """Requests to every public door with faults of framing, the same for the same seed."""

    def __init__(self, seed: int, prefix: str, doors: Doors) -> None:
        self._random = random.Random(seed)
        tokens = (doors.token, doors.webhook_token, "forged", "x" * 3000, "%00", "é".encode().decode("latin-1"))
        self._paths = [f"{prefix}/{door}/{token}" for door in ("download", "sources") for token in tokens]
        self._paths += [f"{prefix}/webhooks/upsampler/{token}" for token in tokens]
        self._paths += [f"{prefix}/status/{JOB}", f"{prefix}/status/a.b", f"{prefix}/healthz", f"{prefix}/nothing"]
        self._paths += [f"{prefix}/messages", f"{prefix}/metrics", f"{prefix}/", prefix + "//", "*", "", "x", "/\\"]

    def request(self) -> bytes:
        pick = self._random.choice
        method = pick(("GET", "HEAD", "POST", "POST") * 5 + ("PUT", "OPTIONS", "TRACE", "get", "G" * 30, "", "CONNECT"))
        version = pick(("HTTP/1.1",) * 20 + ("HTTP/1.0", "HTTP/0.9", "HTTP/2.0", "HTTP/1.1 x", "", "http/1.1"))
        end = pick(("\r\n",) * 20 + ("\n", "\r"))
        lines = [f"{method} {pick(self._paths)} {version}"]
        lines += [pick(self._headers()) for _ in range(pick((0, 1, 1, 2, 5)))]
        lines += ["Host: shop.example"] * pick((1,) * 9 + (0, 2)) + ["Connection: close"]
        body = self._body()
        request = bytearray((end.join(lines) + end * 2).encode("latin-1") + body)
        for _ in range(pick((0,) * 9 + (1, 2, 8))):
            at = self._random.randrange(len(request))
            request[at : at + pick((0, 1, 3))] = bytes([self._random.randrange(256)])
        return bytes(request[: pick((len(request),) * 9 + (self._random.randrange(len(request) + 1),))])

    def _headers(self) -> tuple[str, ...]:
        size = self._random.choice(
            ("0", "3", "5", "70000", "-1", "+3", "3, 3", "1e3", "99999999999999999999", "\u00b2")
        )
        return (
            f"Content-Length: {size}",
            f"Content-Length : {size}",
            "Transfer-Encoding: chunked",
            "Transfer-Encoding: chunked, chunked",
            "Transfer-Encoding: gzip, chunked",
            "Transfer-Encoding: xchunked",
            "Transfer-Encoding:\x0bchunked",
            "Expect: 100-continue",
            "Expect: something",
            "SCRIPT_NAME: /x",
            "X-Forwarded-For: a, b\x00c",
            "X-Forwarded-Host: a b",
            "X-Forwarded-Prefix: //x",
            "X-Forwarded-Proto: gopher",
            "Range: bytes=5-1",
            "Range: bytes=0-1,3-4,-",
            "Range: x" + "y" * 100,
            'If-None-Match: "',
            "If-Range: x",
            "Authorization: Basic \xff",
            "webhook-id: \xff",
            "webhook-timestamp: 99999999999999999999999",
            "webhook-signature: v1,",
            "Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAAA",
            " folded",
            "no colon",
            ": no name",
            "X: " + "y" * 9000,
            "\r\n".join(f"X-{n}: y" for n in range(120)),
        )

    def _body(self) -> bytes:
        chunk = self._random.choice(
            (b"3", b"0", b"ZZ", b"-1", b"FFFFFFFFFFFFFFFFFFFF", b"3;x", b"3;\x00", b" 3", b"1" * 9000)
        )
        return self._random.choice(
            (b"", b"", b"abc", b"{}", chunk + b"\r\nabc\r\n0\r\n\r\n", chunk, b"\x00" * 70000, b"[" * 3000)
        )


def test_no_fault_of_framing_is_a_fault_of_ours_and_none_costs_memory(
    doors: Doors, public: dict[str, str], server: str
) -> None:
    url, before = public[server], len(doors.log)
    prefix = urlsplit(url).path
    answers: Counter[int] = Counter()
    bad: list[tuple[bytes, bytes]] = []

    def attack(seed: int, number: int) -> None:
        fuzzer = Fuzzer(seed, prefix, doors)
        for _ in range(number):
            request = fuzzer.request()
            answer = exchange(url, request, close=True)
            answers[status_of(answer)] += 1
            # A web server that knows no such method or coding says so with 501; that is not the sidecar's word.
            if status_of(answer) >= 500 and not (status_of(answer) in (501, 505) and b"gunicorn" not in answer):
                bad.append((request[:300], answer[:300]))

    def wave(seed: int) -> None:
        threads = [threading.Thread(target=attack, args=(seed + n, HOW_MANY // 8)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30 + HOW_MANY / 40)

    wave(100)
    warm = resident_bytes(doors)
    wave(200)
    grown = resident_bytes(doors) - warm
    print(f"{dict(answers)}; {warm >> 10} KB, and {grown >> 10} KB more after all")  # pytest -s shows it
    assert not bad, bad[:3]
    no_fault_of_ours(doors.log[before:])
    for token in (doors.token, doors.webhook_token):
        assert token not in doors.log[before:]
    assert sum(answers.values()) == HOW_MANY // 8 * 8
    assert set(answers) >= {400, 404}, answers
    assert grown < 12 << 20, f"{grown >> 10} KiB more after {HOW_MANY // 2} requests"
