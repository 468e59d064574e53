"""While nobody answers behind the web server, its logs still hold no key."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.doors.rig import Doors, connect, exchange, status_of
from tests.testbed.places import release_port, reserve_port
from tests.testbed.process import Process

KEYS = ("download/a-key-in-a-path", "download/a-key-in-a-path/name.png", "sources/a-key-in-a-path")
KEYS += ("webhooks/upsampler/a-key-in-a-path", "status/a-key-in-a-path", "status/a-job?token=a-key-in-a-path")


@pytest.mark.parametrize("name", ["nginx", "apache"])
def test_no_log_of_the_web_server_holds_a_key(doors: Doors, name: str) -> None:
    folder = doors.folder / f"{name}-alone"
    folder.mkdir(exist_ok=True)
    port = reserve_port()
    server: Process = getattr(doors, name)(folder, port=port)
    try:
        with server:
            url = f"http://127.0.0.1:{server.port}/smi"
            for path in KEYS:
                for method in ("GET", "POST"):
                    head = f"{method} /smi/{path} HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nReferer: {url}/{path}\r\n"
                    answer = exchange(url, f"{head}Connection: close\r\n\r\nbody".encode())
                    assert status_of(answer) in (502, 503), answer[:200]
                # A client that has gone, and one that breaks off its body, are told by web servers, too.
                with connect(url) as gone:
                    gone.sendall(f"POST /smi/{path} HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nb".encode())
        logs = [file for file in Path(folder).rglob("*.log") if file.stat().st_size]
        assert logs
        for log in logs:
            assert "a-key-in-a-path" not in log.read_text(errors="replace"), log
    finally:
        release_port(port)


@pytest.mark.parametrize("name", ["nginx", "apache"])
def test_what_is_not_the_sidecars_is_logged_as_ever(public: dict[str, str], doors: Doors, name: str) -> None:
    place = urlsplit(public[name])
    exchange(public[name], f"GET /no-key HTTP/1.1\r\nHost: {place.netloc}\r\nConnection: close\r\n\r\n".encode())
    logs = (doors.folder / name).rglob("*access.log")
    assert any("GET /no-key" in log.read_text() for log in logs)
