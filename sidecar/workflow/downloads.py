"""Workflow: the customer has opened the link. The shop is told once: what he has got is not refunded unasked."""

from __future__ import annotations

from ..core.errors import SidecarError
from ..core.job import Job
from . import outbound, start
from .ports import Ports


def begun(ports: Ports, job: Job, *, attempt: int) -> None:
    """The file that `attempt` made goes out to the customer. A word that can't be stored now does not keep it from him:
    the next download tells."""
    if job.downloaded >= attempt:
        return
    message = outbound.downloaded(job, attempt, ports.clock())
    try:
        told = {"downloaded": attempt}
        if ports.store.change(job.job_id, job.attempt, (), told, fence=False, settled=None, messages=[message]):
            start.nudge(ports, "deliver")
    except SidecarError as error:
        ports.log("download.not_told", "A download could not be noted.", job_id=job.job_id, reason=error.code)
