"""Files on their way: whole to whoever takes them, however slowly; and no longer to whoever takes nothing."""

from __future__ import annotations

import contextlib
import os
import queue
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sidecar.web.sender import Parcel, Sender

SIZE = 8 << 20


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("sender") / "file"
    file.write_bytes(os.urandom(SIZE))
    return file


@pytest.fixture(scope="module")
def sender() -> Sender:
    sender = Sender(stall_s=0.4)
    sender.start()
    return sender


@contextlib.contextmanager
def connected() -> Iterator[tuple[socket.socket, socket.socket]]:
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.socket() as reader:
        reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 << 10)
        reader.connect(listener.getsockname())
        connection, _ = listener.accept()
        with connection:
            connection.setblocking(False)
            yield connection, reader


def parcel(file: Path, offset: int = 0, left: int = SIZE) -> Parcel:
    return Parcel(os.open(file, os.O_RDONLY), offset, left)


def test_many_readers_get_exactly_their_parts(sender: Sender, content: Path) -> None:
    done: queue.Queue[bool] = queue.Queue()
    expected, got = content.read_bytes(), {}
    with contextlib.ExitStack() as stack:
        readers = []
        for number in range(12):
            connection, reader = stack.enter_context(connected())
            sender.send(connection, parcel(content, number, 1 << 20), done.put)
            readers.append(reader)

        def read(number: int, reader: socket.socket) -> None:
            reader.settimeout(20)
            have = b""
            while len(have) < 1 << 20:
                have += reader.recv(1 << 16)
            got[number] = have

        threads = [threading.Thread(target=read, args=pair) for pair in enumerate(readers)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert [done.get(timeout=5) for _ in readers] == [True] * 12
    for number, have in got.items():
        assert have == expected[number : number + (1 << 20)]


def test_a_reader_who_takes_nothing_is_given_up_and_its_file_closed(sender: Sender, content: Path) -> None:
    done: queue.Queue[bool] = queue.Queue()
    with connected() as (connection, _reader):
        sent = parcel(content)
        sender.send(connection, sent, done.put)
        assert done.get(timeout=5) is False
    with pytest.raises(OSError):
        os.fstat(sent.handle)


def test_a_reader_who_takes_a_little_all_the_time_gets_all(sender: Sender, content: Path) -> None:
    """What counts is what the reader takes, not what our system's buffers take."""
    done: queue.Queue[bool] = queue.Queue()
    with connected() as (connection, reader):
        begun, have, pause = time.monotonic(), 0, threading.Event()
        sender.send(connection, parcel(content), done.put)
        while have < SIZE:
            have += len(reader.recv(64 << 10))
            if time.monotonic() - begun < 1.5:  # more than three looks
                pause.wait(0.05)
        assert done.get(timeout=5) is True


def test_a_reader_who_goes_away_and_a_file_that_shrinks_end_it(sender: Sender, content: Path, tmp_path: Path) -> None:
    done: queue.Queue[bool] = queue.Queue()
    with connected() as (connection, reader):
        sender.send(connection, parcel(content), done.put)
        reader.close()
        assert done.get(timeout=5) is False
    short = tmp_path / "short"
    short.write_bytes(b"x" * 10)
    with connected() as (connection, _reader):
        sender.send(connection, parcel(short, 0, 11), done.put)
        assert done.get(timeout=5) is False
