"""The embedded store: its folder and files are its owner's only, also where an older version left them open."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sidecar.adapters import embedded
from sidecar.adapters.connections import connect, socket_path
from sidecar.cli.checks import CHECKS
from sidecar.core.errors import ConfigurationError
from sidecar.core.messages import new_secret
from sidecar.services import Services, load_settings
from tests.testbed.places import REPOSITORY
from tests.testbed.process import Process


class Store(Process):
    """Started by somebody whose files are everybody's."""

    def __init__(self, folder: Path) -> None:
        super().__init__("store", folder)
        self.data = folder / "data"

    def command(self) -> list[str]:
        lines = ("import os, sys", "from pathlib import Path", "from sidecar.adapters import embedded")
        return [
            sys.executable,
            "-c",
            "; ".join([*lines, "os.umask(0)", "embedded.run(Path(sys.argv[1]))"]),
            str(self.data),
        ]

    def environment(self) -> dict[str, str]:
        return {"PATH": os.environ["PATH"], "PYTHONPATH": str(REPOSITORY)}

    def is_ready(self) -> bool:
        return socket_path(self.data).is_socket() and connect("", self.data, decode=True).ping()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    folder = tmp_path / "data" / "valkey"
    (folder / "appendonlydir").mkdir(parents=True)
    (folder / "appendonlydir" / "old").write_text("links and addresses")
    for path in (folder, folder / "appendonlydir"):
        path.chmod(0o755)
    store = Store(tmp_path)
    assert len(embedded.open_to_others(store.data)) == 3
    with store:
        yield store


def test_nobody_else_may_read_what_it_keeps(store: Store) -> None:
    connect("", store.data, decode=True).set("link", "secret")
    kept = [path for path in (store.data / "valkey").rglob("*") if path.is_file()]
    assert len(kept) > 2, "the old file, and an append-only file with its manifest"
    assert [path for path in kept if stat.S_IMODE(path.stat().st_mode) & 0o077] == []
    assert stat.S_IMODE((store.data / "valkey").stat().st_mode) == 0o700
    assert stat.S_IMODE(socket_path(store.data).stat().st_mode) == 0o700
    assert embedded.open_to_others(store.data) == []


def test_doctor_says_so(store: Store, tmp_path: Path) -> None:
    env = {"SMI_SHOP_URL": "http://127.0.0.1:9", "SMI_UPLOADS_DIR": str(tmp_path), "UPSAMPLER_API_KEY": "none"}
    services = Services(load_settings({**env, "SMI_SECRET": new_secret(), "SMI_DATA_DIR": str(store.data)}))
    check = next(check for check in CHECKS if check.name == "The store is closed")
    assert check.run(services, check.name).ok
    (store.data / "valkey").chmod(0o750)
    finding = check.run(services, check.name)
    assert not finding.ok
    assert str(store.data / "valkey") in finding.found
    assert "chmod" in finding.fix


def test_the_socket_lies_in_the_data_folder_however_long_its_path_or_is_refused_at_the_start(tmp_path: Path) -> None:
    """A unit of systemd has a /tmp of its own: a socket there is seen by the store alone."""
    room = 107 - len(f"{tmp_path.resolve()}//data/valkey.sock")
    longest, longer = (tmp_path / ("d" * length) for length in (room, room + 1))
    with Store(longest) as store:
        assert (longest / "data" / "valkey.sock").is_socket()
        assert connect("", store.data, decode=True).ping()
    env = {"SMI_SHOP_URL": "http://127.0.0.1:9", "SMI_UPLOADS_DIR": str(tmp_path), "UPSAMPLER_API_KEY": "none"}
    env |= {"SMI_SECRET": new_secret(), "SMI_DATA_DIR": str(longer / "data")}
    with pytest.raises(ConfigurationError, match="SMI_DATA_DIR, in full .*, is too long by 1 bytes"):
        load_settings(env)
    assert load_settings({**env, "REDIS_URL": "redis://127.0.0.1:9"}), "a server of one's own needs no socket"
