"""Workflow: the domain's reactions to the shop's replies. Done, refused, or not understood."""

from __future__ import annotations

from typing import Any

from ..core.job import Job
from . import admission, reconcile
from .ports import Ports
from .recovery import apply
from .time_limits import ACK_S, REFUND_AGAIN_S


def handle(ports: Ports, message: dict[str, Any], result: dict[str, Any]) -> None:
    """What one reply means for its job. Raises SidecarError when the shop goes away over a question about it."""
    type = message["type"]
    if result.get("status") == "done":
        _DONE.get(type, _nothing)(ports, message["data"], result.get("data") or {})
        return
    data = message["data"]
    job = ports.store.get(data["job_id"]) if data.get("job_id") else None
    ports.log(
        "message.refused",
        "The shop has refused a message.",
        type=type,
        job_id=data.get("job_id"),
        attempt=data.get("attempt"),
        reason=result.get("reason"),
        **({"request_id": job.trace} if job else {}),
    )
    _refused(ports, type, job, data, result)


# ---------------------------------------------------------------------- what the shop has done
def _nothing(ports: Ports, data: dict[str, Any], answer: dict[str, Any]) -> None:
    pass


def _delivered(ports: Ports, data: dict[str, Any], answer: dict[str, Any]) -> None:
    changes = {"state": "delivered"}
    job = ports.store.change(data["job_id"], data["attempt"], ("stored",), changes, due_at=None, settled=True)
    if job:
        ports.store.free_slot(data["job_id"])
        ports.log(
            "job.delivered",
            "The customer has the file.",
            job_id=data["job_id"],
            attempt=data["attempt"],
            stage="deliver",
            outcome=answer.get("mail"),
            seconds=ports.clock() - job.paid_at,
            request_id=job.trace,
        )


def _settled(ports: Ports, data: dict[str, Any], answer: dict[str, Any]) -> None:
    job_id, attempt = data["job_id"], data["attempt"]
    job = ports.store.get(job_id)
    if job is None or job.refund_decision != data["refund"]:
        return  # an answer to an older order: the job was reopened, and has failed again otherwise
    outcome = "refunded" if answer.get("outcome") == "refunded" else "review"
    changes = {"state": outcome, "revoked": int(outcome == "refunded")}
    if ports.store.change(job_id, attempt, ("refunding",), changes, due_at=None, settled=True):
        ports.store.free_slot(job_id)
        ports.log(
            "job.settled",
            "The shop has settled the job.",
            job_id=job_id,
            attempt=attempt,
            stage="settle",
            outcome=outcome,
            reason=data["reason"],
        )


# ---------------------------------------------------------------------- what it has refused
# The state in which a job waits for the answer to a message. In any other, the message has been overtaken.
WAITS_IN = {
    "job.submitting": "paid",
    "job.submitted": "submitted",
    "job.delivered": "stored",
    "job.failed": "refunding",
}
MAX_REFUSALS = 5  # in a row, before a person is told


def _refused(ports: Ports, type: str, job: Job | None, data: dict[str, Any], result: dict[str, Any]) -> None:
    reason, answer = result.get("reason"), result.get("data") or {}
    if job is None or job.attempt != data["attempt"] or job.state != WAITS_IN.get(type) or not _is_current(job, data):
        return
    if reason == "claimed":
        _claimed_before(ports, job, answer)
    elif reason in ("superseded", "settled", "cancelled", "unknown_job"):
        # The ledger is the truth: this attempt is over. What it became is asked for when somebody wants to know.
        ports.store.free_slot(job.job_id)
        ports.store.forget(job.job_id)
    else:
        _not_understood(ports, type, job, f"{type}: {reason}: {answer.get('detail', '')}")


def _is_current(job: Job, data: dict[str, Any]) -> bool:
    if "claim" in data:
        return data["claim"] == job.submit_claim
    return data.get("submission", job.submission) == job.submission


def _claimed_before(ports: Ports, job: Job, answer: dict[str, Any]) -> None:
    """This submission was let through before, and working memory has lost what came of it: the ledger tells."""
    ports.store.forget(job.job_id)
    reconcile.restore_from_ledger(ports, job.job_id)


def _not_understood(ports: Ports, type: str, job: Job, detail: str) -> None:
    """Bridge and sidecar are of different versions, or one of us is at fault. A person must know, not the job wait."""
    if job.state in ("paid", "stored") and job.consecutive_failures + 1 >= MAX_REFUSALS:
        apply.fail_from_outside(
            ports,
            job,
            (job.state,),
            reason="shop_refused_message",
            detail=detail,
            refund="review",
            event="message.not_understood",
        )
    else:
        due = ports.clock() + (REFUND_AGAIN_S if job.state == "refunding" else ACK_S)
        ports.store.change(
            job.job_id, job.attempt, (job.state,), {"consecutive_failures": job.consecutive_failures + 1}, due_at=due
        )


_DONE = {"job.submitting": admission.go, "job.delivered": _delivered, "job.failed": _settled}
