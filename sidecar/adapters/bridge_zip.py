"""Adapter: the bridge as a zip that WordPress installs. The same files give the same bytes. Standard library only: the
wheel's build uses it, too."""

from __future__ import annotations

import os
import sys
import time
import zipfile
from pathlib import Path
from typing import BinaryIO

from ..core.packaged import BRIDGE_FOLDER, BRIDGE_ZIP, CHECKOUT

NAME = "smi-bridge"  # the plugin's folder in WordPress
_NO_EPOCH = 1580601600  # 2020-02-02, what hatchling takes for the wheel


def packed() -> bytes:
    """The file of the wheel; in a checkout it is packed now."""
    if BRIDGE_ZIP.exists():
        return BRIDGE_ZIP.read_bytes()
    from io import BytesIO

    stream = BytesIO()
    pack(BRIDGE_FOLDER, CHECKOUT / "LICENSE", stream)
    return stream.getvalue()


def pack(folder: Path, license: Path, stream: BinaryIO) -> None:
    """Write the zip to `stream`, the same bytes for the same files: sorted names, one mode, one time, which is
    SOURCE_DATE_EPOCH (https://reproducible-builds.org/specs/source-date-epoch/). Hidden files are an editor's, not the
    plugin's."""
    files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    files = {name: path for name, path in files.items() if not any(part[0] == "." for part in name.split("/"))}
    files["LICENSE"] = license
    moment = time.gmtime(int(os.environ.get("SOURCE_DATE_EPOCH") or _NO_EPOCH))[:6]
    with zipfile.ZipFile(stream, "w") as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(f"{NAME}/{name}", moment)
            entry.create_system, entry.external_attr = 3, 0o100644 << 16
            archive.writestr(entry, files[name].read_bytes(), zipfile.ZIP_DEFLATED, 9)


if __name__ == "__main__":
    sys.stdout.buffer.write(packed())
