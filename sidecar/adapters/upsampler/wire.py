"""Adapter, pure part: Upsampler's JSON, live and documented shapes, in and out. Opens nothing.

The live shape is what https://upsampler.com/api/v1 takes and answers. The documented one is older, and stands in the
documents of the shop. What is sent is live; both are understood.

* submit: {"webhook", "input": {"imageUrl", "inputImageType", "upscaleFactor", …}} -> {"id", "status", "creditCost"};
  documented answer: {"success", "job_id", "status": "queued", "estimated_completion"}.
* status: {"id", "status": "IN_QUEUE" | "IN_PROGRESS" | "SUCCESS" | "FAILED", "imageUrl", "compressedImageUrl",
  "creditCost", "error"}; documented words: queued, processing, completed, failed.
* webhook: the status object; documented: {"job_id", "status", "result_url"}, or an event, job.completed for one.
* an error: another HTTP status, and {"error": a text or an object}.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from typing import Any

from sidecar.adapters.upsampler.verdict import classify, error_text
from sidecar.core.errors import CallerError

MAX_HINT_BYTES = 64 * 1024
# One harmless segment of a URL path (never "." or "..") that fits the ledger's column.
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:~-]{0,189}")

_STATUSES = {
    "in_queue": "queued",
    "queued": "queued",
    "pending": "queued",
    "starting": "queued",
    "in_progress": "processing",
    "processing": "processing",
    "running": "processing",
    "success": "succeeded",
    "succeeded": "succeeded",
    "completed": "succeeded",
    "complete": "succeeded",
    "failed": "failed",
    "failure": "failed",
    "error": "failed",
    "timeout": "failed",
    "timed_out": "failed",
    "cancelled": "failed",
    "canceled": "failed",
}


@dataclass(frozen=True)
class Submission:
    """Upsampler's answer to an accepted submit.

    `status` as in UpsamplerStatus; `credits` is the price that Upsampler named, or None. A submit may be accepted and
    already be "failed": then `code` and `transient` say what kind of failure, as in UpsamplerStatus.
    """

    upsampler_id: str
    status: str
    credits: float | None
    error: str | None
    code: str | None = None
    transient: bool = False


@dataclass(frozen=True)
class UpsamplerStatus:
    """What Upsampler says about a job: the truth, asked for with our key.

    `status` is "queued", "processing", "succeeded" (then `image_url` is set; it lives 3 hours) or "failed" (then `code`
    is a code of `verdict.TEXTS` or "upsampler_failed", and `transient` says whether another submit may succeed).
    """

    upsampler_id: str
    status: str
    image_url: str | None
    credits: float | None
    error: str | None
    transient: bool
    code: str | None = None


@dataclass(frozen=True)
class Hint:
    """What a webhook claims. Not signed, so it proves nothing: a reason to ask, never a fact."""

    upsampler_id: str | None
    status: str | None


def valid_id(value: object) -> str | None:
    """The id as a string if it may be put into a URL path, else None."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    return value if isinstance(value, str) and _ID.fullmatch(value) else None


def status_word(value: object) -> str | None:
    """Our word for Upsampler's status or event name ("IN_QUEUE", "completed", "job.failed"), or None if unknown."""
    if not isinstance(value, str):
        return None
    word = value.strip().lower().removeprefix("job.").replace("-", "_")
    return _STATUSES.get(word)


def submit_body(*, image_url: str, image_type: str, factor: int, webhook_url: str | None, options: dict) -> dict:
    """The live shape of a submit. `factor`: 1 to 16. `options`: further fields of the input."""
    fields = {"imageUrl": image_url, "inputImageType": image_type, "upscaleFactor": factor, **options}
    return {"webhook": webhook_url, "input": fields} if webhook_url else {"input": fields}


def parse_object(body: bytes) -> dict | None:
    """The JSON object in `body`, or None for anything else. Never raises, whatever the bytes."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):  # bad UTF-8 and endless digits are ValueErrors, too
        return None
    return value if isinstance(value, dict) else None


def parse_submission(data: dict) -> Submission | None:
    """Reads the answer to a submit; None if it names no job (then nobody knows what became of it)."""
    upsampler_id = valid_id(_first(data, "id", "job_id", "jobId"))
    if upsampler_id is None:
        return None
    status = status_word(data.get("status")) or "queued"
    return Submission(upsampler_id, status, _credits(data), *_failure(status, data))


def parse_status(upsampler_id: str, data: dict) -> UpsamplerStatus | None:
    """Reads the answer to a status call; None if it is not the promised object (or is about another job)."""
    status = status_word(data.get("status"))
    named = _first(data, "id", "job_id", "jobId")
    if status is None or (named is not None and valid_id(named) != upsampler_id):
        return None
    image_url = _url(data, "imageUrl", "image_url", "result_url", "resultUrl")
    if status == "succeeded" and image_url is None:
        return None
    error, code, transient = _failure(status, data)
    return UpsamplerStatus(
        upsampler_id=upsampler_id,
        status=status,
        image_url=image_url,
        credits=_credits(data),
        error=error,
        transient=transient,
        code=code,
    )


def parse_hint(body: bytes) -> Hint:
    """Reads a webhook's body: status object, documented object, or event (`job.completed`, `.failed`, `.timeout`).

    Raises CallerError("webhook_malformed") for anything that is not a JSON object of at most 64 KiB with a usable id,
    or no id at all (the webhook's own address names the job, so a missing id is no fault).
    """
    data = parse_object(body) if len(body) <= MAX_HINT_BYTES else None
    if data is None:
        raise CallerError("webhook_malformed", "not a JSON object of at most 64 KiB")
    inner: dict[str, Any] = next(
        (data[key] for key in ("data", "job", "payload") if isinstance(data.get(key), dict)), {}
    )
    named = _first(data, "job_id", "jobId") or _first(inner, "id", "job_id", "jobId")
    if named is None:
        # An event object may carry an id of its own beside the job's; a bare status object's id is the job's.
        named = data.get("id")
    upsampler_id = valid_id(named)
    if named is not None and upsampler_id is None:
        raise CallerError("webhook_malformed", "the id is not one that Upsampler gives out")
    words = (data.get("status"), inner.get("status"), data.get("event"), data.get("type"))
    return Hint(upsampler_id, next(filter(None, map(status_word, words)), None))


def _first(data: dict, *keys: str) -> object:
    return next((data[key] for key in keys if data.get(key) is not None), None)


def _credits(data: dict) -> float | None:
    value = _first(data, "creditCost", "credit_cost", "credits_used", "credits")
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) and number >= 0 else None


def _url(data: dict, *keys: str) -> str | None:
    value = _first(data, *keys)
    return value if isinstance(value, str) and value.startswith(("http://", "https://")) else None


def _failure(status: str, data: dict) -> tuple[str | None, str | None, bool]:
    """(error text, code, transient) of a failed job; nothing for any other."""
    if status != "failed":
        return None, None, False
    error = _first(data, "error", "message")
    if error is None and isinstance(data.get("status"), str) and "time" in data["status"].lower():
        error = "timeout"
    verdict = classify(error)
    return error_text(error) or "no reason given", verdict.code, verdict.transient
