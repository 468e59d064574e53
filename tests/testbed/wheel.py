"""The wheel, and an empty environment outside of the checkout that it is installed into: no network, no compiler."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from importlib.metadata import Distribution, distribution
from pathlib import Path

from packaging.requirements import Requirement

from tests.testbed.places import REPOSITORY


def build(folder: Path, root: Path = REPOSITORY) -> tuple[Path, Path]:
    """(sdist, wheel) of the source in `root`, as `make dist` makes them."""
    line = [sys.executable, "-m", "hatchling", "build", "-d", str(folder), "-t", "sdist", "-t", "wheel"]
    env = {**os.environ, "SOURCE_DATE_EPOCH": "1700000000"}
    subprocess.run(line, cwd=root, env=env, check=True, capture_output=True, timeout=60)
    return next(folder.glob("*.tar.gz")), next(folder.glob("*.whl"))


def install(wheel: Path, folder: Path) -> Path:
    """A new environment that holds the wheel, and links to what it asks for by its own word: its folder of programs."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True, timeout=60)
    pip = [sys.executable, "-m", "pip", "--python", str(folder / "bin" / "python"), "install", "--quiet"]
    subprocess.run([*pip, "--no-deps", "--no-index", str(wheel)], check=True, timeout=60)
    site = Path(sysconfig.get_path("purelib", vars={"base": str(folder), "platbase": str(folder)}))
    installed = Distribution.at(next(site.glob("smi_sidecar-*.dist-info")))
    for name in _needed(installed):
        _link(distribution(name), site)
    return folder / "bin"


def _needed(root: Distribution) -> set[str]:
    """Names of all that a distribution asks for, and they in turn."""
    found: set[str] = set()
    waiting = [(root, "")]
    while waiting:
        asking, extra = waiting.pop()
        for requirement in map(Requirement, asking.requires or []):
            if requirement.marker and not requirement.marker.evaluate({"extra": extra}):
                continue
            if requirement.name not in found:
                found.add(requirement.name)
                waiting += [(distribution(requirement.name), extra) for extra in ("", *requirement.extras)]
    return found


def _link(package: Distribution, site: Path) -> None:
    tops = {file.parts[0] for file in package.files or [] if file.parts[0] not in ("..", "__pycache__")}
    for top in tops:
        target = Path(str(package.locate_file(top)))
        if not (site / top).exists():
            (site / top).symlink_to(target)
