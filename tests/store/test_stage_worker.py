"""A worker beside RQ's own: it listens without a break, and keeps no books about wake-ups."""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace

import pytest
import redis
import structlog
from rq.exceptions import StopRequested
from rq.suspension import suspend

from sidecar.adapters import logs
from sidecar.adapters.connections import connect, write_something
from sidecar.adapters.workqueue import WakeUpQueue
from sidecar.adapters.workqueue.wakeup import WakeUps
from sidecar.worker import BEAT_S, StageWorker
from tests.fakes.site import KEYS

QUEUE = KEYS.rq_name("submit")


@pytest.fixture
def connection(redis_url: str, tmp_path) -> Iterator[redis.Redis]:
    connection = connect(redis_url, tmp_path, decode=False)
    yield connection
    connection.close()


@pytest.fixture
def worker(connection: redis.Redis) -> StageWorker:
    write_something(connection, KEYS.ping)
    return StageWorker([WakeUpQueue(QUEUE, connection=connection)], connection=connection)


def _asked(key: str, does: Callable[[str], None]) -> SimpleNamespace:
    """RQ's job, as far as a worker looks at it."""
    return SimpleNamespace(key=key, func=does, args=["submit"])


def test_it_listens_for_as_long_as_it_asks(worker: StageWorker) -> None:
    """Over a connection that gives up before, RQ would take Redis for lost, and be deaf for a second each time."""
    pool = worker.connection.connection_pool
    used = pool.get_connection()
    pool.release(used)
    assert used.socket_timeout > worker.dequeue_timeout


def test_about_a_wake_up_that_has_come_redis_keeps_nothing(worker: StageWorker, connection: redis.Redis) -> None:
    WakeUps(connection, KEYS).notify_worker("submit")
    (job,) = worker.queues[0].get_jobs()
    came: list[str] = []
    worker.execute_job(_asked(job.key, came.append), worker.queues[0])
    assert came == ["submit"]
    assert not connection.exists(job.key)


def test_of_a_living_worker_redis_is_told_now_and_then(
    worker: StageWorker, connection: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not at each wake-up, but long before what was told lapses."""
    worker.heartbeat()
    connection.persist(worker.key)
    worker.heartbeat()
    assert connection.ttl(worker.key) == -1, "told a moment ago"
    later = time.monotonic() + BEAT_S
    monkeypatch.setattr(time, "monotonic", lambda: later)
    worker.heartbeat()
    assert connection.ttl(worker.key) > BEAT_S + worker.dequeue_timeout


def test_a_fault_in_the_work_leaves_the_worker_alive(worker: StageWorker) -> None:
    def breaks(queue: str) -> None:
        raise ZeroDivisionError("a bug")

    worker.execute_job(_asked("rq:job:none", breaks), worker.queues[0])
    assert worker.get_state() == "idle"


def test_a_redis_that_fails_in_the_middle_ends_it(worker: StageWorker) -> None:
    """Another one is started, and waits for Redis."""

    def fails(queue: str) -> None:
        raise redis.ConnectionError("gone")

    with pytest.raises(redis.ConnectionError):
        worker.execute_job(_asked("rq:job:none", fails), worker.queues[0])


@pytest.fixture
def log_of_production() -> Iterator[Callable[[], None]]:
    """To be called in the test: only there is stderr the one that `capsys` reads."""
    root = logging.getLogger()
    handlers = list(root.handlers)
    yield lambda: logs.configure(format="json", level="info")
    structlog.reset_defaults()
    root.handlers[:] = handlers


def test_a_redis_that_fails_is_told_in_one_line_and_a_bug_with_all_that_is_known(
    worker: StageWorker, log_of_production: Callable[[], None], capsys: pytest.CaptureFixture[str]
) -> None:
    """RQ tells of whatever ends a worker, in a hundred lines."""

    def said(error: Exception) -> list[str]:
        worker.log.error("found an unhandled exception, quitting...", exc_info=error)
        return capsys.readouterr().err.splitlines()

    log_of_production()
    worker.log.addHandler(handler := logging.StreamHandler(sys.stderr))
    try:
        [line] = said(redis.BusyLoadingError("loading the dataset"))
        told = json.loads(line)
        assert (told["level"], told["event"]) == ("warning", "A worker has lost Redis.")
        assert "loading" in told["detail"]
        assert any("ZeroDivisionError" in line for line in said(ZeroDivisionError("a bug")))
    finally:
        worker.log.removeHandler(handler)


def test_it_is_not_asked_before_each_wake_up_whether_workers_are_suspended(
    worker: StageWorker, connection: redis.Redis
) -> None:
    def commands() -> int:
        return sum(stats["calls"] for name, stats in connection.info("commandstats").items() if "exec" in name)

    worker.check_for_suspension(True)
    before = commands()
    worker.check_for_suspension(True)
    assert commands() == before
    suspend(connection)
    worker._suspension_until = 0
    with pytest.raises(StopRequested):
        worker.check_for_suspension(True)
