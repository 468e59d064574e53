"""A lane rests between two flushes, so that the messages of a rush travel together."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
import redis

from sidecar.adapters.queue import Item, RqQueue
from sidecar.adapters.store import RedisOutbox
from sidecar.adapters.store.outbox import REST_MS
from sidecar.workflow import flush
from tests.workflow.rig import Rig


@pytest.fixture
def outbox(redis_url: str) -> Iterator[RedisOutbox]:
    client = redis.Redis.from_url(redis_url, decode_responses=True)
    yield RedisOutbox(client)
    client.close()


@pytest.fixture
def queue(redis_url: str) -> Iterator[RqQueue]:
    client = redis.Redis.from_url(redis_url)
    yield RqQueue(client)
    client.close()


def message(number: int) -> dict[str, Any]:
    return {"id": f"notice:{number}", "type": "admin.notice", "data": {}}


def test_a_lane_rests_after_a_flush_has_begun_the_other_does_not(outbox: RedisOutbox) -> None:
    assert outbox.rest("deliver") == 0
    outbox.begin_flush("deliver")
    assert 0 < outbox.rest("deliver") <= REST_MS / 1000
    assert outbox.rest("settle") == 0


def test_messages_of_a_rush_wait_for_the_next_flush_and_travel_together(outbox: RedisOutbox, queue: RqQueue) -> None:
    batches: list[int] = []

    class Shop:
        def send(self, messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
            batches.append(len(messages))
            return [{"id": message["id"], "status": "done"} for message in messages]

    parts = {"outbox": outbox, "queue": queue, "shop": Shop()}
    rig = Rig(wrap=lambda name, part: parts.get(name, part))
    rig.clock.at = time.time()
    outbox.put("deliver", [message(1)])
    flush.run(rig.ports, "deliver")
    for number in range(2, 6):
        outbox.put("deliver", [message(number)])
        flush.run(rig.ports, "deliver")
    assert batches == [1]
    assert queue.waiting() == [Item("deliver", "flush", ["deliver"])]
    queue.work_off("deliver", lambda item: flush.run(rig.ports, "deliver"))
    assert sum(batches) == 5
    assert outbox.waiting("deliver") == 0
