"""CPU time is that of a part and its children, also of those that have ended."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from bench.processes import cpu_seconds
from tests.testbed.process import Process

_SPIN = "import time; end = time.process_time() + 0.3\nwhile time.process_time() < end: pass"
_PARENT = f"""import subprocess, sys, time
subprocess.run([sys.executable, "-c", {_SPIN!r}])
print("done", flush=True)
time.sleep(60)
"""


class Spinner(Process):
    """Waits for a child that uses 0.3 s of CPU time, and then sleeps."""

    def command(self) -> Sequence[str]:
        return [sys.executable, "-c", _PARENT]

    def is_ready(self) -> bool:
        return "done" in self.log.read_text()


def test_the_cpu_time_of_children_that_have_ended_counts(tmp_path: Path) -> None:
    with Spinner("spinner", tmp_path) as spinner:
        assert 0.3 <= cpu_seconds([spinner]) < 3


def test_a_part_that_has_ended_costs_nothing(tmp_path: Path) -> None:
    spinner = Spinner("spinner", tmp_path)
    assert cpu_seconds([spinner]) == 0
