"""WordPress' own files, oldest and newest, made from Debian's packages and kept under `build/testbed/wordpress/`."""

import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.testbed.places import CACHE, built_once
from tests.testbed.registry import unpack

OLDEST, NEWEST = "6.1", "7.1"

# Debian ships some of WordPress' libraries as packages of their own.
_LIBRARIES = ("php-getid3", "libjs-cropper", "libjs-underscore")
_SOURCES: dict[str, tuple[str, tuple[str, ...]]] = {
    "6.1": ("bookworm", ("wordpress", "wordpress-theme-twentytwentythree", *_LIBRARIES)),
    "6.8": ("trixie", ("wordpress", "wordpress-theme-twentytwentyfive", *_LIBRARIES, "libjs-lodash")),
    "7.1": (
        "sid",
        ("wordpress", "wordpress-theme-twentytwentyfive", *_LIBRARIES, "libjs-lodash")
        + ("libphp-phpmailer", "libjs-jquery-ui"),
    ),
}


def wordpress_files(version: str, progress: Callable[[str], None] = lambda line: None) -> Path:
    """The folder with WordPress `version` ("6.1", "6.8" or "7.1"): treat it as read-only.

    Downloads about 25 MB the first time. Raises ValueError for another version, and what `registry.unpack` raises.
    """
    if version not in _SOURCES:
        raise ValueError(f"WordPress {version} is not one of {', '.join(_SOURCES)}")
    return built_once(CACHE / "wordpress" / version, lambda target: _build(version, target, progress))


def real_version(root: Path) -> str:
    """What the files in `root` call themselves, e.g. "7.1.4": a rolling release moves on."""
    source = (root / "wp-includes" / "version.php").read_text()
    found = re.search(r"^\$wp_version = '([^']+)'", source, re.MULTILINE)
    if found is None:
        raise ValueError(f"no version number in {root}")
    return found.group(1)


def _build(version: str, target: Path, progress: Callable[[str], None]) -> None:
    release, packages = _SOURCES[version]
    progress(f"WordPress {version}: downloading Debian's packages")
    with tempfile.TemporaryDirectory(prefix=".packages.", dir=CACHE) as scratch:
        tree = Path(scratch) / "tree"
        unpack(release, packages, tree, Path(scratch))
        progress(f"WordPress {version}: unpacking")
        files = tree / "usr" / "share" / "wordpress"
        for debians_own in ("wp-config.php", ".htaccess"):
            (files / debians_own).unlink()
        shutil.copy(tree / "var/lib/wordpress/wp-content/index.php", files / "wp-content" / "index.php")
        # The packages link to each other by relative links; the copy stands alone.
        subprocess.run(["cp", "-rL", f"{files}/.", str(target)], check=True, timeout=120)
    progress(f"WordPress {version}: {real_version(target)} is ready")
