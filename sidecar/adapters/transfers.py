"""Adapter: threads that wait for bytes, so that workers need not. Knows nothing of jobs."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from ..core.errors import Crowded, GivenUp

PATIENCE_S = 0.25  # a worker waits that long for a transfer's bytes, and less while others are slow
LOOK_S = 0.01  # between two looks at a transfer whose time is up as soon as it waits for bytes again
LATELY_S = 10  # seconds for which a transfer without a place counts
# A slow transfer keeps its place for so long: a pace below the minimum shows a minute after the headers (Pace: grace
# and window), so that no drip comes to the end of its turn, and who does has brought some bytes.
TURN_S = 75
HEAD_START = 1 << 16  # bytes credited to each transfer: a new one is not the slowest only because nothing has come yet
REMEMBERED = 10_000  # names of what came slowly

Result = TypeVar("Result")


class Transfer:
    """State of one transfer: its own thread writes, others read. `slow`: an earlier try has shown it."""

    def __init__(self, *, slow: bool = False, clock: Callable[[], float] = time.monotonic) -> None:
        self.alone = False  # no worker waits any more: `ended` gets the result
        self.slow = slow
        self._clock = clock
        self._began = self._clock()
        # For how many seconds longer it had waited than worked, when it began to wait (1) or to work (-1).
        self._balance = 0.0, self._began, 1
        self._bytes = 0
        self._given_up = False
        self._abort: Callable[[], None] = lambda: None

    def reads_from(self, abort: Callable[[], None]) -> None:
        """`abort` ends the network exchange from another thread. Raises GivenUp when the transfer has been given up."""
        self._abort = abort
        self.check()

    def came(self, bytes: int) -> None:
        """Count bytes that have come. Raises GivenUp when the transfer has been given up."""
        self._bytes += bytes
        self.check()

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """The block works on the bytes that have come: this time does not count as waiting."""
        self._turn_to(-1)
        try:
            yield
        finally:
            self._turn_to(1)

    @property
    def waited_longer(self) -> float:
        """Seconds of waiting for bytes minus seconds of work on them."""
        longer, since, way = self._balance
        return longer + way * (self._clock() - since)

    def _turn_to(self, way: int) -> None:
        self._balance = self.waited_longer, self._clock(), way

    def check(self) -> None:
        """Raises GivenUp when the transfer has been given up."""
        if self._given_up:
            raise GivenUp()

    def give_up(self) -> None:
        """Give the transfer up: its work ends with GivenUp at the next check."""
        self._given_up = True
        self._abort()

    @property
    def is_given_up(self) -> bool:
        return self._given_up

    @property
    def age(self) -> float:
        """Seconds since it began."""
        return self._clock() - self._began

    @property
    def speed(self) -> float:
        """Bytes a second since it began, with a head start."""
        return (HEAD_START + self._bytes) / max(self.age, 0.001)


class Transfers:
    """At most `most` go on alone in this process, and as many more that were given up may not have noticed yet.

    Whatever is new finds a place: the slowest of the new ones gives it up. What went on alone and comes again is known
    to be slow. It costs no worker's time, has three quarters of the places, and waits until somebody's turn is over.
    """

    def __init__(self, *, most: int, turn_s: float = TURN_S, patience_s: float = PATIENCE_S):
        self._most, self._turn_s, self._patience_s = most, turn_s, patience_s
        self._most_slow = most - most // 4
        self._running: set[Transfer] = set()  # each with a thread
        self._slow_names: OrderedDict[str, None] = OrderedDict()
        self._turned_away: deque[float] = deque()
        self._lock = threading.Lock()

    def run(
        self,
        name: str,
        work: Callable[[Transfer], Result],
        ended: Callable[[BaseException | None, Result | None], None],
    ) -> tuple[bool, Result | None]:
        """(True, what `work` has returned), or (False, None): it takes longer, and calls `ended` from its thread, with
        what it has raised and what it has returned. `name`: of what it brings, the same when it comes again. Raises
        what `work` raises in time, and Crowded when there is no place for it; `slow` tells whether it is known."""
        transfer, done = self._begin(name), threading.Event()
        outcome: dict[str, Any] = {}

        def body() -> None:
            failure: BaseException | None = None
            try:
                outcome["result"] = work(transfer)
            except BaseException as error:  # the worker raises it, or `ended` is told
                # Whoever is given up sees his connection end: that is no failure of the network.
                failure = outcome["error"] = GivenUp() if transfer.is_given_up else error
            try:
                with self._lock:
                    done.set()
                    if not transfer.alone:
                        self._running.discard(transfer)
                        return
                try:
                    ended(failure, outcome.get("result"))
                finally:
                    outcome.clear()
                    with self._lock:
                        self._running.discard(transfer)
            finally:
                # Its traceback holds this frame: both would keep what the work had in its hands, which are megabytes,
                # until cycles are looked for.
                failure = None

        try:
            threading.Thread(target=body, name="transfer", daemon=True).start()
        except BaseException as error:  # no room for one, or the worker's own time is up
            with self._lock:
                self._running.discard(transfer)
            if not isinstance(error, RuntimeError):
                raise
            raise Crowded(slow=transfer.slow) from error
        try:
            in_time = self._wait(transfer, done)
        except BaseException:  # the worker's own time is up
            transfer.give_up()
            raise
        if not in_time and self._leave_alone(name, transfer, done):
            return False, None
        try:
            if "error" in outcome:
                raise outcome["error"]
            return True, outcome["result"]
        finally:
            outcome.clear()  # as `failure` above

    def alone(self) -> int:
        """How many transfers go on without a worker now."""
        with self._lock:
            return sum(transfer.alone for transfer in self._running)

    def turned_away(self) -> int:
        """How many transfers found no place in the last LATELY_S seconds: each has cost a worker a moment."""
        with self._lock:
            while self._turned_away and self._turned_away[0] < time.monotonic() - LATELY_S:
                self._turned_away.popleft()
            return len(self._turned_away)

    def close(self, *, wait_s: float = 3) -> None:
        """End of the process: each transfer gives its job back, within `wait_s` seconds."""
        with self._lock:
            going = [transfer for transfer in self._running if transfer.alone]
            for transfer in going:
                transfer.give_up()
        until = time.monotonic() + wait_s
        while not self._running.isdisjoint(going) and time.monotonic() < until:
            time.sleep(0.01)

    def _begin(self, name: str) -> Transfer:
        """Raises Crowded, before it costs a thread."""
        with self._lock:
            transfer = Transfer(slow=name in self._slow_names)
            deaf = sum(each.is_given_up for each in self._running)
            if deaf >= self._most or (transfer.slow and not self._make_place()):
                self._turned_away.append(time.monotonic())
                raise Crowded(slow=transfer.slow)
            transfer.alone = transfer.slow
            self._running.add(transfer)
            return transfer

    def _make_place(self) -> bool:
        """Whether a slow transfer may have a place."""
        placed = self._placed()
        if len(placed) < self._most and sum(each.slow for each in placed) < self._most_slow:
            return True
        return _slowest_gives_up(each for each in placed if each.age > self._turn_s)

    def _placed(self) -> list[Transfer]:
        return [each for each in self._running if each.alone and not each.is_given_up]

    def _wait(self, transfer: Transfer, done: threading.Event) -> bool:
        """True: it has ended. False: its bytes take longer than a worker waits for them. Time that goes into the check
        of what has come is no waiting, and earns as much patience: what has to be checked twice costs more."""
        if transfer.slow:
            return False
        with self._lock:
            patience = self._patience_s / (1 + sum(not each.slow for each in self._placed()))
        while (left := patience - transfer.waited_longer) > 0:  # ends: with the transfer, whose reads have a deadline
            if done.wait(max(left, LOOK_S)):
                return True
        return done.is_set()

    def _leave_alone(self, name: str, transfer: Transfer, done: threading.Event) -> bool:
        """False: the transfer has just ended."""
        with self._lock:
            if transfer.slow:
                return True
            if done.is_set():
                return False
            placed = self._placed()
            if len(placed) >= self._most:
                _slowest_gives_up([each for each in placed if not each.slow] or placed)
            self._slow_names[name] = None
            if len(self._slow_names) > REMEMBERED:
                self._slow_names.popitem(last=False)
            transfer.alone = True
            return True


def _slowest_gives_up(transfers: Iterable[Transfer]) -> bool:
    """False: there is none."""
    slowest = min(transfers, key=lambda each: each.speed, default=None)
    if slowest:
        slowest.give_up()
    return slowest is not None
