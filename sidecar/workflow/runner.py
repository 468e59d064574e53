"""Workflow: one stage of one job: claim it, run it, and recover from what went wrong. The only place that catches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..core.errors import PermanentError
from ..core.job import Job
from . import collect, redelivery, submit, watch
from .ports import Ports
from .recovery import failed
from .recovery.table import MAX_CRASHES
from .time_limits import LEASE_S

# A stage's steps; the job's state says which of them it is at.
STEPS: dict[str, tuple[Any, ...]] = {"submit": (redelivery, submit), "watch": (watch,), "collect": (collect,)}
STATES = {stage: tuple(state for step in steps for state in step.STATES) for stage, steps in STEPS.items()}


def run_stage(ports: Ports, stage: str, job_id: str, attempt: int) -> None:
    """Run a stage if the job is ready for it and nobody else is at it. Safe to call any number of times."""
    ports.queue.begin(stage, job_id)
    _run_if_ready(ports, stage, job_id, attempt)


def _run_if_ready(ports: Ports, stage: str, job_id: str, attempt: int) -> None:
    job = ports.store.claim(job_id, attempt, STATES[stage], lease_s=LEASE_S)
    if job is None:
        return
    step = next(step for step in STEPS[stage] if job.state in step.STATES)
    with ports.bind(request_id=job.trace):
        _run(ports, stage, step, job)


def _run(ports: Ports, stage: str, step: Any, job: Job) -> None:
    try:
        with ports.leases.keep(lambda: ports.store.renew(job, lease_s=LEASE_S)):
            ports.crash_point(f"{stage}:claimed")
            if job.crash_count >= MAX_CRASHES:
                raise PermanentError("crash_loop", f"stage {stage} has killed its worker {job.crash_count} times")
            step.run(ports, job)
    except Exception as failure:
        failed.recover(ports, stage, job, failure)


def run_watch(ports: Ports, jobs: Sequence[tuple[str, int]]) -> None:
    """Poll many jobs one after the other, over one connection."""
    for job_id, _ in jobs:  # all at once: if we die on the way, the rest comes due again and is queued again
        ports.queue.begin("watch", job_id)
    for job_id, attempt in jobs:
        _run_if_ready(ports, "watch", job_id, attempt)
