"""Workflow: delivery. A good file lies under its name: its link is made, and the shop is told."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..core.errors import SidecarError
from ..core.formats import format_of
from ..core.job import Job
from ..core.tokens import DownloadGrant
from . import holds, outbound
from .ports import Ports
from .time_limits import ACK_S, FRESH_S


def deliver_stored(
    ports: Ports, job: Job, *, path: str, bytes: int, sha256: str, width: int, height: int, format: str | None = None,
    messages: Sequence[dict[str, Any]] = (),
) -> None:  # fmt: skip
    """The file is good and lies under its name `path`: make the link and tell the shop, which tells the customer.
    `width`, `height`: px. `messages`: what the shop is to hear before. Raises StaleClaim."""
    now = ports.clock()
    changes: dict[str, Any] = {
        "state": "stored",
        "path": path,
        "bytes": bytes,
        "sha256": sha256,
        "out_width": width,
        "out_height": height,
        "format": format or format_of(path),
        **_link(ports, job, now),
        "stage_since": int(now),
        **dict.fromkeys(("consecutive_failures", "crash_count"), 0),
        **dict.fromkeys(("reason", "detail", "result_url"), ""),
    }
    message = outbound.delivered(job.but(**changes))
    ports.store.advance(job, changes, due_at=now + ACK_S, messages=[*messages, message], passes="collect")
    ports.crash_point("collect:stored")
    holds.clear_after_success(ports, "collect")
    ports.log(
        "job.stored",
        "The file is checked and stored.",
        job_id=job.job_id,
        attempt=job.attempt,
        stage="collect",
        seconds=now - job.stage_since,
        bytes=bytes,
    )


def deliver_again(ports: Ports, job: Job) -> None:
    """The shop has not acknowledged the delivery. The customer's time counts from then on: a link that has lost a tenth
    of its life waiting for a shop that is away is made anew, and its message with it: in between, a sender would take
    the old message for a young one."""
    if not has_aged(ports, job):
        ports.outbox.put("deliver", [outbound.delivered(job)])
        return
    link = _link(ports, job, ports.clock())
    message = outbound.delivered(job.but(**link))
    expect = {"token": job.token}
    ports.store.change(job.job_id, job.attempt, ("stored",), link, expect=expect, messages=[message])


def file_is_gone(ports: Ports, job: Job) -> bool:
    """Looked at just before the shop is told: a link to nothing must not go out. A shop that is away can't be asked.

    Where the look is a request to the shop, the shop's word of a moment ago is good enough.
    """
    if ports.settings.at_the_shop and ports.clock() - job.stage_since < FRESH_S:
        return False
    try:
        return ports.files.size(job.path) != job.bytes
    except SidecarError:
        return False


def collect_again(ports: Ports, lane: str, job: Job) -> None:
    """Somebody has deleted the file, or a part of it: Upsampler still has the result."""
    again = {"state": "enlarged", "result_url": "", "result_until": 0, "stage_since": int(ports.clock())}
    again |= dict.fromkeys(("path", "token", "download_url", "sha256"), "") | {"bytes": 0}
    if ports.store.change(
        job.job_id, job.attempt, ("stored",), again, due_at=ports.clock(), expect={"token": job.token}
    ):
        ports.outbox.drop(lane, [outbound.delivered(job)["id"]])
        ports.log("file.gone", "A stored file is gone; it is collected again.", job_id=job.job_id, attempt=job.attempt)


def has_aged(ports: Ports, job: Job) -> bool:
    """Whether the link has lost a tenth of its life."""
    return job.expires_at - ports.clock() < 0.9 * job.expiry_hours * 3600


def _link(ports: Ports, job: Job, now: float) -> dict[str, Any]:
    expires_at = int(now) + job.expiry_hours * 3600
    token = ports.tokens.download(DownloadGrant(job.job_id, job.attempt, expires_at))
    url = ports.settings.download_address(token)
    return {"token": token, "expires_at": expires_at, "download_url": url}
