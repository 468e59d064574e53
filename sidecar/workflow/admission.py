"""Workflow: admission, from paid to the ledger's go: a slot at Upsampler, no hold, and the ledger lets it through.

Runs in the web process, in the scheduler, and when the ledger has answered.
"""

from __future__ import annotations

import json
import secrets
from typing import Any

from ..core.job import Job, NextStep
from ..core.messages import parse_rfc3339
from . import holds, outbound
from .ports import Ports
from .time_limits import ACK_S, ANSWER_KEPT_S, GOES_ALONG_S, HELD_S, REBOOK_S

SLOT_STATES = ("paid", "submitting", "submitted")  # in which a job may occupy one of Upsampler's slots


def job_from(data: dict[str, Any], *, now: float, trace: str = "") -> Job:
    """The working memory of an attempt, from the data of its `job.paid` message, whose id is `trace`."""
    source = data["source"]
    return Job(
        job_id=data["job_id"],
        attempt=data["attempt"],
        state="paid",
        factor=data["factor"],
        source_type=source["type"],
        source_url=source.get("url") or "",
        source_path=source.get("path") or "",
        width=data.get("width") or 0,
        height=data.get("height") or 0,
        expiry_hours=data["expiry_hours"],
        wanted_format=data.get("format") or "",
        title=data.get("title") or "",
        rerun=int(data["rerun"]),
        force=int(data["force"]),
        previous=json.dumps(data["previous"]) if data.get("previous") else "",
        paid_at=parse_rfc3339(data["paid_at"]),
        trace=trace,
        stage_since=int(now),
        created_at=int(now),
        updated_at=int(now),
    )


def begin(
    ports: Ports, data: dict[str, Any], message_id: str, *, stored: dict[str, Any], asks: dict[str, Any]
) -> dict[str, Any] | None:
    """A paid job arrives by a message whose answer is kept: what is kept of it now, or was when it came before; None
    when the attempt, or a newer one, is known. `asks`: what is kept where the ledger is asked for the go at once;
    `stored`: else.

    Nothing more than what `start` does, but in the usual case in one round trip to working memory.
    """
    now = ports.clock()
    job = job_from(data, now=now, trace=message_id)
    outcome, before = ports.store.arrive(
        job,
        due_at=now + REBOOK_S,  # should we die before it has started
        next_step=None if _may_have_file(job) else _next_step(ports, job, asks),
        message_id=message_id,
        answer=stored,
        ttl_s=ANSWER_KEPT_S,
    )
    if outcome in ("answered", "known"):
        return before
    ports.crash_point("paid:stored")
    ports.log("job.paid", "A paid job has arrived.", job_id=job.job_id, attempt=job.attempt, stage="submit")
    if outcome == "waits":
        start(ports, job)
        return stored
    ports.crash_point("paid:claiming")
    return asks


def _may_have_file(job: Job) -> bool:
    return bool(job.previous) and not job.force


def _next_step(ports: Ports, job: Job, answer: dict[str, Any]) -> NextStep:
    """To the ledger, which is asked whether this submission may go."""
    claim = _new_claim(ports)
    message = outbound.submitting(job, job.submission + 1, claim)
    return NextStep("submit", {"submit_claim": claim}, message, ports.clock() + ACK_S, answer)


def start(ports: Ports, job: Job) -> None:
    """Bring a paid job on its way: redeliver, wait for a slot or a held stage, or ask the ledger for the go.

    Safe to repeat: the message's id names the submission, and the ledger lets each submission through once.
    The slot comes before the hold: a job without one must not use up the try that would end the hold.
    """
    now = ports.clock()
    if _may_have_file(job):
        ports.queue.stage("submit", job.job_id, job.attempt)
        return
    if not ports.store.take_slot(job):
        _wait(ports, job, now + ACK_S)
        return
    if not holds.admit(ports, "submit"):
        _wait(ports, job, now + HELD_S * (0.5 + ports.random()))
        return
    known = job.submit_claim and is_of_this_generation(ports, job.submit_claim)
    claim = job.submit_claim if known else _new_claim(ports)
    message = outbound.submitting(job, job.submission + 1, claim)
    # A claim that the job does not bear any more may have had its go: a process that slept through a loss of working
    # memory would otherwise ask with it once more, hear "go" again, and the job would be paid for twice.
    read = {"submit_claim": job.submit_claim, "submission": job.submission}
    changes = {"submit_claim": claim}
    due = now + ACK_S
    if ports.store.change(job.job_id, job.attempt, ("paid",), changes, due_at=due, expect=read, messages=[message]):
        ports.crash_point("paid:claiming")
    else:
        give_slot_back(ports, job.job_id)


def _wait(ports: Ports, job: Job, due_at: float) -> None:
    """The job is looked at again at `due_at`. Behind a hold it bears the hold's reason, and the ledger hears of it,
    once: so its customer does, whichever of the two he asks."""
    reason, detail = holds.reason_of(ports, "submit")
    news = {"reason": reason, "detail": detail} if reason and reason != job.reason else {}
    if ports.store.change(job.job_id, job.attempt, ("paid",), news, due_at=due_at) and news:
        held = outbound.progress(job, "paid", "held", **news, next_try_at=due_at)
        ports.outbox.put("deliver", [held], along_s=GOES_ALONG_S)


def go(ports: Ports, data: dict[str, Any], answer: dict[str, Any]) -> None:
    """The ledger's reply (`data`: of `job.submitting`): it lets this submission through, and no other with its number.
    A reply to a claim that the job does not bear any more is no go, and none to a claim that may have been used
    already: the job then asks with a new one."""
    job_id, attempt = data["job_id"], data["attempt"]
    if not is_of_this_generation(ports, data["claim"]):
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


def _new_claim(ports: Ports) -> str:
    generation = ports.store.server.generation()
    return f"{generation}-{secrets.token_hex(8)}" if generation else secrets.token_hex(8)


def is_of_this_generation(ports: Ports, claim: str) -> bool:
    """False for a claim that Redis may have brought back from an old snapshot: it may have had its go since, and its
    submit, too. Only the ledger and Upsampler's webhook know."""
    generation = ports.store.server.generation()
    return not generation or claim.startswith(f"{generation}-")


def give_slot_back(ports: Ports, job_id: str) -> None:
    """Unless the job still is on its way through Upsampler."""
    job = ports.store.get(job_id)
    if job is None or job.state not in SLOT_STATES:
        ports.store.free_slot(job_id)
