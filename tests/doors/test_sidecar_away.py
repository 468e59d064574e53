"""While nobody answers behind the web server, its logs still hold no key."""

from __future__ import annotations

import contextlib
import socket
import threading
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.doors.rig import Doors, connect, exchange, status_of
from tests.testbed.places import release_port, reserve_port
from tests.testbed.process import Process

KEYS = ("download/a-key-in-a-path", "download/a-key-in-a-path/name.png", "sources/a-key-in-a-path")
KEYS += ("webhooks/upsampler/a-key-in-a-path", "status/a-key-in-a-path", "status/a-job?token=a-key-in-a-path")


class Faulty:
    """A sidecar that takes each connection and does what the test says with it. Nobody listens with `nothing`."""

    def __init__(self, fault: str) -> None:
        self._fault, self._held = fault, list[socket.socket]()
        if fault == "nothing":
            self.port = reserve_port()
            return
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._take, daemon=True).start()

    def _take(self) -> None:
        with contextlib.suppress(OSError):
            while True:  # ends: close() closes the listener
                connection = self._listener.accept()[0]  # ends: close() closes it
                if self._fault == "hangs":
                    self._held.append(connection)
                    continue
                connection.settimeout(10)
                connection.recv(65536)  # ends: the timeout
                if self._fault == "breaks off":
                    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nhalf")
                elif self._fault == "talks nonsense":
                    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: some\r\n\r\n")
                connection.close()

    def close(self) -> None:
        if self._fault == "nothing":
            release_port(self.port)
            return
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes accept()
        for one in [self._listener, *self._held]:
            one.close()


# What waits for a sidecar that hangs waits for two minutes as shipped.
QUICKER = {"nginx": ("proxy_read_timeout 120s", "proxy_read_timeout 1s"), "apache": (" timeout=120", " timeout=1")}
FAULTS = ("nothing", "closes", "breaks off", "talks nonsense", "hangs")


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("name", ["nginx", "apache"])
def test_no_log_of_the_web_server_holds_a_key(doors: Doors, name: str, fault: str) -> None:
    folder = doors.folder / f"{name}-{FAULTS.index(fault)}"
    folder.mkdir(exist_ok=True)
    behind = Faulty(fault)
    server: Process = getattr(doors, name)(folder, port=behind.port, replaced=[QUICKER[name]])
    expected = (200, 502, 503, 504) if fault in ("breaks off", "talks nonsense") else (502, 503, 504)
    try:
        with server:
            url = f"http://127.0.0.1:{server.port}/smi"
            for path in KEYS[:1] if fault == "hangs" else KEYS:  # each waits for a second there
                for method in ("GET", "POST"):
                    head = f"{method} /smi/{path} HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nReferer: {url}/{path}\r\n"
                    answer = exchange(url, f"{head}Connection: close\r\n\r\nbody".encode())
                    assert status_of(answer) in expected, answer[:200]
                # A client that has gone, and one that breaks off its body, are told by web servers, too.
                with connect(url) as gone:
                    gone.sendall(f"POST /smi/{path} HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nb".encode())
        logs = [file for file in Path(folder).rglob("*.log") if file.stat().st_size]
        assert logs
        for log in logs:
            assert "a-key-in-a-path" not in log.read_text(errors="replace"), log
    finally:
        behind.close()


@pytest.mark.parametrize("name", ["nginx", "apache"])
def test_what_is_not_the_sidecars_is_logged_as_ever(public: dict[str, str], doors: Doors, name: str) -> None:
    place = urlsplit(public[name])
    exchange(public[name], f"GET /no-key HTTP/1.1\r\nHost: {place.netloc}\r\nConnection: close\r\n\r\n".encode())
    logs = (doors.folder / name).rglob("*access.log")
    assert any("GET /no-key" in log.read_text() for log in logs)
