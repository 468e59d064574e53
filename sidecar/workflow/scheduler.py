"""Workflow: the scheduler. Due work (a retry, a poll, a dead worker's job, a deadline) goes to the work queue."""

from __future__ import annotations

from collections.abc import Sequence

from ..core.job import Job
from ..core.states import LANES
from . import admission, delivery, holds, outbound
from .ports import Ports
from .time_limits import REBOOK_S

LIMIT = 500  # jobs per tick; the rest stays due
WATCH_BATCH = 25  # polls in one item of the work queue


def tick(ports: Ports) -> int:
    """Dispatch due jobs; returns their number. Runs every second; two at the same time do no harm.

    A due job is booked again 15 s later in the same script: an item lost from the queue comes due again.
    """
    ids = ports.store.take_due(limit=LIMIT, rebook_s=REBOOK_S)
    if ids:
        ports.crash_point("tick:taken")
        jobs = ports.store.get_many(ids)
        for job_id in set(ids) - jobs.keys():
            ports.store.forget(job_id)
        to_watch = [(job.job_id, job.attempt) for job in jobs.values() if job.state == "submitted"]
        _dispatch_all(ports, [job for job in jobs.values() if job.state != "submitted"])
        for at in range(0, len(to_watch), WATCH_BATCH):
            ports.queue.watch(to_watch[at : at + WATCH_BATCH])
    for lane in LANES:
        next_at = ports.outbox.next_at(lane)
        if next_at is not None and next_at <= ports.clock():
            ports.outbox.wake_up(lane)
    return len(ids)


def _dispatch_all(ports: Ports, jobs: Sequence[Job]) -> None:
    """A fault with one job must not stop the others. A fault with each of them is no fault of the jobs."""
    stumbled: list[Exception] = []
    for job in jobs:
        try:
            _dispatch(ports, job)
        except ports.memory_outages:
            raise  # they come due again
        except Exception as error:
            stumbled.append(error)
            if len(stumbled) == min(len(jobs), 5):
                raise
            ports.log("stage.broke", "A fault of ours.", job_id=job.job_id, stage="timetable", exc_info=True)


def _dispatch(ports: Ports, job: Job) -> None:
    if job.state == "paid":
        admission.start(ports, job)
    elif job.state == "submitting":
        ports.queue.stage("submit", job.job_id, job.attempt)
    elif job.state == "enlarged":
        if holds.admit(ports, "collect"):
            ports.queue.stage("collect", job.job_id, job.attempt)
    elif job.state == "stored":
        delivery.deliver_again(ports, job)
    elif job.state == "refunding":
        ports.outbox.put("settle", [outbound.failed(job, refund=job.refund_decision or "review")])
