"""CPU time and memory of processes, from /proc (Linux)."""

from __future__ import annotations

import os
import subprocess
import sys
from array import array
from collections.abc import Iterable, Mapping
from pathlib import Path

from tests.testbed.process import Process

_TICK = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_PRESENT, _FRAME = 1 << 63, (1 << 55) - 1  # of an entry: Documentation/admin-guide/mm/pagemap.rst of Linux


def cpu_seconds(parts: Iterable[Process]) -> float:
    """CPU time that these parts, their living children, and the children that they have waited for, have used so far.

    The kernel counts it exactly and shows it in ticks of 10 ms a process: measure over seconds.
    """
    return sum(_of(pid) for part in parts for pid in part.pids())


def _of(pid: int) -> float:
    """utime + stime + cutime + cstime of proc(5)."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    return sum(int(field) for field in fields[11:15]) / _TICK


def cpu_of(pids: Iterable[int]) -> float:
    """The same of these processes alone."""
    return sum(map(_of, pids))


def descendants(pid: int) -> list[int]:
    """A process and its living children of any generation, also those with a session of their own."""
    tasks = Path(f"/proc/{pid}/task")
    children = [int(child) for task in tasks.iterdir() for child in (task / "children").read_text().split()]
    return [pid, *(found for child in children for found in descendants(child))]


def memory_bytes(pids: Iterable[int]) -> int:
    """Memory of these processes together, each page once: their PSS on a machine where nothing else runs.

    Pages of libraries that other programs have loaded, too, count in full. Only root sees which pages those are: for
    others it is the PSS of the moment, which is less.
    """
    frames = {frame for pid in pids for frame in _frames(pid)}
    return sum(map(_pss_bytes, pids)) if frames == {0} else len(frames) * _PAGE


def _frames(pid: int) -> Iterable[int]:
    """The numbers of its pages that are in RAM; 0 each where the kernel does not show them."""
    with open(f"/proc/{pid}/pagemap", "rb") as pagemap:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            if line.endswith("[vsyscall]"):  # no memory of a process
                continue
            first, end = (int(address, 16) // _PAGE for address in line.split()[0].split("-"))
            pagemap.seek(first * 8)
            for entry in array("Q", pagemap.read((end - first) * 8)):
                if entry & _PRESENT:
                    yield entry & _FRAME


def _pss_bytes(pid: int) -> int:
    """Memory of a process; a page that several share is divided among them."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    return 0


def wake_ups(pids: Iterable[int]) -> int:
    """How often their threads have waited for something, and gone on, so far."""
    found = 0
    for pid in pids:
        for task in Path(f"/proc/{pid}/task").iterdir():
            status = (task / "status").read_text()
            found += int(status.split("voluntary_ctxt_switches:")[1].split()[0])
    return found


def resident_bytes(pid: int) -> int:
    """Memory of a process that is in RAM now, shared pages included."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    return 0


def peak_megabytes() -> float:
    """The most memory that this process has held since its program began, in 1,000,000 bytes.

    Not `ru_maxrss`: that one is inherited through fork and exec, and so tells of the parent, too.
    """
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024 / 1e6


def run_subprocess(module: str, *arguments: str, environment: Mapping[str, str] | None = None) -> list[str]:
    """Run `python -m module arguments…` in a process of its own; the words of its last line of output."""
    ended = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[1],
        env={**os.environ, **(environment or {})},
        timeout=600,
    )
    if ended.returncode:
        raise RuntimeError(f"{module} {' '.join(arguments)} ended with {ended.returncode}:\n{ended.stderr[-4000:]}")
    return ended.stdout.strip().rpartition("\n")[2].split()


def passes(what: str, *paths: Path) -> tuple[float, float]:
    """(seconds, peak megabytes) of one of the passes of `bench.subprocesses.image`, in a process of its own."""
    seconds, megabytes = run_subprocess("bench.subprocesses.image", what, *map(str, paths))
    return float(seconds), float(megabytes)
