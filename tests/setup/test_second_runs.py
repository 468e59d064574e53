"""What is said to be run afterwards, or again; and what is taken back, or not."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from sidecar.adapters.connections import socket_path
from sidecar.cli.setup import write
from sidecar.cli.setup.machine import Machine
from sidecar.cli.setup.plan import RESTART
from tests.setup.conftest import Place
from tests.testbed.places import REPOSITORY
from tests.testbed.process import Process

FOLDER = "/home/shop/sidecar"
WANTS = "/etc/systemd/system/multi-user.target.wants/smi-sidecar.target"
ENABLE = "sudo systemctl enable --now smi-sidecar.target"


# ---------------------------------------------------------------------- another user than root
@pytest.fixture
def users(server: Place) -> Place:
    """A user's own, which root has put in place as it was told to."""
    server.is_root = False
    _, said = server.setup("--folder", FOLDER)
    assert ENABLE in said and RESTART not in said
    for line in said.splitlines():
        if "sudo install" in line:
            *_, ready, to = line.split()
            server.file(to, server.text(ready)).chmod(0o644)
    server.file(WANTS)
    return server


def test_what_has_changed_takes_a_restart(users: Place) -> None:
    """`enable --now` would leave what runs as it is."""
    _, said = users.setup("--folder", FOLDER, "--small", connect=False, key="")
    assert RESTART in said and ENABLE not in said
    assert "'smi-sidecar@*.service'" in RESTART and "daemon-reload" in RESTART


def test_what_has_not_changed_and_does_not_run_is_started(users: Place) -> None:
    _, said = users.setup("--folder", FOLDER, connect=False, key="")
    assert "sudo systemctl start smi-sidecar.target" in said and RESTART not in said and ENABLE not in said


def test_what_has_not_changed_and_runs_is_left_alone(users: Place, sidecar: None) -> None:
    _, said = users.setup("--folder", FOLDER, connect=False, key="")
    assert "sudo systemctl" not in said.replace("sudo systemctl reload nginx", "")


def test_without_systemd_too_what_runs_as_it_should_is_left_alone(place: Place, sidecar: None) -> None:
    place.setup("--folder", "/opt/x", key="up-123456")
    _, said = place.setup("--folder", "/opt/x", connect=False, key="")
    assert "Left to you" not in said
    _, said = place.setup("--folder", "/opt/x", "--port", str(place.port - 1), connect=False, key="")
    assert "end the sidecar that runs, and start it again with what has changed\n  cd /opt/x && " in said


def test_a_sandbox_that_does_not_run_is_to_be_started_beside_a_sidecar_that_does(place: Place, sidecar: None) -> None:
    place.setup("--folder", "/opt/x", key="up-123456")
    _, said = place.setup("--folder", "/opt/x", connect=False)
    assert "# start the sandbox, in a terminal of its own\n" in said and "# end the sidecar that runs" in said


# ---------------------------------------------------------------------- flags
def test_the_next_run_is_given_all_that_is_not_kept(place: Place) -> None:
    """What `.env` keeps need not be said twice."""
    given = ["--folder", "/opt/x y", "--address", "http://sidecar.internal:8321", "--web-server", "none"]
    _, said = place.setup(*given, "--no-system", "--small")
    again = "--folder '/opt/x y' --address http://sidecar.internal:8321 --web-server none --no-system\n"
    assert f"smi-sidecar setup {again}" in said
    assert "cd '/opt/x y' && " in said


