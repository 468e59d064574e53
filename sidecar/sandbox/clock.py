"""Sandbox: one thread that calls functions at a given time."""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from collections.abc import Callable


class Clock:
    """`call` must be quick: the calls share one thread."""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self.now = now
        self._changed = threading.Condition()
        self._heap: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name="sandbox-clock", daemon=True)
        self._thread.start()

    def at(self, when: float, call: Callable[[], None]) -> None:
        """Calls at the Unix time `when`, or at once if it has passed."""
        with self._changed:
            heapq.heappush(self._heap, (when, next(self._order), call))
            self._changed.notify()

    def tick(self) -> None:
        """Looks at the time again: for a `now` that jumps."""
        with self._changed:
            self._changed.notify()

    def stop(self) -> None:
        """Forgets what has not been called."""
        with self._changed:
            self._stopped = True
            self._changed.notify()
        self._thread.join()  # ends: after the call that is under way

    def _run(self) -> None:
        while True:  # ends: when stop() has been called
            with self._changed:
                # ends: when stop() has been called, or a call is due
                while not self._stopped and (not self._heap or self._heap[0][0] > self.now()):
                    self._changed.wait(self._heap[0][0] - self.now() if self._heap else None)
                if self._stopped:
                    return
                _when, _order, call = heapq.heappop(self._heap)
            call()
