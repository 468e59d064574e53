"""Adapter: the memory of a process that lives long: what the allocator keeps, and how often cycles are looked for,
which changes speed only; how much memory this machine has; and what need not be loaded."""

from __future__ import annotations

import ctypes
import gc
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

# mallopt(3), <malloc.h> of glibc.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
KEPT_BYTES = 32 << 20
LARGEST_BYTES = 16 << 20  # buffers up to this size come from what is kept


SMALL_BELOW_MB = 2048  # with less memory, one worker and one web process serve
_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")  # cgroups(7): version 2, 1


def total_mb(read: Callable[[str], str]) -> int:
    """MiB that processes here may have in all: MemTotal of proc(5), or a container's limit where that is less; 0 when
    neither says. `read`: the text of a file, "" when it is not there."""
    line = next((line for line in read("/proc/meminfo").splitlines() if line.startswith("MemTotal:")), "")
    known = [int(line.split()[1]) // 1024] if line else []
    known += [int(text) >> 20 for path in _LIMITS if (text := read(path).strip()).isdigit()]
    return min(known, default=0)


def defaults() -> dict[str, str]:
    """The number of processes on a machine, or in a container, with little memory, where no setting says it."""
    is_small = 0 < total_mb(_text) < SMALL_BELOW_MB
    return dict.fromkeys(("SMI_WORKERS", "SMI_WEB_PROCESSES"), "1") if is_small else {}


def _text(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""


@contextmanager
def without(module: str) -> Iterator[None]:
    """What is imported in the block finds `module` not installed, unless it is loaded already. None in its place
    means that: https://docs.python.org/3/reference/import.html#the-module-cache"""
    if module in sys.modules:
        yield
        return
    sys.modules[module] = None  # type: ignore[assignment]  # its stubs know modules only
    try:
        yield
    finally:
        del sys.modules[module]


def keep_freed() -> bool:
    """Keep up to 32 MB of freed memory instead of giving it back to the system after each picture; False without glibc.

    A worker asks for the same megabyte buffers again and again. Given back, each of their pages costs a fault when it
    is asked for anew: a third of the CPU of what is done with a picture of 1 MB. The peak does not change.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # not glibc
        return False
    return bool(mallopt(_M_MMAP_THRESHOLD, LARGEST_BYTES) and mallopt(_M_TRIM_THRESHOLD, KEPT_BYTES))


def look_for_cycles_rarely() -> None:
    """What a process has loaded by now stays, and need not be looked through again and again; what requests leave
    behind is freed by its counts, so 20,000 new objects instead of 700 may pass before the search for cycles: 5 % less
    CPU for each request. What loading has freed goes back to the system first: each process that is forked would copy
    it."""
    gc.collect()
    _trim()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


def _trim() -> None:
    """malloc_trim(3), <malloc.h>; nothing without glibc."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
