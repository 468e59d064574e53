"""Workflow: the bytes of a file come in a thread; a worker waits for them for a moment only.

Terms. A *transfer* brings the result of one job, or its source (source.py). One that takes longer than a worker waits
goes on *alone*: it keeps the job's claim, and gives the job back when it has ended. A *part* is what it leaves on the
disk: the whole file, not yet checked, or its beginning.

Mental model. A result that comes at once is checked while it comes, as if there were no thread. One that comes slowly
costs a thread and no worker; when it is whole, the job is due again, and a worker checks it from the disk. One that
comes too slowly is given up, and tried again later; its part is gone on with where the server can prove that it is of
the same file (RFC 9110, 13.1.5). A process that dies leaves its claims to lapse, and its parts to whoever comes next.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ..core.errors import Crowded, GivenUp, PartRefused, TemporaryError
from ..core.formats import JPEG, PNG
from ..core.job import Job
from ..core.parts import Part
from ..core.pictures import AsJpeg, Expected, ImageInfo
from .ports import FetchResponse, Incoming, Ports, Transfer, Verifier
from .recovery import failed
from .time_limits import BACKOFF_CAP_S, CROWDED_S, FETCH_DEADLINE_S, LEASE_S

CHUNK = 1 << 20  # bytes: a fetch yields no larger piece
CROWD = 50  # so many may be turned away in ten seconds, before their pauses grow
ALL_FORMATS = frozenset({"png", "jpeg", "webp"})


@dataclass
class Brought:
    """A result that is checked and lies in a temp file: as it came, or already converted by `verifier`."""

    path: Path
    bytes: int
    sha256: str
    info: ImageInfo
    verifier: Verifier


@contextmanager
def brought(ports: Ports, job: Job) -> Iterator[Brought | None]:
    """The result, whose temp file is removed at the end if it is still there. None: the worker is to leave the job
    alone, somebody else has it. Raises as `Fetcher.stream` and `Verifier`."""
    part = ports.parts.find(job.job_id, result_key(job))
    result = _from_disk(ports, job, part) if part and part.complete else _from_network(ports, job, part)
    try:
        yield result
    finally:
        if result:
            result.path.unlink(missing_ok=True)


def result_key(job: Job) -> str:
    """Which result a file is of: addresses of the same one differ in what signs them."""
    address = urlsplit(job.result_url)
    what = f"{job.attempt} {job.submission} {job.bad_results} {address.netloc}{address.path}"
    return hashlib.sha256(what.encode()).hexdigest()


def _verifier(ports: Ports, job: Job) -> Verifier:
    settings = ports.settings
    expected = Expected(*job.result_size, ALL_FORMATS, _most(ports), settings.result_off_by)
    jpeg = None
    if wanted_format(settings.output_format, job, PNG) == JPEG:
        jpeg = AsJpeg(settings.jpeg_quality, job.target_size, lambda: ports.files.incoming(job.job_id, job.claim, JPEG))
    return ports.pictures.Verifier(expected, look=settings.check_picture, jpeg=jpeg)


def wanted_format(setting: str, job: Job, found: str) -> str:
    """The customer gets the family that he bought from, unless the shop's owner has said otherwise. `found`: the
    result's format."""
    setting = job.wanted_format or setting
    if setting == "keep":
        return found
    if setting == "auto":
        return JPEG if job.source_format == JPEG else PNG
    return setting


def _in_its_place(verifier: Verifier) -> Brought | None:
    """What was made of a sound result, instead of it."""
    made = verifier.converted
    return Brought(made.path, made.bytes, made.sha256, made.info, verifier) if made else None


