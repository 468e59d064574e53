"""Whom the sidecar runs as, where its program is, and where it listens."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from sidecar.cli.setup import find
from sidecar.core.advice import advice
from sidecar.core.connection_string import Connection
from tests.setup.conftest import ME, UPLOADS, Place
from tests.setup.test_setup import ENV, UNIT, Busy, _env
from tests.testbed.places import REPOSITORY, release_port, reserve_port

PRIVATE = "127.0.0.2"  # an address of this machine that nobody else hears


def _connect(place: Place, user: str, *flags: str) -> tuple[int, str]:
    text = replace(place.connection, user=user).text()
    return place.setup("--connect", text, *flags, connect=False)


# ---------------------------------------------------------------------- the user
def test_root_is_not_taken_where_phps_user_is_unknown(server: Place) -> None:
    (server.root / UPLOADS.lstrip("/")).rmdir()
    status, said = _connect(server, "u-of-the-host", "--anywhere")
    words = advice("user_unknown", user="smi-sidecar")
    assert status == 1 and f"{words.sentence}\n    {words.command}" in said
    assert not server.exists(ENV) and not server.exists(UNIT)


def test_who_wants_another_user_names_him(server: Place) -> None:
    status, _ = _connect(server, "u-of-the-host", "--anywhere", "--user", ME)
    assert (status, f"User={ME}\n" in server.text(UNIT)) == (0, True)


def test_a_user_that_there_is_not_is_said_so(server: Place) -> None:
    status, said = server.setup("--user", "nobody-is-called-so")
    assert status == 1 and advice("user_unknown", user="nobody-is-called-so").sentence in said


def test_a_user_of_its_own_is_taken_once_it_is_there(server: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(find, "OWN_USER", "daemon")
    _, said = _connect(server, "u-of-the-host", "--anywhere", "--dry-run")
    assert "The sidecar runs as daemon." in said


# ---------------------------------------------------------------------- the program
@pytest.mark.skipif(os.geteuid() != 0, reason="only root may be somebody else")
def test_a_python_that_the_user_can_not_read_is_said_so(
    server: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the one that uv keeps in root's home: the environment is elsewhere, and of no use without it."""
    home = tmp_path / "root"
    python = home / ".local/share/uv/python"
    python.mkdir(parents=True)
    home.chmod(0o700)
    monkeypatch.setattr(sys, "base_prefix", str(python))
    status, said = server.setup("--user", "nobody")
    words = advice("program_hidden", user="nobody", folder=python)
    assert status == 1 and f"{words.sentence}\n    {words.command}" in said
    assert not server.exists(UNIT)


@pytest.mark.parametrize(
    ("name", "folder", "protection"),
    [
        ("base_prefix", "/root/.local/share/uv/python/3.13", "read-only"),
        ("prefix", "/home/shop/sidecar", "read-only"),
        ("base_prefix", "/usr", "yes"),
    ],
)
def test_a_unit_sees_the_home_that_its_program_is_in(
    server: Place, monkeypatch: pytest.MonkeyPatch, name: str, folder: str, protection: str
) -> None:
    for known in ("prefix", "base_prefix"):
        monkeypatch.setattr(sys, known, folder if known == name else "/usr")
    monkeypatch.setattr(sys, "executable", "/usr/bin/python3")
    monkeypatch.setattr(find, "_program", lambda machine, user: [])  # what may be read is another matter
    server.setup()
    assert f"ProtectHome={protection}\n" in server.text(UNIT)


# ---------------------------------------------------------------------- the address
def test_a_private_address_is_where_all_look(server: Place, tmp_path: Path) -> None:
    """SMI_BIND of `.env`: the web server leads there, the port is looked at there, and it is free elsewhere."""
    server.setup()
    server.file(ENV, server.text(ENV) + f"SMI_BIND={PRIVATE}\n")
    with Busy(tmp_path, server.port):  # at 127.0.0.1
        status, said = server.setup(connect=False, key="")
    assert (status, f"Port {server.port} is free." in said) == (0, True), said
    assert f"server {PRIVATE}:{server.port};" in server.text("/etc/nginx/conf.d/smi-upstream.conf")
    with Busy(tmp_path, server.port, PRIVATE):
        status, said = server.setup(connect=False, key="")
    assert (status, f"Port {server.port} is in use." in said) == (1, True), said


