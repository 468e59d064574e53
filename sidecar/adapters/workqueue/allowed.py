"""Adapter, work queue: what RQ may do with what lies in Redis. Who can write there must not run code in our workers.

RQ's own job names any function, callback or webhook, and is unpickled where nobody says otherwise.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rq import Queue
from rq.job import Job
from rq.serializers import DefaultSerializer, JSONSerializer
from rq.utils import import_attribute

from ...core.states import QUEUES

FUNCTION = "sidecar.tasks.work"  # of a queue; finds the work by names of its own
_FIELDS = {b"data", b"origin", b"status", b"description", b"timeout", b"result_ttl", b"failure_ttl", b"worker_name"}
_FIELDS |= {b"created_at", b"enqueued_at", b"started_at", b"ended_at", b"last_heartbeat"}


class NotAllowed(Exception):
    """A job of RQ's that is no wake-up of ours."""


class WakeUp(Job):
    """The one job that RQ runs: no other function, no method of an object, no callback, webhook, dependency, repeat."""

    def restore(self, raw_data: dict[bytes, bytes]) -> None:
        """Only the fields that a wake-up needs: a callback, a webhook or a dependency that stands there stays
        unread."""
        super().restore({name: value for name, value in raw_data.items() if name in _FIELDS})

    def get_meta(self, refresh: bool = True) -> dict[str, Any]:
        """RQ reads it by itself; there is none."""
        return {}

    @property
    def func(self) -> Callable[..., Any]:
        """FUNCTION. Raises NotAllowed for a job that calls anything else."""
        call = (self.func_name, self.instance, list(self.args), self.kwargs)
        if call not in [(FUNCTION, None, [queue], {}) for queue in QUEUES]:
            raise NotAllowed(f"job {self.id} is no wake-up of ours")
        return import_attribute(FUNCTION)


class WakeUpQueue(Queue):
    """Wakes up, and reads wake-ups only, whoever makes it."""

    job_class = WakeUp

    def __init__(self, *args: Any, **more: Any):
        super().__init__(*args, **{**more, "job_class": WakeUp, "serializer": JSONSerializer})


def forbid_pickle() -> None:
    """RQ and rq-dashboard unpickle here and there without asking which serializer is ours: for this whole process."""
    DefaultSerializer.dumps = staticmethod(JSONSerializer.dumps)
    DefaultSerializer.loads = staticmethod(JSONSerializer.loads)
