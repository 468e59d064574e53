"""Workflow, stage collect: network -> checks and hash -> disk -> rename. The bytes flow once."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from ..core.errors import PermanentError, SidecarError, StaleClaim, TemporaryError
from ..core.job import Job
from ..core.pictures import ImageInfo
from . import delivery, finished, outbound, source, transfer
from .finished import Finished
from .ports import Ports, Verifier
from .recovery import outage
from .recovery.table import backoff
from .source import Left
from .time_limits import LEASE_S, RESULT_LIFE_S

STATES = ("enlarged",)
SOURCE_TRIES = 3  # so often a source is asked for again, before its picture is delivered without a comparison


BoughtPicture = Path | SidecarError | None  # a file; why there is none; nobody compares


def run(ports: Ports, job: Job) -> None:
    """From a result URL to a file under its final name. A file that an earlier try has finished and could not bring to
    the shop goes straight to step 5.

    1. A result URL that has died is asked for again. 2. Download, check and hash in one pass, unless that takes long:
    then a transfer goes on alone, and the job comes again. 3. Convert to the family that was bought. 4. Look at the
    picture as the customer will get it (and a JPEG is cheaper to look at). 5. See that the claim still holds.
    6. Rename. 7. Write down what is there, and tell the shop.

    Raises what the recovery table then decides. StaleClaim: the job is in other hands.
    """
    ports.files.discard_temps(job.job_id)
    if not job.source_format:
        inspected = _inspect_again(ports, job)
        if isinstance(inspected, Left):
            return
        job = inspected
    stored = finished.published_again(ports, job) or _published(ports, job)
    if stored is None:
        return
    outage.is_over(ports, job)  # the result's server has answered, and whoever takes the file
    name, file = stored
    ports.parts.drop(job.job_id)
    ports.crash_point("collect:after_rename")
    repairs = [outbound.progress(job, "enlarged", "repaired", detail=file.repaired)] if file.repaired else []
    about = {key: value for key, value in asdict(file).items() if key != "repaired"}
    delivery.deliver_stored(ports, job, path=name, **about, messages=repairs)


def _published(ports: Ports, job: Job) -> tuple[str, Finished] | None:
    """The final name of the result, which is fetched and checked. None: the job is in other hands."""
    if ports.clock() >= job.result_until:
        job = _fresh_url(ports, job)
    bought = _source(ports, job)
    if isinstance(bought, Left):
        return None
    with transfer.brought(ports, job) as result:
        if result is None:
            return None
        temp, file = _finish(ports, job, result, bought)
        return finished.publish(ports, job, temp, file), file


def _finish(ports: Ports, job: Job, result: transfer.Brought, bought: BoughtPicture) -> tuple[Path, Finished]:
    """From a checked result to a temp file as the customer will get it."""
    repaired = _repaired(job, result.info, result.verifier)
    temp, info, size, digest = result.path, result.info, result.bytes, result.sha256
    try:
        wanted = transfer.wanted_format(ports.settings.output_format, job, info.format)
        at_fault = (info.width, info.height) != job.target_size or result.verifier.must_be_rewritten
        if wanted != info.format or at_fault:
            temp, info = _convert(ports, job, temp, info, wanted)
            size, digest = ports.files.hash_file(temp)
        _check_picture(ports, job, temp, info, bought, result.verifier)
    except BaseException:
        temp.unlink(missing_ok=True)
        raise
    return temp, Finished.of(info, size, digest, repaired)


def _inspect_again(ports: Ports, job: Job) -> Job | Left:
    """A job that was brought back from the ledger: what its source is, the shop's row may not know, or not rightly."""
    try:
        seen = source.inspect(ports, "collect", job)
    except PermanentError:
        if job.width and job.height:
            return job  # the source has gone meanwhile: the row must do
        raise
    if isinstance(seen, Left):
        return seen
    width, height = seen.info.display_size
    changes = {"width": width, "height": height, "source_format": seen.info.format}
    return ports.store.advance(job, changes, due_at=ports.clock() + LEASE_S, release=False)


def _fresh_url(ports: Ports, job: Job) -> Job:
    """Upsampler's result URLs live 3 hours; its status gives a new one."""
    status = ports.upsampler.status(job.upsampler_id)
    if status.status != "succeeded":
        raise PermanentError("result_gone", f"Upsampler now says {status.status}")
    now = ports.clock()
    changes = {"result_url": status.image_url, "result_until": int(now + RESULT_LIFE_S)}
    return ports.store.advance(job, changes, due_at=now + LEASE_S, release=False)


