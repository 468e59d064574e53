"""Workflow: the customer has opened the link. The shop is told once: what he has got is not refunded unasked."""

from __future__ import annotations

from ..core.job import Job
from . import outbound
from .ports import Ports


def begun(ports: Ports, job: Job, *, attempt: int) -> None:
    """The file that `attempt` made goes out to the customer. Safe to repeat."""
    if job.downloaded >= attempt:
        return
    change, message = {"downloaded": attempt}, outbound.downloaded(job, attempt, ports.clock())
    ports.store.change(
        job.job_id,
        job.attempt,
        (),
        change,
        fence=False,
        settled=None,
        messages=[message],
        lane="settle",  # the refunds' lane: one that is under way must not overtake this
    )
