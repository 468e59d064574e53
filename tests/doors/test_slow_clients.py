"""Clients that send or take slowly cost themselves, never the others: 14 of each kind, more than there are threads."""

from __future__ import annotations

import contextlib
import select
import socket
import threading
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
import requests

from sidecar.web.arrival import BODY_S, HEAD_S
from tests.doors.rig import FILE_BYTES, JOB, Doors, answers_in_time, connect, exchange, slow_senders, status_of
from tests.testbed.waiting import wait_for

MANY = 14
STRANGERS = "POST {prefix}/webhooks/upsampler/{token} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"


BEGINNINGS = {
    "nothing": "",
    "half a head": "GET {prefix}/status/{job} HTTP/1.1\r\nHost: x\r\nX-Slow: ",
    "half a body": STRANGERS + "Content-Length: 60000\r\n\r\n{{",
    "half a body in chunks": STRANGERS + "Transfer-Encoding: chunked\r\n\r\nfff0\r\n{{",
    "half a body of a stranger": STRANGERS.replace("{token}", "forged") + "Content-Length: 60000\r\n\r\n{{",
    "half a body that nobody reads": "GET {prefix}/status/{job} HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\n\r\n",
    "half a message": "POST {prefix}/messages HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\n\r\n{{",
}


def beginning(doors: Doors, prefix: str, kind: str) -> bytes:
    """Bodies begin with more than Apache keeps to itself before it connects."""
    body = b"x" * 20000 if "body" in kind or "message" in kind else b""
    return BEGINNINGS[kind].format(prefix=prefix, token=doors.webhook_token, job=JOB).encode() + body


@pytest.mark.parametrize("kind", list(BEGINNINGS))
def test_slow_senders_stop_nobody(doors: Doors, public: dict[str, str], server: str, kind: str) -> None:
    url = public[server]
    with slow_senders(url, MANY, beginning(doors, urlsplit(url).path, kind)):
        answers_in_time(doors, url)


def test_who_does_not_come_to_an_end_is_given_up(doors: Doors) -> None:
    """Whole deadlines, not one for each byte: they all drip on."""
    begun = time.monotonic()
    with contextlib.ExitStack() as stack:
        slow = {
            kind: stack.enter_context(slow_senders(doors.sidecar.url, 1, beginning(doors, "", kind)))[0]
            for kind in BEGINNINGS
        }
        for kind, connection in slow.items():
            connection.settimeout(max(HEAD_S, BODY_S) + 20)
            answer = b""
            with contextlib.suppress(ConnectionResetError):
                while part := connection.recv(65536):
                    answer += part
            if kind == "half a body of a stranger":
                assert status_of(answer) == 404
            elif kind == "half a body that nobody reads":
                assert status_of(answer) == 200
            else:
                assert status_of(answer) == 408, kind
    assert time.monotonic() - begun < max(HEAD_S, BODY_S) + 20, "else they would drip for ever"


@contextlib.contextmanager
def slow_readers(url: str, number: int, path: str) -> Iterator[None]:
    """So many clients that ask for a file and take a little of it now and again."""
    connections = [connect(url) for _ in range(number)]
    over = threading.Event()

    def sip() -> None:
        while not over.wait(0.5):
            for connection in connections:
                with contextlib.suppress(OSError):
                    connection.recv(1)

    for connection in connections:
        connection.sendall(f"GET {urlsplit(url).path}{path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        assert connection.recv(12) == b"HTTP/1.1 200"
    thread = threading.Thread(target=sip, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(30)
        for connection in connections:
            connection.close()


def test_slow_readers_of_a_file_stop_nobody(doors: Doors, public: dict[str, str], server: str) -> None:
    url = public[server]
    with slow_readers(url, MANY, f"/download/{doors.token}"):
        answers_in_time(doors, url)
        whole = requests.get(f"{url}/download/{doors.token}", timeout=30)
        assert len(whole.content) == FILE_BYTES


def test_slow_readers_of_a_source_stop_nobody(doors: Doors, public: dict[str, str]) -> None:
    token = doors.services.ports.tokens.source("smi-downloads/large.png", expires_at=int(time.time()) + 600)
    with slow_readers(public["sidecar"], MANY, f"/sources/{token}"):
        answers_in_time(doors, public["sidecar"])


def test_who_does_not_close_stops_nobody(doors: Doors) -> None:
    """After `Connection: close` the sidecar waits a moment for the other side; not in the loop that all need."""
    with contextlib.ExitStack() as stack:
        for _ in range(MANY):
            connection = stack.enter_context(connect(doors.sidecar.url))
            connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            assert connection.recv(12) == b"HTTP/1.1 200"
        answers_in_time(doors, doors.sidecar.url)


def test_a_crowd_makes_room_for_who_is_fast(doors: Doors) -> None:
    """More connections than the process takes: the slowest goes."""
    with contextlib.ExitStack() as stack:
        for _ in range(1300):
            connection = stack.enter_context(connect(doors.sidecar.url))
            with contextlib.suppress(OSError):
                connection.send(b"GET /")
        answers_in_time(doors, doors.sidecar.url)


def test_a_large_message_is_taken_and_a_crowd_of_them_is_not(doors: Doors) -> None:
    head = b"POST /messages HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n"
    assert (
        status_of(exchange(doors.sidecar.url, head.replace(b"Host", b"Connection: close\r\nHost") + b"x" * 10**6))
        == 401
    )
    with slow_senders(doors.sidecar.url, 30, head + b"x" * 70000) as crowd:
        refused: set[socket.socket] = set()

        def are_refused() -> bool:
            answered = select.select([each for each in crowd if each not in refused], [], [], 0)[0]
            refused.update(each for each in answered if status_of(each.recv(100)) == 503)
            return len(refused) >= 30 - 3 * 4

        wait_for(are_refused, "those that are too many are refused", HEAD_S)
        answers_in_time(doors, doors.sidecar.url)


def test_a_body_is_waited_for_with_the_word_that_the_client_wants(doors: Doors) -> None:
    body, headers = doors.sealed()
    lines = [f"{name}: {value}" for name, value in headers.items() if name.lower() != "content-length"]
    head = ["POST /messages HTTP/1.1", "Host: x", "Expect: 100-continue", f"Content-Length: {len(body)}", *lines]
    with connect(doors.sidecar.url) as connection:
        connection.sendall(("\r\n".join(head) + "\r\n\r\n").encode())
        assert connection.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(body)
        assert status_of(connection.recv(1000)) == 200


def test_requests_that_come_together_are_answered_in_their_order(doors: Doors) -> None:
    with connect(doors.sidecar.url) as connection:
        probe, unknown = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", b"GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n"
        connection.sendall(probe + unknown + probe.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        answer = b""
        while part := connection.recv(65536):
            answer += part
    assert [int(line.split()[1]) for line in answer.split(b"HTTP/1.1")[1:] for line in [b"x" + line]] == [200, 404, 200]


def test_a_download_is_kept_alive_for_the_next(doors: Doors) -> None:
    with requests.Session() as client:
        for _ in range(3):
            assert len(client.get(f"{doors.sidecar.url}/download/{doors.token}", timeout=20).content) == FILE_BYTES
    wait_for(lambda: requests.get(f"{doors.sidecar.url}/healthz", timeout=5).ok, "it goes on")
