"""A pass of the image checks beside another: both in processes of their own, taking turns."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from .bench import Bench
from .figures import Figure, Goal, at_most, figure, interleaved
from .processes import passes

MOST_MEGABYTES = 96


def memory_and_time(
    bench: Bench, name: str, pass_: str, other: str, *paths: Path, warm_up: int = 0, time: Goal | None = None
) -> Iterator[Figure]:
    """Peak memory of `pass_`, held to a limit, and its seconds; `other` is the baseline of both.

    `warm_up`: rounds before; none where one takes 20 s and the file is in the page cache already.
    """
    ours, theirs = interleaved(
        bench.runs, lambda: passes(pass_, *paths), lambda: passes(other, *paths), warm_up=warm_up
    )
    seconds, megabytes = zip(*ours, strict=True)
    their_seconds, their_megabytes = zip(*theirs, strict=True)
    yield figure(name, "MB", megabytes, at_most(MOST_MEGABYTES), baseline=their_megabytes)
    yield figure(f"{name}.time", "s", seconds, time, baseline=their_seconds)
