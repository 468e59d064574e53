"""Adapter, work queue: items that are ready, in a sorted set for each queue, and the marks that keep them single."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import redis

from ...core.states import QUEUES
from ...core.stored_names import TASKS, WAKE_UP_S, Keys, known_as, stored
from . import scripts

MARK_S = 60  # expiry of a mark: a lost item blocks its successor no longer than this

PUT_AND_WAKE = 2  # an outcome of PUT: the caller must wake a worker


@dataclass(frozen=True)
class Item:
    """A function of `sidecar.tasks` and its arguments, ready in a queue."""

    queue: str
    name: str
    args: list[Any]

    @property
    def jobs(self) -> list[str]:
        """The jobs whose marks TAKE has removed."""
        if self.name == "stage":
            return [self.args[1]]
        return [job_id for job_id, _ in self.args[0]] if self.name == "watch_many" else []


@dataclass(frozen=True)
class Taken:
    """`item`: None when nothing is ready; then `soonest` says when something will be (None: never). `wake`: the queue
    that another worker has to be woken for, or ""."""

    item: Item | None
    wake: str = ""
    soonest: float | None = None


class ReadyWork:
    """The sorted sets and the marks of one site. Wakes no worker itself: the outcome says when one must be woken."""

    def __init__(self, connection: redis.Redis, keys: Keys):
        self._redis = connection
        self._keys = keys
        self._put_script, self._take_script = (connection.register_script(s) for s in (scripts.PUT, scripts.TAKE))

    def put(self, put: Put, *, pipe: Any = None) -> int:
        """The outcome: 0 its mark stands already, 1 put, 2 put and the caller must wake a worker. With `pipe` the
        pipeline has it."""
        return self._put_script(
            [self._keys.ready(put.queue), self._keys.called(put.queue)], put.arguments(), client=pipe
        )

    def put_many(self, puts: Sequence[Put]) -> list[int]:
        """As `put`, all of them in one round trip."""
        with self._redis.pipeline(transaction=False) as pipe:
            for put in puts:
                self.put(put, pipe=pipe)
            return pipe.execute()

    def take(self, queues: Sequence[str], now: float) -> Taken:
        """Take the first item that may go, by the priority of `queues`."""
        keys = [key(queue) for key in (self._keys.ready, self._keys.called) for queue in queues]
        place, what, *more = self._take_script(
            keys=keys, args=[now, WAKE_UP_S, *(self._keys.queued(queue, "") for queue in queues)]
        )
        if not place:
            return Taken(None, soonest=float(what) if what else None)
        return Taken(_item(queues[place - 1], what), wake=queues[more[0] - 1] if more[0] else "")

    def depths(self) -> dict[str, int]:
        """Items that wait, by queue."""
        with self._redis.pipeline(transaction=False) as pipe:
            for queue in QUEUES:
                pipe.zcard(self._keys.ready(queue))
            return dict(zip(QUEUES, pipe.execute(), strict=True))

    def ages(self, now: float) -> dict[str, float]:
        """Seconds that the oldest item that may go has been waiting, by queue; 0 where none is."""
        with self._redis.pipeline(transaction=False) as pipe:
            for queue in QUEUES:
                pipe.zrange(self._keys.ready(queue), 0, 0, withscores=True)
            return {
                queue: max(0.0, now - (found[0][1] if found else now))
                for queue, found in zip(QUEUES, pipe.execute(), strict=True)
            }

    def due(self, queues: Sequence[str], now: float) -> list[str]:
        """Those of `queues` in which something may go now."""
        if not self._redis.exists(*map(self._keys.ready, queues)):  # mostly, and then this is all
            return []
        with self._redis.pipeline(transaction=False) as pipe:
            for queue in queues:
                pipe.zcount(self._keys.ready(queue), "-inf", now)
            return [queue for queue, depth in zip(queues, pipe.execute(), strict=True) if depth]

    def waiting(self) -> list[Item]:
        """All items that wait, in order, by queue."""
        return [_item(queue, text) for queue in QUEUES for text in self._in(queue)]

    def _in(self, queue: str) -> list[bytes]:
        return self._redis.zrange(self._keys.ready(queue), 0, -1)  # type: ignore[return-value]  # its stubs do not know `decode`

    def mark_many(self, queue: str, jobs: Sequence[tuple[str, int]]) -> list[list[Any]]:
        """Set the marks of jobs; returns the jobs whose mark is new."""
        with self._redis.pipeline(transaction=False) as pipe:
            for job_id, attempt in jobs:
                pipe.set(self._keys.queued(queue, job_id), attempt, nx=True, ex=MARK_S)
            return [list(job) for job, new in zip(jobs, pipe.execute(), strict=True) if new]

    def lift(self, mark: str) -> None:
        """Remove a mark: the item may be put again."""
        self._redis.delete(mark)


@dataclass(frozen=True)
class Put:
    """What PUT gets. `at`: not before (Unix seconds); `wakes`: whether a worker is to be woken."""

    queue: str
    name: str
    args: Sequence[Any]
    mark: str
    at: float
    wakes: bool

    def arguments(self) -> list[Any]:
        """ARGV of PUT."""
        text = json.dumps([stored(TASKS, self.name), *self.args])
        return [text, self.at, self.mark, MARK_S, WAKE_UP_S if self.wakes else ""]


def _item(queue: str, text: bytes) -> Item:
    name, *args = json.loads(text)
    return Item(queue, known_as(TASKS, name), args)
