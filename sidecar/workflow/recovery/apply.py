"""Workflow: carry out what the recovery table decides about a failure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ...core.errors import NotAccepted, SidecarError
from ...core.job import Job
from ...core.states import PHASES
from .. import holds, outbound
from ..ports import Ports
from ..time_limits import HELD_S, REFUND_AGAIN_S, STREAK_S
from .table import Decision, History, decide

MAX_SUBMISSIONS = 95  # the ledger counts to 99
HELD_STAGE = {"submit": "submit", "watch": "submit", "collect": "collect"}


def handle(ports: Ports, stage: str, job: Job, error: SidecarError) -> None:
    """Decide and write it down. The caller holds the claim; StaleClaim passes through."""
    waited = bool(job.submit_started_at) and ports.clock() >= job.submit_started_at + ports.settings.watch_limit_s
    history = History(job.consecutive_failures, job.bad_results, job.resubmissions, bool(job.compress), waited)
    decision = decide(error, history, ports.random)
    if isinstance(error, NotAccepted) and job.submission >= MAX_SUBMISSIONS:
        decision = Decision("review")
    ports.log(
        "stage.failed",
        "A stage has failed.",
        job_id=job.job_id,
        attempt=job.attempt,
        stage=stage,
        reason=error.code,
        detail=error.detail,
        action=decision.action,
        after_s=round(decision.after_s, 1),
    )
    job = job.but(reason=error.code, detail=error.detail[:500])
    not_accepted = isinstance(error, NotAccepted)
    _ACTIONS[decision.action](ports, stage, job, decision, not_accepted)


def _again(ports: Ports, job: Job, changes: dict[str, Any], after_s: float, not_accepted: bool, event: str) -> None:
    """The same stage later. A submission that Upsampler refused is over: the next one needs the ledger's go."""
    due = ports.clock() + after_s
    changes = {**changes, "reason": job.reason, "detail": job.detail}
    if not_accepted:
        event = "not_accepted"
        changes |= {"state": "paid", "submit_started_at": 0, "submit_claim": ""}
    state = changes.get("state", job.state)
    if PHASES[state] != PHASES[job.state]:
        changes["stage_since"] = int(ports.clock())
    message = outbound.progress(job, state, event, reason=job.reason, detail=job.detail, next_try_at=due)
    ports.store.advance(job, changes, due_at=due, messages=[message])


def _retry(ports: Ports, stage: str, job: Job, decision: Decision, not_accepted: bool) -> None:
    _again(ports, job, {"consecutive_failures": job.consecutive_failures + 1}, decision.after_s, not_accepted, "retry")


def _compress(ports: Ports, stage: str, job: Job, decision: Decision, not_accepted: bool) -> None:
    too_large_there = job.reason == "source_too_large" and (not_accepted or stage != "submit")
    # A copy that was made to be upright is as large as the source.
    changes = {"compress": 2 if too_large_there else 1, "compressed_path": ""}
    if stage == "submit":
        _again(ports, job, {**changes, "consecutive_failures": 0}, 0, not_accepted, "compress")
    else:  # Upsampler found out while it worked: this submission is spent
        _next_submission(ports, job, changes, "compress")


def _refetch(ports: Ports, stage: str, job: Job, decision: Decision, not_accepted: bool) -> None:
    # Without its result URL the job asks Upsampler again before it downloads: the old one may be the fault.
    changes = {"bad_results": job.bad_results + 1, "result_until": 0}
    _again(ports, job, changes, decision.after_s, False, "refetch")


def _resubmit(ports: Ports, stage: str, job: Job, decision: Decision, not_accepted: bool) -> None:
    _next_submission(ports, job, {"resubmissions": job.resubmissions + 1}, "resubmit")


