"""How workers are woken for ready work, and how they drain it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import redis
from rq import Queue
from rq.serializers import JSONSerializer

from sidecar.adapters.workqueue import Item, WorkQueue
from sidecar.core.states import QUEUES
from sidecar.core.stored_names import WAKE_UP_S
from tests.fakes.site import KEYS
from tests.store.conftest import _shorten_lives


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    client = redis.Redis.from_url(redis_url)
    yield client
    client.close()


@pytest.fixture
def queue(client: redis.Redis) -> WorkQueue:
    return WorkQueue(client, KEYS)


def woken(client: redis.Redis) -> list[str]:
    """The queues that workers have been woken for and have not come to, in RQ's queues."""
    queues = [Queue(KEYS.rq_name(name), connection=client, serializer=JSONSerializer) for name in QUEUES]
    return [job.args[0] for queue in queues for job in queue.get_jobs()]


def come(client: redis.Redis) -> None:
    """RQ's worker takes the wake-ups out of its queues."""
    for name in QUEUES:
        Queue(KEYS.rq_name(name), connection=client, serializer=JSONSerializer).empty()


def test_a_rush_makes_one_wake_up_for_each_queue(client: redis.Redis, queue: WorkQueue) -> None:
    for number in range(20):
        queue.stage("submit", f"job-{number}", 1)
    queue.stage("collect", "job-1", 1)
    assert sorted(woken(client)) == ["collect", "submit"]


def test_a_wake_up_is_followed_until_nothing_is_ready_light_work_first(client: redis.Redis, queue: WorkQueue) -> None:
    done: list[Item] = []
    for number in range(3):
        queue.stage("collect", f"job-{number}", 1)
    queue.flush("deliver")
    queue.drain("collect", done.append)
    assert [item.queue for item in done] == ["deliver", "collect", "collect", "collect"]
    assert queue.waiting() == []


def test_a_worker_leaves_the_queues_that_it_does_not_serve(client: redis.Redis, queue: WorkQueue) -> None:
    done: list[Item] = []
    queue.serves = ["deliver", "submit"]
    queue.stage("collect", "job-1", 1)
    queue.stage("submit", "job-1", 1)
    queue.drain("submit", done.append)
    assert [item.queue for item in done] == ["submit"]
    assert [item.queue for item in queue.waiting()] == ["collect"]


def test_work_that_leads_to_one_more_piece_of_work_wakes_nobody(client: redis.Redis, queue: WorkQueue) -> None:
    """The same worker goes on with it: a wake-up would cost more than the work."""
    done: list[Item] = []

    def run(item: Item) -> None:
        done.append(item)
        if item.queue == "watch":
            queue.stage("collect", item.args[0][0][0], 1)

    queue.watch([("job-1", 1)])
    come(client)
    queue.drain("watch", run)
    assert [item.queue for item in done] == ["watch", "collect"]
    assert woken(client) == []


def left_to_others(queue: WorkQueue, polls: list[tuple[str, int]]) -> list[Item]:
    """What waits in Redis while a worker is at these polls, of which the first leads to a collect."""
    seen: list[Item] = []

    def run(item: Item) -> None:
        if item.queue == "watch":
            queue.stage("collect", "job-1", 1)
            seen.extend(queue.waiting())

    queue.watch(polls)
    queue.drain("watch", run)
    assert queue.waiting() == []
    return seen


def test_what_a_worker_goes_on_with_by_himself_nobody_else_sees(queue: WorkQueue) -> None:
    assert left_to_others(queue, [("job-1", 1)]) == []


def test_a_worker_at_many_jobs_leaves_what_follows_to_whoever_is_free(queue: WorkQueue) -> None:
    """The polls of the others may take minutes."""
    collect = Item("collect", "stage", ["collect", "job-1", 1])
    assert left_to_others(queue, [("job-1", 1), ("job-2", 1)]) == [collect]


def test_what_a_worker_can_not_go_on_with_waits_for_another(client: redis.Redis, queue: WorkQueue) -> None:
    def fail(item: Item) -> None:
        queue.stage("collect", "job-1", 1)
        raise ValueError("a fault of ours")

    queue.watch([("job-1", 1)])
    come(client)
    with pytest.raises(ValueError, match="a fault of ours"):
        queue.drain("watch", fail)
    assert queue.waiting() == [Item("collect", "stage", ["collect", "job-1", 1])]
    assert woken(client) == ["collect"]


def test_a_worker_who_finds_more_than_he_can_take_wakes_another(client: redis.Redis, queue: WorkQueue) -> None:
    seen: list[list[str]] = []
    for number in range(2):
        queue.stage("submit", f"job-{number}", 1)
    come(client)
    queue.drain("submit", lambda item: seen.append(woken(client)))
    assert seen[0] == ["submit"]


def test_work_put_for_a_queue_that_others_serve_wakes_them(client: redis.Redis, queue: WorkQueue) -> None:
    queue.serves = ["watch"]
    queue.watch([("job-1", 1)])
    come(client)
    queue.drain("watch", lambda item: queue.stage("collect", "job-1", 1))
    assert woken(client) == ["collect"]


def test_after_a_fault_another_worker_is_woken_for_the_rest(client: redis.Redis, queue: WorkQueue) -> None:
    def fail(item: Item) -> None:
        raise ValueError("a fault of ours")

    for number in range(2):
        queue.stage("submit", f"job-{number}", 1)
    come(client)
    with pytest.raises(ValueError, match="a fault of ours"):
        queue.drain("submit", fail)
    assert woken(client) == ["submit"]
    assert len(queue.waiting()) == 1


def test_a_lost_wake_up_is_repeated_by_the_clock(client: redis.Redis, queue: WorkQueue) -> None:
    queue.stage("submit", "job-1", 1)
    come(client)
    queue.wake()
    assert woken(client) == []  # it may only be late
    _shorten_lives(client, WAKE_UP_S + 1)
    queue.wake()
    assert woken(client) == ["submit"]


def test_work_that_may_not_go_yet_is_waited_for_when_it_is_soon(client: redis.Redis) -> None:
    now = [1000.0]

    def clock() -> float:
        now[0] += 0.05
        return now[0]

    queue = WorkQueue(client, KEYS, clock=clock)
    queue.flush("deliver", at=1000.3)
    queue.flush("settle", at=1060.0)
    done: list[Item] = []
    queue.drain("deliver", done.append)
    assert [item.queue for item in done] == ["deliver"]
    assert now[0] > 1000.3


def test_the_like_of_work_at_hand_may_be_queued(client: redis.Redis, queue: WorkQueue) -> None:
    again: list[bool] = []

    def run(item: Item) -> None:
        queue.begin("submit", "job-1")
        if not again:
            again.append(queue.stage("submit", "job-1", 1))

    queue.stage("submit", "job-1", 1)
    queue.drain("submit", run)
    assert again == [True]
