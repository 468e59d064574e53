"""Workflow: reconciliation. Ask the shop for paid, unfinished jobs and make working memory agree with the ledger."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable
from typing import Any

from ..core.errors import SidecarError
from ..core.job import Job
from ..core.messages import parse_rfc3339
from ..core.states import SETTLED
from . import admission, outbound
from .ports import Ports
from .time_limits import REBOOK_S

PAGE = 2000  # the most that the schema allows: each page is a request to WordPress
STAGE_BEFORE_END = ("paid", "submitting", "submitted", "enlarged", "stored")


def reconcile(ports: Ports, progress: Callable[[int], None] = lambda done: None) -> dict[str, int]:
    """Go through all unfinished jobs of the ledger; returns how many there are and were restored: {"unfinished",
    "restored"}. Safe to repeat. Raises as `Shop.ask`.

    `progress` is told how many jobs have been gone through.
    """
    free_lost_slots(ports)
    report = {"unfinished": 0, "restored": 0}
    after = 0
    while True:  # ends: with the last page: their numbers grow; each question has a timeout
        page = _page(ports, after)
        records = page["jobs"]
        report["unfinished"] += len(records)
        report["restored"] += restore_all(ports, records)
        report["restored"] += follow_ends(ports, page.get("ended", []))
        progress(report["unfinished"])
        if (page.get("next") or 0) <= after:
            return report
        after = page["next"]


def _page(ports: Ports, after: int) -> dict[str, Any]:
    """One page of the ledger. The question goes out every minute, so it also tells whether the shop can be reached."""
    try:
        question = {"limit": PAGE, "after": after, "sidecar": ports.store.server.name()}
        page = ports.shop.ask("jobs.unfinished", question)
    except SidecarError as error:
        ports.outbox.note_away(error.code, error.detail)
        raise
    ports.outbox.note_reached()
    return page


def restore_from_ledger(ports: Ports, job_id: str) -> Job | None:
    """One job from the ledger into working memory: for a status page or a webhook after a loss. None: the ledger does
    not know it. Raises as `Shop.ask`."""
    return None if record_of(ports, job_id) is None else ports.store.get(job_id)


def record_of(ports: Ports, job_id: str) -> dict[str, Any] | None:
    """What the ledger says of a job; working memory has it then, too. None: the ledger does not know it. Raises as
    `Shop.ask`."""
    records: list[dict[str, Any]] = ports.shop.ask("jobs.lookup", {"job_ids": [job_id]})["jobs"]
    restore_all(ports, records)
    return records[0] if records else None


def restore_all(ports: Ports, records: Iterable[dict[str, Any]]) -> int:
    """Bring back what working memory does not know; returns how many jobs that were."""
    records = list(records)
    known = ports.store.versions([record["job_id"] for record in records])
    restored = 0
    for record in records:
        attempt, state = known.get(record["job_id"], (0, ""))
        if attempt < record["attempt"]:
            restored += _bring_back(ports, record)
        elif attempt == record["attempt"] and state in SETTLED and record["state"] in STAGE_BEFORE_END:
            job = ports.store.get(record["job_id"])
            restored += job is not None and _send_again(ports, job)
    return restored


def follow_ends(ports: Ports, records: Iterable[dict[str, Any]]) -> int:
    """What the shop has ended by itself (a refund, a stop), its `job.cancel` lost: without this, the work would go on,
    and a customer who has his money back would keep a link that works. And what ended in an attempt that working memory
    does not know. Returns how many that were."""
    records = list(records)
    known = ports.store.versions([record["job_id"] for record in records])
    followed = 0
    for record in records:
        attempt, state = known.get(record["job_id"], (0, ""))
        if 0 < attempt < record["attempt"]:  # an old snapshot: whoever asks gets it from the ledger
            ports.store.forget(record["job_id"])
            followed += 1
            continue
        if not _by_the_shop(record):
            continue  # it has ended by our own word
        # A job in `refunding` has asked for its end, and gets the answer by itself.
        if attempt != record["attempt"] or state == "refunding" or (state == record["state"] != "delivered"):
            continue
        job = ports.store.get(record["job_id"])
        if job is None or (job.state == record["state"] and job.revoked):
            continue
        _end(ports, job, record["state"])
        followed += 1
    return followed


def _by_the_shop(record: dict[str, Any]) -> bool:
    """Whether the shop has ended it. Bridges of before did not say so of later attempts."""
    return bool(record.get("by_shop", record["attempt"] == 1 or record["state"] == "refunded"))


def _end(ports: Ports, job: Job, state: str) -> None:
    """As `job.cancel` does: whoever works on the job writes nothing more, and its link is dead."""
    reason = "refunded" if state == "refunded" else "stopped"
    changes = {"state": state, "revoked": 1, "refund_decision": "", "reason": f"cancelled_{reason}"}
    ports.store.change(job.job_id, job.attempt, (), changes, due_at=None, settled=True)
    ports.store.free_slot(job.job_id)
    ports.log("job.cancelled", "Stopped by the shop.", job_id=job.job_id, attempt=job.attempt, reason=reason)


def _send_again(ports: Ports, job: Job) -> bool:
    """The ledger says that a job goes on which we know to have ended: it was put back from a backup, or a late message
    overtook the end. The effect rows decide whether there is another mail or refund."""
    if job.state == "delivered":
        ports.outbox.put("deliver", [outbound.delivered(job)])
    elif job.refund_decision:
        ports.outbox.put("settle", [outbound.failed(job, refund=job.refund_decision)])
    else:
        return False  # it was the shop that ended it
    return True


def free_lost_slots(ports: Ports) -> None:
    """Take Upsampler's slots back from jobs that do not need them any more (a worker died before it could)."""
    holders = ports.store.slot_holders()
    jobs = ports.store.get_many(holders)
    for job_id in holders:
        if job_id not in jobs or jobs[job_id].state not in admission.SLOT_STATES:
            ports.store.free_slot(job_id)