def _next_submission(ports: Ports, job: Job, changes: dict[str, Any], event: str) -> None:
    cleared: dict[str, Any] = dict.fromkeys(("upsampler_id", "webhook_upsampler_id", "result_url", "submit_claim"), "")
    cleared |= dict.fromkeys(("bad_results", "consecutive_failures", "submit_started_at"), 0)
    ports.store.free_slot(job.job_id)
    # The ledger hears in this order that the submission is over, and that the next one asks for its go.
    _again(ports, job, {**cleared, **changes, "state": "paid"}, 0, False, event)


def _wait(ports: Ports, stage: str, job: Job, decision: Decision, not_accepted: bool) -> None:
    """Whether Upsampler has the job is unknown: its webhook, which names this submission, may still tell."""
    now = ports.clock()
    if ports.store.holds.lengthen_streak("submit", ttl_s=STREAK_S) >= holds.STREAK:
        # One lost answer is that job's bad luck. Several in a row are a broken way to Upsampler, and each further
        # submit would be one more job for a person to look at.
        holds.hold(ports, "submit", reason=job.reason, detail=f"{holds.STREAK} answers in a row were lost")
    asked_at = job.submit_started_at or int(now)  # unset in an old snapshot of working memory: then the wait begins now
    _again(ports, job, {"submit_started_at": asked_at}, asked_at + ports.settings.watch_limit_s - now, False, "waiting")


def _later(ports: Ports, stage: str, job: Job, decision: Decision, not_accepted: bool) -> None:
    """Others are in the way, not this job, and not the shop: nothing is counted."""
    _again(ports, job, {}, decision.after_s, not_accepted, "retry")


def _hold(ports: Ports, stage: str, job: Job, decision: Decision, not_accepted: bool) -> None:
    """Ours to fix: the stage stops for everybody, the admin is told once, and one job tries again now and then.

    The job first: a stale worker, whose temp file its successor has thrown away, must not stop the stage for that.
    """
    _again(ports, job, {}, HELD_S * (0.5 + ports.random()), not_accepted, "held")
    holds.hold(ports, HELD_STAGE[stage], reason=job.reason, detail=job.detail)


def _refund(ports: Ports, stage: str, job: Job, decision: Decision, not_accepted: bool) -> None:
    give_up(ports, job, refund="yes")


def _review(ports: Ports, stage: str, job: Job, decision: Decision, not_accepted: bool) -> None:
    give_up(ports, job, refund="review")


def give_up(ports: Ports, job: Job, *, refund: str, customer_message: str | None = None) -> None:
    """The pipeline ends here; the shop settles it: money back, or a person. Until it answers, the order is repeated."""
    changes = {"state": "refunding", "reason": job.reason, "detail": job.detail}
    message = outbound.failed(job, refund=refund, customer_message=customer_message)
    ports.store.advance(
        job,
        {**changes, "refund_decision": refund},
        due_at=ports.clock() + REFUND_AGAIN_S,
        messages=[message],
        lane="settle",
    )
    ports.crash_point("failure:stored")
    ports.store.free_slot(job.job_id)


def fail_from_outside(
    ports: Ports, job: Job, states: Iterable[str], *, reason: str, detail: str, refund: str, event: str
) -> bool:
    """As `give_up`, for a caller who holds no claim; whoever does writes nothing more. False when the job is in none of
    `states`."""
    changes = {"state": "refunding", "refund_decision": refund, "reason": reason, "detail": detail[:500]}
    message = outbound.failed(job.but(reason=reason, detail=detail[:500]), refund=refund)
    due = ports.clock() + REFUND_AGAIN_S
    states = tuple(states)
    if not ports.store.change(job.job_id, job.attempt, states, changes, due_at=due, messages=[message], lane="settle"):
        return False
    ports.store.free_slot(job.job_id)
    ids = {"job_id": job.job_id, "attempt": job.attempt, "request_id": job.trace}
    ports.log(event, "Failed from outside its stage.", reason=reason, **ids)
    return True


_ACTIONS = {
    "retry": _retry,
    "compress": _compress,
    "refetch": _refetch,
    "resubmit": _resubmit,
    "wait": _wait,
    "later": _later,
    "hold": _hold,
    "refund": _refund,
    "review": _review,
}
