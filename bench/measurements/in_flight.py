"""in_flight: what jobs cost that wait for Upsampler, when no webhook ever comes: 100, 1,000 and 10,000 of them.

The scheduler, the draining of the queue, polls over HTTP to the sandbox (whose jobs never end), and Redis are
real; the clock is simulated, so that minutes of waiting are measured in seconds. Jobs are spread over the 15
minutes in which they are polled ever more rarely. CPU is that of this process and of Redis, without that of an
empty schedule (`in_flight.idle`), in ms a job and minute of waiting. RQ's own cost of waking a worker (some
ms in each second with work, whatever the number of jobs) is not in it. Memory is what Redis has in use with
10,000 jobs, less what it has without. Reconciliation asks a real WordPress for 10,000 unfinished jobs and compares
them all with working memory.
"""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Iterator
from pathlib import Path

import redis

from sidecar.adapters.store import RedisJobStore, RedisOutbox
from sidecar.adapters.workqueue import Item, WorkQueue
from sidecar.core.job import Job
from sidecar.core.messages import rfc3339
from sidecar.services import Services
from sidecar.workflow import reconcile, runner, scheduler
from sidecar.workflow.ports import Ports
from sidecar.workflow.time_limits import POLL_FACTOR
from tests.testbed.places import release_port, reserve_port
from tests.testbed.redis_server import RedisServer
from tests.testbed.whole import Sandbox

from ..bench import Bench
from ..figures import Figure, at_most, figure, interleaved
from ..systems import STAND_ALONE, Ours

MOST = 10_000
MINUTES = {0: 5, 100: 5, 1000: 2, MOST: 1}  # of simulated time, by number of jobs
START = 1_800_000_000  # Unix seconds


def run(bench: Bench) -> Iterator[Figure]:
    most = bench.size(MOST, 1000)
    counts = [n for n in MINUTES if n <= most]
    folder, port = bench.new_folder("in-flight"), reserve_port()
    _write_bill(folder / "sandbox" / "sandbox", most)
    with (
        RedisServer(folder / "redis") as server,
        Sandbox(folder / "sandbox", port, ["--delay", "1e9"]),
    ):
        waiting = _Waiting(server, folder, port)
        results = interleaved(bench.runs, *(lambda n=n: waiting.minutes(n) for n in counts))
        memory = [waiting.memory(most) for _ in range(bench.runs)]
        idle, *costs = ([cpu for cpu, _ in kind] for kind in results)
        per_minute = {
            n: [(cpu / MINUTES[n] - empty / MINUTES[0]) / n for cpu, empty in zip(cost, idle, strict=True)]
            for n, cost in zip(counts[1:], costs, strict=True)
        }
        few, many = per_minute[counts[1]], per_minute[counts[-1]]
        growth = [b / a for a, b in zip(few, many, strict=True)]
        yield figure("in_flight", "x cost of 100", growth, at_most(1.2), note="cost a job and minute at 10,000")
        for n, runs in per_minute.items():
            yield figure(f"in_flight.cost_{n}", "ms CPU/job/min", [1000 * cpu for cpu in runs])
        yield figure("in_flight.idle", "ms CPU/min", [1000 * cpu / MINUTES[0] for cpu in idle])
        yield figure("in_flight.memory", "bytes/job", memory, at_most(4096))
    release_port(port)
    yield from _reconcile(bench, bench.ours, most)


class _Waiting:
    """Working memory full of waiting jobs, under a simulated clock."""

    def __init__(self, server: RedisServer, folder: Path, port: int) -> None:
        self.now = float(START)
        environment = {
            **STAND_ALONE,
            "SMI_UPLOADS_DIR": str(folder),
            "REDIS_URL": server.url,
            "UPSAMPLER_URL": f"http://127.0.0.1:{port}/api/v1",
            "SMI_LOG_LEVEL": "error",
        }
        services = Services.from_env(environment)
        self.redis = services.redis
        self.queue = WorkQueue(services.rq_redis, services.keys, clock=self.clock)
        self.queue.serves = ["watch"]  # nobody listens in the shop's door
        self.ports = dataclasses.replace(
            services.ports,
            clock=self.clock,
            store=RedisJobStore(self.redis, services.keys, clock=self.clock),
            outbox=RedisOutbox(self.redis, services.keys, clock=self.clock),
            queue=self.queue,
        )

    def clock(self) -> float:
        return self.now

    def minutes(self, jobs: int) -> tuple[float, int]:
        """(CPU seconds of ours and Redis', polls) of so many simulated minutes as MINUTES says."""
        self.fill(jobs)
        cpu = time.process_time() + _redis_cpu(self.redis)
        polls = 0

        def work(item: Item) -> None:
            nonlocal polls
            if item.name == "watch_many":
                polls += len(item.args[0])
                runner.run_watch(self.ports, [(job_id, attempt) for job_id, attempt in item.args[0]])

        for _ in range(60 * MINUTES[jobs]):
            scheduler.tick(self.ports)
            self.queue.drain("watch", work)
            self.now += 1
        return time.process_time() + _redis_cpu(self.redis) - cpu, polls

    def memory(self, jobs: int) -> float:
        """Bytes of Redis a job."""
        self.redis.flushall()
        before = self.redis.info("memory")["used_memory"]
        self.fill(jobs)
        return (self.redis.info("memory")["used_memory"] - before) / jobs

    def fill(self, jobs: int) -> None:
        """Jobs in the middle of their waiting, spread evenly over it."""
        self.redis.flushall()
        settings = self.ports.settings
        for number in range(jobs):
            age = settings.watch_limit_s * number / jobs
            polls, next_poll = 0, settings.first_poll_s
            while next_poll <= age:
                polls += 1
                next_poll += settings.first_poll_s * POLL_FACTOR**polls
            due = self.now + min(next_poll, settings.watch_limit_s) - age
            self.ports.store.create(_job(number, self.now - age, polls), due_at=due)


