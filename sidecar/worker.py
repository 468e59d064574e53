"""Face: a worker and the clock, as processes."""

from __future__ import annotations

import logging
import signal
import threading
import time
from collections.abc import Sequence
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
from .services import Services
from .workflow import lateness, scheduler

TICK_S, IDLE_TICK_S = 1.0, 2.0  # between two ticks, and while there is no work
IDLE_TICKS = 3  # without work, one tick of so many is a whole one
ASKED_IN_AN_INTERVAL = 60  # so often in its interval it is asked whether a periodic task's turn has come
WORKER_TTL_S = 60
LIGHT_QUEUES = tuple(queue for queue in QUEUES if queue != "collect")


class StageWorker(SimpleWorker):
    """Runs stages in its own process: a fork for each would cost more than most stages do.

    RQ's view of a dead worker does not matter to us: a claim whose lease lapses is what brings a job back, within
    seconds (workflow/scheduler.py). So RQ's own scheduler stays off, and maintenance is only housekeeping.
    """

    max_connection_wait_time = 1.0  # RQ would wait up to a minute after Redis is back

    def __init__(self, *args, connection: redis.Redis, **kwargs):
        """In the worker's own process, since RQ asks Redis already while it makes a worker."""
        _wait_for_redis(connection)
        # RQ waits for an answer this long, and by a server that hangs it would else be seven minutes.
        super().__init__(*args, connection=connection, worker_ttl=WORKER_TTL_S, **kwargs)  # type: ignore[misc]  # `args` is empty
        # RQ has made the pool more patient than its question for work. What was opened before would give that up after
        # TIMEOUT_S, each time, and RQ would then not listen for a second.
        connection.connection_pool.reset()

    def work(self, *args, **kwargs):
        """Until it is asked to end, or Redis has failed it in the middle of something: another one is started."""
        kwargs["with_scheduler"] = False
        kwargs["logging_level"] = logging.WARNING
        tasks.services().work_queue.serves = [queue.name for queue in self.queues]
        try:
            with heartbeat(self.connection, self.name):
                return super().work(*args, **kwargs)
        except redis.RedisError as error:
            logs.log("worker.redis", "A worker has lost Redis.", level="warning", detail=in_words(error))
            return False
        finally:
            tasks.ports().transfers.close()

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


def _wait_for_redis(connection: redis.Redis) -> None:
    """A worker that is started while Redis is away waits: else it would die of it, and be replaced every second."""
    told = ""
    while True:
        try:
            write_something(connection)
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
    connection = connect(services.settings.redis_url, services.settings.data_dir, decode=False)
    worker = StageWorker(
        [WakeUpQueue(name, connection=connection) for name in queues],
        name=uuid4().hex,
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

    PERIODIC = {"reconcile": 60, "cleanup": 3600}  # task: seconds

    def __init__(self, services: Services):
        self._ports = services.ports
        self._ended = threading.Event()
        self._told = ""
        self._idle_ticks = 0
        self._idle_s = max(TICK_S, min(IDLE_TICK_S, services.settings.first_poll_s))
        self._ask_again: dict[str, float] = {}

    def start(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._ended.set())
        while not self._ended.is_set():
            began, pause = time.monotonic(), TICK_S
            try:
                pause = TICK_S if self._tick() else self._idle_s
                self._told = ""
            except redis.RedisError as error:
                self._idle_ticks = 0
                self._tell(in_words(error))
            except Exception:  # one missed tick is harmless, a dead clock stops every job
                self._idle_ticks = 0
                logs.log("stage.broke", "A fault of ours.", stage="timetable", exc_info=True)
            self._ended.wait(max(0.05, pause - (time.monotonic() - began)))

    def _tell(self, why: str) -> None:
        """Once, until it is something else or over."""
        if why != self._told:
            logs.log("clock.redis", "The clock waits for Redis.", level="warning", detail=why)
        self._told = why

    def _tick(self) -> bool:
        """Whether there is work. Without any, only the wake-up of a periodic task can have been lost."""
        busy = self._ports.store.is_busy()
        self._idle_ticks = 0 if busy else self._idle_ticks + 1
        if not busy and self._idle_ticks % IDLE_TICKS != 1:
            return False
        if busy:
            scheduler.tick(self._ports)
        self._ports.queue.wake()
        self._ports.store.heartbeats.record("cron")
        for task, every_s in self.PERIODIC.items():
            if self._may_ask(task, every_s) and self._ports.store.heartbeats.acquire_interval(task, every_s=every_s):
                self._ports.queue.task("watch", task)
        if busy and self._ports.store.heartbeats.acquire_interval("lateness", every_s=60):
            lateness.tell(self._ports)
        return busy

    def _may_ask(self, task: str, every_s: float) -> bool:
        """Whether a task's turn may have come, as far as this process can tell: each question is a command."""
        now = time.monotonic()
        if now < self._ask_again.get(task, 0):
            return False
        self._ask_again[task] = now + every_s / ASKED_IN_AN_INTERVAL
        return True


def run_clock(services: Services) -> None:
    Clock(services).start()


def idle() -> None:
    """Stand in for a process that is not needed, without ending: a process manager would end all the others."""
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    ended.wait()
