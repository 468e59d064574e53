"""Workflow: a webhook has knocked. It proves nothing; it is a good moment to ask."""

from __future__ import annotations

from ..core.job import Job
from .ports import Ports


def knock(ports: Ports, job_id: str, attempt: int, submission: int, upsampler_id: str | None) -> str:
    """A webhook whose token names a submission. Returns what it led to, for the log; safe to repeat, in any order.

    * submitted: ask Upsampler now.
    * submitting: the webhook was faster than the answer to the submit, or that answer is lost. Keep the id that it
      brought; it counts for nothing until Upsampler confirms it to our key.
    * in review because Upsampler was silent or the answer was lost: the late word reopens the job.
    * unknown: working memory was lost; the caller brings the job back from the ledger and knocks again.
    """
    job = ports.store.get(job_id)
    if job is None:
        return "unknown"
    if job.attempt != attempt or job.submission != submission:
        return "stale"
    if job.state == "submitted":
        ports.queue.watch([(job_id, attempt)])
        return "asked"
    if job.state == "submitting" and upsampler_id:
        return _keep_id(ports, job, upsampler_id)
    if job.state in ("refunding", "review") and job.settle == "review" and (job.upsampler_id or upsampler_id):
        return _reopen(ports, job, upsampler_id)
    return "ignored"


def _keep_id(ports: Ports, job: Job, upsampler_id: str) -> str:
    due = "=" if job.claim else ports.clock()
    changes = {"hinted_id": upsampler_id}
    kept = ports.store.change(job.job_id, job.attempt, ("submitting",), changes, due_at=due, fence=False)
    if kept and not job.claim:
        ports.queue.stage("submit", job.job_id, job.attempt)
    if kept is None:  # it was written down in the meantime
        ports.queue.watch([(job.job_id, job.attempt)])
    return "kept"


def _reopen(ports: Ports, job: Job, upsampler_id: str | None) -> str:
    if job.reason not in ("upsampler_silent", "submit_outcome_unknown", "upsampler_unavailable"):
        return "ignored"
    now = ports.clock()
    changes = {
        "state": "submitted",
        "upsampler_id": job.upsampler_id or upsampler_id,
        "submitted_at": job.submitted_at or int(now),
        "settle": "",
        "posting": 0,
        "tries": 0,
        "stage_since": int(now),
    }
    if ports.store.change(job.job_id, job.attempt, ("refunding", "review"), changes, due_at=now):
        ports.queue.watch([(job.job_id, job.attempt)])
        return "reopened"
    return "ignored"
