"""Status documents, as docs/contract.md, part 5, describes them, for each phase that a customer can see."""

import time
from datetime import UTC, datetime
from typing import Any


def after(seconds: float) -> str:
    """RFC 3339, so many seconds from now."""
    return datetime.fromtimestamp(time.time() + seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def document(phase: str, **changes: Any) -> dict[str, Any]:
    """A document of that phase; `changes` win."""
    nothing = dict.fromkeys(
        ["stage", "position", "expected_s", "next_try_at", "width", "height", "bytes", "format", "download_url"]
        + ["expires_at"]
    )
    file = {"width": 8000, "height": 6000, "bytes": 31_400_000, "format": "jpeg"}
    typical: dict[str, dict[str, Any]] = {
        "queued": {"stage": "submit", "share": 0.03, "position": 3},
        "enlarging": {"stage": "watch", "share": 0.38, "expected_s": 140},
        "checking": {"stage": "collect", "share": 0.85, "expected_s": 6},
        "delivering": {"stage": "deliver", "share": 0.95, "expected_s": 2},
        "ready": {"share": 1.0, "download_url": "/smi/download/a-token", "expires_at": after(86400)} | file,
        "delayed": {"stage": "watch", "share": 0.3, "next_try_at": after(200)},
        "refunding": {"stage": "settle"},
        "expired": file,
    }
    return (
        nothing
        | {"job_id": "", "phase": phase, "share": 0.0, "poll_after": 1, "updated_at": after(0)}
        | typical.get(phase, {})
        | changes
    )


PHASES = [
    *("queued", "enlarging", "checking", "delivering", "ready"),
    *("delayed", "in_review", "refunding", "refunded", "expired"),
]