def _from_disk(ports: Ports, job: Job, part: Part) -> Brought:
    """Check what a transfer has left. A part that is at fault is gone afterwards."""
    path = ports.parts.take(part, ports.files.temp_path(job.job_id, job.claim, "part"))
    verifier, digest, size = _verifier(ports, job), hashlib.sha256(), 0
    try:
        for chunk in ports.parts.chunks(path):
            good = verifier.feed(chunk)
            if not verifier.converts:
                digest.update(good)
            size += len(good)
        info = verifier.finish()
        if made := _in_its_place(verifier):
            path.unlink(missing_ok=True)
            return made
        ports.parts.cut(path, size)
    except BaseException:
        verifier.discard()
        path.unlink(missing_ok=True)
        raise
    return Brought(path, size, digest.hexdigest(), info, verifier)


def _from_network(ports: Ports, job: Job, part: Part | None) -> Brought | None:
    def ended(failure: BaseException | None, result: Brought | None) -> None:
        if result:  # it was whole, and checked, in the very moment in which the worker left
            about: dict[str, Any] = {"key": result_key(job), "total": result.bytes, "etag": ""}
            try:
                ports.parts.keep(result.path, job.job_id, complete=True, **about)
            except Exception as error:
                failure = error
        give_back(ports, "collect", job, failure)

    try:
        in_time, result = ports.transfers.run(
            f"{job.job_id} {result_key(job)}", lambda transfer: _transfer(ports, job, part, transfer), ended
        )
    except Crowded as crowded:
        come_again(ports, job, slow=crowded.slow)
        return None
    if in_time and result is None:  # it went on with a part, which is whole now
        part = ports.parts.find(job.job_id, result_key(job))
        if part is None:
            raise TemporaryError("result_cut", "what the transfer had left has gone")
        return _from_disk(ports, job, part)
    return result


def give_back(ports: Ports, stage: str, job: Job, failure: BaseException | None) -> None:
    """A transfer that went on alone has ended: a worker goes on with the job, or the recovery table decides."""
    with ports.bind(request_id=job.trace):
        if failure is not None:
            failed_alone(ports, stage, job, failure)
            return
        try:
            ports.store.advance(job, {}, due_at=ports.clock())
            ports.queue.stage(stage, job.job_id, job.attempt)
        except Exception as error:
            failed.recover(ports, stage, job, error)


def failed_alone(ports: Ports, stage: str, job: Job, failure: BaseException) -> None:
    """One that was given up for another is tried again soon; else as every failure."""
    if not isinstance(failure, GivenUp):
        failed.recover(ports, stage, job, failure)
        return
    try:
        come_again(ports, job, slow=True)
    except Exception as error:
        failed.recover(ports, stage, job, error)


def come_again(ports: Ports, job: Job, *, slow: bool) -> None:
    """There is no place for it now, which is no fault of the job's. Each try costs a worker a moment: the larger the
    crowd, the longer the pauses of those that are slow, so that all of them together never cost a worker's time."""
    crowd = ports.transfers.turned_away() / CROWD if slow else 0
    pause = min(CROWDED_S * max(1.0, crowd * crowd), BACKOFF_CAP_S)
    ports.store.advance(job, {}, due_at=ports.clock() + pause * (0.5 + ports.random()))


def _transfer(ports: Ports, job: Job, part: Part | None, transfer: Transfer) -> Brought | None:
    """In the transfer's thread. None: the result lies whole in a part."""
    with ports.leases.keep(lambda: ports.store.renew(job, lease_s=LEASE_S)):
        if part and part.resumable:
            _go_on(ports, job, part, transfer)
            return None
        return _anew(ports, job, transfer)


def _stream(
    ports: Ports, job: Job, transfer: Transfer, begun: Part | None = None
) -> AbstractContextManager[FetchResponse]:
    settings = ports.settings
    return ports.fetcher.stream(
        job.result_url,
        max_bytes=_most(ports) + CHUNK,  # what is too large, the check says
        chunk_size=CHUNK,
        deadline_s=FETCH_DEADLINE_S,
        least_bytes_per_s=settings.min_download_kbps * 1000,
        begun=begun,
        watched=transfer.reads_from,
    )


def _most(ports: Ports) -> int:
    """Bytes that a result may have."""
    return ports.settings.max_result_mb * 1_000_000


