"""work_queue: what it costs to bring an item of work to a worker, beside plain RQ (one RQ job a stage, `unique`).

200 jobs with three stages each, whose work is nothing; each stage queues the next. One worker, in this process, and a
real Redis: CPU is that of both, in ms an item. `work_queue.commands`: what Redis carries out for an item, scripts
included. RQ frees the id of a unique job when its worker has cleaned up: plain RQ here never meets one that is taken.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import redis
from rq import Queue, SimpleWorker
from rq.serializers import JSONSerializer

from sidecar.adapters.workqueue import TIMEOUT_S, Item, WorkQueue
from sidecar.core.states import QUEUES, STAGES
from tests.fakes.site import KEYS
from tests.testbed.redis_server import RedisServer

from ..bench import Bench
from ..figures import Figure, figure, interleaved

JOBS = 200
NEXT = dict(zip(STAGES, STAGES[1:], strict=False))


def run(bench: Bench) -> Iterator[Figure]:
    jobs = bench.size(JOBS, 20)
    with RedisServer(bench.new_folder("work-queue")) as server:
        client = redis.Redis.from_url(server.url)
        ours, plain = interleaved(
            bench.runs,
            lambda: _cost(client, lambda: _ours(client, jobs), jobs),
            lambda: _cost(client, lambda: _plain(client, jobs), jobs),
        )
    for number, (name, unit) in enumerate((("work_queue", "ms CPU/item"), ("work_queue.commands", "commands/item"))):
        yield figure(name, unit, [r[number] for r in ours], baseline=[r[number] for r in plain], note="beside plain RQ")


def _cost(client: redis.Redis, work: Callable[[], int], jobs: int) -> tuple[float, float]:
    """(ms of CPU, commands) an item. Raises when an item is missing."""
    client.flushall()
    client.config_resetstat()
    began = time.process_time() + _redis_cpu(client)
    done = work()
    cpu = time.process_time() + _redis_cpu(client) - began
    if done != jobs * len(STAGES):
        raise RuntimeError(f"{done} items of {jobs * len(STAGES)} were worked on")
    commands = sum(of["calls"] for of in client.info("commandstats").values())
    return 1000 * cpu / done, commands / done


def _ours(client: redis.Redis, jobs: int) -> int:
    queue, done = WorkQueue(client, KEYS), 0

    def work(item: Item) -> None:
        nonlocal done
        done += 1
        stage, job_id, attempt = item.args
        if stage in NEXT:
            queue.stage(NEXT[stage], job_id, attempt)

    for number in range(jobs):
        queue.stage(STAGES[0], f"job-{number}", 1)
    while any(queue.depths().values()):
        queue.drain(STAGES[0], work)
    return done


def _plain(client: redis.Redis, jobs: int) -> int:
    plain = PlainQueue(client)
    for number in range(jobs):
        plain.stage(STAGES[0], f"job-{number}", 1)
    queues = [Queue(name, connection=client, serializer=JSONSerializer) for name in QUEUES]
    PlainQueue.at_work, PlainQueue.done = plain, 0
    worker = SimpleWorker(queues, connection=client, serializer=JSONSerializer)
    worker.work(burst=True, logging_level="ERROR")
    return PlainQueue.done


class PlainQueue:
    """One RQ job a stage, its id the name of the work."""

    at_work: PlainQueue
    done = 0

    def __init__(self, client: redis.Redis) -> None:
        self._queues = {name: Queue(name, connection=client, serializer=JSONSerializer) for name in STAGES}

    def stage(self, stage: str, job_id: str, attempt: int) -> None:
        self._queues[stage].enqueue_call(
            f"{__name__}.plain_stage",
            args=(stage, job_id, attempt),
            timeout=TIMEOUT_S[stage],
            result_ttl=0,
            failure_ttl=60,
            description="work",
            job_id=f"{stage}_{job_id}_{attempt}",
            unique=True,
        )


def plain_stage(stage: str, job_id: str, attempt: int) -> None:
    """The RQ job."""
    PlainQueue.done += 1
    if stage in NEXT:
        PlainQueue.at_work.stage(NEXT[stage], job_id, attempt)


def _redis_cpu(client: redis.Redis) -> float:
    used = client.info("cpu")
    return used["used_cpu_user"] + used["used_cpu_sys"]
