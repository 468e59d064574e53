"""The systemd units start what the Procfile starts, and systemd understands them."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.testbed.places import REPOSITORY
from tests.testbed.sidecar import commands

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
