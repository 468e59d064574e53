"""Core: the secret that leads from a job's status to its file (docs/contract.md, part 5). The bridge makes it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Sequence

PURPOSE = "status"  # the key's, as TO_SHOP is a message's
_FORM = re.compile(r"([1-9][0-9]{9})\.[A-Za-z0-9_-]{43}")


def make(key: bytes, job_id: str, end: int) -> str:
    """`end`: until when it opens, Unix seconds."""
    mac = hmac.new(key, f"status.{job_id}.{end}".encode(), hashlib.sha256).digest()
    return f"{end}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"


def opens(keys: Sequence[bytes], token: str, job_id: str, *, now: float) -> bool:
    """Whether it opens the job under any of the keys. One token has one spelling: it is the text that is compared."""
    form = _FORM.fullmatch(token)
    if not form or now >= int(form[1]):
        return False
    return any(hmac.compare_digest(make(key, job_id, int(form[1])), token) for key in keys)
