"""Setup: what `setup` finds out by asking the machine, and says in a line each. Changes nothing."""

from __future__ import annotations

import ipaddress
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from ...adapters import outside
from ...adapters.memory import SMALL_BELOW_MB
from ...core.advice import Advice, advice
from ...core.connection_string import Connection
from .machine import Machine

_SITES = {
    "nginx": (("/etc/nginx/sites-enabled", "*"), ("/etc/nginx/conf.d", "*.conf"), ("/etc/nginx", "nginx.conf")),
    "apache": (("/etc/apache2/sites-enabled", "*"), ("/etc/httpd/conf.d", "*.conf")),  # Debian's, Red Hat's
}
_NAMES = {
    "nginx": re.compile(r"^\s*server_name\s+([^;]+);", re.M),
    "apache": re.compile(r"^\s*Server(?:Name|Alias)\s+(.+)$", re.M | re.I),
}
_PROGRAMS = (("nginx", "nginx"), ("apache", "apache2"), ("apache", "httpd"))
_INCLUDED = re.compile(r"^\s*include\s+\S*smi-sidecar\.conf", re.M | re.I)


@dataclass(frozen=True)
class Wishes:
    """What the flags say; what they leave open is found, or has a default."""

    folder: str = ""
    uploads: str = ""
    user: str = ""
    port: int = 8321
    web_server: str = ""
    redis: str = ""
    small: bool | None = None
    no_system: bool = False
    sandbox: bool = False
    sandbox_port: int = 9000
    anywhere: bool = False
    unreached: bool = False
    again: str = ""


@dataclass(frozen=True)
class Line:
    """`wrong`: what is in the way, and how to remove it."""

    text: str
    wrong: Advice | None = None


@dataclass(frozen=True)
class Facts:
    """`uploads`: "" where the shop is elsewhere, and files go through its door. `unreached`: nobody has to reach us.
    `site_lines`: of the site's file, behind which the sidecar's lines belong: one in each block of the shop. `again`:
    flags that a second run needs."""

    folder: Path
    uploads: str
    user: str
    is_root: bool
    systemd: bool
    web_server: str
    site_file: str
    site_lines: tuple[int, ...]
    apache_folder: str
    is_included: bool
    apache_sends_files: bool
    port: int
    runs: bool
    redis: str
    small: bool
    small_is_wished: bool
    private_shop: str
    sandbox_port: int
    unreached: bool
    again: str
    lines: tuple[Line, ...]

    @property
    def wrong(self) -> tuple[Advice, ...]:
        """What has to be put right before anything is written."""
        return tuple(line.wrong for line in self.lines if line.wrong)


def find(machine: Machine, connection: Connection, wishes: Wishes) -> Facts:
    """1. the user; 2. the uploads folder; 3. the program; 4. the web server; 5. the port; 6. systemd, Redis, memory."""
    lines: list[Line] = []
    is_root = machine.is_root()
    uploads = "" if wishes.anywhere else wishes.uploads or connection.uploads
    user = _user(machine, connection, wishes, uploads, is_root)
    lines += _uploads(machine, uploads, user) if uploads else [Line(_elsewhere(user))]
    lines += _program(machine, user)
    wished = "none" if wishes.no_system or wishes.anywhere else wishes.web_server
    server, site_file, site_lines = _web_server(machine, (urlsplit(connection.shop).hostname or "").lower(), wished)
    is_included = bool(site_file and _INCLUDED.search(machine.read(site_file)))
    lines.append(_site_line(server, site_file, is_included))
    if wishes.unreached:
        runs, line = True, Line("No port is needed: the sidecar comes to the shop for its messages.")
    else:
        runs, line = _port(machine, wishes.port)
    lines.append(line)
    systemd = machine.has_systemd() and not wishes.no_system
    lines.append(Line("systemd keeps processes running." if systemd else "Nothing is left to systemd."))
    if wishes.redis:
        lines.append(Line("The Redis server that you name is used."))
    elif machine.has_redis():
        lines.append(Line("A Redis answers here; --redis redis://127.0.0.1:6379/1 would use it."))
    else:
        lines.append(Line("No Redis answers here: the embedded Valkey is used."))
    sandbox_port = wishes.sandbox_port
    if wishes.sandbox:
        sandbox_port = next(
            port for port in range(sandbox_port, sandbox_port + 1000) if _is_for_the_sandbox(machine, port)
        )
        lines.append(Line(f"The sandbox listens at port {sandbox_port}."))
    memory = machine.memory_mb()
    small = wishes.small if wishes.small is not None else 0 < memory < SMALL_BELOW_MB
    processes = "one worker and one web process" if small else "the usual number of processes"
    lines.append(Line(f"{memory} MB of memory: {processes}."))
    return Facts(
        folder=Path(wishes.folder or default_folder(machine)),
        uploads=uploads,
        user=user,
        is_root=is_root,
        systemd=systemd,
        web_server=server,
        site_file=site_file,
        site_lines=site_lines,
        apache_folder="/etc/apache2" if machine.is_folder("/etc/apache2") else "/etc/httpd",
        is_included=is_included,
        apache_sends_files=machine.at("/etc/apache2/mods-enabled/xsendfile.load").exists(),
        port=wishes.port,
        runs=runs,
        redis=wishes.redis,
        small=small,
        small_is_wished=wishes.small is not None,
        private_shop=_private(connection.shop),
        sandbox_port=sandbox_port,
        unreached=wishes.unreached,
        again=wishes.again,
        lines=tuple(lines),
    )


