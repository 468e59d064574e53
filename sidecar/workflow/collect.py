"""Workflow, stage collect: network -> checks and hash -> disk -> rename. The bytes flow once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..core.errors import PermanentError, SidecarError, TemporaryError
from ..core.formats import EXTENSIONS
from ..core.job import Job
from . import delivery, outbound
from .ports import Ports
from .time_limits import FETCH_DEADLINE_S, LEASE_S, RESULT_LIFE_S

STATES = ("enlarged",)
SOURCE_TRIES = 3  # so often a source is asked for again, before its picture is delivered without a comparison
ALL_FORMATS = frozenset({"png", "jpeg", "webp"})


def run(ports: Ports, job: Job) -> None:
    """From a result URL to a file under its final name.

    1. A result URL that has died is asked for again. 2. Download, check and hash in one pass. 3. Convert to the family
    that was bought. 4. Look at the picture as the customer will get it (and a JPEG is cheaper to look at). 5. See that
    the claim still holds. 6. Rename. 7. Write down what is there, and tell the shop.
    """
    ports.files.discard_temps(job.job_id)
    if not job.source_format:
        job = _look_again(ports, job)
    if ports.clock() >= job.result_until:
        job = _fresh_url(ports, job)
    incoming, info, verifier = _download(ports, job)
    kept, repaired = verifier.kept, _repaired(job, info, verifier)
    temp, size, digest = incoming.path, incoming.bytes, incoming.sha256
    try:
        wanted = _wanted_format(job.wanted_format or ports.settings.output_format, job, info)
        if wanted != info.format or (info.width, info.height) != job.target_size or verifier.must_be_rewritten:
            temp, info = _convert(ports, job, temp, info, wanted)
            size, digest = ports.files.hash_file(temp)
        _check_picture(ports, job, temp, info, kept)
        del kept  # some megabytes
        name = ports.files.name(job.job_id, job.factor, EXTENSIONS[info.format], ports.clock())
        ports.crash_point("collect:before_rename")
        ports.store.renew(job, lease_s=LEASE_S)  # a stale worker stops here, before it touches the final name
        ports.crash_point("collect:renaming")
        ports.files.publish(temp, name, attempt=job.attempt, sha256=digest)
    finally:
        incoming.discard()
        temp.unlink(missing_ok=True)
    ports.crash_point("collect:after_rename")
    delivery.deliver_stored(
        ports, job, path=name, bytes=size, sha256=digest, width=info.width, height=info.height, format=info.format,
        messages=[outbound.progress(job, "enlarged", "repaired", detail=repaired)] if repaired else [],
    )  # fmt: skip


def _look_again(ports: Ports, job: Job) -> Job:
    """A job that was brought back from the ledger: what its source is, the shop's row may not know, or not rightly."""
    try:
        info = ports.sources.look(job).info
    except PermanentError:
        if job.width and job.height:
            return job  # the source has gone meanwhile: the row must do
        raise
    width, height = info.display_size
    changes = {"width": width, "height": height, "source_format": info.format}
    return ports.store.advance(job, changes, due_at=ports.clock() + LEASE_S, release=False)


def _fresh_url(ports: Ports, job: Job) -> Job:
    """Upsampler's result URLs live 3 hours; its status gives a new one."""
    status = ports.upsampler.status(job.upsampler_id)
    if status.status != "succeeded":
        raise PermanentError("result_gone", f"Upsampler now says {status.status}")
    now = ports.clock()
    changes = {"result_url": status.image_url, "result_until": int(now + RESULT_LIFE_S)}
    return ports.store.advance(job, changes, due_at=now + LEASE_S, release=False)


def _download(ports: Ports, job: Job) -> tuple[Any, Any, Any]:
    """The verified temp file, the info in its header, and the verifier, which may have kept the pixels."""
    limit = ports.settings.max_result_mb * 1_000_000
    verifier = ports.pictures.Verifier(
        ports.pictures.Expected(*job.result_size, ALL_FORMATS, limit, ports.settings.result_off_by)
    )
    incoming = ports.files.incoming(job.job_id, job.claim)
    try:
        with ports.fetcher.stream(job.result_url, max_bytes=limit, deadline_s=FETCH_DEADLINE_S) as response:
            for chunk in response.chunks:
                incoming.write(verifier.feed(chunk))
            if response.content_length is not None and verifier.bytes_seen != response.content_length:
                raise TemporaryError("result_cut", f"{verifier.bytes_seen} of {response.content_length} bytes came")
        info = verifier.finish()
        incoming.close()
    except BaseException:
        incoming.discard()
        raise
    return incoming, info, verifier


def _repaired(job: Job, info: Any, verifier: Any) -> str:
    """What a person would call delivered is not ordered again, which would be billed again: words for the story."""
    found = verifier.flaws
    if (info.width, info.height) != job.result_size:
        width, height = job.target_size
        found = [f"resized from {info.width}x{info.height} to the {width}x{height} pixels that were bought", *found]
    return "; ".join(found)


def _check_picture(ports: Ports, job: Job, temp: Path, info: Any, kept: Any) -> None:
    """That the pixels decode, as far as the format needs it, and that the picture is the one that was bought.

    A source that has vanished since it was submitted can't be compared with: the customer must not suffer for that.
    One whose server stumbles is asked for again, some times.
    """
    if not ports.settings.check_picture:
        ports.pictures.verify_pixels(temp, info)
        return
    fetched = ports.files.temp_path(job.job_id, job.claim, "source")
    try:
        source = ports.sources.obtain(job, fetched, max_bytes=ports.settings.max_source_mb * 10_000_000)
        verdict = ports.pictures.check_picture(source, temp, info, kept=kept)
    except SidecarError as error:
        stumbles = isinstance(error, TemporaryError) and job.consecutive_failures < SOURCE_TRIES
        if stumbles or not error.code.startswith(("source_", "fetch_")):
            raise
        _unchecked(ports, job, error.code, error.detail)
        ports.pictures.verify_pixels(temp, info)
        return
    finally:
        fetched.unlink(missing_ok=True)
    if verdict.ok and verdict.detail:
        _unchecked(ports, job, "too_large_to_compare", verdict.detail)
    if not verdict.ok:
        # Whoever has to decide about the job sees this beside the picture that was bought.
        ports.files.keep_refused(job.job_id, job.attempt, ports.pictures.thumbnail(temp))
        raise PermanentError(verdict.code, verdict.detail)


def _unchecked(ports: Ports, job: Job, reason: str, detail: str) -> None:
    about = {"job_id": job.job_id, "attempt": job.attempt, "stage": "collect", "reason": reason, "detail": detail}
    ports.log("picture.unchecked", "The result was not compared with its source.", level="warning", **about)


def _wanted_format(setting: str, job: Job, info: Any) -> str:
    """The customer gets the family that he bought from, unless the shop's owner has said otherwise."""
    if setting == "keep":
        return info.format
    if setting == "auto":
        return "jpeg" if job.source_format == "jpeg" else "png"
    return setting


def _convert(ports: Ports, job: Job, temp: Path, info: Any, wanted: str) -> tuple[Path, Any]:
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
