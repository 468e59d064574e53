"""Setup: what `setup` finds out by asking the machine, and says in a line each. Changes nothing."""

from __future__ import annotations

import ipaddress
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from ...adapters import outside
from ...adapters.memory import SMALL_BELOW_MB
from ...core.advice import Advice, advice
from ...core.connection_string import Connection
from ...core.env import local_address
from .machine import LAST_PORT, Machine
from .web_servers import Site, find_site

OWN_USER = "smi-sidecar"  # whom the sidecar runs as where PHP's user is not known


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
    bind: str = ""
    again: str = ""


@dataclass(frozen=True)
class Line:
    """`wrong`: what is in the way, and how to remove it."""

    text: str
    wrong: Advice | None = None


@dataclass(frozen=True)
class Facts:
    """`uploads`: "" where the shop is elsewhere, and files go through its door. `unreached`: nobody has to reach us.
    `host`: where the web process is reached from this machine, as it stands in addresses. `again`: flags that a second
    run needs."""

    folder: Path
    uploads: str
    user: str
    is_root: bool
    systemd: bool
    site: Site
    apache_folder: str
    apache_sends_files: bool
    host: str
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
    def place(self) -> str:
        """host:port of the web process."""
        return f"{self.host}:{self.port}"

    @property
    def wrong(self) -> tuple[Advice, ...]:
        """What has to be put right before anything is written."""
        return tuple(line.wrong for line in self.lines if line.wrong)


def find(machine: Machine, connection: Connection, wishes: Wishes) -> Facts:
    """1. the user; 2. the uploads folder; 3. the program; 4. the web server; 5. the port; 6. systemd, Redis, memory."""
    lines: list[Line] = []
    is_root = machine.is_root()
    uploads = "" if wishes.anywhere else wishes.uploads or connection.uploads
    user, user_line = _user(machine, connection, wishes, uploads, is_root)
    lines += user_line
    lines += _uploads(machine, uploads, user) if uploads else [Line(_elsewhere(user))]
    lines += _program(machine, user)
    wished = "none" if wishes.no_system or wishes.anywhere else wishes.web_server
    site = find_site(machine, (urlsplit(connection.shop).hostname or "").lower(), wished)
    lines.append(_site_line(site))
    host, runs = local_address(wishes.bind), False
    if wishes.unreached:
        line = Line("No port is needed: the sidecar comes to the shop for its messages.")
    elif wishes.sandbox and wishes.port == wishes.sandbox_port:
        free = _free(machine, host, wishes)
        words = advice("ports_equal", port=wishes.port, free=free)
        line = Line(f"Port {wishes.port} is the sandbox's.", words)
    else:
        runs, line = _port(machine, host, wishes)
    lines.append(line)
    systemd = machine.has_systemd() and not wishes.no_system
    lines.append(
        Line("systemd keeps processes running." if systemd else "Without systemd: starting the sidecar is left to you.")
    )
    if wishes.redis:
        lines.append(Line("The Redis server that you name is used."))
    elif machine.has_redis():
        lines.append(Line("A Redis answers here; --redis redis://127.0.0.1:6379/1 would use it."))
    else:
        lines.append(Line("No Redis answers here: the embedded Valkey is used."))
    sandbox_port = wishes.sandbox_port
    if wishes.sandbox:
        ports = (port for port in range(sandbox_port, LAST_PORT + 1) if port != wishes.port)
        sandbox_port = next((port for port in ports if _is_for_the_sandbox(machine, port)), sandbox_port)
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
        site=site,
        apache_folder="/etc/apache2" if machine.is_folder("/etc/apache2") else "/etc/httpd",
        apache_sends_files=machine.exists("/etc/apache2/mods-enabled/xsendfile.load"),
        host=host,
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