def default_folder(machine: Machine) -> str:
    """Where `.env` is kept: root's place for settings, or the user's own."""
    return "/etc/smi-sidecar" if machine.is_root() else str(Path.home() / "smi-sidecar")


def _user(machine: Machine, connection: Connection, wishes: Wishes, uploads: str, is_root: bool) -> str:
    """Whom the sidecar runs as: best the one who PHP is."""
    if wishes.user:
        return wishes.user
    if not is_root:
        return machine.user()
    for name in (connection.user, machine.owner(uploads) if uploads and machine.is_folder(uploads) else ""):
        if name and machine.knows_user(name):
            return name
    return machine.user()


def _uploads(machine: Machine, uploads: str, user: str) -> list[Line]:
    if not machine.is_folder(uploads):
        return [Line(f"{uploads} is not here.", advice("uploads_not_here", folder=uploads))]
    downloads = f"{uploads}/smi-downloads"
    needed = downloads if machine.is_folder(downloads) else uploads
    if not machine.may(user, needed, os.W_OK | os.X_OK):
        wrong = advice("uploads_not_writable", user=user, folder=downloads)
        return [Line(f"{uploads} is here, and {user} may not write into it.", wrong)]
    return [Line(f"{uploads} is here, and {user} may write into it: the sidecar runs as {user}.")]


def _elsewhere(user: str) -> str:
    return f"The shop is on another machine: files go through its door. The sidecar runs as {user}."


def _program(machine: Machine, user: str) -> list[Line]:
    """Programs in root's own folder are nobody else's."""
    prefix = Path(sys.prefix)
    if Machine().may(user, prefix, os.R_OK | os.X_OK):
        return []
    return [Line(f"The program is in {prefix}.", advice("program_hidden", user=user, folder=prefix))]


def _web_server(machine: Machine, host: str, wished: str) -> tuple[str, str, tuple[int, ...]]:
    """(nginx, apache or "", the file of the shop's site or "", the lines in it that name the shop)."""
    if wished == "none":
        return "", "", ()
    here = [server for server, program in _PROGRAMS if machine.has_program(program)]
    for server in [wished] if wished in _SITES else here:
        for folder, pattern in _SITES[server]:
            for file in machine.files(folder, pattern):
                text = machine.read(file)
                named = [names for names in _NAMES[server].finditer(text) if host in names[1].lower().split()]
                if named:
                    return server, file, tuple(text.count("\n", 0, names.end()) + 1 for names in named)
    return wished or (here[0] if here else ""), "", ()


def _is_for_the_sandbox(machine: Machine, port: int) -> bool:
    """Free, or its own already."""
    return not machine.listens(port) or outside.get(f"http://127.0.0.1:{port}/sandbox/bill", timeout=5).status == 200


def _site_line(server: str, file: str, is_included: bool) -> Line:
    if not server:
        return Line("No web server is looked after: WordPress stands in for status and downloads.")
    if not file:
        return Line(f"{server} is here, and none of its files names the shop.")
    return Line(f"{server} serves the shop by {file}, which {'has' if is_included else 'lacks'} the sidecar's lines.")


def _port(machine: Machine, port: int) -> tuple[bool, Line]:
    if not machine.listens(port):
        return False, Line(f"Port {port} is free.")
    if machine.is_the_sidecar(f"http://127.0.0.1:{port}"):
        return True, Line(f"A sidecar runs at port {port}.")
    free = next(number for number in range(port + 1, port + 1000) if not machine.listens(number))
    return False, Line(f"Port {port} is in use.", advice("port_taken", port=port, free=free))


def _private(shop: str) -> str:
    """host:port of a shop in a private network, "" for one that everybody reaches: pictures are fetched from there."""
    parts = urlsplit(shop)
    host = parts.hostname or ""
    try:
        is_private = ipaddress.ip_address(host).is_private
    except ValueError:
        is_private = host == "localhost" or host.endswith((".local", ".test", ".internal"))
    return f"{host}:{parts.port or (443 if parts.scheme == 'https' else 80)}" if is_private else ""
