"""Setup: what `setup` asks this machine, and has systemd do. Tests give it a root folder of their own."""

from __future__ import annotations

import grp
import os
import pwd
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ...adapters import outside
from ...adapters.memory import total_mb
from ...core.errors import ConfigurationError

LAST_PORT = 65535
_PROGRAMS = ("usr/sbin", "usr/bin", "usr/local/sbin", "usr/local/bin")


@dataclass(frozen=True)
class Machine:
    """Paths are absolute and of the machine that is set up, which lies below `root`. Users, network and `systemctl` are
    this machine's own."""

    root: Path = Path("/")

    def at(self, path: str | Path) -> Path:
        """The real place of a path of this machine."""
        return self.root / Path(path).relative_to("/")

    def exists(self, path: str | Path) -> bool:
        """What lies in a folder that is closed to this user does not exist for him."""
        return os.path.exists(self.at(path))

    def is_folder(self, path: str | Path) -> bool:
        """As `exists`."""
        return os.path.isdir(self.at(path))

    def is_closed(self, path: str | Path) -> bool:
        """Whether it lies in a folder that this user may not enter."""
        try:
            self.at(path).stat()
        except PermissionError:
            return True
        except OSError:
            return False
        return False

    def read(self, path: str | Path) -> str:
        """The text of a file; "" when it is missing or unreadable."""
        try:
            return self.at(path).read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""

    def hides(self, path: str | Path) -> bool:
        """Whether a file exists that this user may not read."""
        real = self.at(path)
        try:
            return real.is_file() and not os.access(real, os.R_OK)
        except PermissionError:  # nor its folder
            return True

    def files(self, folder: str, pattern: str) -> Iterator[str]:
        """Paths on this machine, sorted."""
        for path in sorted(self.at(folder).glob(pattern)):
            yield str(Path("/") / path.relative_to(self.root))

    def has_program(self, name: str) -> bool:
        return any(self.exists(Path("/") / folder / name) for folder in _PROGRAMS)

    def has_systemd(self) -> bool:
        """Whether systemd runs the machine, as sd_booted(3) finds out."""
        return self.is_folder("/run/systemd/system")

    def systemctl(self, *lines: str) -> None:
        """Raises ConfigurationError("start_failed") with systemd's own words."""
        for line in lines:
            try:
                subprocess.run(["systemctl", *line.split()], check=True, capture_output=True, text=True, timeout=120)
            except (subprocess.SubprocessError, OSError) as error:
                words = str(getattr(error, "stderr", "") or error).strip()
                raise ConfigurationError("start_failed", words) from error

    def memory_mb(self) -> int:
        """MiB in all; 0 when the kernel does not say."""
        return total_mb(self.read)

    # ------------------------------------------------------------------ users
    @staticmethod
    def is_root() -> bool:
        return os.geteuid() == 0

    @staticmethod
    def user() -> str:
        return pwd.getpwuid(os.geteuid()).pw_name

    @staticmethod
    def knows_user(name: str) -> bool:
        try:
            pwd.getpwnam(name)
        except KeyError:
            return False
        return True

    def owner(self, path: str | Path) -> str:
        """The owner of a file; "" when the file is missing or its owner has no name."""
        try:
            return pwd.getpwuid(self.at(path).stat().st_uid).pw_name
        except (OSError, KeyError):
            return ""

    def may(self, user: str, path: str | Path, mode: int) -> bool:
        """Whether file modes allow a user this access (os.R_OK, os.W_OK, os.X_OK), up the whole path."""
        here = self.at(path)
        if not self.exists(path):
            return False
        above = [folder for folder in here.parents if folder.is_relative_to(self.root) and folder != self.root]
        return _allows(user, here, mode) and all(_allows(user, folder, os.X_OK) for folder in above)

    # ------------------------------------------------------------------ network
    @staticmethod
    def listens(port: int, host: str = "127.0.0.1") -> bool:
        """Whether a port of this machine accepts connections. `host`: as in an address."""
        try:
            socket.create_connection((host.strip("[]"), port), timeout=1).close()
        except OSError:
            return False
        return True

    @staticmethod
    def is_the_sidecar(url: str) -> bool:
        """Whether our own probe answers there."""
        answer = outside.get(f"{url}/healthz", timeout=5).json()
        return isinstance(answer, dict) and answer.get("ok") is True

    @staticmethod
    def has_redis() -> bool:
        """Whether a Redis answers on its usual port without a password."""
        try:
            with socket.create_connection(("127.0.0.1", 6379), timeout=1) as link:
                link.sendall(b"PING\r\n")
                return link.recv(16).startswith(b"+PONG")
        except OSError:
            return False


def _allows(user: str, path: Path, mode: int) -> bool:
    entry, seen = pwd.getpwnam(user), path.stat()
    if entry.pw_uid == 0:
        return True
    if seen.st_uid == entry.pw_uid:
        granted = seen.st_mode >> 6
    elif seen.st_gid == entry.pw_gid or user in _members(seen.st_gid):
        granted = seen.st_mode >> 3
    else:
        granted = seen.st_mode
    return granted & mode == mode


def _members(group: int) -> list[str]:
    try:
        return grp.getgrgid(group).gr_mem
    except KeyError:
        return []