def _user(
    machine: Machine, connection: Connection, wishes: Wishes, uploads: str, is_root: bool
) -> tuple[str, list[Line]]:
    """Whom the sidecar runs as: best the one who PHP is. Never root because nobody else is known."""
    if not is_root and not wishes.user:
        return machine.user(), []
    guess = machine.owner(uploads) if uploads and machine.is_folder(uploads) else ""
    for name in [wishes.user] if wishes.user else [connection.user, "" if guess == "root" else guess, OWN_USER]:
        if name and machine.knows_user(name):
            return name, []
    user = wishes.user or OWN_USER
    found = (
        f"There is no user {user}." if wishes.user else "PHP's user is not known here, and root is not taken for it."
    )
    return user, [Line(found, advice("user_unknown", user=user))]


def _uploads(machine: Machine, uploads: str, user: str) -> list[Line]:
    if machine.is_closed(uploads):
        wrong = advice("uploads_closed", folder=uploads, user=machine.user())
        return [Line(f"{uploads} is closed to {machine.user()}.", wrong)]
    if not machine.is_folder(uploads):
        return [Line(f"{uploads} is not here.", advice("uploads_not_here", folder=uploads))]
    if not machine.knows_user(user):
        return [Line(f"{uploads} is here.")]
    downloads = f"{uploads}/smi-downloads"
    needed = downloads if machine.is_folder(downloads) else uploads
    if not machine.may(user, needed, os.W_OK | os.X_OK):
        wrong = advice("uploads_not_writable", user=user, folder=downloads)
        return [Line(f"{uploads} is here, and {user} may not write into it.", wrong)]
    return [Line(f"{uploads} is here, and {user} may write into it: the sidecar runs as {user}.")]


def _elsewhere(user: str) -> str:
    return f"The shop is on another machine: files go through its door. The sidecar runs as {user}."


def program_folders() -> list[Path]:
    """All that has to be read to run the program: its own folder, and Python's, which may be in somebody's home."""
    places = (Path(sys.prefix), Path(sys.base_prefix), Path(sys.executable).parent)
    return list(dict.fromkeys([*places, *(place.resolve() for place in places)]))


def _program(machine: Machine, user: str) -> list[Line]:
    """Programs in root's own folder are nobody else's."""
    if not machine.knows_user(user):
        return []
    for folder in program_folders():
        if not Machine().may(user, folder, os.R_OK | os.X_OK):
            return [Line(f"The program is in {folder}.", advice("program_hidden", user=user, folder=folder))]
    return []


def _is_for_the_sandbox(machine: Machine, port: int) -> bool:
    """Free, or its own already."""
    return not machine.listens(port) or outside.get(f"http://127.0.0.1:{port}/sandbox/bill", timeout=5).status == 200


def _site_line(site: Site) -> Line:
    if not site.server:
        return Line("No web server is looked after: WordPress stands in for status and downloads.")
    if not site.file:
        return Line(f"{site.server} is here, and none of its files names the shop.")
    has = "has" if site.is_included else "lacks"
    return Line(f"{site.server} serves the shop by {site.file}, which {has} the sidecar's lines.")


def _port(machine: Machine, host: str, wishes: Wishes) -> tuple[bool, Line]:
    """Whether a sidecar runs there, and what is said of it."""
    port = wishes.port
    if not machine.listens(port, host):
        return False, Line(f"Port {port} is free.")
    if machine.is_the_sidecar(f"http://{host}:{port}"):
        return True, Line(f"A sidecar runs at port {port}.")
    words = advice("port_taken", port=port, free=_free(machine, host, wishes))
    return False, Line(f"Port {port} is in use.", words)


def _free(machine: Machine, host: str, wishes: Wishes) -> int:
    """The next port that nobody has, nor is to have."""
    others = [*range(wishes.port + 1, LAST_PORT + 1), *range(wishes.port - 1, 1023, -1)]
    taken = wishes.sandbox_port if wishes.sandbox else 0
    return next(port for port in others if port != taken and not machine.listens(port, host))


def _private(shop: str) -> str:
    """host:port of a shop in a private network, "" for one that everybody reaches: pictures are fetched from there."""
    parts = urlsplit(shop)
    host = parts.hostname or ""
    try:
        is_private = ipaddress.ip_address(host).is_private
    except ValueError:
        is_private = host == "localhost" or host.endswith((".local", ".test", ".internal"))
    return f"{host}:{parts.port or (443 if parts.scheme == 'https' else 80)}" if is_private else ""
