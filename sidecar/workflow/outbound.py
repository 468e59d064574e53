"""Workflow: the messages to the shop, built in one place. Ids name the effect, so that a repeat replaces its like."""

from __future__ import annotations

import hashlib
from typing import Any

from ..core.job import Job
from ..core.messages import rfc3339


def _message(type: str, job: Job, key: str | int, data: dict[str, Any]) -> dict[str, Any]:
    id = _fit(f"{type.removeprefix('job.')}:{job.job_id}:{job.attempt}:{key}")
    return {"id": id, "type": type, "data": {"job_id": job.job_id, "attempt": job.attempt, **data}}


def _fit(id: str) -> str:
    """Ids have at most 64 characters; a longer name keeps its beginning and stays one of a kind by its digest."""
    return id if len(id) <= 64 else f"{id[:31]}:{hashlib.sha256(id.encode()).hexdigest()[:32]}"


def submitting(job: Job, submission: int, claim: str) -> dict[str, Any]:
    """May this submit go out? The ledger says yes to one claim only. `submission`: counts from 1 in an attempt."""
    return _message("job.submitting", job, submission, {"submission": submission, "claim": claim})


def submitted(job: Job) -> dict[str, Any]:
    """Upsampler has accepted: its id, and the price in credits, None where it did not name one."""
    data = {
        "submission": job.submission,
        "upsampler_id": job.upsampler_id,
        "credits": float(job.credits) if job.credits else None,
        "submitted_at": rfc3339(job.submitted_at),
    }
    return _message("job.submitted", job, job.submission, data)


def progress(
    job: Job,
    state: str,
    event: str,
    *,
    reason: str = "",
    detail: str = "",
    next_try_at: float | None = None,
) -> dict[str, Any]:
    """What has become of it: a state of the table, and the event for its history. `next_try_at`: Unix seconds."""
    data = {
        "state": state,
        "event": event,
        "submission": job.submission,
        "reason": reason or None,
        "detail": detail[:1000] or None,
        "next_try_at": rfc3339(next_try_at) if next_try_at else None,
    }
    return _message("job.progress", job, f"{event}{job.submission}.{job.consecutive_failures + job.bad_results}", data)


def stored(delivery: dict[str, Any]) -> dict[str, Any]:
    """`delivery`: the data of a job.delivered that the shop could not take yet."""
    return progress(Job(delivery["job_id"], delivery["attempt"], "stored"), "stored", "stored")


def delivered(job: Job) -> dict[str, Any]:
    """The file lies finished at `path`, relative to the folder of results; `token` opens it until `expires_at`."""
    data = {
        "path": job.path,
        "bytes": job.bytes,
        "sha256": job.sha256,
        "width": job.out_width,
        "height": job.out_height,
        "format": job.format,
        "credits": float(job.credits) if job.credits else None,
        "upsampler_id": job.upsampler_id or None,
        "token": job.token,
        "download_url": job.download_url or None,
        "expires_at": rfc3339(job.expires_at),
    }
    return _message("job.delivered", job, "", data)


def downloaded(job: Job, attempt: int, at: float) -> dict[str, Any]:
    """`attempt`: whose file it is; during a rerun that is an earlier one than the job's."""
    return _message("job.downloaded", job.but(attempt=attempt), "", {"downloaded_at": rfc3339(at)})


def failed(job: Job, *, refund: str, customer_message: str | None = None) -> dict[str, Any]:
    """`refund`: "yes" or "review"."""
    data = {
        "reason": job.reason,
        "detail": job.detail[:1000],
        "refund": refund,
        "customer_message": customer_message,
    }
    return _message("job.failed", job, "", data)


def customer_message(job_id: str, attempt: int, key: str, text: str) -> dict[str, Any]:
    """A mail that a person wrote. `key`: one mail a key; `text`: its first 2,000 characters go."""
    job = Job(job_id, attempt, "paid")
    return _message("job.message", job, key, {"key": key, "customer_message": text[:2000]})


def notice(kind: str, *, stage: str | None, reason: str | None, detail: str, since: float) -> dict[str, Any]:
    """For the admin, not about one job: a stage is held, or goes on. `since`: Unix seconds."""
    data = {"kind": kind, "stage": stage, "reason": reason, "detail": detail[:1000], "since": rfc3339(since)}
    return {"id": _fit(f"notice:{kind}:{stage}:{int(since)}"), "type": "admin.notice", "data": data}