def _bring_back(ports: Ports, record: dict[str, Any]) -> bool:
    now = ports.clock()
    job = admission.job_from(record, now=now, trace=f"pull_{secrets.token_hex(8)}").but(
        state=record["state"],
        submission=record["submission"] or 0,
        upsampler_id=record["upsampler_id"] or "",
        credits="" if record.get("credits") is None else f"{float(record['credits']):g}",
        reason=record.get("reason") or "",
        resubmissions=int((record["submission"] or 0) > 1),  # how often is lost: more than one submission uses it up
    )
    create = _HOW[record["state"]]
    done = create(ports, job, record, now)
    if done:
        about = {"job_id": job.job_id, "attempt": job.attempt, "state": job.state, "request_id": job.trace}
        ports.log("job.mended", "Brought back from the ledger.", **about)
    return done


def _paid(ports: Ports, job: Job, record: dict[str, Any], now: float) -> bool:
    if not ports.store.create(job, due_at=now + REBOOK_S):
        return False
    admission.start(ports, job)
    return True


def _submitting(ports: Ports, job: Job, record: dict[str, Any], now: float) -> bool:
    """The ledger let a submission through, and nobody remembers its outcome: only the webhook can tell."""
    posted_at = int(now - record["updated_age"])
    webhook_upsampler_id = ports.store.kept_hint(job.job_id, job.attempt, job.submission)
    job = job.but(state="submitting", submit_started_at=posted_at, webhook_upsampler_id=webhook_upsampler_id)
    due_at = now if webhook_upsampler_id else max(now, posted_at + ports.settings.watch_limit_s)
    return _create_with_slot(ports, job, due_at)


def _create_with_slot(ports: Ports, job: Job, due_at: float) -> bool:
    created = ports.store.create(job, due_at=due_at)
    if created:
        ports.store.occupy_slot(job.job_id)
    return created


def _at_upsampler(ports: Ports, job: Job, record: dict[str, Any], now: float) -> bool:
    """Upsampler knows: ask. What was collected and not delivered is collected again."""
    if not job.upsampler_id:
        return _submitting(ports, job, record, now)
    submitted_at = int(now - record["updated_age"])
    job = job.but(state="submitted", submitted_at=submitted_at, reason="")
    return _create_with_slot(ports, job, now)


def _refunding(ports: Ports, job: Job, record: dict[str, Any], now: float) -> bool:
    job = job.but(refund_decision="yes", reason=job.reason or "internal_error")
    return ports.store.create(job, due_at=now)


def _settled(ports: Ports, job: Job, record: dict[str, Any], now: float) -> bool:
    delivery = record.get("delivery")
    if delivery:
        job = job.but(
            path=delivery["path"],
            bytes=delivery["bytes"],
            sha256=delivery["sha256"],
            out_width=delivery["width"],
            out_height=delivery["height"],
            format=delivery["format"],
            token=delivery["token"],
            download_url=delivery["download_url"] or "",
            expires_at=parse_rfc3339(delivery["expires_at"]),
            revoked=int(bool(delivery.get("revoked"))),
        )
    if record["state"] == "review":
        job = job.but(refund_decision="review")
    return ports.store.create(job, due_at=None, settled=True)


_HOW = {
    "paid": _paid,
    "submitting": _submitting,
    "submitted": _at_upsampler,
    "enlarged": _at_upsampler,
    "stored": _at_upsampler,
    "refunding": _refunding,
    "delivered": _settled,
    "refunded": _settled,
    "review": _settled,
}
