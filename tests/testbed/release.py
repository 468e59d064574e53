"""The last release, kept as a file: a clone may have neither tags nor history.

`python -m tests.testbed.release CHECKOUT` in a checkout of the released commit writes tests/releases/<version>.zip;
the one before it goes.
"""

from __future__ import annotations

import io
import re
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

from sidecar.adapters.bridge_zip import NAME, pack
from tests.testbed.places import REPOSITORY

RELEASES = REPOSITORY / "tests" / "releases"


@dataclass(frozen=True)
class Release:
    """`bridge`: the plugin's folder; `root`: the folder in which `python -m sidecar` is that version's."""

    version: str
    bridge: Path
    root: Path


def unpack(folder: Path) -> Release:
    """The last release, in `folder`."""
    (archive,) = RELEASES.glob("*.zip")
    with zipfile.ZipFile(archive) as kept:
        kept.extractall(folder)
    return Release(archive.stem, folder / NAME, folder)


def keep(checkout: Path) -> Path:
    """Write the archive of the version that lies in `checkout`: the plugin as its users have it, the program beside."""
    version = re.findall(r'VERSION = "([^"]+)"', (checkout / "sidecar/core/version.py").read_text())[0]
    packed = io.BytesIO()
    pack(checkout / "wp-bridge-plugin", checkout / "LICENSE", packed)
    package = checkout / "sidecar"
    files = {path.relative_to(checkout): path for path in package.rglob("*") if path.suffix in (".py", ".html")}
    schemas = checkout / "wp-bridge-plugin" / "schemas"
    for schema in schemas.rglob("*.json"):
        files["sidecar/schemas" / schema.relative_to(schemas)] = schema
    target = RELEASES / f"{version}.zip"
    target.parent.mkdir(exist_ok=True)
    for other in target.parent.glob("*.zip"):
        other.unlink()
    with zipfile.ZipFile(packed, "a") as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name.as_posix(), (2020, 2, 2, 0, 0, 0))
            archive.writestr(entry, files[name].read_bytes(), zipfile.ZIP_DEFLATED, 9)
    target.write_bytes(packed.getvalue())
    return target


if __name__ == "__main__":
    print(keep(Path(sys.argv[1])))
