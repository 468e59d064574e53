"""Workflow, stage submit: look at the source, ask Upsampler, write down its id."""

from __future__ import annotations

import sys
from typing import Any

from ..core.errors import (
    ConfigurationError,
    NotAccepted,
    PermanentError,
    SidecarError,
    StaleClaim,
    TemporaryError,
    UnknownOutcome,
)
from ..core.job import Job
from ..core.states import SETTLED
from . import admission, holds, outbound, source
from .ports import Ports, Source, Submission
from .recovery import outage
from .source import Left
from .time_limits import ACK_S, COPY_GOOD_S, LEASE_S, SOURCE_LINK_S
from .webhook import webhook_received

STATES = ("submitting",)
_LEARNT = (
    *("width", "height", "source_format"),
    *("compressed_path", "copy_width", "copy_height", "submit_factor"),
)


def run(ports: Ports, job: Job) -> None:
    """From the ledger's go to Upsampler's id.

    1. A submit whose answer was lost is looked for, never repeated. 2. The order and the source are looked at; for a
    source that comes slowly nobody waits, the job comes again. 3. It is written down that we are about to ask. 4. We
    ask. 5. The answer is written down. Between 3 and 5 nobody can know whether Upsampler has the job.

    Raises what the recovery table then decides: NotAccepted stands around what Upsampler has refused, UnknownOutcome
    says that nobody knows. StaleClaim: the job is in other hands.
    """
    if (
        job.submit_started_at
        or job.webhook_upsampler_id
        or not admission.is_of_this_generation(ports, job.submit_claim)
    ):
        _find_lost_answer(ports, job)
        return
    _check_order(job)
    prepared = _prepare(ports, job)
    if isinstance(prepared, Left):
        ports.store.free_slot(job.job_id, left=job)  # what waits for its source keeps nobody from Upsampler
        return
    job, seen = prepared
    if seen.path is None and not ports.store.take_slot(job):
        ports.store.advance(job, {}, due_at=ports.clock() + ACK_S)
        return
    _check_way(ports)
    image_url, factor = _offer(ports, job, seen)
    webhook = ports.settings.webhook_address(ports.tokens.webhook(job.job_id, job.attempt, job.submission))
    learnt = {name: getattr(job, name) for name in _LEARNT}
    now = ports.clock()
    job = ports.store.advance(job, {**learnt, "submit_started_at": int(now)}, due_at=now + LEASE_S, release=False)
    ports.crash_point("submit:before_post")
    try:
        submission = ports.upsampler.submit(image_url=image_url, factor=factor, webhook_url=webhook)
    except UnknownOutcome:
        raise
    except SidecarError as error:
        raise NotAccepted(error) from error
    ports.crash_point("submit:after_post")
    try:
        accepted(ports, job, submission.upsampler_id, submission.credits)
    except StaleClaim:
        # Somebody else has the job, or working memory was lost, or has gone back to a time before this submission, for
        # which it would ask once more. What we heard is worth as much as a webhook: a hint.
        heard = webhook_received(ports, job.job_id, job.attempt, job.submission, submission.upsampler_id)
        if heard in ("unknown", "stale"):
            _record_in_ledger(ports, job, submission)
        raise
    except Exception:
        # Working memory is away, and refuses the webhook as well. The ledger keeps what we heard until it is asked.
        _record_in_ledger(ports, job, submission)
        raise


def _prepare(ports: Ports, job: Job) -> tuple[Job, Source] | Left:
    """What the source is, and what we offer of it: itself, or a copy of our own."""
    seen = source.inspect(ports, "submit", job)
    if isinstance(seen, Left):
        return seen
    width, height = seen.info.display_size
    job = job.but(width=width, height=height, source_format=seen.info.format)
    if job.compressed_path and not ports.copies.made_since(job.compressed_path, ports.clock() - COPY_GOOD_S):
        job = job.but(compressed_path="")  # it was made for a submission of long ago
    if not job.compressed_path and (job.compress or seen.info.orientation != 1):
        copied = _copy(ports, job, seen)
        if isinstance(copied, Left):
            return copied
        job = copied
    if not job.compressed_path:
        _check_size(ports, seen)
    return job, seen


def accepted(ports: Ports, job: Job, upsampler_id: str, credits: float | None) -> None:
    """Upsampler has it. The first poll comes after 30 s, or at once when the webhook was faster than the answer."""
    now = ports.clock()
    changes: dict[str, Any] = {
        "state": "submitted",
        "upsampler_id": upsampler_id,
        "credits": "" if credits is None else f"{credits:g}",
        "submitted_at": int(now),
        "stage_since": int(now),
        **dict.fromkeys(("submit_started_at", "consecutive_failures", "polls", "crash_count", "bad_results"), 0),
        **dict.fromkeys(("submit_claim", "reason", "detail"), ""),
    }
    message = outbound.submitted(job.but(**changes))
    outage.is_over(ports, job)
    due_at = now + ports.settings.first_poll_s
    job = ports.store.advance(job, changes, due_at=due_at, messages=[message], passes="submit")
    ports.crash_point("submit:stored")
    holds.clear_after_success(ports, "submit")
    if job.webhook_upsampler_id:  # what advance() returned, so a webhook that came in the meantime is seen
        ports.queue.watch([(job.job_id, job.attempt)])
    ports.log(
        "job.submitted",
        "Upsampler has accepted.",
        job_id=job.job_id,
        attempt=job.attempt,
        stage="submit",
        seconds=now - job.paid_at,
    )


