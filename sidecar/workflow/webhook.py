"""Workflow: a webhook has arrived. It proves nothing; it is a good moment to ask."""

from __future__ import annotations

from typing import Any

from ..core.errors import SidecarError
from ..core.job import Job
from . import outbound, reconcile
from .ports import Ports
from .recovery.table import FAILED_MANUALLY

MAY_STILL_COME = ("upsampler_silent", "submit_outcome_unknown", "upsampler_unavailable")


def webhook_received(ports: Ports, job_id: str, attempt: int, submission: int, upsampler_id: str | None) -> str:
    """A webhook whose token names a submission. Returns what it led to; safe to repeat, in any order.

    * submitted: ask Upsampler now.
    * submitting: the webhook was faster than the answer to the submit, or that answer is lost. Keep the id that it
      brought; it counts for nothing until Upsampler confirms it to our key.
    * in review because Upsampler was silent or the answer was lost: the late word reopens the job.
    * unknown: working memory was lost. The id is kept until the job is back; the caller sees to it (`retry_webhook`).
    """
    return _heard(ports, ports.store.get(job_id), job_id, attempt, submission, upsampler_id)


def webhook_from_outside(ports: Ports, job_id: str, attempt: int, submission: int, upsampler_id: str | None) -> str:
    """As `webhook_received`, for a webhook that came from outside: it is written into the log, with the id that follows
    the job."""
    job = ports.store.get(job_id)
    with ports.bind(request_id=job.trace if job else ""):
        outcome = _heard(ports, job, job_id, attempt, submission, upsampler_id)
        ports.log("webhook.hint", "Upsampler has sent a webhook.", job_id=job_id, attempt=attempt, outcome=outcome)
    return outcome


def _heard(ports: Ports, job: Job | None, job_id: str, attempt: int, submission: int, upsampler_id: str | None) -> str:
    if job is None:
        if upsampler_id:
            ports.store.keep_hint(job_id, attempt, submission, upsampler_id)
        return "unknown"
    if job.attempt != attempt or job.submission != submission:
        return "stale"
    if job.state == "submitted":
        ports.queue.watch([(job_id, attempt)])
        return "asked"
    if job.state == "submitting" and upsampler_id:
        return _keep_id(ports, job, upsampler_id)
    if job.state in ("refunding", "review") and job.refund_decision == "review" and (job.upsampler_id or upsampler_id):
        return _reopen(ports, job, upsampler_id)
    return "ignored"


def retry_webhook(ports: Ports, job_id: str, attempt: int, submission: int, upsampler_id: str | None) -> None:
    """For a job that working memory had lost: bring it back from the ledger, then take it. When the shop is away,
    reconciliation brings the job back later, and finds the id that was kept."""
    try:
        job = reconcile.restore_from_ledger(ports, job_id)
    except SidecarError as error:
        about = {"job_id": job_id, "attempt": attempt, "reason": error.code}
        ports.log("ledger.unasked", "The ledger did not answer.", level="warning", **about)
        return
    if job:
        webhook_received(ports, job_id, attempt, submission, upsampler_id)


def _keep_id(ports: Ports, job: Job, upsampler_id: str) -> str:
    due = "=" if job.claim else ports.clock()
    changes = {"webhook_upsampler_id": upsampler_id}
    kept = ports.store.change(job.job_id, job.attempt, ("submitting",), changes, due_at=due, fence=False)
    if kept and not job.claim:
        ports.queue.stage("submit", job.job_id, job.attempt)
    if kept is None:  # it was written down in the meantime
        ports.queue.watch([(job.job_id, job.attempt)])
    return "kept"


def _reopen(ports: Ports, job: Job, upsampler_id: str | None) -> str:
    """With an id of our own we ask for that; an id that only a webhook brought has to be confirmed first. What a person
    has given up stays given up, also when Upsampler was just being asked."""
    if job.reason == FAILED_MANUALLY or (job.reason not in MAY_STILL_COME and not job.submit_started_at):
        return "ignored"
    now = ports.clock()
    changes: dict[str, Any] = {
        "refund_decision": "",
        "consecutive_failures": 0,
        "crash_count": 0,
        "stage_since": int(now),
    }
    messages = []
    if job.upsampler_id:
        changes |= {"state": "submitted", "submitted_at": job.submitted_at or int(now), "submit_started_at": 0}
        messages = [outbound.submitted(job.but(**changes))]  # reopens the ledger's row
    else:
        changes |= {
            "state": "submitting",
            "webhook_upsampler_id": upsampler_id,
            "submit_started_at": job.submit_started_at or int(now),
        }
    states = ("refunding", "review")
    if not ports.store.change(job.job_id, job.attempt, states, changes, due_at=now, messages=messages):
        return "ignored"
    ports.outbox.drop("settle", [outbound.failed(job, refund="review")["id"]])
    if messages:
        ports.queue.watch([(job.job_id, job.attempt)])
    else:
        ports.queue.stage("submit", job.job_id, job.attempt)
    return "reopened"
