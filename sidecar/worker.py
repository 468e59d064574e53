"""Face: the worker pool and the clock, as processes of the Procfile."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Mapping
from types import MappingProxyType

import redis
from rq import SimpleWorker
from rq.serializers import JSONSerializer
from rq.worker_pool import WorkerPool

from . import tasks
from .adapters import logs, memory
from .adapters.connections import write_something
from .adapters.refusals import in_words
from .adapters.workqueue import WakeUp, WakeUpQueue, forbid_pickle, heartbeat
from .core.states import QUEUES
from .pull import Pull
from .services import Services
from .workflow import lateness, scheduler
from .workflow.time_limits import CDN_PROBE_S, LEASE_S

TICK_S = 1.0
IDLE_TICKS = 5  # without work, one tick of so many does everything
WORKER_TTL_S = 60
LIGHT_QUEUES = tuple(queue for queue in QUEUES if queue != "collect")


class StageWorker(SimpleWorker):
    """Runs stages in its own process: a fork for each would cost more than most stages do.

    RQ's view of a dead worker does not matter to us: a claim whose lease lapses is what brings a job back, within
    seconds (workflow/scheduler.py). So RQ's own scheduler stays off, and maintenance is only housekeeping.
    """

    max_connection_wait_time = 1.0  # RQ would wait up to a minute after Redis is back

    def __init__(self, *args, connection: redis.Redis, **kwargs):
        """In the worker's own process; here, since RQ asks Redis already while it makes a worker."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)  # inherited from the pool, these would stop the other workers
        _leave_with_parent()
        _wait_for_redis(connection, tasks.services().keys.ping)
        # RQ waits for an answer this long, and by a server that hangs it would else be seven minutes.
        super().__init__(*args, connection=connection, worker_ttl=WORKER_TTL_S, **kwargs)  # type: ignore[misc]  # `args` is empty

    def work(self, *args, **kwargs):
        """Until it is asked to end, or Redis has failed it in the middle of something: the pool makes another one."""
        kwargs["with_scheduler"] = False
        kwargs["logging_level"] = logging.WARNING
        services = tasks.services()
        services.work_queue.serves = [services.keys.own_name(queue.name) for queue in self.queues]
        try:
            with heartbeat(self.connection, services.keys, self.name):
                return super().work(*args, **kwargs)
        except redis.RedisError as error:
            logs.log("worker.redis", "A worker has lost Redis.", level="warning", detail=in_words(error))
            return False
        finally:
            tasks.ports().transfers.close()


def _wait_for_redis(connection: redis.Redis, key: str) -> None:
    """A worker that is born while Redis is away waits: else it dies of it, and the pool replaces it every second."""
    told = ""
    while True:  # ends: when Redis is back, or the pool leaves: its manager restarts it
        try:
            write_something(connection, key)
            return
        except redis.RedisError as error:
            why = in_words(error)
            if why != told:
                logs.log("worker.redis", "A worker waits for Redis.", level="warning", detail=why)
            told = why
            time.sleep(0.5)


