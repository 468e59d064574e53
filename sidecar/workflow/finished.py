"""Workflow: the last step of a collected result: its file gets its final name, here or at the shop.

Mental model. A shop may be away for longer than Upsampler keeps a result. A file that has passed every check and can't
be brought there is kept with what is known of it, and the next try brings it: nothing is fetched or checked again, and
nothing is ordered (and billed) again.
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..core.errors import ConfigurationError, TemporaryError
from ..core.formats import EXTENSIONS
from ..core.job import Job
from ..core.pictures import ImageInfo
from . import transfer
from .ports import Ports
from .time_limits import LEASE_S


@dataclass(frozen=True)
class Finished:
    """A file as the customer will get it, whose checks have all been passed. `repaired`: what was, in words."""

    bytes: int
    sha256: str
    width: int
    height: int
    format: str
    repaired: str = ""

    @classmethod
    def of(cls, info: ImageInfo, size: int, sha256: str, repaired: str) -> Finished:
        return cls(size, sha256, info.width, info.height, info.format, repaired)


def publish(ports: Ports, job: Job, temp: Path, file: Finished) -> str:
    """Give a temp file its final name, which is returned. No temp file is left: whoever dies from here on leaves none
    behind. Raises as `Files.publish`."""
    try:
        name = ports.files.name(job.job_id, job.factor, EXTENSIONS[file.format], ports.clock())
        ports.crash_point("collect:before_rename")
        ports.store.renew(job, lease_s=LEASE_S)  # a stale worker stops here, before it touches the final name
        ports.crash_point("collect:renaming")
        try:
            with ports.leases.keep(lambda: ports.store.renew(job, lease_s=LEASE_S)):  # it may have a long way to go
                ports.files.publish(temp, name, attempt=job.attempt, sha256=file.sha256)
        except (TemporaryError, ConfigurationError):
            if ports.settings.at_the_shop:
                _keep(ports, job, temp, file)
            raise
        return name
    finally:
        temp.unlink(missing_ok=True)


def published_again(ports: Ports, job: Job) -> tuple[str, Finished] | None:
    """The final name of a file that an earlier try has kept. None: there is none, or its bytes are not those that were
    checked. Raises as `publish`."""
    part = ports.parts.find(job.job_id, _key(ports, job))
    if part is None:
        return None
    file = Finished(**part.facts)
    temp = ports.parts.lend(part, ports.files.temp_path(job.job_id, job.claim, "finished"))
    if ports.files.hash_file(temp) != (file.bytes, file.sha256):
        temp.unlink(missing_ok=True)
        ports.parts.drop(job.job_id)
        return None
    return publish(ports, job, temp, file), file


def _keep(ports: Ports, job: Job, temp: Path, file: Finished) -> None:
    about: dict[str, Any] = {"key": _key(ports, job), "total": file.bytes, "etag": "", "facts": asdict(file)}
    with suppress(FileNotFoundError):  # whoever has the job now has thrown it away
        ports.parts.keep(temp, job.job_id, complete=True, **about)


def _key(ports: Ports, job: Job) -> str:
    """Of which result it was made, and how it was to be made and checked."""
    settings = ports.settings
    how = f"{transfer.wanted_format(settings.output_format, job, '')} {settings.jpeg_quality} {settings.check_picture}"
    return hashlib.sha256(f"finished {transfer.result_key(job)} {how} {job.target_size}".encode()).hexdigest()
