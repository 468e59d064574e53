"""A process that can't start says everything that is wrong with its configuration, once."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sidecar.core.env import EXAMPLE_SECRET
from sidecar.core.messages import new_secret
from tests.testbed.places import REPOSITORY
from tests.testbed.sidecar import commands

PROCESSES = sorted(commands())


def _start(process: str, folder: Path, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "sidecar", process],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(REPOSITORY), **env},
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize("process", [*PROCESSES, "doctor", "status"])
def test_an_empty_configuration_is_answered_with_all_that_is_missing(process: str, tmp_path: Path) -> None:
    ended = _start(process, tmp_path)
    assert ended.returncode == 2
    lines = [line.split()[1] for line in ended.stderr.splitlines() if line.startswith("  - ")]
    assert lines == ["SMI_SHOP_URL", "SMI_SECRET", "SMI_UPLOADS_DIR", "UPSAMPLER_API_KEY"]
    assert "`smi-sidecar setup` writes one" in ended.stderr and "`smi-sidecar settings` lists" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_faults_of_every_kind_are_told_together_and_no_secret_with_them(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(
        "SMI_SHOP_URL=shop.example\n"  # no scheme
        "SMI_SECRET=whsec_hunter2hunter2\n"  # too short
        "SMI_UPLOADS_DIR=uploads\n"  # relative
        "UPSAMPLER_API_KEY_FILE=/nowhere/key\n"  # missing file
        "SMI_DOWNLOAD_MODE=x-accel\n"  # needs a public address
        "SMI_FIRST_POLL_S=600\nSMI_WATCH_LIMIT_S=60\n"  # never polled
    )
    ended = _start("web", tmp_path, PORT="http")
    faults = [line for line in ended.stderr.splitlines() if line.startswith("  - ")]
    assert ended.returncode == 2
    for name in (
        *("SMI_SHOP_URL", "SMI_SECRET", "SMI_UPLOADS_DIR", "UPSAMPLER_API_KEY", "PORT"),
        *("SMI_DOWNLOAD_MODE", "SMI_FIRST_POLL_S"),
    ):
        assert sum(line.startswith(f"  - {name}") for line in faults) == 1, (name, faults)
    assert len(faults) == 7
    assert "hunter2" not in ended.stderr


def test_env_example_is_a_configuration_that_only_needs_its_own_values(tmp_path: Path) -> None:
    """Copied as it stands nothing in it is misspelt or out of range; but everybody knows its secret."""
    example = (REPOSITORY / "deploy" / "env.example").read_text()
    (tmp_path / ".env").write_text(example)
    ended = _start("status", tmp_path, SMI_DATA_DIR=str(tmp_path))
    assert ended.returncode == 2
    (fault,) = [line for line in ended.stderr.splitlines() if line.startswith("  - ")]
    assert fault.startswith("  - SMI_SECRET is the example")
    (tmp_path / ".env").write_text(example.replace(EXAMPLE_SECRET, new_secret()))
    ended = _start("status", tmp_path, SMI_DATA_DIR=str(tmp_path))
    assert "redis_unavailable" in ended.stderr
    assert ended.returncode == 1
