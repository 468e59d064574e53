"""One command runs the whole Procfile, with an embedded store and a .env file; one signal ends it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import pytest
import requests

from sidecar.core.messages import new_secret
from tests.testbed.places import REPOSITORY, release_port, reserve_port
from tests.testbed.process import Process
from tests.testbed.waiting import wait_for


class Everything(Process):
    """`python -m sidecar run` in a folder of its own that holds .env."""

    def __init__(self, folder: Path) -> None:
        super().__init__("run", folder)
        self.port = reserve_port()
        (folder / "uploads").mkdir()
        settings = {
            "SMI_SHOP_URL": "http://127.0.0.1:9",  # nobody's: the processes do not need the shop to run
            "SMI_SECRET": new_secret(),
            "SMI_UPLOADS_DIR": str(folder / "uploads"),
            "UPSAMPLER_API_KEY": "none",
            "UPSAMPLER_URL": "http://127.0.0.1:9",
            "PORT": str(self.port),
        }
        folder.joinpath(".env").write_text("".join(f"{name}={value}\n" for name, value in settings.items()))

    def reconcile_said(self) -> str:
        """The line about the first reconciliation, "" as long as there is none."""
        return next((line for line in self.log.read_text().splitlines() if '"task": "sweep"' in line), "")

    def command(self) -> Sequence[str]:
        return [sys.executable, "-m", "sidecar", "run"]

    def environment(self) -> Mapping[str, str]:
        return {"PATH": os.environ["PATH"], "PYTHONPATH": str(REPOSITORY), "HOME": str(self.folder), "LANG": "C.UTF-8"}

    def is_ready(self) -> bool:
        try:
            return requests.get(f"http://127.0.0.1:{self.port}/readyz", timeout=5).ok
        except requests.RequestException:
            return False


def _family(pid: int) -> set[int]:
    """A process and all its descendants."""
    children: list[str] = []
    with suppress(OSError):  # it has just gone
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return {pid}.union(*(_family(int(child)) for child in children))


def _living(pids: set[int]) -> list[int]:
    living = []
    for pid in pids:
        try:
            stat = Path(f"/proc/{pid}/stat").read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if stat.rpartition(")")[2].split()[0] not in "ZX":
            living.append(pid)
    return living


def _children(of: int) -> dict[str, int]:
    """What `run` has started, by the names that `ps -A` shows."""
    found = {}
    for pid in Path(f"/proc/{of}/task/{of}/children").read_text().split():
        with suppress(OSError):  # it has just gone
            found[Path(f"/proc/{pid}/comm").read_text().strip()] = int(pid)
    return found


def _test_one_that_dies_is_started_again(everything: Everything, name: str) -> None:
    """And none of the others with it; what it has started leaves."""
    before = _children(everything.pid)
    orphans = _family(before[name]) - {before[name]}
    os.kill(before[name], signal.SIGKILL)
    wait_for(lambda: _children(everything.pid).get(name) not in (None, before[name]), "another has been started")
    wait_for(lambda: not _living(orphans), "the children of the dead one have left")
    wait_for(everything.is_ready, "all is well again")
    after = _children(everything.pid)
    assert {name for name in after if before[name] != after[name]} == {name}
    assert f'"process": "{name.removeprefix("smi-")}"' in everything.log.read_text()


@pytest.mark.timeout(120)
def test_the_procfile_runs_as_one_command_and_ends_as_one(tmp_path: Path) -> None:
    with Everything(tmp_path) as everything:
        assert (tmp_path / "data" / "valkey").is_dir()
        assert requests.get(f"http://127.0.0.1:{everything.port}/healthz", timeout=10).json() == {"ok": True}
        assert "could not do its work" in wait_for(
            everything.reconcile_said, "the first reconciliation has found no shop"
        )
        assert "Traceback" not in everything.log.read_text()
        # `run`, the store, three workers, gunicorn and its three, the clock
        wait_for(lambda: len(_family(everything.pid)) == 10, "all have been started")
        started = _family(everything.pid)
        (tmp_path / ".env").unlink()  # one that is started again has the settings of the others
        for name in ("smi-web", "smi-worker-1"):
            _test_one_that_dies_is_started_again(everything, name)
        started |= _family(everything.pid)
        everything.signal(signal.SIGTERM)
        wait_for(lambda: not _living(started), "every process has ended", timeout=40)
    release_port(everything.port)


def test_gunicorn_accepts_its_configuration(tmp_path: Path) -> None:
    env = {
        "PATH": os.environ["PATH"],
        "SMI_SHOP_URL": "http://127.0.0.1:9",
        "SMI_SECRET": new_secret(),
        "SMI_UPLOADS_DIR": str(tmp_path),
        "UPSAMPLER_API_KEY": "none",
    }
    line = [sys.executable, "-m", "gunicorn", "--config", "python:sidecar.web.gunicorn_conf", "--print-config"]
    shown = subprocess.run(
        [*line, "sidecar:create_app()"], cwd=REPOSITORY, env=env, capture_output=True, text=True, timeout=60
    )
    assert shown.returncode == 0, shown.stderr
    used = dict(line.split(" = ", 1) for line in map(str.strip, shown.stdout.splitlines()) if " = " in line)
    used = {name.strip(): value for name, value in used.items()}
    assert (used["worker_class"], used["accesslog"]) == ("sidecar.web.fair_worker.FairWorker", "None")
    assert used["control_socket_disable"] == "True"
