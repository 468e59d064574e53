"""footprint: what an idle sidecar costs: `run` with its embedded Valkey, all processes together, in both profiles.

Memory as PSS: pages that our processes share count once, and those that they share with other programs in full, as on
a machine of their own; processor time, wake-ups and Redis commands over a stretch in which nobody asks for anything.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import requests

from sidecar.adapters.connections import connect
from tests.testbed.places import REPOSITORY, release_port, reserve_port
from tests.testbed.process import Process

from ..bench import Bench
from ..figures import Figure, at_most, figure
from ..processes import cpu_of, descendants, memory_bytes, wake_ups
from ..systems import STAND_ALONE

PROFILES = {"usual": {}, "small": {"SMI_WORKERS": "1", "SMI_WEB_PROCESSES": "1"}}  # `setup` below 2 GB of memory
GOALS_MB = {"usual": 200, "small": 110}
SETTLE_S, WATCH_S = 15, 60  # a whole minute: one reconciliation is in it


class Run(Process):
    """`python -m sidecar run` in a folder of its own."""

    def __init__(self, folder: Path, settings: Mapping[str, str]) -> None:
        super().__init__("run", folder)
        self.port = reserve_port()
        self._settings = {**STAND_ALONE, **settings, "SMI_UPLOADS_DIR": str(folder), "PORT": str(self.port)}

    def command(self) -> Sequence[str]:
        return [sys.executable, "-m", "sidecar", "run"]

    def environment(self) -> Mapping[str, str]:
        return {"PATH": os.environ["PATH"], "PYTHONPATH": str(REPOSITORY), "HOME": str(self.folder), **self._settings}

    def is_ready(self) -> bool:
        try:
            return requests.get(f"http://127.0.0.1:{self.port}/readyz", timeout=5).ok
        except requests.RequestException:
            return False


def run(bench: Bench) -> Iterator[Figure]:
    for name, settings in PROFILES.items():
        memory, cpu, wakes, commands = _measure(bench, name, settings)
        first = "footprint" if name == "usual" else f"footprint.{name}"
        yield figure(first, "MB", [memory], at_most(GOALS_MB[name]))
        yield figure(f"footprint.{name}_cpu", "% of a core", [cpu], at_most(0.3))
        yield figure(f"footprint.{name}_wake_ups", "/s", [wakes])
        yield figure(f"footprint.{name}_redis", "commands/s", [commands], at_most(2))


def _measure(bench: Bench, name: str, settings: Mapping[str, str]) -> tuple[float, float, float, float]:
    folder = bench.new_folder(f"footprint-{name}")
    with Run(folder, settings) as process:
        time.sleep(bench.size(SETTLE_S, 2))
        pids, redis = descendants(process.pid), connect("", folder / "data", decode=True)
        bench.say(f"{name}: {len(pids)} processes")
        began, cpu, wakes, commands = time.monotonic(), cpu_of(pids), wake_ups(pids), _commands(redis)
        time.sleep(bench.size(WATCH_S, 3))
        seconds = time.monotonic() - began
        # Each look at the counter is itself a command.
        found = (_commands(redis) - commands - 1) / seconds
        redis.close()
        figures = (cpu_of(pids) - cpu) / seconds * 100, (wake_ups(pids) - wakes) / seconds
        memory = memory_bytes(pids) / 1e6
    release_port(process.port)
    return memory, *figures, found


def _commands(redis) -> int:
    return int(redis.info("stats")["total_commands_processed"])
