"""Workflow: the bought picture, wherever it lies. The bytes of one that lies elsewhere come by a transfer.

Mental model. The first bytes tell what a picture is, as a rule. Where they come at once, nothing of them is kept. Where
they come slowly, the worker leaves: what they have told is kept, and the job is due again. A picture that is needed
whole is fetched once, whoever needs it first: to see what it is, to make a copy of it, to compare the result with it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

from ..core.errors import Crowded, TemporaryError
from ..core.job import Job
from ..core.parts import Part
from . import transfer
from .ports import Ports, Source, Transfer
from .time_limits import FETCH_DEADLINE_S, LEASE_S

MOST_BYTES = 2_000_000_000  # no source of a customer is larger; a stranger's endless file ends here


class Left:
    """Instead of what was asked for: the job is in other hands now."""


LEFT = Left()
Ended = Callable[[BaseException | None], None]


def inspect(ports: Ports, stage: str, job: Job) -> Source | Left:
    """What the source is. Raises as `Sources.inspect`, and as `Sources.stream`."""
    if (path := ports.sources.local_path(job)) is not None:
        return ports.sources.inspect_here(path)
    key = _key(job)
    if full := _full_part(ports, job):
        return ports.sources.inspect_file(job, full.path)
    if before := ports.parts.find_look(job.job_id, key):
        return ports.sources.seen_before(job, *before)

    def ended(failure: BaseException | None, seen: Source | None) -> None:
        if seen:
            try:
                ports.parts.keep_look(job.job_id, key, seen.info, seen.bytes)
            except Exception as error:
                failure = error
        transfer.give_back(ports, stage, job, failure)

    try:
        in_time, seen = ports.transfers.run(_name(job), lambda going: _inspected(ports, job, going), ended)
    except Crowded as crowded:
        transfer.come_again(ports, job, slow=crowded.slow)
        return LEFT
    if not in_time:
        return LEFT
    return seen or ports.sources.inspect_file(job, _path(ports, job))


def full_file(ports: Ports, stage: str, job: Job, *, most: int = MOST_BYTES, ended: Ended | None = None) -> Path | Left:
    """The source as a local file. Raises as `Sources.stream`. `ended`: is told the end of a transfer that goes on
    alone; by default a worker goes on with `stage` then."""
    if (path := ports.sources.local_path(job)) is not None:
        return path
    if part := _full_part(ports, job):
        return part.path
    when_ended = ended or (lambda failure: transfer.give_back(ports, stage, job, failure))
    try:
        in_time, _ = ports.transfers.run(
            _name(job), lambda going: _fetch(ports, job, going, most), lambda failure, _: when_ended(failure)
        )
    except Crowded as crowded:
        transfer.come_again(ports, job, slow=crowded.slow)
        return LEFT
    return _path(ports, job) if in_time else LEFT


def is_here(ports: Ports, job: Job) -> bool:
    """Whether `full_file` has it without asking anybody."""
    return ports.sources.local_path(job) is not None or _full_part(ports, job) is not None


def _inspected(ports: Ports, job: Job, going: Transfer) -> Source | None:
    """In the transfer's thread. None: it had to be fetched whole, and is kept."""
    with ports.leases.keep(lambda: ports.store.renew(job, lease_s=LEASE_S)):
        seen = ports.sources.inspect(job, going)
    if seen is None:
        _fetch(ports, job, going, MOST_BYTES)
    return seen


def _fetch(ports: Ports, job: Job, going: Transfer, most: int) -> None:
    """In the transfer's thread: all of it, or the rest of what an earlier transfer has left."""
    name, key = ports.parts.source_of(job.job_id), _key(job)
    part = ports.parts.find(name, key)
    if part and part.resumable:
        temp = ports.parts.take(part, ports.files.temp_path(job.job_id, job.claim, "source"))
    else:
        part, empty = None, ports.files.incoming(job.job_id, job.claim, "source")
        empty.close()
        temp = empty.path
    least = ports.settings.min_download_kbps * 1000
    stream = ports.sources.stream(
        job,
        max_bytes=most,
        deadline_s=FETCH_DEADLINE_S,
        least_bytes_per_s=least,
        begun=part,
        watched=going.reads_from,
    )
    with ports.leases.keep(lambda: ports.store.renew(job, lease_s=LEASE_S)):
        transfer.grow(ports, name, temp, stream, going, part=part, key=key, most=most)


def _full_part(ports: Ports, job: Job) -> Part | None:
    part = ports.parts.find(ports.parts.source_of(job.job_id), _key(job))
    return part if part and part.complete else None


def _path(ports: Ports, job: Job) -> Path:
    if part := _full_part(ports, job):
        return part.path
    raise TemporaryError("fetch_failed", "what the transfer had left has gone")


def _name(job: Job) -> str:
    """Of its transfers."""
    return f"{job.job_id} {_key(job)}"


def _key(job: Job) -> str:
    """Which source a part is of: a person may have replaced it before the next attempt."""
    return hashlib.sha256(f"{job.attempt} {job.source_type} {job.source_path} {job.source_url}".encode()).hexdigest()
