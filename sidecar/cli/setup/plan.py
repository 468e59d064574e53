"""Setup: what `setup` would write, and what it leaves to root and owner: from facts to files, without touching any."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from ...core.connection_string import Connection
from ...core.packaged import DEPLOY
from ...core.settings import NO_DOOR, SANDBOX_KEY, described
from . import dotenv_file
from .find import Facts

SANDBOX = "sandbox"  # the word that is given in place of a key
UNITS = "/etc/systemd/system"
NGINX_SNIPPET, NGINX_UPSTREAM = "/etc/nginx/snippets/smi-sidecar.conf", "/etc/nginx/conf.d/smi-upstream.conf"
APACHE_SNIPPET = "smi-sidecar.conf"  # in Apache's own folder
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
    """`folders`: (path, owner). `system`: files that only root may write; another user gets commands for them.
    `commands`: (why, line) for root or the owner."""

    folders: tuple[tuple[Path, str], ...]
    files: tuple[File, ...]
    system: tuple[File, ...]
    commands: tuple[tuple[str, str], ...]


def data_folder(facts: Facts) -> Path:
    """Where the embedded Valkey and work files are."""
    return Path("/var/lib/smi-sidecar") if facts.folder == Path("/etc/smi-sidecar") else facts.folder / "data"


def plan(connection: Connection, facts: Facts, key: str, present: str) -> Plan:
    """`key`: Upsampler's, or SANDBOX. `present`: the text of `.env` as it is."""
    data, owner = data_folder(facts), facts.user if facts.is_root else ""
    text = dotenv_file.merged(present, wanted(connection, facts, key, dotenv_file.values(present)))
    files = [File(facts.folder / ".env", text, 0o600, owner, secret=True)]
    system = _units(facts, data, key) + _snippets(connection, facts)
    return Plan(
        folders=((facts.folder, ""), (data, owner)),
        files=tuple(files),
        system=tuple(system),
        commands=tuple(_commands(connection, facts, key)),
    )


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
    if facts.is_included and "SMI_PUBLIC_URL" not in present:
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
    if facts.web_server == "nginx":
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
    if any(Path("/home") in Path(path).parents for path in (facts.folder, facts.uploads, Path(sys.executable))):
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


def _snippets(connection: Connection, facts: Facts) -> list[File]:
    """The web server's files, with the right paths. Not yet included in the site: that is the owner's to do."""
    url = urlsplit(connection.uploads_url or f"{connection.shop}/wp-content/uploads").path

    def adjusted(name: str) -> str:
        text = (DEPLOY / name).read_text().replace(_EXAMPLE_UPLOADS, facts.uploads)
        text = text.replace(_EXAMPLE_ADDRESS, f"127.0.0.1:{facts.port}")
        return text.replace("location ^~ /wp-content/uploads/", f"location ^~ {url}/")

    if facts.web_server == "nginx":
        snippet = File(Path(NGINX_SNIPPET), adjusted("nginx.conf"))
        return [snippet, File(Path(NGINX_UPSTREAM), adjusted("nginx-upstream.conf"))]
    apache = File(Path(facts.apache_folder, APACHE_SNIPPET), adjusted("apache.conf"))
    return [apache] if facts.web_server == "apache" else []


def sandbox_line(facts: Facts) -> str:
    """The command that runs the sandbox, without the program before it."""
    return f"sandbox --folder {data_folder(facts) / 'sandbox'} --port {facts.sandbox_port}"


def program() -> str:
    """The command `smi-sidecar`, by its full path."""
    return str(Path(sys.executable).with_name("smi-sidecar"))


def _commands(connection: Connection, facts: Facts, key: str) -> list[tuple[str, str]]:
    commands = []
    if not facts.systemd:
        if key == SANDBOX:
            commands.append(("start the sandbox", f"{program()} {sandbox_line(facts)}"))
        as_user = f"sudo -u {facts.user} " if facts.is_root and facts.user != "root" else ""
        commands.append(("start the sidecar", f"cd {facts.folder} && {as_user}{program()} run"))
    elif not facts.is_root:
        commands.append(("start the sidecar for good", "sudo systemctl enable --now smi-sidecar.target"))
    if facts.web_server and not facts.is_included:
        commands.append(("let the web server lead to the sidecar and close the folder", _include(connection, facts)))
    if commands:
        commands.append(("then run setup again: it tests everything", f"{program()} setup{facts.again}"))
    return commands


def _include(connection: Connection, facts: Facts) -> str:
    nginx = facts.web_server == "nginx"
    line = f"include {NGINX_SNIPPET};" if nginx else f"Include {facts.apache_folder}/{APACHE_SNIPPET}"
    # In Debian's folders a site is a link to its file.
    edits = " ".join(rf"-e '{number}a\    {line}'" for number in facts.site_lines)
    edit = f"sudo sed -i --follow-symlinks {edits} {facts.site_file} && "
    if not facts.site_file:  # only the owner knows it; what follows is a command all the same
        edit = f"# write “{line}” into the block of {urlsplit(connection.shop).hostname}, then:\n  "
    modules = "" if nginx or facts.apache_folder != "/etc/apache2" else MODULES
    return f"{edit}{modules}{reload(facts)}"


def reload(facts: Facts) -> str:
    """The command by which the web server reads its files again, if they are right."""
    if facts.web_server == "nginx":
        return "sudo nginx -t && sudo systemctl reload nginx"
    service = "apache2" if facts.apache_folder == "/etc/apache2" else "httpd"
    return f"sudo apachectl configtest && sudo systemctl reload {service}"


def _as_it_is(line: str) -> Callable[[re.Match[str]], str]:
    """A replacement in which a backslash is a backslash."""
    return lambda _: line
