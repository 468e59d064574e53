"""Workflow: the customer has opened the link. The shop is told once, and then refunds nothing by itself."""

from __future__ import annotations

from ..core.job import Job
from . import outbound
from .ports import Ports


def begun(ports: Ports, job: Job, *, attempt: int) -> None:
    """Note that the customer downloads the file of `attempt`. Safe to repeat."""
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
        lane="settle",  # the lane of refunds: no refund may overtake this message
    )
