"""Workflow: reaction to a failed stage, in a worker or in a transfer's thread. Raises nothing itself."""

from __future__ import annotations

from ...core.errors import SidecarError, StaleClaim, TemporaryError
from ...core.job import Job
from ..ports import Ports
from ..time_limits import CROWDED_S
from . import apply


def recover(ports: Ports, stage: str, job: Job, failure: BaseException) -> None:
    """The recovery table decides. The caller has the claim, or had it.

    An outage of working memory is no failure of the job, and counts as none. The claim is given back if memory answers
    again; else its lease lapses.
    """
    about = {"job_id": job.job_id, "attempt": job.attempt, "stage": stage}
    try:
        if isinstance(failure, ports.memory_outages):
            _memory_away(ports, about, failure)
            ports.store.advance(job, {}, due_at=ports.clock() + CROWDED_S * (0.5 + ports.random()))
        elif isinstance(failure, StaleClaim):
            raise failure
        elif isinstance(failure, SidecarError):
            apply.handle(ports, stage, job, failure)
        else:
            ports.log("stage.broke", "A fault of ours.", exc_info=failure, **about)
            detail = f"{type(failure).__name__}: {failure}"[:500]
            apply.handle(ports, stage, job, TemporaryError("internal_error", detail))
    except StaleClaim:
        ports.log("claim.stale", "Another worker has taken over.", **about)
    except ports.memory_outages as error:
        if not isinstance(failure, ports.memory_outages):
            _memory_away(ports, about, error)


def _memory_away(ports: Ports, about: dict[str, object], error: BaseException) -> None:
    ports.log(
        "stage.memory_away",
        "Working memory is away; the job waits for it.",
        level="warning",
        detail=f"{type(error).__name__}: {error}"[:200],
        **about,
    )
