"""The wheel, and an empty environment outside of the checkout that it is installed into: no network, no compiler."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from importlib.metadata import Distribution, distribution
from pathlib import Path

from packaging.requirements import Requirement

from tests.testbed.places import REPOSITORY


@dataclass(frozen=True)
class Built:
    """What `make dist` makes."""

    sdist: Path
    wheel: Path
    bridge: Path

    @classmethod
    def of(cls, folder: Path) -> Built:
        return cls(*(next(folder.glob(pattern)) for pattern in ("*.tar.gz", "*.whl", "*.zip")))

    def bytes(self) -> list[bytes]:
        return [self.sdist.read_bytes(), self.wheel.read_bytes(), self.bridge.read_bytes()]


def make_dist(folder: Path) -> Built:
    """`make dist` in the checkout, with the environment that is there already."""
    line = ["make", "--silent", "--assume-old=venv", "dist", f"PY={sys.executable}", f"DIST={folder}"]
    subprocess.run(line, cwd=REPOSITORY, check=True, capture_output=True, timeout=120)
    return Built.of(folder)


def build(folder: Path, root: Path, epoch: int) -> Built:
    """The same of the source in `root`, which has no history."""
    line, env = [sys.executable, "hatch_build.py", str(folder)], {**os.environ, "SOURCE_DATE_EPOCH": str(epoch)}
    subprocess.run(line, cwd=root, env=env, check=True, capture_output=True, timeout=120)
    return Built.of(folder)


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
