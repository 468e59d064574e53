"""Contract of the queue: what stands in it, and that the same work does not stand in it twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import redis

from sidecar import tasks
from sidecar.adapters.workqueue import MARK_S, WorkQueue
from sidecar.core.states import QUEUES
from tests.fakes.clock import SimulatedClock
from tests.fakes.queue import MemoryQueue, Task
from tests.fakes.site import KEYS
from tests.store.conftest import _shorten_lives


@dataclass
class Queued:
    """A queue, a look into it, and time for its marks."""

    queue: Any
    look: Callable[[], list[Task]]
    take: Callable[[], Any]
    let_pass: Callable[[float], None]


@pytest.fixture(params=["redis", "memory"])
def queued(request: pytest.FixtureRequest) -> Iterator[Queued]:
    if request.param == "memory":
        clock = SimulatedClock()
        queue = MemoryQueue(clock)
        yield Queued(queue, lambda: queue.tasks, lambda: queue.tasks.pop(0), clock.advance)
        return
    client = redis.Redis.from_url(request.getfixturevalue("redis_url"))

    queue = WorkQueue(client, KEYS)

    def look() -> list[Task]:
        return [Task(item.queue, item.name, tuple(item.args)) for item in queue.waiting()]

    yield Queued(queue, look, queue.take, lambda seconds: _shorten_lives(client, seconds))
    client.close()


def test_a_stage_waits_in_the_queue_of_its_name(queued: Queued) -> None:
    assert queued.queue.stage("collect", "job-1", 2)
    assert queued.look() == [Task("collect", "stage", ("collect", "job-1", 2))]
    assert queued.queue.depths() == {stage: int(stage == "collect") for stage in QUEUES}


def test_the_same_stage_of_a_job_waits_once_until_it_begins(queued: Queued) -> None:
    assert queued.queue.stage("submit", "job-1", 1)
    assert not queued.queue.stage("submit", "job-1", 1)
    assert queued.queue.stage("submit", "job-2", 1)
    assert queued.queue.stage("collect", "job-1", 1)
    queued.take()
    queued.queue.begin("submit", "job-1")
    assert queued.queue.stage("submit", "job-1", 1)
    assert len(queued.look()) == 3


def test_what_is_put_together_stands_there_at_the_end(queued: Queued) -> None:
    queued.queue.stage("submit", "job-1", 1)
    with queued.queue.together():
        for number in (1, 2, 3, 3):
            queued.queue.stage("submit", f"job-{number}", 1)
        queued.queue.watch([("job-4", 1)])
        queued.queue.flush("deliver")
    assert sorted(task.args for task in queued.look() if task.name == "stage") == [
        ("submit", f"job-{number}", 1) for number in (1, 2, 3)
    ]
    assert queued.queue.depths() == {"submit": 3, "watch": 1, "deliver": 1, "settle": 0, "collect": 0}
    assert not queued.queue.stage("submit", "job-2", 1), "as when they are put one by one"


def test_what_was_put_together_is_there_when_the_block_breaks(queued: Queued) -> None:
    with pytest.raises(ZeroDivisionError), queued.queue.together():
        queued.queue.stage("submit", "job-1", 1)
        raise ZeroDivisionError
    assert queued.queue.depths()["submit"] == 1


def test_work_that_was_lost_from_the_queue_does_not_block_its_like_for_long(queued: Queued) -> None:
    queued.queue.stage("submit", "job-1", 1)
    queued.let_pass(MARK_S + 1)
    assert queued.queue.stage("submit", "job-1", 1)


def test_polls_of_many_jobs_are_one_piece_of_work(queued: Queued) -> None:
    queued.queue.watch([("job-1", 1), ("job-2", 3)])
    assert queued.look() == [Task("watch", "watch_many", ([["job-1", 1], ["job-2", 3]],))]


def test_a_poll_that_waits_already_is_not_queued_again(queued: Queued) -> None:
    """When Upsampler is slow, the scheduler would fill the queue with the same polls every 15 s."""
    queued.queue.watch([("job-1", 1)])
    queued.queue.watch([("job-1", 1), ("job-2", 1)])
    queued.queue.watch([("job-1", 1), ("job-2", 1)])
    assert [task.args for task in queued.look()] == [([["job-1", 1]],), ([["job-2", 1]],)]
    queued.take()
    queued.queue.begin("watch", "job-1")
    queued.queue.watch([("job-1", 1)])
    assert len(queued.look()) == 2


def test_no_polls_are_no_work(queued: Queued) -> None:
    queued.queue.watch([])
    assert queued.look() == []


def test_a_flush_and_a_named_task(queued: Queued) -> None:
    queued.queue.flush("settle")
    queued.queue.task("watch", "retry_webhook", "job-1", 1, 2, "u-1")
    assert sorted(queued.look(), key=lambda task: task.name) == [
        Task("settle", "flush", ("settle",)),
        Task("watch", "retry_webhook", ("job-1", 1, 2, "u-1")),
    ]


@pytest.mark.parametrize("name", ["stage", "watch_many", "flush", "reconcile", "cleanup", "retry_webhook"])
def test_what_is_queued_by_name_exists(name: str) -> None:
    assert callable(tasks.WORK[name])


def test_a_redis_queue_tells_how_long_its_oldest_ready_item_waits(redis_url: str) -> None:
    clock = SimulatedClock()
    with redis.Redis.from_url(redis_url) as client:
        queue = WorkQueue(client, KEYS, clock=clock)
        queue.stage("collect", "job-1", 1)
        clock.advance(30)
        queue.stage("collect", "job-2", 1)
        queue.flush("deliver", at=clock() + 60)  # may not go yet: nobody waits for it
        clock.advance(12)
        assert queue.ages() == {queue: 42 if queue == "collect" else 0 for queue in QUEUES}
