"""Adapter: a thread that keeps a claim alive while its worker works. Nothing renews the claim of a dead worker."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from ..core.errors import StaleClaim


@dataclass
class _Held:
    """A claim that is held: it is renewed at `due`, monotonic seconds."""

    due: float
    renew: Callable[[], object]


class LeaseKeeper:
    """Renews claims that are held, each every `every_s` seconds.

    One thread for the whole life of the process, started when it is first needed: most stages are over within
    milliseconds, and a thread for each would cost more than what it guards. Several blocks may run at a time.
    """

    def __init__(self, *, every_s: float = 4.0):
        self._every_s = every_s
        self._held: dict[int, _Held] = {}
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
        held = _Held(time.monotonic() + self._every_s, renew)
        try:
            with self._changed:
                self._start()
                self._held[id(held)] = held
                if self._parked:
                    self._changed.notify()
            yield
        finally:
            # First, and without the lock: the time of a worker may be up, which raises in the midst of waiting for it,
            # and nobody must renew the claim of a block that has been left.
            self._held.pop(id(held), None)
            with self._changed:  # no call is under way
                pass

    def _start(self) -> None:
        """A fork leaves its child without our thread."""
        if self._pid != os.getpid():
            self._held.clear()
            threading.Thread(target=self._run, name="lease", daemon=True).start()
            self._pid = os.getpid()

    def _run(self) -> None:
        """Looks around so often that no claim waits much longer than it should: to be woken for each stage would
        cost a change of threads. When nothing is held it sleeps."""
        with self._changed:
            while True:
                self._parked = not self._held
                self._changed.wait(None if self._parked else self._every_s / 4)
                for held in list(self._held.values()):
                    if held.due <= time.monotonic():
                        self._renew(held)

    def _renew(self, held: _Held) -> None:
        held.due = time.monotonic() + self._every_s
        try:
            held.renew()
        except StaleClaim:
            self._held.pop(id(held), None)
        except Exception:
            return
