"""Adapter: threads that wait for bytes, so that workers need not. Knows nothing of jobs."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from ..core.errors import Crowded, GivenUp

PATIENCE_S = 0.25  # a worker waits that long for a transfer's bytes, and less while others are slow
LOOK_S = 0.01  # between two looks at a transfer whose time is up as soon as it waits for bytes again
LATELY_S = 10  # turned away within so many seconds
YOUNG_S = 5  # a transfer that has gone on alone for less is not given up for another

Result = TypeVar("Result")


class Transfer:
    """What its work tells of itself, and learns: one thread writes, others look."""

    def __init__(self) -> None:
        self.alone = False  # nobody waits any more: its end is told by `ended`
        self._began = time.monotonic()
        self._waited, self._waits_since = 0.0, self._began
        self._at_work = False
        self._bytes = 0
        self._given_up = False
        self._abort: Callable[[], None] = lambda: None

    def reads_from(self, abort: Callable[[], None]) -> None:
        """`abort` ends the exchange that this transfer waits for, from another thread. Raises GivenUp when it is to
        end already."""
        self._abort = abort
        self.check()

    def came(self, bytes: int) -> None:
        """So many bytes have come. Raises GivenUp when it is to end."""
        self._bytes += bytes
        self.check()

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """The block does something with the bytes that have come: meanwhile nobody's patience runs out."""
        self._at_work = True
        self._waited += time.monotonic() - self._waits_since
        try:
            yield
        finally:
            self._waits_since = time.monotonic()
            self._at_work = False

    @property
    def waited(self) -> float:
        """Seconds that it has waited for bytes."""
        return self._waited if self._at_work else self._waited + time.monotonic() - self._waits_since

    def check(self) -> None:
        """Raises GivenUp when it is to end."""
        if self._given_up:
            raise GivenUp()

    def give_up(self) -> None:
        """Its work ends with GivenUp, as soon as it notices."""
        self._given_up = True
        self._abort()

    @property
    def is_given_up(self) -> bool:
        return self._given_up

    @property
    def age(self) -> float:
        """Seconds since it began."""
        return time.monotonic() - self._began

    @property
    def speed(self) -> float:
        """Bytes a second, since it began."""
        return self._bytes / max(self.age, 0.001)


class Transfers:
    """At most `most` go on alone in this process. The slowest gives its place to a new one, and is tried again."""

    def __init__(self, *, most: int, young_s: float = YOUNG_S, patience_s: float = PATIENCE_S):
        self._most, self._young_s, self._patience_s = most, young_s, patience_s
        self._alone: set[Transfer] = set()
        self._turned_away: deque[float] = deque()
        self._lock = threading.Lock()

    def run(
        self, work: Callable[[Transfer], Result], ended: Callable[[BaseException | None, Result | None], None]
    ) -> tuple[bool, Result | None]:
        """(True, what `work` has returned), or (False, None): it takes longer, and calls `ended` from its thread, with
        what it has raised and what it has returned. Raises what `work` raises in time, and Crowded when there is no
        place for another."""
        transfer, done = Transfer(), threading.Event()
        outcome: dict[str, Any] = {}

        def body() -> None:
            failure: BaseException | None = None
            try:
                outcome["result"] = work(transfer)
            except BaseException as error:  # the worker raises it, or `ended` is told
                # Whoever is given up sees his connection end: that is no failure of the network.
                failure = outcome["error"] = GivenUp() if transfer.is_given_up else error
            with self._lock:
                done.set()
                if not transfer.alone:
                    return
            try:
                ended(failure, outcome.get("result"))
            finally:
                with self._lock:
                    self._alone.discard(transfer)

        threading.Thread(target=body, name="transfer", daemon=True).start()
        try:
            in_time = self._wait(transfer, done)
        except BaseException:  # the worker's own time is up
            transfer.give_up()
            raise
        if not in_time and self._leave_alone(transfer, done):
            return False, None
        if "error" in outcome:
            raise outcome["error"]
        return True, outcome["result"]

    def alone(self) -> int:
        """How many go on alone now."""
        return len(self._alone)

    def turned_away(self) -> int:
        """How many found no place in the last LATELY_S seconds: each has cost a worker a moment."""
        with self._lock:
            while self._turned_away and self._turned_away[0] < time.monotonic() - LATELY_S:
                self._turned_away.popleft()
            return len(self._turned_away)

    def close(self, *, wait_s: float = 3) -> None:
        """The process ends: each gives its job back, for which there are `wait_s` seconds."""
        with self._lock:
            for transfer in self._alone:
                transfer.give_up()
        until = time.monotonic() + wait_s
        while self._alone and time.monotonic() < until:
            time.sleep(0.01)

    def _wait(self, transfer: Transfer, done: threading.Event) -> bool:
        """True: it has ended. False: its bytes take longer than a worker waits for them. Time that goes into the check
        of what has come does not count, or on a busy machine a quick result would be checked twice."""
        patience = self._patience_s / (1 + len(self._alone))
        while (left := patience - transfer.waited) > 0:  # ends: with the transfer, whose reads have a deadline
            if done.wait(max(left, LOOK_S)):
                return True
        return done.is_set()

    def _leave_alone(self, transfer: Transfer, done: threading.Event) -> bool:
        """False: it has ended in the last moment. Raises Crowded, and then it is given up."""
        with self._lock:
            if done.is_set():
                return False
            if len(self._alone) >= self._most:
                # One that has been given up and has not ended yet gives no second place.
                old = [t for t in self._alone if t.age > self._young_s and not t.is_given_up]
                slowest = min(old, key=lambda t: t.speed, default=None)
                if slowest is None or len(self._alone) >= 2 * self._most:
                    transfer.give_up()
                    self._turned_away.append(time.monotonic())
                    raise Crowded()
                slowest.give_up()
            transfer.alone = True
            self._alone.add(transfer)
            return True