def test_a_folder_is_told_in_full(place: Place, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    _, said = place.setup("--folder", "here")
    assert f"smi-sidecar setup --folder {tmp_path}/here\n" in said


def test_a_run_that_wrote_nothing_says_all_of_its_flags(place: Place) -> None:
    """Without what is secret."""
    given = ["--folder", "/opt/x", "--uploads", "/mnt/nowhere", "--redis", "redis://:hush@127.0.0.1/1", "--no-small"]
    status, said = place.setup(*given, "--no-system")
    wanted = f"--connect … --key … --redis … --folder /opt/x --no-system --uploads /mnt/nowhere --port {place.port}"
    assert (status, f"Setup needs these flags again, too: {wanted} --no-small\n" in said) == (1, True), said
    assert "hush" not in said and place.connection.secret not in said


# ---------------------------------------------------------------------- what runs
class _Probe(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = json.dumps({"ok": True}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words: object) -> None:
        """Nothing is said."""


@pytest.fixture
def sidecar(place: Place) -> Iterator[None]:
    """Answers at the place's port as the sidecar's probe does."""
    server = ThreadingHTTPServer(("127.0.0.1", place.port), _Probe)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield
    server.shutdown()
    thread.join(10)
    server.server_close()


class Store(Process):
    """The embedded Valkey, as it runs with a sidecar that nobody reaches."""

    def __init__(self, folder: Path, data: Path) -> None:
        super().__init__("store", folder)
        self.working_folder = REPOSITORY
        self.data = data

    def command(self) -> list[str]:
        return [sys.executable, "-c", f"from sidecar.adapters.embedded import Path, run; run(Path({str(self.data)!r}))"]

    def is_ready(self) -> bool:
        return socket_path(self.data).exists()


def test_a_sidecar_that_runs_is_not_uninstalled(place: Place, sidecar: None) -> None:
    place.setup("--folder", "/opt/x")
    before = place.files()
    status, said = place.setup("--uninstall", "--folder", "/opt/x", connect=False, key="")
    assert (status, place.files()) == (1, before)
    assert "Nothing was removed: the sidecar runs." in said


def test_one_that_nobody_reaches_is_not_uninstalled_while_it_runs(place: Place, tmp_path: Path) -> None:
    """There is no port to ask; its store answers."""
    flags = ["--folder", "/x", "--anywhere"]
    place.setup(*flags)
    with Store(tmp_path, place.root / "x/data"):
        status, said = place.setup("--uninstall", *flags, connect=False, key="")
    assert (status, "Nothing was removed: the sidecar runs." in said) == (1, True), said
    assert place.exists("/x/.env")
    status, said = place.setup("--uninstall", *flags, connect=False, key="")
    assert (status, place.exists("/x/.env")) == (0, False), said


# ---------------------------------------------------------------------- what may be removed
@pytest.mark.skipif(os.geteuid() != 0, reason="only root may be somebody else")
def test_a_folder_can_go_only_with_all_that_is_in_it(tmp_path: Path) -> None:
    """What is above it is not enough: an inner folder may be somebody else's."""
    tmp_path.chmod(0o777)
    for folder in tmp_path.parents:
        if folder.is_relative_to("/tmp"):
            folder.chmod(folder.stat().st_mode | 0o055)
    data = tmp_path / "data"
    (data / "valkey").mkdir(parents=True)
    (data / "link").symlink_to("/usr")
    for path in (data, data / "valkey"):
        os.chown(path, 65534, 65534)
    assert _as_nobody(data) is True
    os.chown(data / "valkey", 0, 0)
    assert _as_nobody(data) is False
    os.chown(data / "valkey", 65534, 65534)
    os.chown(data, 0, 0)
    assert _as_nobody(data) is False


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may be somebody else")
def test_in_a_folder_as_tmp_is_only_ones_own_can_go(tmp_path: Path) -> None:
    tmp_path.chmod(0o1777)
    for folder in tmp_path.parents:
        if folder.is_relative_to("/tmp"):
            folder.chmod(folder.stat().st_mode | 0o055)
    file = tmp_path / "file"
    file.write_text("")
    assert _as_nobody(file) is False
    os.chown(file, 65534, 65534)
    assert _as_nobody(file) is True


def _as_nobody(path: Path) -> bool:
    """`may_remove`, asked by another user: in a process of its own, as there is no way back."""
    pid = os.fork()
    if not pid:
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
        os._exit(0 if write.may_remove(Machine(), path) else 1)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def test_a_link_goes_without_what_it_leads_to(tmp_path: Path) -> None:
    there = tmp_path / "there"
    there.mkdir()
    (there / "kept").write_text("")
    (tmp_path / "link").symlink_to(there)
    write.remove(Machine(), [tmp_path / "link"])
    assert (there / "kept").exists() and not (tmp_path / "link").is_symlink()