def _leave_with_parent() -> None:
    """A worker whose pool was killed finishes its work and leaves: nobody else would ever stop it."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        logs.log("worker.orphan", "The pool is dead; this worker leaves.", level="warning")
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="parent", daemon=True).start()


class StagePool(WorkerPool):
    """Respawns workers that die. With two or more, one is kept for the light stages, so that large files in collect
    never hold up a submit, a poll or a delivery."""

    def get_worker_process(self, name, *args, **kwargs):
        lights = sum(1 for data in self.worker_dict.values() if getattr(data.process, "light", False))
        light, rq_name = self.num_workers > 1 and lights == 0, tasks.services().keys.rq_name
        self._queue_names = [rq_name(queue) for queue in (LIGHT_QUEUES if light else QUEUES)]
        process = super().get_worker_process(rq_name(name), *args, **kwargs)
        process.light = light  # type: ignore[attr-defined]  # a note of our own
        return process


def run_workers(services: Services) -> None:
    """Until SIGTERM. What a worker needs is imported before the pool forks: memory is shared, starts are quick."""
    forbid_pickle()
    memory.keep_freed()
    tasks.ports()
    memory.look_for_cycles_rarely()
    pool = StagePool(
        [services.keys.rq_name(queue) for queue in QUEUES],
        connection=services.rq_redis,
        num_workers=services.settings.workers,
        worker_class=StageWorker,
        serializer=JSONSerializer,
        job_class=WakeUp,
        queue_class=WakeUpQueue,
    )
    pool.start(burst=False, logging_level="WARNING")


class Clock:
    """The scheduler's tick every second, and the periodic tasks. While there is no work, a tick is one look whether
    there is any, and all else is done every fifth time.

    It runs here and not in a worker: when all workers are busy with large files, the clock must not stop. (RQ's own
    cron would enqueue pickles; ours are JSON.) Two clocks, on two machines, do no harm: the store lets one of them act.
    """

    PERIODIC: Mapping[str, float] = MappingProxyType({"reconcile": 60, "cleanup": 3600})  # task: seconds

    def __init__(self, services: Services):
        self._ports = services.ports
        self._periodic = {**self.PERIODIC, **({"probe_cdn": CDN_PROBE_S} if services.ports.cdn else {})}
        self._looked_for_old_keys = False
        self._ended = threading.Event()
        self._told = ""
        self._idle_ticks = 0
        self._pull = Pull(services) if services.settings.pulls else None
        self._reached_at = 0.0  # when working memory last answered

    def start(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._ended.set())
        if self._pull:
            self._pull.start(self._ended)
        while not self._ended.is_set():
            began = time.monotonic()
            self.tick()
            self._ended.wait(max(0.05, TICK_S - (time.monotonic() - began)))

    def tick(self) -> None:
        """One second's work; raises nothing."""
        try:
            self._tick()
            self._told = ""
        except redis.RedisError as error:
            self._idle_ticks = 0
            self._tell(in_words(error))
        except Exception:  # one missed tick is harmless, a dead clock stops every job
            self._idle_ticks = 0
            logs.log("stage.broke", "A fault of ours.", stage="timetable", exc_info=True)

    def _tell(self, why: str) -> None:
        """Once, until it is something else or over."""
        if why != self._told:
            logs.log("clock.redis", "The clock waits for Redis.", level="warning", detail=why)
        self._told = why

    def _tell_of_outage(self) -> None:
        """Before work is handed out. A clock that was started in an outage does not know when it began: what has taken
        all processes down, memory and all, may have been a job."""
        now = self._ports.clock()
        if self._told and self._reached_at:
            until = max(now, self._reached_at + LEASE_S + TICK_S)  # so long a lease lives that was renewed just before
            self._ports.store.heartbeats.record_outage(since=self._reached_at, until=until)
        self._reached_at = now

    def _tick(self) -> bool:
        """Whether there is work. Without any, only a wake-up can have been lost: for that, now and then is enough."""
        if not self._looked_for_old_keys:
            self._take_over_old_keys()
        busy = self._ports.store.is_busy()
        self._tell_of_outage()
        self._idle_ticks = 0 if busy else self._idle_ticks + 1
        if not busy and self._idle_ticks % IDLE_TICKS != 1:
            return False
        scheduler.tick(self._ports)
        self._ports.queue.wake()
        self._ports.store.heartbeats.record("cron")
        for task, every_s in self._periodic.items():
            if self._ports.store.heartbeats.acquire_interval(task, every_s=every_s):
                self._ports.queue.task("watch", task)
                self._looked_for_old_keys &= task != "cleanup"  # processes of before may have run on for a while
        if self._ports.store.heartbeats.acquire_interval("lateness", every_s=60):
            lateness.tell(self._ports)
        return busy

    def _take_over_old_keys(self) -> None:
        """Before all else: reconciliation must find what was under way before an upgrade."""
        moved = self._ports.store.server.take_over_old_keys()
        self._ports.queue.clear_old_queues()
        self._looked_for_old_keys = True
        if moved:
            logs.log("clock.old_keys", "Jobs that an older version had under way go on.", jobs=moved)


def run_clock(services: Services) -> None:
    Clock(services).start()


def idle() -> None:
    """Stand in for a process that is not needed, without ending: a process manager would end all the others."""
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    ended.wait()  # ends: with a signal
