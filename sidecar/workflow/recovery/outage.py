"""Workflow: the end of an outage. One job has got through: the others that failed for the same reason try at once."""

from __future__ import annotations

from urllib.parse import urlsplit

from ...core.job import Job
from ..ports import Ports
from ..time_limits import OUTAGE_SPREAD_S

# The other side was away for all. Not upsampler_rate_limited: who asks us to slow down must not be rushed at.
REASONS = frozenset(
    {"upsampler_unavailable", "upsampler_bad_answer", "fetch_unavailable", "fetch_failed", "upload_failed"}
)
STATES = ("paid", "submitting", "submitted", "enlarged")


def _server(job: Job) -> str:
    """Of which server the reason tells, "" where there is one for all: that of results is as a rule not that of
    sources, and whoever is called while his own is still away has lost a try."""
    if not job.reason.startswith("fetch_"):
        return ""
    return urlsplit(job.result_url if job.state == "enlarged" else job.source_url).netloc.lower()


def is_over(ports: Ports, job: Job) -> None:
    """Call it when the side that had failed `job` (as it was claimed) has answered it. The others are due within some
    seconds instead of at their own late hour, spread, so that nobody is run over who has just got up again."""
    if job.reason not in REASONS:
        return
    server = _server(job)
    if not ports.store.heartbeats.acquire_interval(f"outage:{job.reason}:{server}", every_s=OUTAGE_SPREAD_S):
        return  # somebody has just called them
    now = ports.clock()
    others = ports.store.get_many([id for id in ports.store.all_ids() if id != job.job_id])
    called = 0
    for other in others.values():
        if other.reason != job.reason or _server(other) != server or other.state not in STATES or other.claim:
            continue
        due = now + OUTAGE_SPREAD_S * ports.random()
        if (ports.store.due_at(other.job_id) or 0) <= due:
            continue
        expect = {"reason": other.reason, "claim": ""}
        if ports.store.change(other.job_id, other.attempt, STATES, {}, due_at=due, expect=expect, fence=False):
            called += 1
    if called:
        ports.log("outage.over", "Jobs that had failed for the same reason are tried at once.", reason=job.reason)
