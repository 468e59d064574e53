"""Setup: what `setup` would write, and what it leaves to root and owner: from facts to files, without touching any."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from ...core.connection_string import Connection
from ...core.packaged import DEPLOY
from ...core.settings import NO_DOOR, SANDBOX_KEY, described
from . import dotenv_file
from .find import Facts, program_folders
from .web_servers import sed

SANDBOX = "sandbox"  # the word that is given in place of a key
UNITS = "/etc/systemd/system"
NGINX_SNIPPET, NGINX_UPSTREAM = "/etc/nginx/snippets/smi-sidecar.conf", "/etc/nginx/conf.d/smi-upstream.conf"
APACHE_SNIPPET = "smi-sidecar.conf"  # in Apache's own folder
TARGET, RUNNING = "smi-sidecar.target", "smi-sidecar@*.service"
STOP = f"stop {TARGET} {RUNNING}"  # and wait until each of them has ended
# The target is read again only when all has stopped: it may name other units then.
RESTART = f"sudo systemctl stop {TARGET} '{RUNNING}' && sudo systemctl daemon-reload && sudo systemctl start {TARGET}"
MODULES = "sudo a2enmod -q proxy proxy_http headers setenvif && "
_EXAMPLE_UPLOADS, _EXAMPLE_ADDRESS = "/var/www/html/wp-content/uploads", "127.0.0.1:8321"


@dataclass(frozen=True)
class File:
    """`mode`: of chmod. `owner`: a user's name, "" for whoever runs setup. `secret`: what is in it opens something."""

    path: Path
    text: str
    mode: int = 0o644
    owner: str = ""  # "" is whoever runs setup
    secret: bool = False


@dataclass(frozen=True)
class Plan:
    """`folders`: (path, owner). `system`: files that only root may write; another user gets commands for them."""

    folders: tuple[tuple[Path, str], ...]
    files: tuple[File, ...]
    system: tuple[File, ...]


@dataclass(frozen=True)
class State:
    """Of the installation: whether systemd starts it by itself, whether anything that it reads changes, and what runs
    before that."""

    is_enabled: bool
    is_changed: bool
    runs: bool
    sandbox_runs: bool


def data_folder(facts: Facts) -> Path:
    """Where the embedded Valkey and work files are."""
    return Path("/var/lib/smi-sidecar") if facts.folder == Path("/etc/smi-sidecar") else facts.folder / "data"


def plan(connection: Connection, facts: Facts, key: str, present: str) -> Plan:
    """`key`: Upsampler's, or SANDBOX. `present`: the text of `.env` as it is."""
    data, owner = data_folder(facts), facts.user if facts.is_root else ""
    text = dotenv_file.merged(present, wanted(connection, facts, key, dotenv_file.values(present)))
    files = [File(facts.folder / ".env", text, 0o600, owner, secret=True)]
    system = _units(facts, data, key) + _snippets(connection, facts)
    return Plan(folders=((facts.folder, ""), (data, owner)), files=tuple(files), system=tuple(system))


