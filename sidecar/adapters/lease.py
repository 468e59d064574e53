"""Adapter: a thread that keeps a claim alive while its worker works. Nothing renews the claim of a dead worker."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ..core.errors import StaleClaim


class LeaseKeeper:
    """Renews claims that are held, each every `every_s` seconds.

    One thread for the whole life of the process, started when it is first needed: most stages are over within
    milliseconds, and a thread for each would cost more than what it guards. Several blocks may run at a time.
    """

    def __init__(self, *, every_s: float = 4.0):
        self._every_s = every_s
        self._held: dict[object, tuple[float, Callable[[], object]]] = {}  # -> (next time, renew)
        self._changed = threading.Condition()
        self._parked = False  # the thread sleeps until it is called
        self._pid = 0

    @contextmanager
    def keep(self, renew: Callable[[], object]) -> Iterator[None]:
        """While the block runs, call `renew` now and then; stop when it raises StaleClaim.

        Other errors (Redis away for a moment) are tried again: if they last, the lease lapses, which is right.
        The block itself notices a lost claim at its next write, which the store refuses. When the block is left, no
        call is under way.
        """
        key = object()
        with self._changed:
            self._start()
            self._held[key] = (time.monotonic() + self._every_s, renew)
            if self._parked:
                self._changed.notify()
        try:
            yield
        finally:
            with self._changed:
                self._held.pop(key, None)

    def _start(self) -> None:
        """A fork leaves its child without our thread."""
        if self._pid != os.getpid():
            self._pid = os.getpid()
            self._held.clear()
            threading.Thread(target=self._run, name="lease", daemon=True).start()

    def _run(self) -> None:
        """Looks around so often that no claim waits much longer than it should: to be woken for each stage would
        cost a change of threads. When nothing is held it sleeps."""
        with self._changed:
            while True:
                self._parked = not self._held
                self._changed.wait(None if self._parked else self._every_s / 4)
                for key, (due, renew) in list(self._held.items()):
                    if due <= time.monotonic():
                        self._renew(key, renew)

    def _renew(self, key: object, renew: Callable[[], object]) -> None:
        self._held[key] = (time.monotonic() + self._every_s, renew)
        try:
            renew()
        except StaleClaim:
            self._held.pop(key, None)
        except Exception:
            return
