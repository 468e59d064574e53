"""Crash points: where a process may be told to die or to fall asleep, and how the test tells it."""

from __future__ import annotations

import re
from pathlib import Path

from sidecar.core.states import LANES, STAGES
from tests.testbed.places import REPOSITORY
from tests.testbed.waiting import wait_for


def in_the_code() -> set[str]:
    """Every point that the workflow has."""
    points: set[str] = set()
    for file in (REPOSITORY / "sidecar").rglob("*.py"):
        for name in re.findall(r'\.crash_point\(f?"([^"]+)"\)', file.read_text()):
            lanes = [name.replace("{lane}", lane) for lane in LANES]
            points |= {name.replace("{stage}", stage) for name in lanes for stage in STAGES}
    return points


class Points:
    """The folder that SMI_CRASH_POINTS names."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def arm(self, point: str, signal_name: str = "KILL") -> None:
        """The next process that comes to this point gets the signal there, once."""
        draft = self.folder / ".draft"
        draft.write_text(signal_name)
        draft.rename(self.folder / point)

    def reached(self, point: str, timeout: float = 30) -> None:
        """Wait until somebody has come there."""
        wait_for(lambda: not (self.folder / point).exists(), f"somebody comes to {point}", timeout, every=0.005)
