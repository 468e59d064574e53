"""Adapter: what root makes in the sidecar's folders belongs to whom the folder around it belongs."""

from __future__ import annotations

import os
from pathlib import Path


def as_around(path: Path) -> None:
    """Of a file or folder that was just made. `setup` and `doctor` run as root, the sidecar as another user, who has
    to write there later. Raises OSError."""
    if os.geteuid() == 0:
        around = path.parent.stat()
        os.chown(path, around.st_uid, around.st_gid, follow_symlinks=False)
