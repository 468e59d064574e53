"""The systemd units start what the Procfile starts, and systemd understands them."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from sidecar.adapters import embedded
from sidecar.adapters.connections import socket_path
from sidecar.core.messages import new_secret
from tests.testbed import unit_sandbox
from tests.testbed.places import REPOSITORY, release_port, reserve_port
from tests.testbed.sidecar import commands
from tests.testbed.waiting import wait_for

UNITS = REPOSITORY / "deploy" / "systemd"
TEMPLATE = (UNITS / "smi-sidecar@.service").read_text()
MOST_EXPOSED = 2.5  # of 10, by systemd's own measure

needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="this machine has no systemd")


def test_the_target_starts_each_process_of_the_procfile() -> None:
    target = (UNITS / "smi-sidecar.target").read_text()
    assert set(re.findall(r"smi-sidecar@(\w+)\.service", target)) == set(commands())


def test_the_template_runs_the_line_of_the_procfile() -> None:
    started = re.search(r"^ExecStart=/opt/smi-sidecar/\.venv/bin/(.+)$", TEMPLATE, re.MULTILINE)
    assert started is not None
    for name, line in commands().items():
        assert started[1].replace("%i", name) == line


def test_the_processes_may_write_where_the_example_settings_let_them() -> None:
    writable = re.search(r"^ReadWritePaths=(.+)$", TEMPLATE, re.MULTILINE)
    example = (REPOSITORY / "deploy" / "env.example").read_text()
    uploads = re.search(r"^SMI_UPLOADS_DIR=(.+)$", example, re.MULTILINE)
    data = re.search(r"^#SMI_DATA_DIR=(.+)$", example, re.MULTILINE)
    assert writable is not None
    assert uploads is not None
    assert data is not None
    assert writable[1].split() == [f"/opt/smi-sidecar/{data[1]}", uploads[1]]


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """The units as an admin has them who keeps the sidecar where it is on this machine."""
    for unit in UNITS.iterdir():
        text = unit.read_text().replace("/opt/smi-sidecar/.venv/bin/python", sys.executable)
        (tmp_path / unit.name).write_text(text.replace("/opt/smi-sidecar", str(REPOSITORY)))
    return tmp_path


@needs_systemd
@pytest.mark.parametrize("unit", ["smi-sidecar.target", *(f"smi-sidecar@{name}.service" for name in commands())])
def test_systemd_finds_nothing_wrong(installed: Path, unit: str) -> None:
    checked = subprocess.run(
        ["systemd-analyze", "verify", f"./{unit}"], cwd=installed, capture_output=True, text=True, timeout=60
    )
    complaints = [line for line in checked.stderr.splitlines() if "smi-sidecar" in line]
    assert (checked.returncode, complaints) == (0, [])


@needs_systemd
def test_systemd_calls_the_exposure_low(installed: Path) -> None:
    shown = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "./smi-sidecar@web.service"],
        cwd=installed,
        capture_output=True,
        text=True,
        timeout=60,
        env={"PATH": "/usr/bin:/bin", "SYSTEMD_COLORS": "0", "LC_ALL": "C.UTF-8"},
    ).stdout
    level = re.search(r"Overall exposure level for .*: ([0-9.]+)", shown)
    assert level is not None, shown[-500:]
    assert float(level[1]) <= MOST_EXPOSED


needs_namespaces = pytest.mark.skipif(not unit_sandbox.possible(), reason="no mounts of our own may be made here")


def test_each_rule_of_the_unit_is_known_to_the_sandbox_of_these_tests() -> None:
    """A new rule is to be tried for real, or put down as what only systemd can do."""
    known = unit_sandbox.MOUNTS | unit_sandbox.IDENTITY | unit_sandbox.MANAGER | unit_sandbox.FILTERS
    assert set(unit_sandbox.service(TEMPLATE)) <= known


@pytest.fixture
def installation(tmp_path: Path) -> unit_sandbox.Installation:
    env = {
        "SMI_SHOP_URL": "http://127.0.0.1:9",
        "SMI_SECRET": new_secret(),
        "SMI_UPLOADS_DIR": "/var/www/html/wp-content/uploads",
        "UPSAMPLER_API_KEY": "none",
        "UPSAMPLER_URL": "http://127.0.0.1:9",
        "PORT": str(reserve_port()),
    }
    return unit_sandbox.Installation(tmp_path, env)


@needs_namespaces
def test_the_sandbox_lets_a_unit_write_where_it_may_and_nowhere_else(installation: unit_sandbox.Installation) -> None:
    """Else the next test would prove nothing."""
    tried = ["/opt/smi-sidecar/data", "/var/www/html/wp-content/uploads", "/tmp", "/var/tmp", "/dev/shm"]
    refused = ["/opt/smi-sidecar", "/opt/smi-sidecar/sidecar", "/etc", "/usr", "/var/lib", "/root", "/run", "/"]
    script = (
        f"for to in {' '.join(tried + refused)}; do touch $to/canary && echo may:$to; done; id -un; cat /proc/1/comm"
    )
    unit = unit_sandbox.SandboxedUnit("web", TEMPLATE, installation, ["/bin/sh", "-c", script])
    unit.launch()
    wait_for(lambda: not unit.running, "the script is done")
    said = unit.log.read_text()
    unit.stop()
    assert re.findall(r"^may:(.*)$", said, re.MULTILINE) == tried, said
    assert "\nwww-data\n" in said
    assert "/proc/1/comm: " in said, "other users' processes are not to be seen"
    assert not Path("/tmp/canary").exists()


@needs_namespaces
@pytest.mark.timeout(120)
@pytest.mark.parametrize("names", [("store", "web", "worker", "cron"), ("run",)], ids=["apart", "as one"])
def test_all_units_work_in_their_sandboxes(names: tuple[str, ...], installation: unit_sandbox.Installation) -> None:
    """Each in a namespace of its own: the store's socket must be where the others see it."""
    port = re.search(r"^PORT=(\d+)$", installation.dotenv.read_text(), re.MULTILINE)[1]
    units = [unit_sandbox.SandboxedUnit(name, TEMPLATE, installation) for name in names]

    def ready() -> bool:
        ended = [unit.name for unit in units if not unit.running]
        assert not ended, "\n".join(f"{unit.name}: {unit.log.read_text()[-2000:]}" for unit in units)
        try:
            return requests.get(f"http://127.0.0.1:{port}/readyz", timeout=5).ok
        except requests.RequestException:
            return False

    try:
        for unit in units:
            unit.launch()
        wait_for(ready, "web, workers, clock and store work together", 60)
        said = "".join(unit.log.read_text() for unit in units)
        assert "Traceback" not in said
        assert "ermission denied" not in said
        assert "ead-only file system" not in said
        assert embedded.open_to_others(installation.folder / "data") == []
    finally:
        for unit in reversed(units):
            unit.stop()
        release_port(int(port))


def test_the_stores_socket_does_not_lie_in_a_temporary_folder() -> None:
    """Each unit has its own: the others would not find it there."""
    assert socket_path(Path("/opt/smi-sidecar/data")) == Path("/opt/smi-sidecar/data/valkey.sock")
