"""A service of a systemd unit with its sandbox, where no systemd runs: a mount namespace with the unit's rules.

What systemd does by filters of system calls is not done here (FILTERS); `systemd-analyze` reads those.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from tests.testbed.places import REPOSITORY
from tests.testbed.process import Process

# What this sandbox does itself, what a process manager does, and what it leaves out.
MOUNTS = {"ProtectSystem", "ReadWritePaths", "ProtectHome", "PrivateTmp", "PrivateDevices", "ProtectProc"}
MOUNTS |= {"ProtectKernelTunables", "ProtectControlGroups"}
IDENTITY = {"User", "Group", "UMask", "WorkingDirectory", "ExecStart", "NoNewPrivileges", "CapabilityBoundingSet"}
MANAGER = {"Type", "Restart", "RestartSec", "RestartPreventExitStatus", "KillMode", "TimeoutStopSec"}
FILTERS = {"ProtectKernelModules", "ProtectKernelLogs", "ProtectClock", "ProtectHostname", "RestrictAddressFamilies"}
FILTERS |= {"RestrictNamespaces", "RestrictRealtime", "RestrictSUIDSGID", "LockPersonality", "SystemCallArchitectures"}
FILTERS |= {"SystemCallFilter", "SystemCallErrorNumber"}
_DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
_OWN = ("/proc", "/sys", "/dev")  # kept out of ProtectSystem=strict, as systemd does


@cache
def possible() -> bool:
    """Whether we may make mounts in a namespace of our own here."""
    tools = all(shutil.which(tool) for tool in ("unshare", "setpriv", "mount"))
    return (
        tools
        and os.geteuid() == 0
        and not subprocess.run(["unshare", "-m", "true"], check=False, timeout=120).returncode
    )


def service(unit: str) -> dict[str, str]:
    """The settings of its [Service] section."""
    section = unit.partition("[Service]")[2].partition("[Install]")[0]
    return dict(re.findall(r"^(\w+)=(.*)$", section, re.MULTILINE))


class Installation:
    """The sidecar where the unit expects it, on a machine of its own. `folder` holds what lasts: data and uploads."""

    def __init__(self, folder: Path, env: Mapping[str, str]) -> None:
        self.folder = folder
        for name in ("data", "uploads"):
            (folder / name).mkdir()
            shutil.chown(folder / name, "www-data", "www-data")
        self.dotenv = folder / "env"
        self.dotenv.write_text("".join(f"{name}={value}\n" for name, value in env.items()))

    def lines(self) -> list[str]:
        """Shell lines, for each namespace: everything at its place, whatever this machine has there."""
        home, venv = Path(sys.base_prefix), Path(sys.prefix).resolve()
        interpreter = Path(os.path.realpath(sys.executable)).relative_to(home.resolve())
        top = "/opt/smi-sidecar"
        uploads = "/var/www/html/wp-content/uploads"
        covered = next(parent for parent in Path(uploads).parents if parent.is_dir())
        lines = ["mount -t tmpfs tmpfs /opt", f"mount -t tmpfs tmpfs {covered}"]
        lines += [f"mkdir -p {top}/.venv/bin {top}/data {uploads} /opt/python /opt/venv /opt/repository"]
        for source, place in ((home, "/opt/python"), (venv, "/opt/venv"), (REPOSITORY, "/opt/repository")):
            lines.append(f"mount --bind {shlex.quote(str(source))} {place}")
        for name, place in (("data", f"{top}/data"), ("uploads", uploads)):
            lines.append(f"mount --bind {shlex.quote(str(self.folder / name))} {place}")
        lines += [
            f"ln -s /opt/repository/sidecar /opt/repository/Procfile {top}/",
            f"ln -s /opt/python/{interpreter} {top}/.venv/bin/python",
            f"ln -s /opt/venv/lib {top}/.venv/lib",
            f"printf 'home = /opt/python/bin\\n' > {top}/.venv/pyvenv.cfg",
            f"cp {shlex.quote(str(self.dotenv))} {top}/.env",
        ]
        return lines


class SandboxedUnit(Process):
    """An instance of the unit; `instead`: a command that runs in its sandbox for ExecStart's."""

    def __init__(self, name: str, unit: str, installation: Installation, instead: Sequence[str] = ()) -> None:
        super().__init__(name, installation.folder)
        self._service = service(unit.replace("%i", name))
        self._installation = installation
        self._instead = instead

    def command(self) -> Sequence[str]:
        script = self.folder / f"{self.name}.sh"
        script.write_text("\n".join(["set -e", *self._installation.lines(), *self._mounts(), self._start()]) + "\n")
        return ["unshare", "--mount", "--propagation", "private", "/bin/sh", str(script)]

    def environment(self) -> Mapping[str, str]:
        path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        # A Python that was built as a shared library looks for it where it was installed.
        return {"PATH": path, "LANG": "C.UTF-8", "LD_LIBRARY_PATH": "/opt/python/lib"}

    def is_ready(self) -> bool:
        return self.running

    def _is(self, name: str) -> bool:
        return self._service.get(name) == "yes"

    def _mounts(self) -> list[str]:
        writable = self._service.get("ReadWritePaths", "").split()
        lines = [f"mountpoint -q {path} || mount --bind {path} {path}" for path in writable]
        private = []
        if self._is("PrivateDevices"):
            lines += self._devices()
        if self._service.get("ProtectProc") == "invisible":
            lines.append("mount -t proc proc /proc -o hidepid=invisible")
        if self._is("ProtectHome"):
            lines += [f"test ! -d {home} || mount -t tmpfs tmpfs {home} -o mode=0,ro" for home in ("/home", "/root")]
        if self._is("PrivateTmp"):
            private = ["/tmp", "/var/tmp"]
            lines += [f"mount -t tmpfs tmpfs {path} -o mode=1777" for path in private]
        if self._service.get("ProtectSystem") == "strict":
            kept = "|".join([*(f"{path}|{path}/*" for path in _OWN), *writable, *private])
            lines += [
                "while read -r _ place _; do",
                f'  case "$place" in {kept}) ;; *) mount -o remount,bind,ro "$(printf %b "$place")" || : ;; esac',
                "done < /proc/self/mounts",
            ]
        if self._is("ProtectKernelTunables"):
            lines += ["mount --bind /proc/sys /proc/sys", "mount -o remount,bind,ro /proc/sys"]
            lines += ["mount -o remount,bind,ro /sys"]
        return lines

    def _devices(self) -> list[str]:
        stage = shlex.quote(str(self.folder / f"{self.name}.dev"))
        lines = [f"mkdir -p {stage}", f"mount -t tmpfs tmpfs {stage} -o mode=755", f"mkdir {stage}/shm {stage}/pts"]
        lines += [f"touch {stage}/{name} && mount --bind /dev/{name} {stage}/{name}" for name in _DEVICES]
        lines += [f"mount -t tmpfs tmpfs {stage}/shm -o mode=1777", f"ln -s /proc/self/fd {stage}/fd"]
        return [*lines, f"mount --move {stage} /dev"]

    def _start(self) -> str:
        who = ["setpriv", f"--reuid={self._service['User']}", f"--regid={self._service['Group']}", "--clear-groups"]
        if self._is("NoNewPrivileges"):
            who.append("--no-new-privs")
        if self._service.get("CapabilityBoundingSet") == "":
            who += ["--bounding-set=-all", "--inh-caps=-all"]
        line = shlex.join([*who, *(self._instead or shlex.split(self._service["ExecStart"]))])
        return f"cd {self._service['WorkingDirectory']}\numask {self._service['UMask']}\nexec {line}"
