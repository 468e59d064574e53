"""Adapter: RQ. Carries work to the workers; it holds no truth, and everything that it loses comes due again."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

import redis
from rq import Queue
from rq.serializers import JSONSerializer

from ..core.states import STAGES

# A stage that runs longer than this is stopped; its lease then lapses, and the timetable brings the job back.
TIMEOUT_S = {"submit": 120, "watch": 300, "collect": 7200, "deliver": 120, "settle": 300}
MARK_S = 60  # an RQ job that vanished without running blocks its like for no longer than this
BEAT_S, ALIVE_S = 4, 15  # a worker's signs of life, and how long one counts
_RESULT_TTL_S = 0  # nobody reads results; RQ would keep 5 KB for each
_FAILURE_TTL_S = 3600


class RqQueue:
    """One RQ queue for each stage.

    A mark in Redis keeps the same work from standing in a queue twice. It is lifted when the work begins, so that
    whatever comes due meanwhile is queued again.
    """

    def __init__(self, connection: redis.Redis):
        """`connection`: without decode_responses, as RQ wants it."""
        self._redis = connection
        self._queues = {name: Queue(name, connection=connection, serializer=JSONSerializer) for name in STAGES}

    def stage(self, stage: str, job_id: str, attempt: int) -> bool:
        """Queue one stage of one job; False when it stands there already."""
        if not self._redis.set(f"smi:queued:{stage}:{job_id}", attempt, nx=True, ex=MARK_S):
            return False
        self._put(stage, "sidecar.tasks.stage", stage, job_id, attempt)
        return True

    def watch(self, jobs: Sequence[tuple[str, int]]) -> None:
        """Queue polls of many jobs as one RQ job: one connection to Upsampler serves them all.

        A job whose poll stands in the queue already is left out, or a slow Upsampler would fill the queue.
        """
        with self._redis.pipeline(transaction=False) as pipe:
            for job_id, attempt in jobs:
                pipe.set(f"smi:queued:watch:{job_id}", attempt, nx=True, ex=MARK_S)
            fresh = [list(job) for job, new in zip(jobs, pipe.execute(), strict=True) if new]
        if fresh:
            self._put("watch", "sidecar.tasks.watch_many", fresh)

    def flush(self, lane: str) -> None:
        self._put(lane, "sidecar.tasks.flush", lane)

    def task(self, queue: str, name: str, *args: str | int) -> None:
        """Queue another function of `sidecar.tasks`, by name."""
        self._put(queue, f"sidecar.tasks.{name}", *args)

    def begin(self, stage: str, job_id: str) -> None:
        """The work begins: its like may be queued again."""
        self._redis.delete(f"smi:queued:{stage}:{job_id}")

    def workers(self) -> int:
        """How many workers are alive. RQ's own count goes on naming those that were killed, for minutes or hours."""
        return self._redis.zcount("smi:workers", time.time() - ALIVE_S, "+inf")

    def depths(self) -> dict[str, int]:
        with self._redis.pipeline(transaction=False) as pipe:
            for queue in self._queues.values():
                pipe.llen(queue.key)
            return dict(zip(self._queues, pipe.execute(), strict=True))

    def _put(self, queue: str, function: str, *args) -> None:
        self._queues[queue].enqueue_call(
            function,
            args=args,
            timeout=TIMEOUT_S[queue],
            result_ttl=_RESULT_TTL_S,
            failure_ttl=_FAILURE_TTL_S,
            description=function,
        )


@contextmanager
def alive(connection: redis.Redis, worker: str) -> Iterator[None]:
    """Signs of life of a worker while the block runs, from a thread of its own: it may be busy with a large file."""
    ended = threading.Event()

    def beat() -> None:
        while True:
            with suppress(redis.RedisError):  # away for a moment: the next beat tells
                now = time.time()
                connection.zadd("smi:workers", {worker: now})
                connection.zremrangebyscore("smi:workers", "-inf", now - 100 * ALIVE_S)
            if ended.wait(BEAT_S):
                return

    thread = threading.Thread(target=beat, name="alive", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        with suppress(redis.RedisError):  # then its last beat grows old
            connection.zrem("smi:workers", worker)
