"""What measurements share: a folder, the two systems (started when first asked for), and how often to measure."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from functools import cached_property
from pathlib import Path

from tests.testbed.sidecar import UNREACHED
from tests.testbed.whole import PULLED

from . import pictures
from .systems import Baseline, Ours

# The enlargement takes no time of ours, but a quarter of a second: a webhook that overtakes the answer to its own
# submit is lost by the in-request handler, and a measurement needs all jobs to end.
SANDBOX_DELAY_S = 0.25


class Bench:
    """One run of benchmarks. A context manager that stops what it started and removes its folder.

    `quick`: everything once and small, to see whether a measurement works; its figures mean nothing.
    """

    def __init__(self, say: Callable[[str], None], *, quick: bool = False):
        self.say = say
        self.quick = quick
        self.folder = Path(tempfile.mkdtemp(prefix="smi-bench-"))
        self._stops: list[Callable[[], None]] = []

    @property
    def runs(self) -> int:
        """How often each thing is measured after a warm-up."""
        return 1 if self.quick else 5

    def size(self, full: int, quick: int) -> int:
        return quick if self.quick else full

    @cached_property
    def ours(self) -> Ours:
        return self._started(Ours(self.folder / "ours", self._sandbox(), self.say))

    @cached_property
    def pulled(self) -> Ours:
        """With a sidecar that nobody can reach."""
        return self._started(Ours(self.folder / "pulled", self._sandbox(), self.say, env=PULLED, processes=UNREACHED))

    @cached_property
    def baseline(self) -> Baseline:
        return self._started(Baseline(self.folder / "baseline", self._sandbox(), self.say))

    def _sandbox(self) -> list[str]:
        return ["--canned", str(pictures.bought()[1]), "--delay", str(SANDBOX_DELAY_S)]

    def _started(self, system):
        self._stops.append(system.stop)
        system.stock(pictures.bought()[0])
        return system

    def at_end(self, stop: Callable[[], None]) -> None:
        """Call this when the run is over."""
        self._stops.append(stop)

    def new_folder(self, name: str) -> Path:
        return Path(tempfile.mkdtemp(prefix=f"{name}-", dir=self.folder))

    def __enter__(self) -> Bench:
        return self

    def __exit__(self, *_: object) -> None:
        for stop in reversed(self._stops):
            stop()
        shutil.rmtree(self.folder, ignore_errors=True)
