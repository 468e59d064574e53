"""Whoever can write to Redis can disturb our workers, and can't make them run code."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from rq.serializers import JSONSerializer

from sidecar.adapters.workqueue import WakeUp, WakeUpQueue, WorkQueue
from sidecar.adapters.workqueue.allowed import FUNCTION, NotAllowed
from sidecar.core.messages import new_secret
from tests.fakes.site import KEYS
from tests.testbed.places import REPOSITORY
from tests.testbed.redis_server import RedisServer
from tests.testbed.sidecar import Sidecar
from tests.testbed.waiting import wait_for

NAME = "submit"
QUEUE = KEYS.rq_name(NAME)


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_url) as client:
        yield client


class _Bomb:
    """Runs a command when it is unpickled."""

    def __init__(self, command: str) -> None:
        self._command = command

    def __reduce__(self):
        return os.system, (self._command,)


def _put(client: redis.Redis, job_id: str, data: bytes, **more: bytes) -> None:
    """A job as RQ stores it, ready in its queue."""
    _store(client, job_id, data, **more)
    client.sadd("rq:queues", f"rq:queue:{QUEUE}")
    client.lpush(f"rq:queue:{QUEUE}", job_id)


def _store(client: redis.Redis, job_id: str, data: bytes, **more: bytes) -> None:
    fields = {"data": data, "origin": QUEUE, "created_at": "2026-01-01T00:00:00Z", "status": "queued", **more}
    client.hset(f"rq:job:{job_id}", mapping=fields)


def _attack(client: redis.Redis, marks: Path) -> list[str]:
    """Everything that would run a command in a worker of RQ's; the names of the files that it would make."""
    ours = JSONSerializer.dumps((FUNCTION, None, [NAME], {}))
    _put(client, "names", JSONSerializer.dumps(("os.system", None, [f"touch {marks}/names"], {})))
    _put(client, "pickle", pickle.dumps(("os.system", None, (f"touch {marks}/pickle",), {})))
    _put(client, "data", pickle.dumps(_Bomb(f"touch {marks}/data")))
    _put(client, "meta", ours, meta=pickle.dumps(_Bomb(f"touch {marks}/meta")))
    _store(client, "left", ours, meta=pickle.dumps(_Bomb(f"touch {marks}/left")))
    client.zadd(f"rq:wip:{QUEUE}", {"left:1": time.time() - 60})  # maintenance finds it abandoned
    return ["names", "pickle", "data", "meta", "left"]


def test_a_worker_of_rqs_own_falls_for_each(client: redis.Redis, redis_url: str, tmp_path: Path) -> None:
    """Else the next test would prove nothing."""
    attacks = _attack(client, tmp_path)
    script = (
        "import sys, redis, rq; from rq.serializers import JSONSerializer, PickleSerializer\n"
        "connection = redis.Redis.from_url(sys.argv[1])\n"
        "for serializer in (PickleSerializer, JSONSerializer):\n"
        "    connection.hset('rq:job:names', 'status', 'queued')\n"
        "    connection.lpush('rq:queue:' + sys.argv[2], 'names')\n"
        "    rq.SimpleWorker([sys.argv[2]], connection=connection, serializer=serializer).work(burst=True)\n"
    )
    subprocess.run([sys.executable, "-c", script, redis_url, QUEUE], capture_output=True, timeout=60, check=False)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(attacks)


def test_our_workers_run_none_of_it_and_work_on(tmp_path: Path) -> None:
    marks = tmp_path / "marks"
    marks.mkdir()
    env = {
        "SMI_SHOP_URL": "https://shop.example",
        "SMI_SHOP_ADDRESS": "http://127.0.0.1:9",
        "SMI_SECRET": new_secret(),
        "SMI_UPLOADS_DIR": str(tmp_path),
        "UPSAMPLER_API_KEY": "none",
        "SMI_WORKERS": "1",
    }
    (tmp_path / "redis").mkdir()
    with RedisServer(tmp_path / "redis") as server, server.client() as client:
        _attack(client, marks)
        with Sidecar.start(tmp_path, {**env, "REDIS_URL": server.url}, ["worker"]) as sidecar:
            queue = WorkQueue(client, KEYS)
            wait_for(lambda: client.llen(f"rq:queue:{QUEUE}") == 0, "all that lay there has been taken")
            queue.flush("deliver")
            wait_for(lambda: not any(queue.depths().values()), "the worker works on")
            assert list(marks.iterdir()) == []
            assert "no wake-up of ours" in sidecar.log("worker")


@pytest.mark.parametrize(
    "call",
    [
        ("os.system", None, [NAME], {}),
        ("sidecar.tasks.handle_processing_failure", None, [NAME], {}),
        (FUNCTION, "an object", [NAME], {}),
        (FUNCTION, None, ["another"], {}),
        (FUNCTION, None, [QUEUE], {"queue": QUEUE}),
        (FUNCTION, None, [], {}),
    ],
)
def test_only_a_wake_up_of_ours_has_a_function(call: tuple, client: redis.Redis) -> None:
    _store(client, "job", JSONSerializer.dumps(call))
    job = WakeUpQueue(QUEUE, connection=client).fetch_job("job")
    with pytest.raises(NotAllowed):
        _ = job.func


def test_nothing_happens_beside_the_function(client: redis.Redis) -> None:
    more = {f"{when}_callback_name": b"os.getpid" for when in ("success", "failure", "stopped")}
    more |= {"webhooks": b'[{"url": "http://127.0.0.1:9/", "events": ["finished"]}]', "dependency_ids": b'["other"]'}
    more |= {"repeats_left": b"9", "repeat_intervals": b"[1]", "retries_left": b"9", "meta": b'{"a": 1}'}
    _store(client, "job", JSONSerializer.dumps((FUNCTION, None, [NAME], {})), **more)
    job = WakeUp.fetch("job", connection=client, serializer=JSONSerializer)
    assert job.func.__module__ == "sidecar.tasks"
    assert (job.success_callback, job.failure_callback, job.stopped_callback) == (None, None, None)
    assert (job.webhooks, job._dependency_ids, job.repeats_left, job.retries_left, job.meta) == ([], [], None, None, {})


def test_the_wake_ups_that_we_send_are_allowed(client: redis.Redis) -> None:
    WorkQueue(client, KEYS).flush("deliver")
    (job,) = WakeUpQueue(KEYS.rq_name("deliver"), connection=client).get_jobs()
    assert job.func.__name__ == "work"


def test_nothing_in_our_processes_is_unpickled_by_default() -> None:
    """For the whole process: RQ's registries and rq-dashboard do not ask which serializer is ours."""
    script = (
        "import pickle; from rq.job import Job; from rq.serializers import resolve_serializer\n"
        "from sidecar.adapters.workqueue import forbid_pickle; forbid_pickle()\n"
        "print(resolve_serializer(None).loads(b'[1]'), resolve_serializer('pickle').dumps([1]))\n"
        "resolve_serializer(None).loads(pickle.dumps(1))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script], cwd=REPOSITORY, capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.stdout == "[1] b'[1]'\n"
    assert ended.returncode == 1
    assert "Error" in ended.stderr
