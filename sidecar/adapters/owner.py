"""Adapter: a file or folder made by root gets the owner of the folder around it."""

from __future__ import annotations

import os
from pathlib import Path


def as_around(path: Path) -> None:
    """Change the owner of a new file or folder. `setup` and `doctor` run as root; the sidecar runs as another user and
    writes there later. Raises OSError."""
    if os.geteuid() == 0:
        around = path.parent.stat()
        os.chown(path, around.st_uid, around.st_gid, follow_symlinks=False)
