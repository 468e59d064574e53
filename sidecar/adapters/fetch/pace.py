"""Adapter: how fast a body must come. One byte a second is no silence, and would else last for days."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic

from sidecar.core.errors import TemporaryError


@dataclass(frozen=True)
class Pace:
    """At least `bytes_per_s` over each `window_s` seconds, the first `grace_s` not counted."""

    bytes_per_s: float
    window_s: float = 30
    grace_s: float = 30

    def seconds_for(self, length: int) -> float:
        """The longest that a body of so many bytes may take."""
        return self.grace_s + self.window_s + length / self.bytes_per_s


class PaceWatch:
    """Told of each piece as it comes; raises TemporaryError("fetch_slow") when too little has come in a window."""

    def __init__(self, pace: Pace, clock: Callable[[], float] = monotonic):
        self._pace, self._clock = pace, clock
        self._began = self._clock() + pace.grace_s
        self._bytes = 0

    def came(self, bytes: int) -> None:
        """So many bytes have come. Raises TemporaryError("fetch_slow")."""
        now = self._clock()
        if now < self._began:
            return
        self._bytes += bytes
        spent = now - self._began
        if spent < self._pace.window_s:
            return
        speed = self._bytes / spent
        if speed < self._pace.bytes_per_s:
            least = self._pace.bytes_per_s
            raise TemporaryError("fetch_slow", f"{speed:.0f} bytes/s over {spent:.0f} s, {least:.0f} are the least")
        self._began, self._bytes = now, 0
