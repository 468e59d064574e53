"""A Redis that takes the connection, or has begun an answer, and says nothing more: the wait ends, once."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest
import redis

from sidecar.adapters.connections import TIMEOUT_S, connect


@pytest.fixture(params=[b"", b"$5\r\nhe"], ids=["nothing", "half an answer"])
def silent(request: pytest.FixtureRequest) -> Iterator[tuple[int, Callable[[], int]]]:
    """Port, and how often a GET came."""
    came: list[bytes] = []
    taken: list[socket.socket] = []

    def serve(link: socket.socket) -> None:
        with suppress(OSError):
            while data := link.recv(65536):  # ends: the client, or this test, closes it
                came.append(data)
                for _ in range(data.count(b"CLIENT") + data.count(b"SELECT")):
                    link.sendall(b"+OK\r\n")
                if b"GET" in data:
                    link.sendall(request.param)

    def take() -> None:
        with suppress(OSError):
            while True:  # ends: the test closes the listener
                taken.append(server.accept()[0])  # ends: the test closes it
                threading.Thread(target=serve, args=(taken[-1],), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=take, daemon=True).start()
        yield server.getsockname()[1], lambda: sum(data.count(b"GET") for data in came)
        server.shutdown(socket.SHUT_RDWR)
    for link in taken:
        link.close()


def test_a_question_that_gets_no_answer_is_given_up_and_not_asked_again(silent: tuple[int, Callable[[], int]]) -> None:
    """It may have been done. (The five seconds are short here: an option of the address.)"""
    port, asked = silent
    assert TIMEOUT_S == 5.0
    client = connect(f"redis://127.0.0.1:{port}/0?socket_timeout=0.3", Path("/nowhere"), decode=True)
    with closing(client), pytest.raises(redis.TimeoutError):
        client.get("x")
    assert asked() == 1
