"""`python -m bench [NAME …]`: measure everything or the named things; exit status 1 if a goal is missed."""

from __future__ import annotations

import argparse
import sys
import time
from importlib import import_module

from rich.console import Console

from . import report
from .bench import Bench
from .figures import Figure
from .noise import Noise

# In the order of the table. Each is a module in bench/measurements with `run(bench) -> Iterator[Figure]`.
NAMES = (
    "payment_hook",
    "throughput",
    "delivery_latency",
    "pull_latency",
    "verify_png",
    "verify_jpeg",
    "convert",
    "one_pass",
    "collect",
    "download",
    "download_php",
    "remote_delivery",
    "status_poll",
    "intake",
    "in_flight",
    "work_queue",
    "recovery",
    "scale_out",
    "slow_neighbours",
    "cold_start",
    "footprint",
    "small_profile",
    "first_hour",
)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of: {', '.join(NAMES)}")
    parser.add_argument("--quick", action="store_true", help="once and small, to try it out: figures mean nothing")
    given = parser.parse_args(arguments)
    if unknown := set(given.names) - set(NAMES):
        parser.error(f"there is no measurement {', '.join(sorted(unknown))}; there are {', '.join(NAMES)}")
    return measure(given.names or NAMES, quick=given.quick)


def measure(names: tuple[str, ...] | list[str], *, quick: bool) -> int:
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = 140  # a log file: as wide as the table
    began = time.monotonic()

    def say(line: str) -> None:
        console.print(f"[dim]{time.monotonic() - began:6.1f} s  {line}[/]")

    figures: list[Figure] = []
    broken: list[str] = []
    noise = Noise()
    with Bench(say, quick=quick) as bench:
        for name in names:
            say(f"[bold]{name}[/]")
            noise.sample()
            try:
                for figure in import_module(f"bench.measurements.{name}").run(bench):
                    figures.append(figure)
                    say(str(figure))
            except Exception:  # the others are measured all the same; what broke is told at the end
                console.print_exception()
                broken.append(name)
        noise.sample()
    report.show(figures, noise.caption(), console)
    missed = [figure.name for figure in figures if not figure.met]
    if broken:
        console.print(f"[bold red]broke: {', '.join(broken)}[/]")
    if quick:
        console.print("tried out only: nothing is written, no goal counts")
        return 1 if broken else 0
    report.write([*figures, noise.figure()])
    console.print(f"{report.RESULTS} written after {time.monotonic() - began:.0f} s")
    if missed:
        console.print(f"[bold red]missed: {', '.join(missed)}[/]")
    return 1 if missed or broken else 0


if __name__ == "__main__":
    sys.exit(main())
