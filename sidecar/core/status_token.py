"""Core: the secret that leads from a job's status to its file (docs/contract.md, part 5). The bridge makes it.

`<site>.<end>.<mac>`: HMAC-SHA256 (RFC 2104) over ``status.<site>.<job id>.<end>``, in base64url without padding (RFC
4648, 5).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Sequence

PURPOSE = "status"  # the key's, as TO_SHOP is a message's
_FORM = re.compile(r"(?:([0-9a-f]{10})\.)?([1-9][0-9]{9})\.[A-Za-z0-9_-]{43}")


def make(key: bytes, job_id: str, end: int, site: str = "") -> str:
    """`key`: of `core.messages.direction_key`. `end`: until when it opens, Unix seconds. `site`: its hash; "" as tokens
    were made before they named it."""
    named = f"{site}." if site else ""
    mac = hmac.new(key, f"status.{named}{job_id}.{end}".encode(), hashlib.sha256).digest()
    return f"{named}{end}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"


def opens(keys: Sequence[bytes], token: str, job_id: str, *, now: float, site: str) -> bool:
    """Whether it opens the job of this site under any of the keys; one that names no site does, too. One token has one
    spelling: it is the text that is compared."""
    form = _FORM.fullmatch(token)
    if not form or now >= int(form[2]) or form[1] not in (None, site):
        return False
    return any(hmac.compare_digest(make(key, job_id, int(form[2]), form[1] or ""), token) for key in keys)
