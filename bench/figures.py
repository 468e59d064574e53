"""What a measurement hands back: figures with their goals, their noise, and whether the goal is met."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Runs:
    """The same thing measured several times. `values` in one unit, in the order of the runs."""

    values: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    @property
    def spread(self) -> float:
        """(largest - smallest) / median: 0.1 says that all runs lie within ten per cent of each other."""
        return (max(self.values) - min(self.values)) / self.median if self.median else 0.0


@dataclass(frozen=True)
class Goal:
    """`at_most` or `at_least` a limit; `of` says which of a figure's numbers is held against it."""

    limit: float
    sign: str = "<="  # or ">="
    of: str = "value"  # or "ratio"

    def __str__(self) -> str:
        limit = f"{self.limit:g}"
        return f"{self.sign} {limit}" if self.of == "value" else f"{self.sign} {limit} x baseline"

    def met_by(self, value: float, ratio: float | None) -> bool:
        number = value if self.of == "value" else ratio
        if number is None:
            return False
        return number <= self.limit if self.sign == "<=" else number >= self.limit


def at_most(limit: float) -> Goal:
    return Goal(limit)


def at_least(limit: float) -> Goal:
    return Goal(limit, ">=")


def ratio_at_most(limit: float) -> Goal:
    return Goal(limit, "<=", "ratio")


def ratio_at_least(limit: float) -> Goal:
    return Goal(limit, ">=", "ratio")


@dataclass(frozen=True)
class Figure:
    """One line of the table.

    `value` and `baseline` are in `unit`; `ratio` is value / baseline, or baseline / value where that is what the goal
    speaks of (a speed-up). Without a goal a figure is there to be read, and met.
    """

    name: str
    value: float
    unit: str
    runs: int
    spread: float
    goal: Goal | None = None
    baseline: float | None = None
    ratio: float | None = None
    note: str = ""

    def __str__(self) -> str:
        times = "" if self.ratio is None else f": {self.ratio:.3g} x"
        beside = "" if self.baseline is None else f", beside {self.baseline:.4g}{times}"
        verdict = "" if self.goal is None else f" ({self.goal}: {'met' if self.met else 'MISSED'})"
        return f"{self.name}: {self.value:.4g} {self.unit}{beside}{verdict}"

    @property
    def met(self) -> bool:
        return self.goal is None or self.goal.met_by(self.value, self.ratio)

    def as_json(self) -> dict[str, Any]:
        return {
            "value": _rounded(self.value),
            "unit": self.unit,
            "baseline": _rounded(self.baseline),
            "ratio": _rounded(self.ratio),
            "goal": None if self.goal is None else str(self.goal),
            "met": None if self.goal is None else self.met,
            "runs": self.runs,
            "spread": _rounded(self.spread),
        }


def figure(
    name: str,
    unit: str,
    runs: Sequence[float],
    goal: Goal | None = None,
    *,
    baseline: Sequence[float] | None = None,
    speed_up: bool = False,
    note: str = "",
) -> Figure:
    """A figure from the values of its runs: the median, and the spread as `Runs` has it.

    `baseline`: runs interleaved with ours. The ratio is then the median over the pairs, which noise that lasts longer
    than a pair does not reach; `speed_up` turns it round (baseline / value).
    """
    ours = Runs(tuple(runs))
    if baseline is None:
        return Figure(name, ours.median, unit, len(runs), ours.spread, goal, note=note)
    theirs = Runs(tuple(baseline))
    over = theirs.values if speed_up else ours.values
    under = ours.values if speed_up else theirs.values
    # What the kernel's clock shows as nothing is no measure for anything.
    pairs = [a / b for a, b in zip(over, under, strict=True) if b]
    ratio = statistics.median(pairs) if pairs else None
    return Figure(name, ours.median, unit, len(runs), ours.spread, goal, theirs.median, ratio, note)


def interleaved(times: int, *kinds: Callable[[], Any], warm_up: int = 1) -> list[list[Any]]:
    """Run the kinds in turn (a b, b a, a b, …), `times` after `warm_up` rounds that do not count; results by kind."""
    results: list[list[Any]] = [[] for _ in kinds]
    for round_ in range(-warm_up, times):
        order = range(len(kinds)) if round_ % 2 == 0 else range(len(kinds) - 1, -1, -1)
        for kind in order:
            result = kinds[kind]()
            if round_ >= 0:
                results[kind].append(result)
    return results


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` (0..1) of the values do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, -(-round(share * 1e6) * len(ordered) // 1_000_000) - 1)]


def _rounded(number: float | None) -> float | None:
    return None if number is None else float(f"{number:.5g}")