def wanted(connection: Connection, facts: Facts, key: str, present: Mapping[str, str]) -> dict[str, str | None]:
    """Setting => value; None: not set. What somebody chose who knows better (public address, processes) stays."""
    env: dict[str, str | None] = {
        "SMI_SHOP_URL": connection.shop,
        "SMI_SECRET": connection.secret,
        "SMI_PREVIOUS_SECRET": connection.previous_secret or None,
        "SMI_STORAGE": None if facts.uploads else "rest",
        "SMI_UPLOADS_DIR": facts.uploads or None,
        "SMI_UPLOADS_URL": connection.uploads_url or None,
        "SMI_DATA_DIR": str(data_folder(facts)),
        "PORT": str(facts.port),
    }
    sandbox = f"127.0.0.1:{facts.sandbox_port}"
    known = [host for host in present.get("SMI_PRIVATE_HOSTS", "").split(",") if host not in ("", sandbox)]
    private = [*known, *([facts.private_shop] if facts.private_shop else [])]
    if key == SANDBOX:
        env |= {"UPSAMPLER_API_KEY": SANDBOX_KEY, "UPSAMPLER_URL": f"http://{sandbox}/api/v1"}
        private.append(sandbox)
    else:
        env["UPSAMPLER_API_KEY"] = key
        if present.get("UPSAMPLER_API_KEY") == SANDBOX_KEY:
            env["UPSAMPLER_URL"] = None
    env["SMI_PRIVATE_HOSTS"] = ",".join(dict.fromkeys(private)) or None
    if facts.redis:
        env["REDIS_URL"] = facts.redis
    if facts.site.is_included and "SMI_PUBLIC_URL" not in present:
        env |= {"SMI_PUBLIC_URL": public_url(connection), "SMI_DOWNLOAD_MODE": _download_mode(facts)}
    if facts.unreached:
        env |= {"SMI_BIND": NO_DOOR, "SMI_PUBLIC_URL": None}
        env |= {name: None for name in present if name.startswith("SMI_CDN_")}  # the key is in wp-config.php
        if present.get("SMI_DOWNLOAD_MODE") != "redirect":  # by the shop's CDN
            env["SMI_DOWNLOAD_MODE"] = None
    elif present.get("SMI_BIND") == NO_DOOR:
        env["SMI_BIND"] = None
    for name in ("SMI_WORKERS", "SMI_WEB_PROCESSES"):
        if facts.small and (facts.small_is_wished or name not in present):
            env[name] = "1"
        elif facts.small_is_wished:  # what a small machine has by itself is not wanted
            env[name] = usual(name)
    return env


def usual(name: str) -> str:
    """The default of a setting."""
    return next(str(item["default"]) for item in described() if item["name"] == name)


def public_url(connection: Connection) -> str:
    """At the root of the host: a shop may itself be in a folder."""
    parts = urlsplit(connection.shop)
    return f"{parts.scheme}://{parts.netloc}/smi"


def _download_mode(facts: Facts) -> str:
    if facts.site.server == "nginx":
        return "x-accel"
    return "x-sendfile" if facts.apache_sends_files else "stream"


def _units(facts: Facts, data: Path, key: str) -> list[File]:
    if not facts.systemd:
        return []
    template = (DEPLOY / "systemd" / "smi-sidecar@.service").read_text()
    target = (DEPLOY / "systemd" / "smi-sidecar.target").read_text()
    # All on one machine: `run` shares memory among the processes, which four units would not.
    target = re.sub(r"^Wants=.*$", "Wants=smi-sidecar@run.service", target, flags=re.MULTILINE)
    changes = {
        r"^User=.*": f"User={facts.user}",
        r"^Group=.*\n": "",  # the user's own group
        r"^WorkingDirectory=.*": f"WorkingDirectory={facts.folder}",
        r"^ExecStart=.*": f"ExecStart={sys.executable} -m sidecar %i",
        r"^ReadWritePaths=.*": f"ReadWritePaths={data} {facts.uploads}".rstrip(),
        r"^# Adjust User.*": "# Written by `smi-sidecar setup`.",
    }
    if any(map(_is_in_a_home, [facts.folder, Path(facts.uploads), *program_folders()])):
        changes[r"^ProtectHome=.*"] = "ProtectHome=read-only"
    for pattern, line in changes.items():
        template, found = re.subn(pattern, _as_it_is(line), template, flags=re.MULTILINE)
        assert found, pattern
    files = [File(Path(UNITS, "smi-sidecar@.service"), template)]
    if key == SANDBOX:
        target = re.sub(r"^(Wants=.*)$", r"\1 smi-sidecar@sandbox.service", target, flags=re.MULTILINE)
        line = f"{sys.executable} -m sidecar {sandbox_line(facts)}"
        drop_in = Path(UNITS, "smi-sidecar@sandbox.service.d", "command.conf")
        files.append(File(drop_in, f"[Service]\nExecStart=\nExecStart={line}\n"))
    return [*files, File(Path(UNITS, "smi-sidecar.target"), target)]


def _is_in_a_home(path: Path) -> bool:
    """Where ProtectHome=yes lets nobody look."""
    return any(path.is_relative_to(home) for home in ("/home", "/root", "/run/user"))


