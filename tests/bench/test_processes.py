"""CPU time is that of a part and its children, also of those that have ended; memory counts once."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from bench.processes import cpu_seconds, descendants, memory_bytes
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


_SHARED = 60 << 20
_FORK = f"""import os, time
held = b"x" * {_SHARED}
os.fork()
print("done", flush=True)
time.sleep(60)
"""


class Fork(Process):
    """Two processes that share `_SHARED` bytes."""

    def command(self) -> Sequence[str]:
        return [sys.executable, "-c", _FORK]

    def is_ready(self) -> bool:
        return self.log.read_text().count("done") == 2


def test_memory_that_two_processes_share_counts_once(tmp_path: Path) -> None:
    with Fork("fork", tmp_path) as fork:
        assert _SHARED <= memory_bytes(descendants(fork.pid)) < 1.5 * _SHARED


@pytest.mark.skipif(os.geteuid() != 0, reason="only root sees which pages are shared")
def test_memory_is_not_less_for_what_others_share_with_us(tmp_path: Path) -> None:
    with Fork("fork", tmp_path) as fork:
        assert _SHARED <= memory_bytes([fork.pid]) < 1.5 * _SHARED