def _repaired(job: Job, info: ImageInfo, verifier: Verifier) -> str:
    """What a person would call delivered is not ordered again, which would be billed again: words for the history."""
    found = list(verifier.flaws)
    if (info.width, info.height) != job.result_size:
        width, height = job.target_size
        found = [f"resized from {info.width}x{info.height} to the {width}x{height} pixels that were bought", *found]
    return "; ".join(found)


def _source(ports: Ports, job: Job) -> BoughtPicture | Left:
    """The bought picture as a file, for the comparison; or why there is none (a SidecarError); None: nobody compares.
    One that lies elsewhere comes as a result does: LEFT, when it comes slowly."""
    if not ports.settings.check_picture:
        return None
    most = ports.settings.max_source_mb * 10_000_000
    try:
        if job.consecutive_failures >= SOURCE_TRIES and not source.is_here(ports, job):
            return TemporaryError("fetch_failed", f"it did not come in {SOURCE_TRIES} tries")
        return source.full_file(
            ports, "collect", job, most=most, ended=lambda failure: _source_ended(ports, job, failure)
        )
    except SidecarError as error:
        return error


def _source_ended(ports: Ports, job: Job, failure: BaseException | None) -> None:
    """A source that came slowly is there, or has failed: that is no failure of the result."""
    if isinstance(failure, SidecarError):
        tries = job.consecutive_failures + 1 if isinstance(failure, TemporaryError) else SOURCE_TRIES
        with suppress(StaleClaim):
            due = ports.clock() + backoff(job.consecutive_failures, ports.random)
            ports.store.advance(job, {"consecutive_failures": tries}, due_at=due)
        return
    transfer.give_back(ports, "collect", job, failure)


def _check_picture(
    ports: Ports, job: Job, temp: Path, info: ImageInfo, bought: BoughtPicture, verifier: Verifier
) -> None:
    """That the pixels decode, as far as the format needs it, and that the picture is the one that was bought.

    A source that has vanished since it was submitted can't be compared with: the customer must not suffer for that.
    One whose server stumbles is asked for again, some times.
    """
    if bought is None:
        _decode(ports, temp, info, verifier)
        return
    try:
        if isinstance(bought, SidecarError):
            raise bought
        verdict = ports.pictures.check_picture(bought, temp, info, reduction=verifier.reduction)
    except SidecarError as error:
        stumbles = isinstance(error, TemporaryError) and job.consecutive_failures < SOURCE_TRIES
        if stumbles or not error.code.startswith(("source_", "fetch_")):
            raise
        _unchecked(ports, job, error.code, error.detail)
        _decode(ports, temp, info, verifier)
        return
    if verdict.ok and verdict.detail:
        _unchecked(ports, job, "too_large_to_compare", verdict.detail)
    if not verdict.ok:
        # Whoever has to decide about the job sees this beside the picture that was bought.
        ports.files.keep_refused(job.job_id, job.attempt, ports.pictures.thumbnail(temp))
        raise PermanentError(verdict.code or "", verdict.detail)


def _decode(ports: Ports, temp: Path, info: ImageInfo, verifier: Verifier) -> None:
    """What was made of checked pixels needs no second look."""
    if not verifier.converted:
        ports.pictures.verify_pixels(temp, info)


def _unchecked(ports: Ports, job: Job, reason: str, detail: str) -> None:
    about = {"job_id": job.job_id, "attempt": job.attempt, "stage": "collect", "reason": reason, "detail": detail}
    ports.log("picture.unchecked", "The result was not compared with its source.", level="warning", **about)


def _convert(ports: Ports, job: Job, temp: Path, info: ImageInfo, wanted: str) -> tuple[Path, ImageInfo]:
    if wanted == "webp" and max(info.width, info.height) > 16383:  # the format ends there (RFC 9649)
        wanted = "png"
        if info.format == wanted and (info.width, info.height) == job.target_size:
            return temp, info  # a PNG that should be rewritten, too: it can be shown as it is
    target = ports.files.temp_path(job.job_id, job.claim, wanted)
    try:
        quality = ports.settings.jpeg_quality
        info = ports.pictures.convert(temp, target, format=wanted, quality=quality, size=job.target_size)
        return target, info
    except BaseException:
        target.unlink(missing_ok=True)
        raise
