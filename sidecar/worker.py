"""Entry point: a worker, as a process."""

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

WORKER_TTL_S = 60  # so long RQ waits for a wake-up before it looks after itself
BEAT_S = 20  # RQ writes that a worker lives: what it has written lasts for WORKER_TTL_S and a minute
LIGHT_QUEUES = tuple(queue for queue in QUEUES if queue != "collect")


class StageWorker(SimpleWorker):
    """Runs stages in its own process: a fork for each would cost more than most stages do.

    RQ's view of a dead worker does not matter to us: a claim whose lease lapses is what brings a job back, within
    seconds (workflow/scheduler.py). So RQ's own scheduler stays off, and maintenance is only housekeeping.
    """

    max_connection_wait_time = 1.0  # RQ would wait up to a minute after Redis is back
    _beat_until = _suspension_until = 0.0  # monotonic seconds

    def __init__(self, *args, connection: redis.Redis, **kwargs):
        # RQ waits for an answer this long, and by a server that hangs it would else be seven minutes.
        super().__init__(*args, connection=connection, worker_ttl=WORKER_TTL_S, **kwargs)  # type: ignore[misc]  # `args` is empty
        # RQ has made the pool more patient than its question for work. What was opened before would give that up after
        # TIMEOUT_S, each time, and RQ would then not listen for a second.
        connection.connection_pool.reset()
        self.log.addFilter(_outage_in_one_line)

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
        if timeout is None and pipeline is None and time.monotonic() < self._beat_until:
            return
        super().heartbeat(timeout, pipeline)
        self._beat_until = time.monotonic() + BEAT_S

    def check_for_suspension(self, burst):
        """RQ would ask before each wait for a wake-up, in a transaction: `rq suspend` counts within BEAT_S."""
        if time.monotonic() >= self._suspension_until:
            super().check_for_suspension(burst)
            self._suspension_until = time.monotonic() + BEAT_S

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


def _outage_in_one_line(record: logging.LogRecord) -> bool:
    """A filter: RQ tells of a Redis that has failed it in a hundred lines, and leaves."""
    error = record.exc_info[1] if record.exc_info else None
    if not isinstance(error, redis.RedisError):
        return True
    logs.log("worker.redis", "A worker has lost Redis.", level="warning", detail=in_words(error))
    return False


def _wait_for_redis(connection: redis.Redis, key: str) -> None:
    """A worker that is started while Redis is away waits: else it would die of it, and be replaced every second."""
    reported = ""
    while True:  # ends: when Redis is back, or it is asked to end
        try:
            write_something(connection, key)
            return
        except redis.RedisError as error:
            why = in_words(error)
            if why != reported:
                logs.log("worker.redis", "A worker waits for Redis.", level="warning", detail=why)
            reported = why
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


def idle() -> None:
    """Stand in for a process that is not needed, without ending: a process manager would end all the others."""
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    ended.wait()  # ends: with a signal
