"""Workflow: what a download link opens, or why it opens nothing: the same rule as at the shop's door (docs/contract.md,
part 5; tests/vectors/downloads.json). The link that opens is the last one in the ledger."""

from __future__ import annotations

import hashlib
from typing import Any

from ..core.errors import CallerError
from ..core.formats import format_of
from ..core.job import Job
from ..core.messages import parse_rfc3339, rfc3339
from ..core.tokens import DownloadGrant, TokenExpired, TokenInvalid


class Gone(CallerError):
    """The link was ours, and opens nothing any more: `code` says why."""


def in_memory(job: Job, grant: DownloadGrant, token: str, *, now: float) -> bool:
    """Whether working memory knows that a token opens its job's file. False: the ledger must be asked. Raises Gone or
    TokenExpired where memory knows that much."""
    if job.token != token and grant.elsewhere:
        return False
    if job.revoked or job.state == "refunded":
        raise Gone("link_revoked", "the link was revoked")
    if job.token != token:
        if job.state == "delivered" and job.attempt > grant.attempt:
            raise Gone("link_replaced", "a newer attempt has its own link")
        return False  # a later attempt is under way, or the link was made anew
    if now >= grant.expires_at:
        raise TokenExpired(grant)
    return True


def in_ledger(record: dict[str, Any] | None, grant: DownloadGrant, token: str, *, now: float) -> dict[str, Any]:
    """The delivery, of a job's record, that a token opens. Raises Gone, TokenExpired, TokenInvalid; the word that helps
    most comes first: who has a newer link is told so, though this one has expired as well."""
    ours = digest(token)
    links = [] if record is None else _deliveries(record, grant, ours)
    found = next((link for link in links if link["link"] == ours), None)
    if grant.elsewhere and found is None:
        raise TokenInvalid("the token is another site's")
    last = links[-1] if links else None
    if record is None or last is None:
        raise Gone("link_revoked", "the job is forgotten, or nothing of it is to be had")
    stopped = record["state"] == "review" and record.get("reason") == "stopped"
    if record["state"] == "refunded" or stopped or last["revoked"]:
        raise Gone("link_revoked", "the link was revoked")
    if found is not last:
        raise Gone("link_replaced", "there is a newer link")
    if now >= parse_rfc3339(last["expires_at"]):
        raise TokenExpired(grant)
    return last


def with_file(job: Job, delivery: dict[str, Any]) -> Job:
    """The job with the file of one of its deliveries."""
    file = {name: delivery[name] for name in ("path", "bytes", "sha256")}
    return job.but(**file, format=delivery.get("format") or format_of(delivery["path"]))


def digest(token: str) -> str:
    """Names a link where it may be seen."""
    return hashlib.sha256(token.encode()).hexdigest()


def is_as_delivered(job: Job, grant: DownloadGrant, size: int) -> bool:
    """Whether the file is surely the one that was delivered. While a later attempt is under way, its file may have
    taken the place already, for it has the same name; and people put other files there."""
    return job.attempt == grant.attempt and size == job.bytes


def _deliveries(record: dict[str, Any], grant: DownloadGrant, ours: str) -> list[dict[str, Any]]:
    """What each attempt has delivered, oldest first; `link`: the digest of its token. A bridge of before tells of the
    newest, and of the good file that was there before it, not of that one's link."""
    if "deliveries" in record:
        return list(record["deliveries"])
    if record["delivery"]:
        link = digest(record["delivery"]["token"])
        return [record["delivery"] | {"attempt": record["attempt"], "link": link}]
    known = {"link": ours, "expires_at": rfc3339(grant.expires_at), "revoked": False}
    may_be = record["previous"] and grant.attempt < record["attempt"] and not grant.elsewhere
    return [record["previous"] | known] if may_be else []
