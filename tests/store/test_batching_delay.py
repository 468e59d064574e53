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
from tests.fakes.site import KEYS
from tests.workflow.rig import Rig


@pytest.fixture
def outbox(redis_url: str) -> Iterator[RedisOutbox]:
    client = redis.Redis.from_url(redis_url, decode_responses=True)
    yield RedisOutbox(client, KEYS)
    client.close()


@pytest.fixture
def queue(redis_url: str) -> Iterator[WorkQueue]:
    client = redis.Redis.from_url(redis_url)
    yield WorkQueue(client, KEYS)
    client.close()


def message(number: int) -> dict[str, Any]:
    return {"id": f"notice:{number}", "type": "admin.notice", "data": {}}


@pytest.mark.parametrize(
    ("messages", "most_ms"), [(1, DELAY_MS_FOR_EACH), (5, 5 * DELAY_MS_FOR_EACH), (50, MOST_DELAY_MS)]
)
def test_the_more_a_flush_carries_the_longer_its_lane_rests(outbox: RedisOutbox, messages: int, most_ms: int) -> None:
    assert outbox.batching_delay("deliver") == 0
    outbox.begin_batching_delay("deliver", messages)
    assert 0 < outbox.batching_delay("deliver") <= most_ms / 1000
    assert outbox.batching_delay("settle") == 0


def test_messages_of_a_rush_wait_for_the_next_flush_and_travel_together(outbox: RedisOutbox, queue: WorkQueue) -> None:
    batches: list[int] = []

    class Shop:
        def send(self, messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
            batches.append(len(messages))
            return [{"id": message["id"], "status": "done"} for message in messages]

    parts = {"outbox": outbox, "queue": queue, "shop": Shop()}
    rig = Rig(wrap=lambda name, part: parts.get(name, part))
    rig.clock.at = time.time()
    outbox.put("deliver", [message(number) for number in range(20)])
    outbox_sender.run(rig.ports, "deliver")
    for number in range(20, 24):
        outbox.put("deliver", [message(number)])
        outbox_sender.run(rig.ports, "deliver")
    assert batches == [20]
    assert queue.waiting() == [Item("deliver", "flush", ["deliver"])]
    queue.drain("deliver", lambda item: outbox_sender.run(rig.ports, "deliver"))
    assert sum(batches) == 24
    assert outbox.waiting("deliver") == 0
