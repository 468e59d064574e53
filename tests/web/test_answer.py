"""An answer has an end, also for a reader who takes a little of it now and then."""

from __future__ import annotations

import socket
import threading
import time
from types import SimpleNamespace

import pytest
from gunicorn.config import Config

from sidecar.web.answer import ANSWER_S, Answer

LARGE = bytes(32 << 20)  # more than any buffer takes


def answer_to(connection: socket.socket, *, ends_in: float) -> Answer:
    request = SimpleNamespace(version=(1, 1), method="GET", should_close=lambda: False)
    answer = Answer(request, connection, Config())
    answer._deadline += ends_in - ANSWER_S
    answer.start_response("200 OK", [("Content-Length", str(len(LARGE)))])
    return answer


def test_a_reader_who_takes_a_little_now_and_then_is_given_up() -> None:
    """A socket timeout that began anew with each piece would never end this."""
    ended = threading.Event()
    connection, reader = socket.socketpair()

    def take_a_little() -> None:
        while not ended.wait(0.02) and reader.recv(4096):  # ends: the answer closes it
            pass

    thread = threading.Thread(target=take_a_little, daemon=True)
    with connection, reader:
        thread.start()
        try:
            with pytest.raises(TimeoutError):
                answer_to(connection, ends_in=0.5).write(LARGE)
        finally:
            ended.set()
            thread.join(30)


def test_pieces_have_one_end_together() -> None:
    connection, reader = socket.socketpair()
    with connection, reader:
        answer = answer_to(connection, ends_in=60)
        answer.write(b"first")
        answer._deadline = time.monotonic()
        with pytest.raises(TimeoutError):
            answer.write(LARGE)


def test_who_takes_it_gets_all() -> None:
    connection, reader = socket.socketpair()
    got: list[int] = []

    def take() -> None:
        while piece := reader.recv(1 << 20):  # ends: the answer closes it
            got.append(len(piece))

    thread = threading.Thread(target=take, daemon=True)
    with reader:
        thread.start()
        with connection:
            answer = answer_to(connection, ends_in=60)
            answer.write(LARGE)
            answer.close()
        thread.join(30)
    assert sum(got) > len(LARGE)
