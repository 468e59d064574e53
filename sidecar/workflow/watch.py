"""Workflow, stage watch: ask Upsampler for the truth, by poll or because a webhook hinted."""

from __future__ import annotations

from ..core.errors import PermanentError
from ..core.job import Job
from . import holds, outbound
from .ports import Ports, UpsamplerStatus
from .recovery import outage
from .recovery.table import TABLE
from .time_limits import GOES_ALONG_S, POLL_FACTOR, RESULT_LIFE_S

STATES = ("submitted",)


def run(ports: Ports, job: Job) -> None:
    """One question. Raises what the recovery table then decides: failed, silent, unavailable."""
    status = ports.upsampler.status(job.upsampler_id)
    outage.is_over(ports, job)
    if job.reason in TABLE and TABLE[job.reason].ending == "hold":  # what this very question ran into is fixed
        holds.clear(ports, "submit")
    if status.status == "succeeded":
        _succeeded(ports, job, status)
    elif status.status == "failed":
        code = "upsampler_failed_transient" if status.transient else (status.code or "upsampler_failed")
        raise PermanentError(code, status.error or "Upsampler gave no reason")
    else:
        _poll_again(ports, job, status.status)


def _succeeded(ports: Ports, job: Job, status: UpsamplerStatus) -> None:
    now = ports.clock()
    changes = {
        "state": "enlarged",
        "result_url": status.image_url,
        "result_until": int(now + RESULT_LIFE_S),
        "stage_since": int(now),
        **dict.fromkeys(("consecutive_failures", "crash_count"), 0),
        **dict.fromkeys(("reason", "detail"), ""),
    }
    if status.credits is not None:
        changes["credits"] = f"{status.credits:g}"
    ports.store.advance(job, changes, due_at=now)
    ports.crash_point("watch:stored")
    held, why = holds.reason_of(ports, "collect")
    progress = outbound.progress(job, "enlarged", "enlarged", reason=held, detail=why)
    ports.outbox.put("deliver", [progress], along_s=GOES_ALONG_S)
    ports.store.free_slot(job.job_id)
    if not held:  # else the scheduler decides who tries
        ports.queue.stage("collect", job.job_id, job.attempt)
    ports.log(
        "job.enlarged",
        "Upsampler has finished.",
        job_id=job.job_id,
        attempt=job.attempt,
        stage="watch",
        seconds=now - job.submitted_at,
    )


def _poll_again(ports: Ports, job: Job, said: str) -> None:
    now, settings = ports.clock(), ports.settings
    until = job.submitted_at + settings.watch_limit_s
    if now >= until:
        minutes = settings.watch_limit_s / 60
        raise PermanentError("upsampler_silent", f"still {said} after {minutes:.0f} minutes")
    wait = settings.first_poll_s * POLL_FACTOR ** (job.polls + 1)
    changes = {"polls": job.polls + 1, "consecutive_failures": 0, "crash_count": 0, "reason": "", "detail": ""}
    waiting = outbound.progress(job, "submitted", "waiting", next_try_at=min(now + wait, until))
    is_first = job.polls == 0  # a long wait is worth a line in the ledger, once
    ports.store.advance(job, changes, due_at=min(now + wait, until), messages=[waiting] if is_first else [])
    if job.reason and not is_first:  # the ledger knows of a failure that has passed
        ports.outbox.put("deliver", [waiting], along_s=GOES_ALONG_S)
