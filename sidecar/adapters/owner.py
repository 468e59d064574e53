"""Adapter: a file or folder made by root gets the owner of the sidecar's folders."""

from __future__ import annotations

import os
from pathlib import Path


def as_around(path: Path, user_of: Path | None = None) -> None:
    """Of a file or folder that was just made: it belongs to whom the folder around it belongs. `setup` and `doctor` run
    as root, the sidecar as another user, who has to write there later. `user_of`: a folder that is that user's for
    sure, where the one around may be root's, and open to a group. Raises OSError."""
    if os.geteuid() == 0:
        around = path.parent.stat()
        os.chown(path, _owner(user_of) or around.st_uid, around.st_gid, follow_symlinks=False)


def _owner(folder: Path | None) -> int:
    """0 when nobody else than root is known."""
    try:
        return folder.stat().st_uid if folder else 0
    except FileNotFoundError:  # nothing has run here yet
        return 0
