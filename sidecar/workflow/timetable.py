"""Workflow: the clock's hand. Whatever is due (a retry, a poll, a dead worker's job, a deadline) is put to work."""

from __future__ import annotations

from ..core.job import Job
from . import outbound, start
from .ports import Ports
from .timing import REBOOK_S

LIMIT = 500
WATCH_BATCH = 25
LANES = ("deliver", "settle")


def tick(ports: Ports) -> int:
    """Dispatch what is due; returns how many jobs were. Runs every second; two at a time do no harm.

    A due job is booked again 15 s later in the same instant: if what we queue here is lost, it comes due again.
    """
    ids = ports.store.take_due(limit=LIMIT, rebook_s=REBOOK_S)
    to_watch: list[tuple[str, int]] = []
    if ids:
        for job in ports.store.get_many(ids).values():
            if job.state == "submitted":
                to_watch.append((job.job_id, job.attempt))
            else:
                _dispatch(ports, job)
        for at in range(0, len(to_watch), WATCH_BATCH):
            ports.queue.watch(to_watch[at : at + WATCH_BATCH])
    for lane in LANES:
        next_at = ports.outbox.next_at(lane)
        if next_at is not None and next_at <= ports.clock():
            start.nudge(ports, lane)
    return len(ids)


def _dispatch(ports: Ports, job: Job) -> None:
    if job.state == "paid":
        start.start(ports, job)
    elif job.state == "submitting":
        ports.queue.stage("submit", job.job_id, job.attempt)
    elif job.state == "enlarged":
        held = ports.store.held().get("collect")
        if not held or ports.store.may_probe("collect", every_s=REBOOK_S):
            ports.queue.stage("collect", job.job_id, job.attempt)
    elif job.state == "stored":
        ports.outbox.put("deliver", [outbound.delivered(job)])
    elif job.state == "refunding":
        ports.outbox.put("settle", [outbound.failed(job, refund=job.settle or "review")])
