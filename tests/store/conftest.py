"""The real working memory and its double, side by side: every test here runs on both."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import redis

from sidecar.adapters.store import RedisJobStore, RedisOutbox
from sidecar.core.job import Job
from tests.fakes.clock import SimulatedClock
from tests.fakes.outbox import MemoryOutbox
from tests.fakes.site import KEYS
from tests.fakes.store import MemoryJobStore

SLOTS = 2


@dataclass
class Memory:
    """`store` has two slots, `unlimited` as many as are asked for. `notified`: lanes that a worker was notified of."""

    store: Any
    unlimited: Any
    outbox: Any
    clock: SimulatedClock
    age: Callable[[float], None]
    notified: list[str]

    def let_pass(self, seconds: float) -> None:
        """Time passes, also for what dies by itself."""
        self.clock.advance(seconds)
        self.age(seconds)

    def paid(self, job_id: str = "job-1", attempt: int = 1, **fields: Any) -> Job:
        """A paid job in the store."""
        job = Job(job_id, attempt, fields.pop("state", "paid"), **fields)
        assert self.store.create(job, due_at=self.clock())
        return job


@pytest.fixture(params=["redis", "memory"])
def memory(request: pytest.FixtureRequest) -> Iterator[Memory]:
    clock, notified = SimulatedClock(), []
    if request.param == "memory":
        outbox = MemoryOutbox(clock, notify_worker=notified.append)
        store, unlimited = MemoryJobStore(clock, outbox, slots=SLOTS), MemoryJobStore(clock, outbox)
        yield Memory(store, unlimited, outbox, clock, lambda seconds: None, notified)
        return
    client = redis.Redis.from_url(request.getfixturevalue("redis_url"), decode_responses=True)
    yield Memory(
        RedisJobStore(client, KEYS, slots=SLOTS, clock=clock, notify_worker=notified.append),
        RedisJobStore(client, KEYS, clock=clock, notify_worker=notified.append),
        RedisOutbox(client, KEYS, clock=clock, notify_worker=notified.append),
        clock,
        lambda seconds: _shorten_lives(client, seconds),
        notified,
    )
    client.close()


def _shorten_lives(client: redis.Redis, seconds: float) -> None:
    """Redis' own clock can't be moved, but every key's remaining life can be shortened."""
    for key in client.scan_iter():
        left = client.pttl(key)
        if left > 0:
            client.pexpire(key, max(1, left - int(seconds * 1000))) if left > seconds * 1000 else client.delete(key)
