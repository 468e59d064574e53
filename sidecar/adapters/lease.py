"""Adapter: a thread that keeps a claim alive while its worker works. Nothing renews the claim of a dead worker."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ..core.errors import StaleClaim


class LeaseKeeper:
    """Renews one claim at a time, every `every_s` seconds. The thread sleeps unless a claim is held."""

    def __init__(self, *, every_s: float = 4.0):
        self._every_s = every_s

    @contextmanager
    def keep(self, renew: Callable[[], None]) -> Iterator[None]:
        """While the block runs, call `renew` now and then; stop when it raises StaleClaim.

        Other errors (Redis away for a moment) are tried again: if they last, the lease lapses, which is right.
        The block itself notices a lost claim at its next write, which the store refuses.
        """
        ended = threading.Event()

        def run() -> None:
            while not ended.wait(self._every_s):
                try:
                    renew()
                except StaleClaim:
                    return
                except Exception:
                    continue

        thread = threading.Thread(target=run, name="lease", daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()
