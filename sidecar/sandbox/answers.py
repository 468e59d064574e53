"""Sandbox: the JSON that it answers and pushes, in the live and the documented shape. The source of the shapes is named
in sidecar/adapters/upsampler/wire.py."""

from __future__ import annotations

from datetime import UTC, datetime

from sidecar.sandbox.job import Job

_DOCUMENTED = {"IN_QUEUE": "queued", "IN_PROGRESS": "processing", "SUCCESS": "completed", "FAILED": "failed"}


def submit_answer(job: Job, wire: str, *, failed: str | None = None) -> dict:
    """The answer to an accepted submit."""
    if wire == "documented":
        done = datetime.fromtimestamp(job.ready_at or job.accepted_at, UTC).isoformat()
        status = "failed" if failed else "queued"
        answer = {"success": True, "job_id": job.id, "status": status, "estimated_completion": done}
    else:
        status = "FAILED" if failed else "IN_QUEUE"
        answer = {"id": job.id, "status": status, "creditCost": job.credits}
    if failed:
        answer["error"] = failed
    return answer


def status_answer(job: Job, now: float, base_url: str, wire: str) -> dict:
    """The answer to a status call."""
    status = job.status(now)
    png, jpg = result_urls(job, base_url)
    done = status == "SUCCESS"
    error = job.error if status == "FAILED" else None
    if wire == "documented":
        answer = {"success": True, "job_id": job.id, "status": _DOCUMENTED[status]}
        return {**answer, **({"result_url": png} if done else {}), **({"error": error} if error else {})}
    return {
        "id": job.id,
        "status": status,
        "imageUrl": png if done else None,
        "compressedImageUrl": jpg if done else None,
        "creditCost": job.credits,
        "error": error,
    }


def webhook_body(job: Job, now: float, base_url: str, shape: str) -> dict:
    """The body of a webhook: the status object, the documented object, or an event."""
    if shape == "live":
        return status_answer(job, now, base_url, "live")
    status = _DOCUMENTED[job.status(now)]
    body: dict = {"job_id": job.id, "status": status}
    if status == "completed":
        body["result_url"] = result_urls(job, base_url)[0]
    if status == "failed":
        body["error"] = job.error
    if shape == "event":
        return {"event": f"job.{status}", **{key: body[key] for key in body if key != "status"}}
    return body


def result_urls(job: Job, base_url: str) -> tuple[str, str]:
    """(full quality, compressed)"""
    suffix = job.result.suffix if job.result is not None else ".png"
    return f"{base_url}/results/{job.id}{suffix}", f"{base_url}/results/{job.id}-compressed.jpg"
