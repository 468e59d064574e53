"""Adapter, work queue: wake-ups, the RQ jobs that bring a worker to a queue. One for a queue stands there at a time."""

from __future__ import annotations

from uuid import uuid4

import redis

from ...core.states import QUEUES
from ...core.stored_names import WAKE_UP_S, Keys
from .allowed import FUNCTION, WakeUpQueue

_RESULT_TTL_S = 0  # nobody reads results; RQ would keep 5 KB for each
_FAILURE_TTL_S = 3600  # seconds that RQ keeps a wake-up that has failed


class WakeUps:
    """The queues of RQ, one for each of ours."""

    def __init__(self, connection: redis.Redis, keys: Keys):
        self._redis = connection
        self._keys = keys
        self._queues = {name: WakeUpQueue(keys.rq_name(name), connection=connection) for name in QUEUES}

    def send(self, queue: str) -> None:
        """Bring a worker. Whoever sends a wake-up has set the queue's mark."""
        self._queues[queue].enqueue_call(
            FUNCTION,
            args=(queue,),
            job_id=self._keys.rq_name(uuid4().hex),
            timeout=-1,  # each item has its own
            result_ttl=_RESULT_TTL_S,
            failure_ttl=_FAILURE_TTL_S,
            description="work",
        )

    def notify_worker(self, queue: str) -> None:
        """Wake a worker, unless one was woken and has not come yet."""
        if self._redis.set(self._keys.called(queue), "1", nx=True, ex=WAKE_UP_S):
            self.send(queue)

    def take_back(self, queue: str) -> None:
        """A worker has come: what is put from now on wakes again."""
        self._redis.delete(self._keys.called(queue))