def _job(number: int, submitted_at: float, polls: int) -> Job:
    """As long as a real one: what a real shop and Upsampler call things."""
    return Job(
        _job_id(number),
        1,
        "submitted",
        factor=4,
        source_url=f"http://shop.example/wp-content/uploads/2026/11/evening-over-the-hills-{number}.jpg",
        source_path=f"2026/11/evening-over-the-hills-{number}.jpg",
        width=4000,
        height=3000,
        source_format="jpeg",
        title="Evening over the hills",
        paid_at=int(submitted_at) - 2,
        submission=1,
        upsampler_id=f"{number:032x}",
        credits="48",
        submitted_at=int(submitted_at),
        polls=polls,
        trace="msg_" + "0" * 32,
        stage_since=int(submitted_at),
        created_at=int(submitted_at) - 2,
        updated_at=int(submitted_at),
    )


def _job_id(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012d}"


def _redis_cpu(client: redis.Redis) -> float:
    used = client.info("cpu")
    return used["used_cpu_user"] + used["used_cpu_sys"]


def _write_bill(folder: Path, jobs: int) -> None:
    """What an earlier run of the sandbox would have left: accepted jobs, which this one takes up."""
    folder.mkdir(parents=True)
    with (folder / "bill.jsonl").open("w") as bill:
        for number in range(jobs):
            event = {"event": "accepted", "id": f"{number:032x}", "at": time.time(), "number": number, "again": 1}
            order = {"imageUrl": "http://127.0.0.1:1/a.jpg", "factor": 4, "mode": "precise-upscale", "webhook": None}
            bill.write(json.dumps({**event, **order, "credits": 1, "width": 4, "height": 4}) + "\n")


def _reconcile(bench: Bench, ours: Ours, jobs: int) -> Iterator[Figure]:
    """Reconciliation over so many unfinished jobs of a real WordPress, all known to working memory."""
    ports = Services.from_env({**ours.sidecar.env, "SMI_LOG_LEVEL": "error"}).ports
    _unfinished(ours, ports, jobs)
    try:
        (seconds,) = interleaved(bench.runs, lambda: _timed_reconciliation(ports, jobs))
    finally:
        ours.shop.sql("DELETE FROM wp_smi_jobs WHERE job_id LIKE '00000000-%'")
        ours.shop.sql("DELETE FROM wp_smi_bridge_ledger WHERE job_id LIKE '00000000-%'")
        for number in range(jobs):
            ports.store.forget(_job_id(number))
    yield figure("in_flight.reconcile", "s", seconds, at_most(1.0))


def _timed_reconciliation(ports: Ports, jobs: int) -> float:
    began = time.perf_counter()
    report = reconcile.reconcile(ports)
    seconds = time.perf_counter() - began
    if report["unfinished"] < jobs or report["restored"]:
        raise RuntimeError(f"reconciliation was to find {jobs} jobs and to restore none: {report}")
    return seconds


def _unfinished(ours: Ours, ports: Ports, jobs: int) -> None:
    """Rows of shop and ledger as after a submit, and the same in working memory, none of them due soon."""
    now = time.time()
    at = rfc3339(now).replace("T", " ").rstrip("Z")
    with ours.shop.mariadb.connect() as connection, connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO wp_smi_jobs (job_id, image_url, resolution, email, post_id, attachment_id, image_width,"
            " image_height, status, payment_status, upsampler_job_id, paid_at) VALUES"
            " (%s, %s, '4x', 'customer@shop.example', 1, %s, 4000, 3000, 'processing', 'paid', %s, NOW())",
            [
                (_job_id(n), f"{ours.shop.url}/wp-content/uploads/a-{n}.jpg", ours.picture, f"{n:032x}")
                for n in range(jobs)
            ],
        )
        cursor.executemany(
            "INSERT INTO wp_smi_bridge_ledger (job_id, attempt, state, submission, upsampler_id, created_at,"
            " updated_at) VALUES (%s, 1, 'submitted', 1, %s, %s, %s)",
            [(_job_id(n), f"{n:032x}", at, at) for n in range(jobs)],
        )
    for number in range(jobs):
        ports.store.create(_job(number, now, 0), due_at=now + 3600)
