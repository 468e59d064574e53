"""Face: a worker and the clock, as processes."""

from __future__ import annotations

import logging
import signal
import threading
import time
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from uuid import uuid4

import redis
from rq import SimpleWorker
from rq.serializers import JSONSerializer
from rq.worker import WorkerStatus

from . import tasks
from .adapters import logs, memory
from .adapters.connections import connect, write_something
from .adapters.refusals import in_words
from .adapters.workqueue import WakeUp, WakeUpQueue, forbid_pickle, heartbeat
from .core.states import QUEUES
from .pull import Pull
from .services import Services
from .workflow import lateness, scheduler
from .workflow.time_limits import CDN_PROBE_S, LEASE_S

TICK_S, IDLE_TICK_S = 1.0, 2.0  # between two ticks, and while there is no work
IDLE_TICKS = 3  # without work, one tick of so many is a whole one
WORKER_TTL_S = 60  # so long RQ waits for a wake-up before it looks after itself
TOLD_S = 20  # RQ writes that a worker lives: what it has written lasts for WORKER_TTL_S and a minute
LIGHT_QUEUES = tuple(queue for queue in QUEUES if queue != "collect")


class StageWorker(SimpleWorker):
    """Runs stages in its own process: a fork for each would cost more than most stages do.

    RQ's view of a dead worker does not matter to us: a claim whose lease lapses is what brings a job back, within
    seconds (workflow/scheduler.py). So RQ's own scheduler stays off, and maintenance is only housekeeping.
    """

    max_connection_wait_time = 1.0  # RQ would wait up to a minute after Redis is back
    _told_until = 0.0  # monotonic seconds

    def __init__(self, *args, connection: redis.Redis, **kwargs):
        # RQ waits for an answer this long, and by a server that hangs it would else be seven minutes.
        super().__init__(*args, connection=connection, worker_ttl=WORKER_TTL_S, **kwargs)  # type: ignore[misc]  # `args` is empty
        # RQ has made the pool more patient than its question for work. What was opened before would give that up after
        # TIMEOUT_S, each time, and RQ would then not listen for a second.
        connection.connection_pool.reset()

    def work(self, *args, **kwargs):
        """Until it is asked to end, or Redis has failed it in the middle of something: another one is started."""
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

    def heartbeat(self, timeout=None, pipeline=None):
        """RQ would write three keys four times for each wake-up."""
        if timeout is None and pipeline is None and time.monotonic() < self._told_until:
            return
        super().heartbeat(timeout, pipeline)
        self._told_until = time.monotonic() + TOLD_S

    def set_state(self, state, pipeline=None):
        """Only what is new: RQ says that it is idle again before it listens."""
        if state != self._state or pipeline is not None:
            super().set_state(state, pipeline)

    def execute_job(self, job, queue):
        """A wake-up has come, and is over. What RQ would write about it (executions, registries, results) are forty
        commands, and tell nothing: the work has its own books."""
        self.set_state(WorkerStatus.BUSY)  # who asks us to end now waits for it
        self.connection.delete(job.key)
        try:
            job.func(*job.args)
        except redis.RedisError:
            raise
        except Exception:  # what was taken comes due again
            logs.log("stage.broke", "A fault of ours.", wake_up=queue.name, exc_info=True)
        self.set_state(WorkerStatus.IDLE)


def _wait_for_redis(connection: redis.Redis, key: str) -> None:
    """A worker that is started while Redis is away waits: else it would die of it, and be replaced every second."""
    told = ""
    while True:  # ends: when Redis is back, or it is asked to end
        try:
            write_something(connection, key)
            return
        except redis.RedisError as error:
            why = in_words(error)
            if why != told:
                logs.log("worker.redis", "A worker waits for Redis.", level="warning", detail=why)
            told = why
            time.sleep(0.5)


def run_worker(services: Services, queues: Sequence[str]) -> None:
    """Until SIGTERM, which lets it finish what it does."""
    forbid_pickle()
    memory.keep_freed()
    tasks.ports()
    memory.look_for_cycles_rarely()
    rq_name = services.keys.rq_name
    connection = connect(services.settings.redis_url, services.settings.data_dir, decode=False)
    _wait_for_redis(connection, services.keys.ping)
    worker = StageWorker(
        [WakeUpQueue(rq_name(name), connection=connection) for name in queues],
        name=rq_name(uuid4().hex),
        connection=connection,
        serializer=JSONSerializer,
        job_class=WakeUp,
        queue_class=WakeUpQueue,
    )
    worker.work(logging_level="WARNING")


class Clock:
    """The scheduler's tick every second, and the periodic tasks. While there is no work, a tick is one look whether
    there is any, every other second: new work comes to a worker by itself, and is due here later, a first poll for one.
    What has nothing to do with jobs is done at every third look.

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
        self._idle_s = max(TICK_S, min(IDLE_TICK_S, services.settings.first_poll_s))
        self._ask_again: dict[str, float] = {}
        self._pull = Pull(services) if services.settings.pulls else None
        self._reached_at = 0.0  # when working memory last answered

    def start(self) -> None:
        """Tick until SIGTERM or SIGINT."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._ended.set())
        if self._pull:
            self._pull.start(self._ended)
        while not self._ended.is_set():
            began = time.monotonic()
            pause = TICK_S if self.tick() else self._idle_s
            self._ended.wait(max(0.05, pause - (time.monotonic() - began)))

    def tick(self) -> bool:
        """One second's work; raises nothing. Whether the next one is to come in a second, too."""
        try:
            busy = self._tick()
            self._told = ""
            return busy
        except redis.RedisError as error:
            self._idle_ticks = 0
            self._tell(in_words(error))
        except Exception:  # one missed tick is harmless, a dead clock stops every job
            self._idle_ticks = 0
            logs.log("stage.broke", "A fault of ours.", stage="timetable", exc_info=True)
        return True

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
            # So long a lease lives that was renewed just before.
            until = max(now, self._reached_at + LEASE_S + IDLE_TICK_S)
            self._ports.store.heartbeats.record_outage(since=self._reached_at, until=until)
        self._reached_at = now

    def _tick(self) -> bool:
        """Whether there is work. Without any, only the wake-up of a periodic task can have been lost."""
        if not self._looked_for_old_keys:
            self._take_over_old_keys()
        busy = self._ports.store.is_busy()
        self._tell_of_outage()
        self._idle_ticks = 0 if busy else self._idle_ticks + 1
        if not busy and self._idle_ticks % IDLE_TICKS != 1:
            return False
        if busy:
            scheduler.tick(self._ports)
        self._ports.queue.wake()
        self._ports.store.heartbeats.record("cron")
        for task, every_s in self._periodic.items():
            if self._is_its_turn(task, every_s):
                self._ports.queue.task("watch", task)
                self._looked_for_old_keys &= task != "cleanup"  # processes of before may have run on for a while
        if self._is_its_turn("lateness", 60):
            lateness.tell(self._ports)
        return busy

    def _is_its_turn(self, task: str, every_s: float) -> bool:
        """Over all machines. Each question is a command: only for the ledger it comes at once that memory was lost."""
        now = self._ports.clock()
        if 0 < self._ask_again.get(task, 0) - now <= every_s:  # else the machine's clock was put right
            return False
        self._ask_again[task] = now + (0 if task == "reconcile" else every_s / 4)
        return self._ports.store.heartbeats.acquire_interval(task, every_s=every_s)

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
