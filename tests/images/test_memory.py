"""Freed memory is kept, so that buffers of a megabyte are not asked from the system again and again."""

from __future__ import annotations

import subprocess
import sys

import pytest

from sidecar.adapters import memory

# Faults of pages that were not there, while 2 MB are asked for and freed a hundred times: 512 pages each.
_PROGRAM = """
import resource, sys
from sidecar.adapters import memory
if sys.argv[1] == "keep" and not memory.keep_freed():
    sys.exit(3)
for size in (2_000_000, 3_000_000):  # the allocator learns from the first ones what is usual
    del [bytes(size), bytes(size)][:]
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(100):
    buffers = [b"x" * 2_000_000 for _ in range(3)]
    del buffers
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def _faults(how: str) -> int:
    ended = subprocess.run(
        [sys.executable, "-c", _PROGRAM, how], capture_output=True, text=True, check=False, timeout=120
    )
    if ended.returncode == 3:
        pytest.skip("this C library has no mallopt")
    assert ended.returncode == 0, ended.stderr
    return int(ended.stdout)


def test_buffers_that_are_used_again_are_not_asked_from_the_system_again() -> None:
    assert _faults("keep") < _faults("as it is") / 5


def test_more_than_one_picture_of_the_largest_kept_size_fits() -> None:
    assert memory.LARGEST_BYTES < memory.KEPT_BYTES