def test_apache_leads_to_the_private_address(server: Place) -> None:
    (server.root / "usr/sbin/nginx").unlink()
    server.file("/usr/sbin/apache2")
    server.file("/etc/apache2/sites-enabled/shop.conf")
    server.file(ENV, f"SMI_BIND={PRIVATE}\n")
    server.setup()
    assert f'"http://{PRIVATE}:{server.port}/"' in server.text("/etc/apache2/smi-sidecar.conf")


@pytest.mark.parametrize("everywhere", ["0.0.0.0", "::"])
def test_an_address_for_all_is_reached_on_the_machine_itself(server: Place, everywhere: str) -> None:
    server.file(ENV, f"SMI_BIND={everywhere}\n")
    server.setup()
    assert f"server 127.0.0.1:{server.port};" in server.text("/etc/nginx/conf.d/smi-upstream.conf")
    assert _env(server)["SMI_BIND"] == everywhere


# ---------------------------------------------------------------------- ports
def test_sidecar_and_sandbox_at_one_port_are_refused(server: Place) -> None:
    status, said = server.setup("--sandbox-port", str(server.port))
    assert status == 1 and advice("ports_equal", port=server.port, free=0).sentence in said
    assert not server.exists(ENV)
    status, _ = server.setup("--sandbox-port", str(server.port), key="up-123456")
    assert status == 0, "who has a key has no sandbox"


def test_a_sandbox_that_has_to_move_does_not_take_the_sidecars_port(server: Place, tmp_path: Path) -> None:
    port = reserve_port()
    with Busy(tmp_path, port):
        server.setup("--sandbox-port", str(port), "--port", str(port + 1))
    release_port(port)
    assert f":{port + 1}/" not in _env(server)["UPSAMPLER_URL"]


@pytest.mark.parametrize("port", ["0", "65536", "-1", "web"])
def test_what_is_no_port_is_refused(place: Place, port: str) -> None:
    with pytest.raises(SystemExit) as ended:
        place.setup(f"--port={port}")
    assert ended.value.code == 2 and "is no port" in place.capsys.readouterr().err


# ---------------------------------------------------------------------- what this user may not see
@pytest.fixture
def powerless() -> list[str]:
    """The beginning of a command line that even root runs without the right to look everywhere."""
    return ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []


def test_an_uploads_folder_that_is_closed_to_this_user_is_said_so(tmp_path: Path, powerless: list[str]) -> None:
    """No traceback, and no claim that the folder is not there."""
    shop = tmp_path / "shop"
    (shop / "uploads").mkdir(parents=True)
    secret = "whsec_c2V0dXAncyBvd24gc2VjcmV0IG9mIDI0IGJ5dGVz"
    string = Connection("https://shop.example", secret, f"{shop}/uploads").text()
    line = ["setup", "--yes", "--dry-run", "--no-system", "--folder", str(tmp_path / "own")]
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONPATH": str(REPOSITORY)}
    shop.chmod(0)
    try:
        ended = subprocess.run(
            [*powerless, sys.executable, "-m", "sidecar", *line, "--connect", string, "--key", "sandbox"],
            cwd=tmp_path,
            env=env,
            capture_output=True,
            text=True,
            timeout=60,
        )
    finally:
        shop.chmod(0o755)
    words = advice("uploads_closed", user=ME, folder=f"{shop}/uploads")
    assert ended.returncode == 1 and ended.stderr == ""
    assert f"{words.sentence}\n    {words.command}" in ended.stdout


def test_a_place_that_can_not_be_written_is_said_so(place: Place) -> None:
    place.file("/opt/x")  # where a folder has to be
    status, said = place.setup("--folder", "/opt/x/sidecar", "--no-system")
    assert status == 1 and "can't be written: " in said and "not_written" not in said
