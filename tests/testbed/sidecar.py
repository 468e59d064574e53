"""The sidecar as its Procfile starts it, each process apart, so that one can be killed while the others go on."""

import os
import re
import signal
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import requests

from sidecar.core.settings import Settings
from sidecar.core.stored_names import Keys
from sidecar.core.tokens import TokenMaker
from tests.testbed.places import REPOSITORY, release_port, reserve_port
from tests.testbed.process import Process, StartFailed

ALL = ("store", "web", "worker", "cron")
UNREACHED = ("store", "worker", "cron")  # with SMI_BIND=none


PROCFILE = REPOSITORY / "Procfile"


def commands(procfile: Path = PROCFILE) -> dict[str, str]:
    """The Procfile's command lines by process name."""
    lines = (re.match(r"^([A-Za-z0-9_-]+):\s*(.+)$", line) for line in procfile.read_text().splitlines())
    return {found.group(1): found.group(2) for found in lines if found}


class SidecarProcess(Process):
    """One line of the Procfile, run by a shell from the repository's folder, as a process manager does."""

    def __init__(
        self,
        name: str,
        line: str,
        folder: Path,
        environment: Mapping[str, str],
        healthz: str = "",
        entered: Sequence[str] = (),
    ) -> None:
        super().__init__(name, folder)
        self.working_folder = REPOSITORY
        self._line, self._environment, self._healthz, self._entered = line, environment, healthz, entered

    def command(self) -> Sequence[str]:
        return [*self._entered, "/bin/sh", "-c", f"exec {self._line}"]

    def environment(self) -> Mapping[str, str]:
        return self._environment

    def is_ready(self) -> bool:
        """`web` is ready when it answers /healthz; of the others it is known only that they run."""
        if not self._healthz:
            return self.running
        try:
            return requests.get(self._healthz, timeout=5).ok
        except requests.RequestException:
            return False


class Sidecar:
    """Make one with `Sidecar.start`; a context manager that stops it. `url` is the web process' own address."""

    def __init__(
        self,
        folder: Path,
        env: Mapping[str, str],
        port: int | None = None,
        procfile: Path = PROCFILE,
        entered: Sequence[str] = (),
    ) -> None:
        self.folder = folder.resolve()
        self.entered = entered
        self.port = port or reserve_port()
        self.url = f"http://127.0.0.1:{self.port}"
        programs = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
        # Nothing of the caller's environment, and no .env file: what is not in `env` has its default.
        self.env = {
            "PATH": programs,
            "HOME": str(self.folder),
            "LANG": "C.UTF-8",
            "PYTHONUNBUFFERED": "1",
            "PYTHON_DOTENV_DISABLED": "1",
            "SMI_DATA_DIR": str(self.folder / "data"),
            **env,
            "PORT": str(self.port),
        }
        self.processes = {
            name: SidecarProcess(
                name, line, self.folder, self.env, f"{self.url}/healthz" if name == "web" else "", entered
            )
            for name, line in commands(procfile).items()
        }

    @property
    def keys(self) -> Keys:
        """The names of its keys in Redis."""
        return Keys(Settings.from_env(self.env).site_hash)

    @property
    def tokens(self) -> TokenMaker:
        """Signs as it does: its secret is ours."""
        settings = Settings.from_env(self.env)
        return TokenMaker(settings.signing_keys, settings.site_hash)

    @classmethod
    def start(
        cls,
        folder: Path,
        env: Mapping[str, str],
        processes: Iterable[str] = ALL,
        port: int | None = None,
        timeout: float = 60,
        procfile: Path = PROCFILE,
        entered: Sequence[str] = (),
    ) -> "Sidecar":
        """Start these processes of the Procfile, logs in `folder`; waits until `web` answers /healthz.

        port: one from `reserve_port`, when the address has to be known beforehand (nginx' snippet).
        entered: what goes before each command line (`Machine.entered`).
        Raises StartFailed with the end of the log; nothing is left running then.
        """
        sidecar = cls(folder, env, port, procfile, entered)
        try:
            sidecar.launch(processes)
            sidecar.wait_ready(timeout)
        except BaseException:
            sidecar.stop()
            raise
        return sidecar

    def launch(self, processes: Iterable[str] = ALL) -> None:
        """Start processes without waiting for them."""
        for name in processes:
            self.process(name).launch()

    def wait_ready(self, timeout: float = 60) -> None:
        for process in self.processes.values():
            if process.running or process.returncode is not None:
                process.wait_ready(timeout)

    def process(self, name: str) -> SidecarProcess:
        """Its log, pid, children and state. Raises StartFailed for a name that the Procfile doesn't have."""
        if name not in self.processes:
            raise StartFailed(f"the Procfile has no {name}, only {', '.join(self.processes)}")
        return self.processes[name]

    def kill(self, name: str, *, children: bool = True) -> None:
        """SIGKILL. With `children=False` the process alone: a work-horse lives on as an orphan until `stop`."""
        process = self.process(name)
        if children:
            process.kill()
        else:
            process.signal(signal.SIGKILL)

    def restart(self, name: str, timeout: float = 60) -> None:
        """Stop it (gently, if it still runs) with all its children, and start it again."""
        self.process(name).restart(timeout)

    def log(self, name: str) -> str:
        log = self.process(name).log
        return log.read_text(errors="replace") if log.exists() else ""

    def stop(self) -> None:
        """Stop all, the store last. Safe to call twice; logs and data stay."""
        running = [process for name, process in self.processes.items() if name != "store" and process.running]
        for process in running:
            process.signal(process.stop_signal)
        for process in sorted(self.processes.values(), key=lambda process: process.name == "store"):
            process.stop()
        release_port(self.port)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
