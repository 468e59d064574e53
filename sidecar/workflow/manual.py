"""Workflow: what a person, or other code on his behalf, may ask for. Each may be asked twice."""

from __future__ import annotations

import hashlib

from ..core.errors import CallerError
from ..core.job import Job
from ..core.states import SETTLED, STATES
from . import outbound, reconcile
from .ports import Ports
from .recovery import apply
from .recovery.table import FAILED_MANUALLY, TABLE

UNSETTLED = tuple(state for state in STATES if state not in SETTLED)


def process_upscale_request(ports: Ports, job_id: str) -> str:
    """Start a paid job, or give an unfinished one a push. Returns its state afterwards.

    A job that runs already is only looked at sooner; a settled one is left alone (a rerun is the shop's to order).
    Raises CallerError("unknown_job").
    """
    try:
        job = _find(ports, job_id)
    except CallerError:  # paid, perhaps, and its event lost: reconciliation has the ledger take such jobs in
        reconcile.reconcile(ports)
        job = _find(ports, job_id)
    if job.state not in SETTLED and not job.claim:
        ports.store.change(job_id, job.attempt, (job.state,), {}, due_at=ports.clock(), fence=False)
    return _find(ports, job_id).state


def handle_processing_failure(ports: Ports, job_id: str, error_reason: str) -> str:
    """Fail a job now: as the recovery table ends it when `error_reason` is one of its codes, else into review.

    Whoever works on the job writes nothing more. Returns the state afterwards: "refunding" until the shop has settled
    it; a settled job keeps its state. Raises CallerError("unknown_job").
    """
    job = _find(ports, job_id)
    known = error_reason in TABLE
    refund = "yes" if known and TABLE[error_reason].ending == "refund" else "review"
    reason = error_reason if known else FAILED_MANUALLY
    states = tuple(state for state in UNSETTLED if state != "refunding")
    apply.fail_from_outside(
        ports, job, states, reason=reason, detail=error_reason, refund=refund, event="job.failed_by_hand"
    )
    return _find(ports, job_id).state


def send_failure_notification(ports: Ports, job_id: str, customer_message: str) -> None:
    """Write to the customer of a job, in the caller's words; the same words go out once for each attempt.

    Raises CallerError("unknown_job"), or CallerError("message_invalid") for an empty or overlong text (2,000 letters).
    """
    text = customer_message.strip()
    if not 1 <= len(text) <= 2000:
        raise CallerError("message_invalid", f"a message of 1 to 2,000 letters is needed, this one has {len(text)}")
    job = _find(ports, job_id)
    key = hashlib.sha256(text.encode()).hexdigest()[:16]
    ports.outbox.put("deliver", [outbound.customer_message(job_id, job.attempt, key, text)])


def _find(ports: Ports, job_id: str) -> Job:
    job = ports.store.get(job_id) or reconcile.restore_from_ledger(ports, job_id)
    if job is None:
        raise CallerError("unknown_job", f"the shop knows no paid job {job_id[:64]}")
    return job
