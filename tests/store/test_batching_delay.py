"""A lane waits between two flushes, so that the messages of a rush travel together."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
import redis

from sidecar.adapters.store import RedisOutbox
from sidecar.adapters.store.outbox import DELAY_MS_FOR_EACH, MOST_DELAY_MS
from sidecar.adapters.workqueue import Item, WorkQueue
from sidecar.workflow import outbox_sender
from tests.fakes.clock import SimulatedClock
from tests.fakes.site import KEYS
from tests.workflow.rig import Rig


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_url, decode_responses=True) as client:
        yield client


@pytest.fixture
def clock() -> SimulatedClock:
    return SimulatedClock(time.time())


@pytest.fixture
def queue(redis_url: str, clock: SimulatedClock) -> Iterator[WorkQueue]:
    with redis.Redis.from_url(redis_url) as client:
        yield WorkQueue(client, KEYS, clock=clock)


def message(number: int) -> dict[str, Any]:
    return {"id": f"notice:{number}", "type": "admin.notice", "data": {}}


@pytest.mark.parametrize(
    ("messages", "most_ms"), [(1, DELAY_MS_FOR_EACH), (5, 5 * DELAY_MS_FOR_EACH), (50, MOST_DELAY_MS)]
)
def test_the_more_a_flush_carries_the_longer_its_lane_rests(client: redis.Redis, messages: int, most_ms: int) -> None:
    """Begun and read in one transaction: a machine that is busy may take longer than the shortest delay."""
    transaction = client.pipeline()
    RedisOutbox(transaction, KEYS).begin_batching_delay("deliver", messages)
    transaction.pttl(KEYS.batching_delay("deliver")).pttl(KEYS.batching_delay("settle"))
    begun, delay_ms, of_another = transaction.execute()
    assert begun and most_ms / 2 < delay_ms <= most_ms
    assert of_another < 0, "there is none"


class LongDelays(RedisOutbox):
    """Each delay is a minute: no test outlives it, however slow the machine."""

    def begin_batching_delay(self, lane: str, messages: int) -> None:
        self._redis.set(self._keys.batching_delay(lane), "1", ex=60)


def test_messages_of_a_rush_travel_together(client: redis.Redis, queue: WorkQueue, clock: SimulatedClock) -> None:
    batches: list[int] = []

    class Shop:
        def send(self, messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
            batches.append(len(messages))
            return [{"id": message["id"], "status": "done"} for message in messages]

    outbox = LongDelays(client, KEYS)
    assert outbox.batching_delay("deliver") == 0
    parts = {"outbox": outbox, "queue": queue, "shop": Shop()}
    rig = Rig(wrap=lambda name, part: parts.get(name, part))
    rig.clock.at = clock.at
    outbox.put("deliver", [message(number) for number in range(20)])
    outbox_sender.run(rig.ports, "deliver")
    assert outbox.batching_delay("deliver") > 0 and outbox.batching_delay("settle") == 0
    for number in range(20, 24):
        outbox.put("deliver", [message(number)])
        outbox_sender.run(rig.ports, "deliver")
    assert batches == [20]
    assert queue.waiting() == [Item("deliver", "flush", ["deliver"])]
    client.delete(KEYS.batching_delay("deliver"))
    clock.advance(60)
    queue.drain("deliver", lambda item: outbox_sender.run(rig.ports, "deliver"))
    assert batches == [20, 4]
    assert outbox.waiting("deliver") == 0