def _snippets(connection: Connection, facts: Facts) -> list[File]:
    """The web server's files, with the right paths. Not yet included in the site: that is the owner's to do."""
    url = urlsplit(connection.uploads_url or f"{connection.shop}/wp-content/uploads").path

    def adjusted(name: str) -> str:
        text = (DEPLOY / name).read_text().replace(_EXAMPLE_UPLOADS, facts.uploads)
        text = text.replace(_EXAMPLE_ADDRESS, facts.place)
        return text.replace("location ^~ /wp-content/uploads/", f"location ^~ {url}/")

    if facts.site.server == "nginx":
        snippet = File(Path(NGINX_SNIPPET), adjusted("nginx.conf"))
        return [snippet, File(Path(NGINX_UPSTREAM), adjusted("nginx-upstream.conf"))]
    apache = File(Path(facts.apache_folder, APACHE_SNIPPET), adjusted("apache.conf"))
    return [apache] if facts.site.server == "apache" else []


def sandbox_line(facts: Facts) -> str:
    """The command that runs the sandbox, without the program before it."""
    return f"sandbox --folder {data_folder(facts) / 'sandbox'} --port {facts.sandbox_port}"


def program() -> str:
    """The command `smi-sidecar`, by its full path."""
    return str(Path(sys.executable).with_name("smi-sidecar"))


def commands(connection: Connection, facts: Facts, key: str, state: State) -> list[tuple[str, str]]:
    """(why, line) of what is left to root or the owner."""
    found = [] if facts.systemd and facts.is_root else _starts(facts, key, state)
    if facts.site.server and not facts.site.is_included:
        found.append(("let the web server lead to the sidecar and close the folder", _include(connection, facts)))
    if found:
        found.append(("then run setup again: it tests everything", f"{program()} setup{facts.again}"))
    return found


def _starts(facts: Facts, key: str, state: State) -> list[tuple[str, str]]:
    """What runs already, and as it should, is not started."""
    if facts.systemd:
        if not state.is_enabled:
            return [("start the sidecar for good", "sudo systemctl enable --now smi-sidecar.target")]
        if state.is_changed:
            return [("start the sidecar again, with what has changed", RESTART)]
        return [] if state.runs else [("start the sidecar", f"sudo systemctl start {TARGET}")]
    if state.runs and not state.is_changed:
        return []
    found = []
    if key == SANDBOX and not state.sandbox_runs:
        found.append(("start the sandbox, in a terminal of its own", f"{program()} {sandbox_line(facts)}"))
    as_user = f"sudo -u {facts.user} " if facts.is_root and facts.user != "root" else ""
    why = (
        "end the sidecar that runs, and start it again with what has changed"
        if state.runs
        else "start the sidecar, in a terminal of its own or by a process manager"
    )
    return [*found, (why, f"cd {shlex.quote(str(facts.folder))} && {as_user}{program()} run")]


def _include(connection: Connection, facts: Facts) -> str:
    nginx = facts.site.server == "nginx"
    line = f"include {NGINX_SNIPPET};" if nginx else f"Include {facts.apache_folder}/{APACHE_SNIPPET}"
    # In Debian's folders a site is a link to its file.
    edit = f"sudo sed -i --follow-symlinks {sed(facts.site, line)} {shlex.quote(facts.site.file)} && "
    if not facts.site.file:  # only the owner knows it; what follows is a command all the same
        edit = f"# write “{line}” into the block of {urlsplit(connection.shop).hostname}, then:\n  "
    modules = "" if nginx or facts.apache_folder != "/etc/apache2" else MODULES
    return f"{edit}{modules}{reload(facts)}"


def reload(facts: Facts) -> str:
    """The command by which the web server reads its files again, if they are right."""
    if facts.site.server == "nginx":
        return "sudo nginx -t && sudo systemctl reload nginx"
    service = "apache2" if facts.apache_folder == "/etc/apache2" else "httpd"
    return f"sudo apachectl configtest && sudo systemctl reload {service}"


def _as_it_is(line: str) -> Callable[[re.Match[str]], str]:
    """A replacement in which a backslash is a backslash."""
    return lambda _: line
