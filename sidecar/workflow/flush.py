"""Workflow, stages deliver and settle: carry the messages of a lane to the shop, and act on what it answers."""

from __future__ import annotations

from typing import Any

from ..core.errors import SidecarError
from .ports import Ports
from .timing import ACK_S, LANE_PAUSE_CAP_S, REBOOK_S

BATCH = 50
BATCH_OF_LANE = {"deliver": BATCH, "settle": 5}  # a refund waits for the bank: keep the request short
UNSETTLED = ("paid", "submitting", "submitted", "enlarged", "stored", "refunding")


def run(ports: Ports, lane: str) -> None:
    """Send what is ready until nothing is. One flusher a lane: the others leave, their messages go along.

    1. Lift the nudge first, so that a message put from now on is nudged again. 2. Send a batch. 3. Act on each result.
    4. A shop that is away pauses the lane; the messages stay, and are sent again until they are 75 h old.
    """
    token = ports.outbox.lock(lane)
    if token is None:
        return
    try:
        while True:
            ports.outbox.begin_flush(lane)
            messages = ports.outbox.ready(lane, limit=BATCH_OF_LANE[lane])
            if not messages or not ports.outbox.renew_lock(lane, token):
                return
            try:
                with ports.leases.keep(lambda: ports.outbox.renew_lock(lane, token)):
                    results = ports.shop.send(messages)
            except SidecarError as error:
                _shop_away(ports, lane, error)
                return
            ports.outbox.clear_failures(lane)
            ports.crash_point(f"flush:{lane}:answered")
            for message, result in zip(messages, results, strict=True):
                _act_or_defer(ports, lane, message, result)
    finally:
        ports.outbox.unlock(lane, token)


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


def _act_or_defer(ports: Ports, lane: str, message: dict[str, Any], result: dict[str, Any]) -> None:
    """One answer that we stumble over must not stop the lane: its message waits a minute, the others go on."""
    try:
        _act(ports, lane, message, result)
    except Exception:
        ports.log("stage.broke", "A fault of ours.", stage=lane, message_id=message["id"], exc_info=True)
        ports.outbox.defer(lane, [message["id"]], until=ports.clock() + ACK_S)


def _act(ports: Ports, lane: str, message: dict[str, Any], result: dict[str, Any]) -> None:
    status, type = result.get("status"), message["type"]
    if status == "failed":
        ports.outbox.defer(lane, [message["id"]], until=ports.clock() + 10 + 20 * ports.random())
        return
    if status == "done":
        _DONE.get(type, _nothing)(ports, message["data"], result.get("data") or {})
    else:
        ports.log(
            "message.refused",
            "The shop has refused a message.",
            type=type,
            job_id=message["data"].get("job_id"),
            attempt=message["data"].get("attempt"),
            reason=result.get("reason"),
        )
        _refused(ports, type, message["data"], result)
    ports.outbox.done(lane, [message])


# ---------------------------------------------------------------------- what the shop has done
def _nothing(ports: Ports, data: dict[str, Any], answer: dict[str, Any]) -> None:
    pass


def _go(ports: Ports, data: dict[str, Any], answer: dict[str, Any]) -> None:
    """The ledger lets this submission through, and no other with its number."""
    job_id, attempt = data["job_id"], data["attempt"]
    job = ports.store.get(job_id)
    if job is None or job.submit_claim != data["claim"]:
        return  # an answer to a claim that is no longer ours to use
    changes = {"state": "submitting", "submission": data["submission"], "posting": 0, "hinted_id": ""}
    if ports.store.change(job_id, attempt, ("paid",), changes, due_at=ports.clock() + REBOOK_S):
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
    outcome = "refunded" if answer.get("outcome") == "refunded" else "review"
    changes = {"state": outcome, "revoked": int(outcome == "refunded")}
    if ports.store.change(data["job_id"], data["attempt"], ("refunding",), changes, due_at=None, settled=True):
        ports.log(
            "job.settled",
            "The shop has settled the job.",
            job_id=data["job_id"],
            attempt=data["attempt"],
            stage="settle",
            outcome=outcome,
            reason=data["reason"],
        )


# ---------------------------------------------------------------------- what it has refused
def _refused(ports: Ports, type: str, data: dict[str, Any], result: dict[str, Any]) -> None:
    job_id, attempt, reason = data.get("job_id"), data.get("attempt"), result.get("reason")
    if not job_id:
        return
    if reason == "claimed":
        _claimed_before(ports, data, result.get("data") or {})
    elif reason in ("superseded", "settled", "cancelled", "unknown_job"):
        # The ledger is the truth: this attempt is over. What it became is asked for when somebody wants to know.
        job = ports.store.get(job_id)
        if job and job.attempt == attempt:
            ports.store.free_slot(job_id)
            ports.store.forget(job_id)


def _claimed_before(ports: Ports, data: dict[str, Any], answer: dict[str, Any]) -> None:
    """This submission was let through before, and working memory has lost what came of it."""
    changes: dict[str, Any] = {"submission": data["submission"], "submit_claim": ""}
    now = ports.clock()
    if answer.get("upsampler_id"):
        changes |= {"state": "submitted", "upsampler_id": answer["upsampler_id"], "submitted_at": int(now)}
        due = now
    else:  # asked for its outcome by nobody but the webhook: wait, then review
        changes |= {"state": "submitting", "posting": 1, "tries": 1}
        due = now + ports.settings.watch_limit_s
    ports.store.change(data["job_id"], data["attempt"], ("paid",), changes, due_at=due)


_DONE = {"job.submitting": _go, "job.delivered": _delivered, "job.failed": _settled}
