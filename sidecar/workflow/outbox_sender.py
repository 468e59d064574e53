"""Workflow: the sender of the outbox, which carries the messages of a lane (deliver, settle) to the shop."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..core.errors import ConfigurationError, SidecarError
from . import delivery, outbound, shop_replies
from .ports import Ports
from .time_limits import ACK_S, GOES_ALONG_S, LANE_PAUSE_CAP_S

BATCH = 50  # messages in one request
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
        ports.outbox.leave_to_sender(lane)
        return
    try:
        while True:  # ends: with an empty lane or a lost lock; each call has a timeout
            ports.outbox.begin_flush(lane)
            messages = _without_overtaken(ports, lane, _ready(ports, lane))
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
                return  # what came meanwhile has called a sender
    finally:
        if ports.outbox.unlock(lane, token):
            ports.queue.flush(lane, at=ports.clock() + ports.outbox.batching_delay(lane))  # who was called has left


def _ready(ports: Ports, lane: str) -> list[dict[str, Any]]:
    """What may go now. A file that has vanished is not told of, but collected again. Links that have aged in the
    outbox, while the shop or we were away, are made anew first (or were by somebody else since we have read the
    messages)."""
    messages = ports.outbox.ready(lane, limit=BATCH_OF_LANE[lane])
    tokens = {m["data"]["job_id"]: m["data"]["token"] for m in messages if m["type"] == "job.delivered"}
    jobs = ports.store.get_many(list(tokens)) if tokens else {}
    stored = [job for job in jobs.values() if job.state == "stored"]
    lost = [job for job in stored if delivery.file_is_gone(ports, job)]
    for job in lost:
        delivery.collect_again(ports, lane, job)
    stored = [job for job in stored if job not in lost]
    aged = [job for job in stored if delivery.has_aged(ports, job)]
    for job in aged:
        delivery.deliver_again(ports, job)
    anew = lost or aged or any(job.token != tokens[job.job_id] for job in stored)
    return ports.outbox.ready(lane, limit=BATCH_OF_LANE[lane]) if anew else messages


def _without_overtaken(ports: Ports, lane: str, messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """News of a step is not sent when the job's delivery is: that says more, and each message costs WordPress time."""
    delivered = {message["data"]["job_id"] for message in messages if message["type"] == "job.delivered"}
    overtaken = [m for m in messages if m["data"].get("event") == "enlarged" and m["data"]["job_id"] in delivered]
    ports.outbox.done(lane, overtaken)
    return [message for message in messages if message not in overtaken]


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
    ports.outbox.note_away(error.code, error.detail)
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
            if message["type"] == "job.delivered":  # the customer may ask the ledger meanwhile
                ports.outbox.put(lane, [outbound.stored(message["data"])], along_s=GOES_ALONG_S)
            return False
        shop_replies.handle(ports, message, result)
        return True
    except SidecarError as error:  # the shop went away when we had a question about its answer
        ports.log("message.deferred", "A message waits.", stage=lane, message_id=message["id"], reason=error.code)
        ports.outbox.defer(lane, [message["id"]], until=ports.clock() + ACK_S)
        return False
    except ports.memory_outages:
        raise  # the message waits where it is
    except Exception:
        ports.log("stage.broke", "A fault of ours.", stage=lane, message_id=message["id"], exc_info=True)
        ports.outbox.defer(lane, [message["id"]], until=ports.clock() + ACK_S)
        return False
