"""Adapter, work queue: what the workflow puts there, and how a worker drains it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import redis

from ...core.states import QUEUES
from ...core.stored_names import Keys
from .heartbeat import workers_alive
from .old_queues import clear_old_queues
from .ready import PUT_AND_WAKE, Item, Put, ReadyWork
from .wakeup import WakeUps

# An item that takes longer than this is stopped; its lease then lapses, and the scheduler brings the job back.
TIMEOUT_S = {"submit": 120, "watch": 300, "collect": 7200, "deliver": 120, "settle": 300}
DRAIN_S = 5  # a worker follows one wake-up for no longer than this, and then lets RQ look after itself
WAIT_S = 0.3  # an item that may go within this time is waited for


class WorkQueue:
    """Items for the workers. The package's docstring has the model."""

    def __init__(self, connection: redis.Redis, keys: Keys, *, clock: Callable[[], float] = time.time):
        """`connection`: without decode_responses, as RQ wants it."""
        self._redis = connection
        self._keys = keys
        self._clock = clock
        self._ready = ReadyWork(connection, keys)
        self._wake_ups = WakeUps(connection, keys)
        self.serves: Sequence[str] = QUEUES  # the queues of this process' worker, by priority
        # The thread that drains; 0 before the first. Transfers (adapters/transfers.py) put items from other threads.
        self._drainer = 0
        self._draining = False
        self._begun: set[str] = set()  # marks of the item at hand: they are gone already
        self._at_single_job = False  # and not at an item that may go on for long with others
        self._next: Item | None = None  # what this worker goes on with by itself
        self._gathered: list[Put] | None = None  # what is put together

    @contextmanager
    def together(self) -> Iterator[None]:
        """What is put inside the block, by this thread's worker, goes to Redis at its end, in one round trip."""
        self._gathered = []
        try:
            yield
        finally:
            puts, self._gathered = self._gathered, None
            if puts:
                for put, outcome in zip(puts, self._ready.put_many(puts), strict=True):
                    if outcome == PUT_AND_WAKE:
                        self._wake_ups.send(put.queue)

    def stage(self, stage: str, job_id: str, attempt: int) -> bool:
        """Queue one stage of one job; False when it stands there already (`together`: True in any case).

        A worker at a single job that serves the next stage, too, keeps that to itself and goes on with it: two round
        trips less. What it has in its hands when it dies comes due again, as everything does.
        """
        if self._at_single_job and self._next is None and stage in self.serves and self._is_drainer():
            self._next = Item(stage, "stage", [stage, job_id, attempt])
            return True
        return self._put(stage, "stage", stage, job_id, attempt, mark=self._keys.queued(stage, job_id))

    def watch(self, jobs: Sequence[tuple[str, int]]) -> None:
        """Queue polls of many jobs as one item: one connection to Upsampler serves them all.

        A job whose poll stands in the queue already is left out, or a slow Upsampler would fill the queue.
        """
        if len(jobs) == 1:
            job_id, attempt = jobs[0]
            self._put("watch", "watch_many", [[job_id, attempt]], mark=self._keys.queued("watch", job_id))
        elif fresh := self._ready.mark_many("watch", jobs):
            self._put("watch", "watch_many", fresh)

    def flush(self, lane: str, *, at: float = 0) -> None:
        """Queue the sending of a lane of the outbox. `at`: not before (Unix seconds)."""
        self._put(lane, "flush", lane, at=at)

    def task(self, queue: str, name: str, *args: str | int) -> None:
        """Queue another function of `sidecar.tasks`, by name."""
        self._put(queue, name, *args)

    def begin(self, stage: str, job_id: str) -> None:
        """The work begins: its like may be queued again."""
        mark = self._keys.queued(stage, job_id)
        if mark in self._begun:
            self._begun.discard(mark)
        else:
            self._ready.lift(mark)

    def clear_old_queues(self) -> None:
        """Remove wake-ups of a version whose queues did not name the site. Safe to repeat."""
        clear_old_queues(self._redis)

    def workers(self) -> int:
        """How many workers are alive. RQ's own count goes on naming those that were killed, for minutes or hours."""
        return workers_alive(self._redis, self._keys)

    def depths(self) -> dict[str, int]:
        """Items that wait, by queue."""
        return self._ready.depths()

    def ages(self) -> dict[str, float]:
        """Seconds that the oldest item that may go has been waiting, by queue; 0 where none is."""
        return self._ready.ages(self._clock())

    def waiting(self) -> list[Item]:
        """All that waits, the first to go first, by queue."""
        return self._ready.waiting()

    # ------------------------------------------------------------------ the worker's side
    def drain(self, queue: str, run: Callable[[Item], None]) -> None:
        """Follow a wake-up: run what is ready in the queues that this process serves, by priority, until nothing is.

        1. The wake-up is taken back, so that items put from now on wake again. 2. Take one item; if there is more,
        wake another worker. 3. Run it. 4. After some seconds leave, and wake a worker, so that RQ's worker sees
        signals. What was taken and not finished, because we died, comes due again in the schedule.
        """
        self._wake_ups.take_back(queue)
        until = time.monotonic() + DRAIN_S
        self._draining, self._drainer = True, threading.get_ident()
        try:
            while time.monotonic() < until:
                item = self.take()
                if item is None:
                    return
                run(item)
        finally:
            self._draining = self._at_single_job = False
            self._begun.clear()
            if self._next:
                kept, self._next = self._next, None
                self.stage(*kept.args)
            self.wake(self.serves)  # after a slice, or when an item has raised

    def wake(self, queues: Sequence[str] = QUEUES) -> None:
        """Wake workers for ready items that nobody was woken for; for the clock, should a wake-up have been lost."""
        for queue in self._ready.due(queues, self._clock()):
            self._wake_ups.notify_worker(queue)

    def take(self) -> Item | None:
        """The next item; waits for one that may go within a moment. None: nothing is ready."""
        if self._next:
            kept, self._next = self._next, None
            return self._begin_item(kept)
        while True:  # ends: nothing is waited for beyond WAIT_S
            now = self._clock()
            taken = self._ready.take(self.serves, now)
            if taken.item:
                break
            if taken.soonest is None or taken.soonest - now > WAIT_S:
                return None
            time.sleep(min(max(taken.soonest - now, 0.001), 0.02))
        if taken.wake:
            self._wake_ups.send(taken.wake)
        return self._begin_item(taken.item)

    def _begin_item(self, item: Item) -> Item:
        self._begun = {self._keys.queued(item.queue, job_id) for job_id in item.jobs}
        self._at_single_job = self._draining and len(item.jobs) == 1
        return item

    def _is_drainer(self) -> bool:
        return self._drainer in (0, threading.get_ident())

    def _put(self, queue: str, name: str, *args, mark: str = "", at: float = 0) -> bool:
        mine = self._is_drainer()
        wakes = not (mine and self._draining and queue in self.serves)  # whoever drains here sees it when he is done
        put = Put(queue, name, args, mark, at or self._clock(), wakes)
        if mine and self._gathered is not None:
            self._gathered.append(put)
            return True
        outcome = self._ready.put(put)
        if outcome == PUT_AND_WAKE:
            self._wake_ups.send(queue)
        return outcome > 0
