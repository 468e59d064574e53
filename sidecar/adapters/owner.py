"""Adapter: users: a file or folder made by root gets the sidecar's user as its owner; who they are."""

from __future__ import annotations

import os
import pwd
from pathlib import Path


def user_name(uid: int) -> str:
    """The user's name, or the number where it has none, as in a container that was given one."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def home() -> Path:
    """The user's own folder; the root, in which nothing of his is, where the system knows none."""
    try:
        return Path.home()
    except RuntimeError:
        return Path("/")


def as_around(path: Path, user_of: Path | None = None) -> None:
    """Give a new file or folder the owner of the folder around it. `setup` and `doctor` run as root; the sidecar runs
    as another user and writes there later. `user_of`: a folder that this user owns, for a folder around that belongs
    to root and is open to a group. Raises OSError."""
    if os.geteuid() == 0:
        around = path.parent.stat()
        os.chown(path, _owner(user_of) or around.st_uid, around.st_gid, follow_symlinks=False)


def _owner(folder: Path | None) -> int:
    """The owner's number; 0 when the folder is missing or belongs to root."""
    try:
        return folder.stat().st_uid if folder else 0
    except FileNotFoundError:  # nothing has run here yet
        return 0