def _find_lost_answer(ports: Ports, job: Job) -> None:
    """We asked, and do not know what came of it. A webhook that names this submission may have brought the id; the
    ledger may have it from a time that working memory has forgotten."""
    upsampler_id = job.webhook_upsampler_id or _known_to_ledger(ports, job)
    if not upsampler_id:
        raise UnknownOutcome("submit_outcome_unknown", "a submit was sent and its answer lost")
    try:
        status = ports.upsampler.status(upsampler_id)
    except PermanentError as error:  # a forged or mistaken id: the true one may still come
        raise UnknownOutcome(
            "submit_outcome_unknown", f"Upsampler does not know the id of a webhook: {error}"
        ) from error
    accepted(ports, job, status.upsampler_id, status.credits)


def _record_in_ledger(ports: Ports, job: Job, submission: Submission) -> None:
    heard: dict[str, Any] = {
        "upsampler_id": submission.upsampler_id,
        "credits": "" if submission.credits is None else f"{submission.credits:g}",
        "submitted_at": int(ports.clock()),
    }
    try:
        ports.shop.send([outbound.submitted(job.but(**heard))])
    except SidecarError as error:
        about = {"job_id": job.job_id, "attempt": job.attempt, "stage": "submit", "reason": error.code}
        ports.log("submit.untold", "Neither working memory nor the ledger could be told.", level="error", **about)


def _known_to_ledger(ports: Ports, job: Job) -> str:
    """The id of this very submission, "" when the ledger has none, or does not answer. Raises StaleClaim when the
    ledger knows of an end: then this is an old memory, and reconciliation brings the job back as it is."""
    try:
        records = ports.shop.ask("jobs.lookup", {"job_ids": [job.job_id]})["jobs"]
    except SidecarError as error:
        ports.log("ledger.unasked", "The ledger did not answer.", level="warning", reason=error.code)
        return ""
    for record in records:
        if record["attempt"] > job.attempt or record["submission"] > job.submission or record["state"] in SETTLED:
            ports.store.forget(job.job_id)
            raise StaleClaim(job.job_id)
        if (record["attempt"], record["submission"]) == (job.attempt, job.submission):
            return record["upsampler_id"] or ""
    return ""


def _check_way(ports: Ports) -> None:
    """While the stage is held because answers were lost: ask a question first. It costs nothing, and while even that
    fails, a submit would be lost as well."""
    if ports.store.holds.held_lately().get("submit", {}).get("reason") != "submit_outcome_unknown":
        return
    try:
        ports.upsampler.check_key()
    except TemporaryError as error:
        raise ConfigurationError("upsampler_unreachable", error.detail) from error


def _check_order(job: Job) -> None:
    """What can be judged without looking at the picture."""
    if not 2 <= job.factor <= 16:
        found = f"{job.factor}x" if job.factor else "not readable"
        raise PermanentError("resolution_unsupported", f"the bought resolution is {found}; 2x to 16x can be made")


def _check_size(ports: Ports, seen: Source) -> None:
    settings = ports.settings
    if seen.bytes and seen.bytes > settings.max_source_mb * 1_000_000:
        raise PermanentError("source_too_large", f"{seen.bytes / 1e6:.1f} MB, the limit is {settings.max_source_mb} MB")
    if seen.info.pixels > settings.max_source_mp * 1_000_000:
        megapixels = seen.info.pixels / 1e6
        raise PermanentError("source_too_large", f"{megapixels:.1f} MP, the limit is {settings.max_source_mp} MP")


def _copy(ports: Ports, job: Job, seen: Source) -> Job | Left:
    """Our own copy: within Upsampler's limits, and upright, since nobody tells whether Upsampler heeds EXIF's
    orientation. Scaled down only with a higher factor, so that the paid dimensions still come out."""
    settings = ports.settings
    # Once Upsampler itself has found it too large, our limits are no guide: half of what it was, at most.
    share = 2 if job.compress > 1 else 1
    max_bytes = min(settings.max_source_mb * 1_000_000, seen.bytes or sys.maxsize) // share
    max_pixels = min(settings.max_source_mp * 1_000_000, seen.info.pixels) // share
    path = source.full_file(ports, "submit", job)
    if isinstance(path, Left):
        return path
    copy = ports.copies.make(job, path, seen.info, max_bytes=max_bytes, max_pixels=max_pixels)
    return job.but(
        compressed_path=copy.name,
        copy_width=copy.width,
        copy_height=copy.height,
        submit_factor=copy.factor,
    )


def _offer(ports: Ports, job: Job, seen: Source) -> tuple[str, int]:
    """The address that Upsampler fetches the picture from, and the factor to ask for."""
    if job.compressed_path:
        return _served(ports, job, job.compressed_path, is_copy=True), job.submit_factor or job.factor
    if seen.path and job.source_type == "upload":  # uploads of customers need not be public
        return _served(ports, job, ports.sources.name(seen.path)), job.factor
    return seen.url, job.factor


def _served(ports: Ports, job: Job, name: str, *, is_copy: bool = False) -> str:
    """The address of a file below the uploads folder: ours, or the shop's where nobody reaches us or the file."""
    settings, until = ports.settings, int(ports.clock()) + SOURCE_LINK_S
    if settings.public_url and not settings.at_the_shop:
        return f"{settings.public_url}/sources/{ports.tokens.source(name, expires_at=until)}"
    return settings.source_address(job.job_id, until, name.rpartition("/")[2] if is_copy else "")
