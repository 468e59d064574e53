"""Adapter, work queue: the wake-ups of version 1.0, whose queues did not name the site, are removed from RQ's."""

from __future__ import annotations

from typing import Any

import redis
from rq.exceptions import DeserializationError, NoSuchJobError
from rq.registry import FailedJobRegistry, FinishedJobRegistry, StartedJobRegistry
from rq.serializers import JSONSerializer
from rq.worker_registration import REDIS_WORKER_KEYS, WORKERS_BY_QUEUE_KEY

from ...core.states import QUEUES
from .allowed import NotAllowed, WakeUp, WakeUpQueue

_REGISTRIES = (StartedJobRegistry, FailedJobRegistry, FinishedJobRegistry)


def clear_old_queues(connection: redis.Redis) -> None:
    """What is no wake-up of ours stays: another program may use the same names in this database. Safe to repeat.

    `connection`: without decode_responses, as RQ wants it.
    """
    for name in QUEUES:
        queue = WakeUpQueue(name, connection=connection)
        for id in queue.get_job_ids():
            if _is_ours(connection, id):
                queue.remove(id)
                connection.delete(WakeUp.key_for(id))
        for key in (registry(queue=queue).key for registry in _REGISTRIES):
            entries: Any = connection.zrange(key, 0, -1)
            for entry in entries:
                id = entry.decode().partition(":")[0]
                if _is_ours(connection, id):
                    connection.zrem(key, entry)
                    connection.delete(WakeUp.key_for(id))
        _forget_dead_workers(connection, WORKERS_BY_QUEUE_KEY % name)
        if queue.is_empty():  # whoever uses it enters it again
            connection.srem(WakeUpQueue.redis_queues_keys, queue.key)


def _forget_dead_workers(connection: redis.Redis, key: str) -> None:
    for worker in connection.smembers(key):
        if not connection.exists(worker):
            connection.srem(key, worker)
            connection.srem(REDIS_WORKER_KEYS, worker)


def _is_ours(connection: redis.Redis, id: str) -> bool:
    """A wake-up, or an id that nothing is known of any more."""
    try:
        return bool(WakeUp.fetch(id, connection=connection, serializer=JSONSerializer).func)
    except NoSuchJobError:
        return True
    except (NotAllowed, DeserializationError):
        return False
