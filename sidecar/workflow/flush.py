"""Workflow, stages deliver and settle: carry the messages of a lane to the shop, and act on what it answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..core.errors import ConfigurationError, SidecarError
from ..core.job import Job
from . import collect, failure, reconcile, start
from .ports import Ports
from .timing import ACK_S, LANE_PAUSE_CAP_S, REBOOK_S, REFUND_AGAIN_S

BATCH = 50
BATCH_OF_LANE = {"deliver": BATCH, "settle": 5}  # a refund waits for the bank: keep the request short


def run(ports: Ports, lane: str) -> None:
    """Send what is ready until nothing is. One sender a lane: the others leave, their messages go along.

    1. A lane that has just been flushed waits for a moment, so that messages of a rush travel together: each request
    costs WordPress more than all that its messages ask for. 2. Take the wake-up back, so that a message put from now on
    wakes again. 3. Send a batch. 4. Act on each result.
    5. A shop that is away pauses the lane; the messages stay until they are taken, however long that is.
    """
    if delay := ports.outbox.batching_delay(lane):
        ports.queue.flush(lane, at=ports.clock() + delay)
        return
    token = ports.outbox.lock(lane)
    if token is None:
        ports.outbox.begin_flush(lane)  # should the other be about to leave, the timetable's next tick wakes again
        return
    try:
        while True:
            ports.outbox.begin_flush(lane)
            messages = _ready(ports, lane)
            if not messages or not ports.outbox.renew_lock(lane, token):
                return
            ports.outbox.begin_batching_delay(lane, len(messages))
            ports.crash_point(f"flush:{lane}:sending")
            try:
                with ports.leases.keep(lambda: ports.outbox.renew_lock(lane, token)):
                    results = _send(ports, messages)
            except SidecarError as error:
                _shop_away(ports, lane, error)
                return
            ports.outbox.clear_failures(lane)
            ports.crash_point(f"flush:{lane}:answered")
            answered = zip(messages, results, strict=True)
            with ports.queue.together():
                done = [message for message, result in answered if _act(ports, lane, message, result)]
            ports.crash_point(f"flush:{lane}:acted")
            ports.outbox.done(lane, done)
            if len(messages) < BATCH_OF_LANE[lane]:
                return  # what came meanwhile has woken another
    finally:
        ports.outbox.unlock(lane, token)


def _ready(ports: Ports, lane: str) -> list[dict[str, Any]]:
    """What may go now. Links that have aged in the outbox, while the shop or we were away, are made anew first (or were
    by somebody else since we have read the messages)."""
    messages = ports.outbox.ready(lane, limit=BATCH_OF_LANE[lane])
    tokens = {m["data"]["job_id"]: m["data"]["token"] for m in messages if m["type"] == "job.delivered"}
    jobs = ports.store.get_many(list(tokens)) if tokens else {}
    stored = [job for job in jobs.values() if job.state == "stored"]
    aged = [job for job in stored if collect.has_aged(ports, job)]
    for job in aged:
        collect.deliver_again(ports, job)
    anew = aged or any(job.token != tokens[job.job_id] for job in stored)
    return ports.outbox.ready(lane, limit=BATCH_OF_LANE[lane]) if anew else messages


def _send(ports: Ports, messages: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """One result for each message. A batch that is refused as a whole is halved, until the message at fault is alone
    and the others are through; when none gets through, it is not the messages."""
    try:
        return ports.shop.send(messages)
    except ConfigurationError as error:
        if error.code != "shop_refused_message" or len(messages) == 1:
            raise
    results: list[dict[str, Any]] = []
    refusals: list[ConfigurationError] = []
    half = len(messages) // 2
    for part in (messages[:half], messages[half:]):
        try:
            results += _send(ports, part)
        except ConfigurationError as error:
            refusals.append(error)
            results += [{"status": "refused", "reason": "invalid", "data": {"detail": error.detail}} for _ in part]
    if len(refusals) == 2:
        raise refusals[0]
    return results


def _shop_away(ports: Ports, lane: str, error: SidecarError) -> None:
    failures = ports.outbox.count_failure(lane)
    pause = min(LANE_PAUSE_CAP_S, 2.0 ** min(failures, 10)) * (0.5 + ports.random() / 2)
    ports.outbox.pause(lane, seconds=max(pause, error.retry_after or 0))
    ports.log(
        "shop.away",
        "The shop does not take messages; they wait.",
        lane=lane,
        reason=error.code,
        detail=error.detail,
        waiting=ports.outbox.waiting(lane),
        after_s=round(pause, 1),
    )


def _act(ports: Ports, lane: str, message: dict[str, Any], result: dict[str, Any]) -> bool:
    """Whether the message is done with. One answer that we stumble over must not stop the lane: its message waits a
    minute, the others go on."""
    try:
        if result.get("status") == "failed":
            ports.outbox.defer(lane, [message["id"]], until=ports.clock() + 10 + 20 * ports.random())
            return False
        _take(ports, message, result)
        return True
    except SidecarError as error:  # the shop went away when we had a question about its answer
        ports.log("message.deferred", "A message waits.", stage=lane, message_id=message["id"], reason=error.code)
        ports.outbox.defer(lane, [message["id"]], until=ports.clock() + ACK_S)
        return False
    except Exception:
        ports.log("stage.broke", "A fault of ours.", stage=lane, message_id=message["id"], exc_info=True)
        ports.outbox.defer(lane, [message["id"]], until=ports.clock() + ACK_S)
        return False


def _take(ports: Ports, message: dict[str, Any], result: dict[str, Any]) -> None:
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


def _go(ports: Ports, data: dict[str, Any], answer: dict[str, Any]) -> None:
    """The ledger lets this submission through, and no other with its number. An answer to a claim that the job does not
    bear any more is no go, and none to a claim that may have been used already: the job then asks with a new one."""
    job_id, attempt = data["job_id"], data["attempt"]
    if not start.is_of_this_generation(ports, data["claim"]):
        ports.store.change(job_id, attempt, ("paid",), {}, due_at=ports.clock(), expect={"submit_claim": data["claim"]})
        return
    changes = {
        "state": "submitting",
        "submission": data["submission"],
        "submit_started_at": 0,
        "webhook_upsampler_id": "",
    }
    asked = {"submit_claim": data["claim"]}
    if ports.store.change(job_id, attempt, ("paid",), changes, due_at=ports.clock() + REBOOK_S, expect=asked):
        ports.queue.stage("submit", job_id, attempt)


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
MAX_REFUSALS = 5


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
        failure.fail_from_outside(
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


_DONE = {"job.submitting": _go, "job.delivered": _delivered, "job.failed": _settled}
