"""A machine in a folder: its own /etc, web servers, systemd and uploads; users and ports are the real one's."""

from __future__ import annotations

import os
import pwd
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from sidecar.cli.main import main
from sidecar.cli.setup.machine import Machine
from sidecar.core.connection_string import Connection
from tests.testbed.places import release_port, reserve_port

UPLOADS = "/var/www/shop/wp-content/uploads"
SITE = "/etc/nginx/sites-enabled/shop"
NGINX = "server {\n    server_name www.shop.example shop.example;\n}\n"
ME = pwd.getpwuid(os.geteuid()).pw_name


class OtherUser(Machine):
    """Somebody who is not root."""

    @staticmethod
    def is_root() -> bool:
        return False


class Root(Machine):
    """Root, whoever runs the test: what is written goes to the one who runs it."""

    @staticmethod
    def is_root() -> bool:
        return True

    def systemctl(self, *lines: str) -> None:
        with open(self.root.parent / "systemctl", "a") as said:
            said.writelines(f"{line}\n" for line in lines)


@dataclass
class Place:
    """One machine, and the conversation with it."""

    root: Path
    port: int
    capsys: pytest.CaptureFixture[str]
    is_root: bool = False

    @property
    def connection(self) -> Connection:
        return Connection("https://shop.example", "whsec_c2V0dXAncyBvd24gc2VjcmV0IG9mIDI0IGJ5dGVz", UPLOADS, user=ME)

    def file(self, path: str, text: str = "") -> Path:
        real = self.root / path.lstrip("/")
        real.parent.mkdir(parents=True, exist_ok=True)
        real.write_text(text)
        return real

    def text(self, path: str) -> str:
        return (self.root / path.lstrip("/")).read_text()

    def exists(self, path: str) -> bool:
        return (self.root / path.lstrip("/")).exists()

    def files(self) -> dict[str, tuple[int, str]]:
        """Path => (time of change, content) of everything."""
        found = (path for path in self.root.rglob("*") if path.is_file())
        return {str(path.relative_to(self.root)): (path.stat().st_mtime_ns, path.read_text()) for path in found}

    def systemctl(self) -> list[str]:
        """What systemd was told since this was asked last."""
        said = self.root.parent / "systemctl"
        lines = said.read_text().splitlines() if said.exists() else []
        said.unlink(missing_ok=True)
        return lines

    def setup(self, *flags: str, connect: bool = True, key: str = "sandbox", starts: bool = False) -> tuple[int, str]:
        """Exit status and what was said, asking nothing, and starting nothing unless it `starts`."""
        line = ["setup", "--yes", *([] if starts else ["--no-start"]), "--port", str(self.port), *flags]
        line += ["--connect", self.connection.text()] if connect else []
        line += ["--key", key] if key else []
        machine = (Root if self.is_root else OtherUser)(self.root)
        status = main(line, machine=machine)
        printed = self.capsys.readouterr()
        return status, printed.out + printed.err


@pytest.fixture
def place(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Place]:
    port = reserve_port()
    place = Place(tmp_path / "machine", port, capsys)
    (place.root / UPLOADS.lstrip("/")).mkdir(parents=True)
    place.file("/proc/meminfo", "MemTotal:       8000000 kB\n")
    yield place
    release_port(port)


@pytest.fixture
def server(place: Place) -> Place:
    """The same as a server has it: root, systemd, nginx with the shop's site."""
    place.is_root = True
    (place.root / "run/systemd/system").mkdir(parents=True)
    place.file("/usr/sbin/nginx")
    place.file(SITE, NGINX)
    return place
