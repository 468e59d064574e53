"""Workflow, stage submit: look at the source, ask Upsampler, write down its id."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from ..core.errors import PermanentError, SidecarError, UnknownOutcome
from ..core.job import Job
from . import outbound, start
from .collect import deliver_stored
from .ports import Ports
from .timing import ACK_S, LEASE_S, SOURCE_LINK_S

STATES = ("paid", "submitting")


class NotAccepted(SidecarError):
    """Upsampler has answered, and the answer was no: this submission is over, the next one needs a new claim."""

    def __init__(self, cause: SidecarError):
        super().__init__(cause.code, cause.detail, retry_after=cause.retry_after)
        self.cause = cause


def run(ports: Ports, job: Job) -> None:
    """From the ledger's go to Upsampler's id.

    1. A rerun that has a good file delivers it again. 2. A submit whose answer was lost is looked for, never repeated.
    3. The order and the source are looked at. 4. It is written down that we are about to ask. 5. We ask.
    6. The answer is written down. Between 4 and 6 nobody can know whether Upsampler has the job.
    """
    if job.state == "paid":
        _redeliver_or_start(ports, job)
        return
    if job.posting:
        _find_lost_answer(ports, job)
        return
    start.check_order(job)
    source = ports.sources.look(job)
    width, height = source.facts.display_size
    job = dataclasses.replace(job, width=width, height=height, source_format=source.facts.format)
    if job.compress and not job.compressed_path:
        job = _compress(ports, job, source)
    if not job.compressed_path:
        _check_size(ports, source)
    image_url, factor = _offer(ports, job, source)
    webhook = ports.settings.webhook_address(ports.tokens.webhook(job.job_id, job.attempt, job.submission))
    seen = {
        name: getattr(job, name) for name in ("width", "height", "source_format", "compressed_path", "submit_factor")
    }
    due = ports.clock() + LEASE_S
    job = ports.store.advance(job, {**seen, "posting": 1}, due_at=due, release=False)
    ports.crash_point("submit:before_post")
    try:
        submission = ports.upsampler.submit(image_url=image_url, factor=factor, webhook_url=webhook)
    except UnknownOutcome:
        raise
    except SidecarError as error:
        raise NotAccepted(error) from error
    ports.crash_point("submit:after_post")
    accepted(ports, job, submission.upsampler_id, submission.credits)


def accepted(ports: Ports, job: Job, upsampler_id: str, credits: float | None) -> None:
    """Upsampler has it. The first poll comes after 30 s, or at once when the webhook was faster than the answer."""
    now = ports.clock()
    changes: dict[str, Any] = {
        "state": "submitted",
        "upsampler_id": upsampler_id,
        "credits": "" if credits is None else f"{credits:g}",
        "submitted_at": int(now),
        "stage_since": int(now),
        **dict.fromkeys(("posting", "tries", "polls", "crashes", "fetches"), 0),
        **dict.fromkeys(("submit_claim", "reason", "detail"), ""),
    }
    message = outbound.submitted(dataclasses.replace(job, **changes))
    job = ports.store.advance(job, changes, due_at=now + ports.settings.first_poll_s, messages=[message])
    if ports.store.resume("submit"):
        ports.outbox.put("deliver", [outbound.notice("resume", stage="submit", reason=None, detail="", since=now)])
    start.nudge(ports, "deliver")
    if job.hinted_id:  # what advance() returned, so a webhook that came in the meantime is seen
        ports.queue.watch([(job.job_id, job.attempt)])
    ports.log(
        "job.submitted",
        "Upsampler has accepted.",
        job_id=job.job_id,
        attempt=job.attempt,
        stage="submit",
        seconds=now - job.paid_at,
    )


def _redeliver_or_start(ports: Ports, job: Job) -> None:
    previous = json.loads(job.previous) if job.previous and not job.force else None
    if previous and _still_good(ports, previous):
        ports.log("job.redeliver", "A good file is there already.", job_id=job.job_id, attempt=job.attempt)
        deliver_stored(ports, job, **previous)
        return
    job = ports.store.advance(job, {"previous": ""}, due_at=ports.clock() + ACK_S)
    start.start(ports, job)


def _still_good(ports: Ports, file: dict[str, Any]) -> bool:
    return ports.files.size(file["path"]) == file["bytes"] and ports.files.sha256(file["path"]) == file["sha256"]


def _find_lost_answer(ports: Ports, job: Job) -> None:
    """We asked, and do not know what came of it. A webhook that names this submission may have brought the id."""
    if not job.hinted_id:
        raise UnknownOutcome("submit_outcome_unknown", "a submit was sent and its answer lost")
    status = ports.upsampler.status(job.hinted_id)
    accepted(ports, job, status.upsampler_id, status.credits)


def _check_size(ports: Ports, source: Any) -> None:
    settings = ports.settings
    if source.bytes and source.bytes > settings.max_source_mb * 1_000_000:
        raise PermanentError(
            "source_too_large", f"{source.bytes / 1e6:.1f} MB, the limit is {settings.max_source_mb} MB"
        )
    if source.facts.pixels > settings.max_source_mp * 1_000_000:
        megapixels = source.facts.pixels / 1e6
        raise PermanentError("source_too_large", f"{megapixels:.1f} MP, the limit is {settings.max_source_mp} MP")


def _compress(ports: Ports, job: Job, source: Any) -> Job:
    """Our own smaller copy; scaled down only with a higher factor, so that the paid dimensions still come out."""
    if not ports.settings.public_url:
        raise PermanentError("source_unservable", "a smaller copy can't be served to Upsampler without SMI_PUBLIC_URL")
    name, factor = ports.sources.compress(job, source)
    return dataclasses.replace(job, compressed_path=name, submit_factor=factor)


def _offer(ports: Ports, job: Job, source: Any) -> tuple[str, int]:
    """The address that Upsampler fetches the picture from, and the factor to ask for."""
    public, until = ports.settings.public_url, int(ports.clock()) + SOURCE_LINK_S
    if job.compressed_path:
        token = ports.tokens.source(job.compressed_path, expires_at=until)
        return f"{public}/sources/{token}", job.submit_factor or job.factor
    if public and source.path and job.source_type == "upload":  # uploads of customers need not be public
        token = ports.tokens.source(ports.sources.name(source.path), expires_at=until)
        return f"{public}/sources/{token}", job.factor
    return source.url, job.factor
