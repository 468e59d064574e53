"""The first hour: from the wheel to a running, connected sidecar, everything answered by flags."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import requests

from tests.testbed.process import Process
from tests.testbed.whole import Whole


class Installed(Process):
    """`smi-sidecar run` in the folder that setup has filled."""

    def __init__(self, folder: Path, programs: Path, port: int) -> None:
        super().__init__("installed", folder)
        self._programs, self._port = programs, port

    def command(self) -> Sequence[str]:
        return [str(self._programs / "smi-sidecar"), "run"]

    def environment(self) -> Mapping[str, str]:
        return environment(self.folder, self._programs)

    def is_ready(self) -> bool:
        try:
            return requests.get(f"http://127.0.0.1:{self._port}/readyz", timeout=5).ok
        except requests.RequestException:
            return False


def environment(folder: Path, programs: Path) -> dict[str, str]:
    """Nothing of the caller's."""
    return {"PATH": f"{programs}:{os.environ['PATH']}", "HOME": str(folder), "LANG": "C.UTF-8"}


def connection_string(whole: Whole) -> str:
    """As an admin copies it."""
    return whole.shop.php_json(
        "require_once SMI_BRIDGE_DIR . 'admin/class-connection-string.php';"
        "return SmiBridge\\Admin\\Connection_String::text();"
    )


def setup(whole: Whole, folder: Path, programs: Path, *flags: str) -> subprocess.CompletedProcess[str]:
    """One run of setup, which finds the shop by its connection string, and leaves the machine's own folders alone."""
    line = [str(programs / "smi-sidecar"), "setup", "--yes", "--no-system", "--folder", str(folder), *flags]
    return subprocess.run(
        line, cwd=folder, env=environment(folder, programs), capture_output=True, text=True, timeout=120
    )


def first_flags(whole: Whole) -> list[str]:
    """What a person answers."""
    flags = ["--connect", connection_string(whole), "--key", "sandbox", "--port", str(whole.sidecar_port)]
    return [*flags, "--sandbox-port", str(whole.sandbox_port)]
