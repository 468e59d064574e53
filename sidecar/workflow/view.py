"""Workflow: what a customer may see of a job. Codes and numbers only; the words are the page's, in his language."""

from __future__ import annotations

import math
from typing import Any

from ..core.job import Job
from ..core.messages import rfc3339
from ..core.reasons import HOLDS
from ..core.states import MOVED_BY, PHASES, POLL_S, POLL_S_OF_PHASE, STAGES
from .ports import Ports
from .time_limits import DELAYED_AFTER_S, SILENT_AFTER_S

# Share of the whole at which a phase begins, and the seconds that it usually takes, until we have measured.
SHARES = {"queued": (0.02, 5), "enlarging": (0.10, 45), "checking": (0.80, 5), "delivering": (0.93, 3)}


def status_document(ports: Ports, job: Job) -> dict[str, Any]:
    """The document of docs/contract.md, part 5, for a job that is known; its link is in it, whoever asks."""
    now = ports.clock()
    phase = _phase(ports, job, now)
    share, expected_s = _progress(job, now)
    ready = phase == "ready"
    due_at = ports.store.due_at(job.job_id) if phase == "delayed" else None
    return {
        "job_id": job.job_id,
        "phase": phase,
        "stage": MOVED_BY.get(job.state),
        "share": round(share, 2),
        "position": ports.store.position(job.job_id) if job.state == "paid" else None,
        "expected_s": expected_s,
        "next_try_at": rfc3339(due_at) if due_at else None,
        "width": job.out_width or job.width * job.factor or None,
        "height": job.out_height or job.height * job.factor or None,
        "bytes": job.bytes or None,
        "format": job.format or None,
        "download_url": (job.download_url or None) if ready else None,
        "expires_at": rfc3339(job.expires_at) if ready else None,
        "poll_after": POLL_S_OF_PHASE.get(phase) or POLL_S[job.state],
        "updated_at": rfc3339(job.updated_at),
    }


def _phase(ports: Ports, job: Job, now: float) -> str:
    if job.state == "delivered":
        return "expired" if job.revoked or now >= job.expires_at else "ready"
    if job.state == "refunding" and job.refund_decision == "review":
        return PHASES["review"]
    held = job.reason in HOLDS or _waits_for_held_stage(ports, job)
    if is_delayed(job.state, held=held, failed=bool(job.reason), stage_s=now - job.stage_since):
        return "delayed"
    return PHASES[job.state]


def _waits_for_held_stage(ports: Ports, job: Job) -> bool:
    """Whether the stage that moves the job on lets nobody in; who is in it already (submitting) is not held."""
    return job.state in ("paid", "enlarged") and MOVED_BY[job.state] in ports.store.holds.held_lately()


SHARES_OF_STATE = {state: SHARES[phase] for state, phase in PHASES.items() if phase in SHARES}


def is_delayed(state: str, *, held: bool, failed: bool, stage_s: float) -> bool:
    """Whether the customer is told that it takes longer. `held`: the stage that moves the job on is on hold; `failed`:
    a failure stands; `stage_s`: seconds since the attempt reached its phase.

    A failure that passes by itself is nobody's business for two minutes; a hold is, at once. Outside of the pipeline
    nothing is late. The bridge's `States::is_delayed()` is the same rule (tests/vectors/delayed.json).
    """
    if MOVED_BY.get(state) not in (*STAGES, "deliver"):
        return False
    return held or stage_s > (DELAYED_AFTER_S if failed else SILENT_AFTER_S)


def _progress(job: Job, now: float) -> tuple[float, int | None]:
    """Share done, and seconds likely left. Within a phase the share nears the next one and never reaches it."""
    if job.state not in SHARES_OF_STATE:
        return (1.0 if job.state == "delivered" else 0.0), None
    begin, usual = SHARES_OF_STATE[job.state]
    end = min((share for share, _ in SHARES.values() if share > begin), default=0.99)
    spent = max(0.0, now - job.stage_since)
    share = begin + (end - begin) * (1 - math.exp(-spent / usual))
    left = sum(seconds for first, seconds in SHARES.values() if first > begin) + max(1.0, usual - spent)
    return share, round(left)