def _some(response: FetchResponse, most: int) -> Iterator[bytes]:
    """The body, of which one without a length ends as soon as it has more than `most` bytes. What is wrong with it,
    whoever checks it says: the same for a body that came slowly as for one that came at once."""
    came = 0
    for chunk in response.chunks:
        came += len(chunk)
        yield chunk
        if response.content_length is None and came > most:
            return


def _anew(ports: Ports, job: Job, transfer: Transfer) -> Brought | None:
    """All of the result, checked as it comes while a worker waits for it."""
    verifier = _verifier(ports, job)
    incoming = ports.files.incoming(job.job_id, job.claim)
    about: dict[str, Any] = {"key": result_key(job), "total": None, "etag": ""}
    came = 0
    try:
        with _stream(ports, job, transfer) as response:
            about |= {"total": response.content_length, "etag": response.etag}
            for chunk in _some(response, _most(ports)):
                came += len(chunk)
                with transfer.at_work():
                    if transfer.alone:
                        verifier.discard()
                        incoming.write(chunk)
                    else:
                        good = verifier.feed(chunk)
                        incoming.write(good, spare=verifier.converts)
                transfer.came(len(chunk))
            if response.content_length is not None and came != response.content_length:
                raise TemporaryError("result_cut", f"{came} of {response.content_length} bytes came")
        if not transfer.alone:
            with transfer.at_work():
                info = verifier.finish()
                made = _in_its_place(verifier)
                if not made:
                    incoming.close()
            if not transfer.alone:
                if made:
                    incoming.discard()
                return made or Brought(incoming.path, incoming.bytes, incoming.sha256, info, verifier)
        verifier.discard()
        incoming.close()
        ports.parts.keep(incoming.path, job.job_id, complete=True, **about)
        return None
    except BaseException as error:
        verifier.discard()
        _keep_what_came(ports, job, incoming, about, error)
        raise


def _keep_what_came(ports: Ports, job: Job, incoming: Incoming, about: dict[str, Any], error: BaseException) -> None:
    """A download that the network has broken is gone on with; one that was at fault is not."""
    broken = isinstance(error, TemporaryError | GivenUp)
    try:
        if broken and about["etag"] and about["total"] and 0 < incoming.bytes < about["total"]:
            incoming.close()  # what it still held may not fit on the disk
            ports.parts.keep(incoming.path, job.job_id, complete=False, **about)
    finally:
        incoming.discard()


def _go_on(ports: Ports, job: Job, part: Part, transfer: Transfer) -> None:
    """The rest of a part; all of it anew where the server has another version, or can send no rest."""
    path = ports.parts.take(part, ports.files.temp_path(job.job_id, job.claim, "part"))
    stream = _stream(ports, job, transfer, part)
    grow(ports, job.job_id, path, stream, transfer, part=part, key=part.key, most=_most(ports))


def grow(
    ports: Ports,
    name: str,
    path: Path,
    stream: AbstractContextManager[FetchResponse],
    transfer: Transfer,
    *,
    part: Part | None,
    key: str,
    most: int,
) -> None:
    """What `stream` brings is written behind what lies in the temp file `path` of `part`, or into an empty one, and
    kept under `name`: whole, or as far as it came. A body without a length is cut off behind `most` bytes."""
    about: dict[str, Any] = {"key": key, "total": part.total if part else None, "etag": part.etag if part else ""}
    try:
        with stream as response:
            if response.begins_at == 0:
                about |= {"total": response.content_length, "etag": response.etag}
            for size in ports.parts.grow(path, response.begins_at, _some(response, most)):
                transfer.came(size)
        ports.parts.keep(path, name, complete=True, **about)
    except BaseException as error:
        is_of_use = isinstance(error, TemporaryError | GivenUp) and not isinstance(error, PartRefused)
        if is_of_use and about["etag"]:
            with suppress(FileNotFoundError):  # whoever has the job now has thrown it away
                ports.parts.keep(path, name, complete=False, **about)
        path.unlink(missing_ok=True)
        raise
