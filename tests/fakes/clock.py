"""A clock that stands still until a test moves it."""

from __future__ import annotations

START = 1_795_341_600.0  # 2026-11-22T10:00:00Z


class SimulatedClock:
    """Call it for Unix seconds."""

    def __init__(self, at: float = START) -> None:
        self.at = at

    def __call__(self) -> float:
        return self.at

    def advance(self, seconds: float) -> None:
        self.at += seconds


class Lapsing:
    """Keys that die by themselves, as Redis' `SET key value NX EX` makes them."""

    def __init__(self, clock: SimulatedClock) -> None:
        self._clock = clock
        self._ends: dict[str, tuple[float, object]] = {}

    def __deepcopy__(self, memo: object) -> Lapsing:
        copy = Lapsing(self._clock)
        copy._ends = dict(self._ends)
        return copy

    def take(self, key: str, seconds: float, value: object = True) -> bool:
        """Set the key unless it lives."""
        if self.get(key) is not None:
            return False
        self._ends[key] = (self._clock() + seconds, value)
        return True

    def put(self, key: str, seconds: float, value: object = True) -> None:
        self._ends[key] = (self._clock() + seconds, value)

    def get(self, key: str) -> object | None:
        end = self._ends.get(key)
        return end[1] if end and end[0] > self._clock() else None

    def ends(self, key: str) -> float:
        """When the key dies; 0 when it is dead."""
        return self._ends[key][0] if self.get(key) is not None else 0.0

    def drop(self, key: str) -> None:
        self._ends.pop(key, None)

    def clear(self) -> None:
        self._ends.clear()
