"""`make chaos JOBS=1000 SEED=1 MODE=local`. The last line is the verdict; the exit status is 0 only if all is well."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar

from tests.chaos.run import MODES, Outcome, Plan, Progress, run

console = Console(highlight=False)


def main() -> int:
    given = _arguments()
    folder = Path(tempfile.mkdtemp(prefix="smi-chaos-"))
    plan = Plan(given.jobs, given.seed, outages=given.jobs >= 100, mode=given.mode)
    console.print(f"{plan.jobs} jobs, seed {plan.seed}, {given.mode}; logs in {folder}")
    good = False
    try:
        columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
        with Bar(*columns, console=console, disable=not console.is_terminal) as bar:
            outcome = run(plan, folder, _Screen(bar, plan.jobs))
        _tell(outcome)
        good = outcome.findings.good
        print(outcome.findings.line(outcome.p99), flush=True)
    finally:
        if good and not given.keep:
            shutil.rmtree(folder, ignore_errors=True)
    return 0 if good else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__.split("\n")[0])
    parser.add_argument("--jobs", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--mode", choices=MODES, default="local", help="where the sidecar is")
    parser.add_argument("--keep", action="store_true", help="keep logs and data even when all went well")
    return parser.parse_args()


class _Screen:
    """A bar on a terminal, a line every ten seconds elsewhere."""

    def __init__(self, bar: Bar, jobs: int) -> None:
        self._bar, self._jobs = bar, jobs
        self._task = bar.add_task("", total=jobs)
        self._last = 0.0

    def __call__(self, progress: Progress) -> None:
        states = " ".join(f"{state} {count}" for state, count in sorted((progress.states or {}).items()))
        self._bar.update(self._task, completed=progress.settled, description=f"{progress.news:<28.28} {states}")
        if self._bar.disable and time.monotonic() - self._last > 10:
            self._last = time.monotonic()
            sold = f"{progress.bought} of {self._jobs} sold, {progress.settled} settled, {progress.faults} faults"
            console.print(f"  {sold}: {states} | {progress.news}")


def _tell(outcome: Outcome) -> None:
    console.print(f"\n{sum(outcome.faults.values())} faults in {outcome.seconds:.0f} s:")
    for name, count in outcome.faults.most_common():
        console.print(f"  {count:4} {name}")
    console.print("back at work after (median / longest, seconds):")
    kinds: dict[str, list[float]] = defaultdict(list)
    for kind, seconds in outcome.samples:
        kinds[kind].append(seconds)
    for kind, seconds in sorted(kinds.items()):
        console.print(f"  {kind}: {sorted(seconds)[len(seconds) // 2]:.1f} / {max(seconds):.1f} ({len(seconds)} times)")
    console.print("why not delivered:")
    for reason, count in outcome.findings.reasons.most_common():
        console.print(f"  {count:4} {reason}")
    for remark in outcome.findings.remarks:
        console.print(f"remark: {remark}")
    for finding in outcome.findings.broken:
        console.print(f"FOUND: {finding}")


if __name__ == "__main__":
    sys.exit(main())
