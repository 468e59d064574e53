"""Workflow, stage submit of a rerun: a good file of an earlier attempt is delivered again, or the job is admitted."""

from __future__ import annotations

import json
from typing import Any

from ..core.job import Job
from . import admission, delivery
from .ports import Ports
from .time_limits import REBOOK_S

STATES = ("paid",)


def run(ports: Ports, job: Job) -> None:
    """1. Deliver the earlier file if it is there and unchanged. 2. Else forget it, and admit the job as any other.

    Raises errors for the recovery table. StaleClaim: another worker has the job.
    """
    previous = json.loads(job.previous) if job.previous and not job.force else None
    if previous and _still_good(ports, previous):
        ports.log("job.redeliver", "A good file is there already.", job_id=job.job_id, attempt=job.attempt)
        delivery.deliver_stored(ports, job, **previous)
        return
    job = ports.store.advance(job, {"previous": ""}, due_at=ports.clock() + REBOOK_S)
    admission.start(ports, job)


def _still_good(ports: Ports, file: dict[str, Any]) -> bool:
    return ports.files.size(file["path"]) == file["bytes"] and ports.files.sha256(file["path"]) == file["sha256"]
