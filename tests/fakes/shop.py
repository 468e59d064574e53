"""The bridge with its ledger, in memory and simulated time: the methods of ShopDoor, and what a shop does by itself.

`tests/fakes/shop_contract.py` holds it and the real WordPress to the same behaviour. It is the simulation's judge, so
it counts what must not happen twice: `mails`, `refunds`, `let_through`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sidecar.adapters import schemas
from sidecar.core.errors import CallerError, ConfigurationError, SidecarError, TemporaryError
from sidecar.core.messages import parse_rfc3339, rfc3339
from sidecar.core.states import GIVING_UP, PHASES, SETTLED
from tests.fakes.clock import SimulatedClock
from tests.fakes.steps import may_go

DOOR = "to-shop"
PATIENCE_S = 1800  # an attempt that is younger can't be overtaken by a rerun
UNKNOWN_AFTER_S = 300  # a refund that was begun and never ended is a person's to look at


@dataclass
class Bought:
    """A row of the shop's table."""

    job_id: str
    factor: int = 4
    source: dict[str, Any] = field(default_factory=dict)
    width: int | None = 8
    height: int | None = 6
    expiry_hours: int = 24
    title: str | None = "Sunrise"
    email: bool = True
    paid_at: float = 0.0


@dataclass
class Row:
    """A line of the ledger."""

    id: int
    job_id: str
    attempt: int
    state: str = "paid"
    submission: int = 0
    claim: str | None = None
    upsampler_id: str | None = None
    credits: float | None = None
    rerun: bool = False
    force: bool = False
    reason: str | None = None
    event: str | None = None
    delivery: dict[str, Any] | None = None
    revoked: bool = False
    downloaded: bool = False
    created_at: float = 0.0
    updated_at: float = 0.0
    stage_since: float = 0.0  # it reached its phase

    @property
    def settled(self) -> bool:
        return self.state in SETTLED


class Died(Exception):
    """PHP ended in the middle: what was written stays, no answer comes."""


class FakeShop:
    """Switches: `away` (an error that every call raises), `answers_lost` (so many calls are carried out and not
    answered), `failing` (so many messages get status "failed"), `refuse_deliveries` (each job.delivered does),
    `refunding` ("works", "fails", "dies"), `of_before` (it is of version 1.1, and tells no deliveries of a job).
    """

    def __init__(self, clock: SimulatedClock, *, site: str = "https://shop.example") -> None:
        self.clock = clock
        self.site = site
        self.away: SidecarError | None = None
        self.answers_lost = 0
        self.failing = 0
        self.refuse_deliveries = False
        self.refunding = "works"
        self.of_before = False
        self.bought: dict[str, Bought] = {}
        self.rows: dict[str, list[Row]] = {}  # by job, oldest attempt first
        self.effects: dict[tuple[str, int, str], tuple[float, str | None]] = {}  # -> (claimed at, outcome)
        self.mails: list[tuple[str, int, str]] = []
        self.refunds: list[str] = []
        self.let_through: list[tuple[str, int, int]] = []  # (job, attempt, submission)
        self.notices: list[dict[str, Any]] = []
        self.requests = 0
        self.detour = ""
        self.cdn: dict[str, str] | None = None
        self._ids = 0

    # ------------------------------------------------------------------ what a shop does by itself
    def buy(self, job_id: str, *, in_ledger: bool = True, **details: Any) -> dict[str, Any]:
        """A customer pays. Returns the data of the `job.paid` that the bridge pushes; `in_ledger` False: the bridge
        never heard of the payment."""
        source = {"type": "attachment", "url": f"https://shop.example/photos/{job_id}.png", "path": None}
        self.bought[job_id] = Bought(job_id, **{"source": source, "paid_at": self.clock(), **details})
        if not in_ledger:
            return {}
        self._open(job_id, 1)
        return self.paid_data(job_id)

    def rerun(self, job_id: str, *, force: bool = False) -> dict[str, Any]:
        """A person starts the next attempt; the data of its `job.paid`. CallerError("working") while one is busy."""
        newest = self.newest(job_id)
        if not newest.settled and self.clock() < newest.created_at + PATIENCE_S:
            raise CallerError("working", "an attempt is under way")
        self._open(job_id, newest.attempt + 1, rerun=True, force=force)
        return self.paid_data(job_id)

    def stop(self, job_id: str) -> dict[str, Any]:
        """A person stops the job; the data of `job.cancel`. CallerError("settled") when there is nothing to stop."""
        row = self.newest(job_id)
        if row.state == "refunded" or (row.state == "delivered" and row.revoked):
            raise CallerError("settled", "there is nothing to stop")
        if row.state == "delivered":
            row.revoked = True
        else:
            self._move(row, "review", reason="stopped", forced=True)
        return {"job_id": job_id, "attempt": row.attempt, "reason": "stopped"}

    def refunded_elsewhere(self, job_id: str) -> dict[str, Any]:
        """The payment provider has given the money back; the data of `job.cancel`."""
        row = self.newest(job_id)
        self.effects.setdefault((job_id, 0, "refund"), (self.clock(), None))
        self.effects[job_id, 0, "refund"] = (self.clock(), "refunded")
        if row.state != "refunded":
            self._refunded(row)
        return {"job_id": job_id, "attempt": row.attempt, "reason": "refunded"}

    def newest(self, job_id: str) -> Row:
        return self.rows[job_id][-1]

    def paid_data(self, job_id: str) -> dict[str, Any]:
        """The data of the newest attempt's `job.paid`."""
        row, job = self.newest(job_id), self.bought[job_id]
        good = [r for r in self.rows[job_id][:-1] if r.state == "delivered" and r.delivery and not r.revoked]
        file = ("path", "bytes", "sha256", "width", "height")
        return {
            "job_id": job_id,
            "attempt": row.attempt,
            "rerun": row.rerun,
            "force": row.force,
            "factor": job.factor,
            "source": job.source,
            "width": job.width,
            "height": job.height,
            "expiry_hours": job.expiry_hours,
            "paid_at": rfc3339(job.paid_at),
            "title": job.title,
            "previous": {key: (good[-1].delivery or {})[key] for key in file} if good else None,
        }

    # ------------------------------------------------------------------ the methods of ShopDoor
    def send(self, messages: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        self.requests += 1
        if self.away:
            raise self.away
        try:
            schemas.check(DOOR, "batch", {"messages": list(messages)})
        except CallerError as error:
            raise ConfigurationError("shop_refused_message", error.detail) from error
        try:
            results = [self._one(message) for message in messages]
        except Died as death:
            raise TemporaryError("shop_unavailable", "answered 502") from death
        if self.answers_lost > 0:
            self.answers_lost -= 1
            raise TemporaryError("shop_unavailable", "the answer was lost")
        return results

    def ask(self, type: str, data: dict[str, Any]) -> dict[str, Any]:
        result = self.send([{"id": type, "type": type, "data": data}])[0]
        if result["status"] != "done":
            raise TemporaryError("shop_unavailable", f"{type}: {result['reason']}")
        return result["data"]

    def order(self, type: str, data: dict[str, Any]) -> dict[str, Any]:
        result = self.send([{"id": type, "type": type, "data": data}])[0]
        if result["status"] == "refused":
            raise CallerError(result["reason"], f"the shop refuses {type}")
        if result["status"] != "done":
            raise TemporaryError("shop_unavailable", f"{type}: {result['reason']}")
        return result["data"]

    def close(self) -> None:
        """Nothing is open."""

    # ------------------------------------------------------------------ the door
    def _one(self, message: dict[str, Any]) -> dict[str, Any]:
        type, data = message["type"], message["data"]
        outcome: dict[str, Any]
        if self.failing > 0 and not type.startswith("jobs."):
            self.failing -= 1
            outcome = {"status": "failed", "reason": "database"}
        elif type == "job.delivered" and self.refuse_deliveries:
            outcome = {"status": "failed", "reason": "database"}
        elif type not in _HANDLERS:
            outcome = _refused("unknown_type")
        else:
            try:
                schemas.check(DOOR, type, data)
                outcome = _HANDLERS[type](self, data)
            except CallerError as error:
                outcome = _refused("invalid", detail=error.detail)
        return {"id": message["id"], "status": "done", "reason": None, "data": {}} | outcome

    def _attempt(self, data: dict[str, Any]) -> Row | dict[str, Any]:
        """The row that a message speaks of, or the refusal."""
        rows = self.rows.get(data["job_id"])
        if not rows or rows[-1].attempt < data["attempt"]:
            return _refused("unknown_job")
        return _refused("superseded") if rows[-1].attempt > data["attempt"] else rows[-1]

    def _end(self, row: Row) -> dict[str, Any] | None:
        """The refusal for an attempt that has ended. A review is no end: a late result may still resolve it."""
        if row.state == "review":
            if row.reason == "stopped":
                return _refused("cancelled")
            claimed = self.effects.get((row.job_id, 0, "refund"))
            return _refused("settled") if claimed and claimed[1] != "failed" else None
        return _refused("settled") if row.settled or row.state == "refunding" else None

    def _submitting(self, data: dict[str, Any]) -> dict[str, Any]:
        row = self._attempt(data)
        if isinstance(row, dict):
            return row
        known = {"upsampler_id": row.upsampler_id}
        end = self._end(row) or (_refused("settled") if row.state == "review" else None)
        if end:
            return end
        if row.submission >= data["submission"]:
            ours = row.submission == data["submission"] and row.claim == data["claim"] and row.state == "submitting"
            return {"data": known} if ours else _refused("claimed", **known)
        if row.submission != data["submission"] - 1 or row.state == "submitting":
            return _refused("invalid", detail=f"no submission {data['submission']} from {row.state} {row.submission}")
        if not self._move(row, "submitting", event="submitting"):
            return _refused("invalid", detail=f"not from {row.state}")
        row.submission, row.claim, row.upsampler_id = data["submission"], data["claim"], None
        self.let_through.append((row.job_id, row.attempt, row.submission))
        return {"data": {"upsampler_id": None}}

    def _submitted(self, data: dict[str, Any]) -> dict[str, Any]:
        row = self._attempt(data)
        if isinstance(row, dict):
            return row
        if end := self._end(row):
            return end
        if row.submission > data["submission"]:
            return _refused("superseded")
        same = row.submission == data["submission"]
        if same and row.upsampler_id == data["upsampler_id"] and row.state != "review":
            return {}
        if not self._move(row, row.state if same and row.state in ("enlarged", "stored") else "submitted", reason=None):
            return _refused("invalid", detail=f"not from {row.state}")
        row.submission, row.upsampler_id, row.credits = data["submission"], data["upsampler_id"], data["credits"]
        return {}

    def _progress(self, data: dict[str, Any]) -> dict[str, Any]:
        row = self._attempt(data)
        if isinstance(row, dict):
            return row
        if row.settled or row.state == "refunding":
            return self._end(row) or _refused("settled")
        if data.get("submission") and data["submission"] < row.submission:
            return _refused("superseded")
        to = data["state"]
        if to == "paid" != row.state and data["event"] not in GIVING_UP:
            return {}
        if self._move(row, to, event=data["event"], reason=data.get("reason")) and to == "paid":
            row.upsampler_id = None
        return {}

    def _delivered(self, data: dict[str, Any]) -> dict[str, Any]:
        row = self._attempt(data)
        if isinstance(row, dict):
            return row
        if row.state == "delivered":
            return {"data": {"mail": "already"}}
        if end := self._end(row):
            return end
        if not self._move(row, "delivered", event="delivered", reason=None):
            return _refused("invalid", detail=f"not from {row.state}")
        keep = ("path", "bytes", "sha256", "width", "height", "format", "token", "download_url", "expires_at")
        row.delivery = {key: data[key] for key in keep}
        row.upsampler_id, row.credits = data.get("upsampler_id") or row.upsampler_id, data.get("credits") or row.credits
        return {"data": {"mail": self._mail(row, "delivered")}}

    def _failed(self, data: dict[str, Any]) -> dict[str, Any]:
        row = self._attempt(data)
        if isinstance(row, dict):
            return row
        if row.state == "refunded":
            return _outcome("refunded")
        if row.state == "delivered":
            return _refused("settled")
        if row.state == "review" and row.reason == "stopped":
            return _refused("cancelled")
        if row.state == "refunding":
            return (
                _outcome("review", due=True) if self._give_up_refund(row) else {"status": "failed", "reason": "refund"}
            )
        untried = (row.job_id, 0, "refund") not in self.effects
        if data["refund"] == "yes" and untried and any(other.downloaded for other in self.rows[row.job_id]):
            return self._refund_due(row)
        if data["refund"] == "yes":
            return self._refund(row, data["reason"])
        self._move(row, "review", reason=data["reason"], event="review")
        self._mail(row, "review")
        return _outcome("review")

    def _message(self, data: dict[str, Any]) -> dict[str, Any]:
        row = self._attempt(data)
        return row if isinstance(row, dict) else {"data": {"mail": self._mail(row, f"message:{data['key']}")}}

    def _downloaded(self, data: dict[str, Any]) -> dict[str, Any]:
        for row in self.rows.get(data["job_id"], ()):
            if row.attempt == data["attempt"]:
                row.downloaded = True
                return {}
        return _refused("unknown_job")

    def _notice(self, data: dict[str, Any]) -> dict[str, Any]:
        self.notices.append(data)
        return {}

    def _rerun(self, data: dict[str, Any]) -> dict[str, Any]:
        if data["job_id"] not in self.rows:
            return _refused("unknown_job")
        try:
            return {"data": {"attempt": self.rerun(data["job_id"], force=data["force"])["attempt"]}}
        except CallerError as error:
            return _refused(error.code)

    def _stop(self, data: dict[str, Any]) -> dict[str, Any]:
        if data["job_id"] not in self.rows:
            return _refused("unknown_job")
        try:
            self.stop(data["job_id"])
        except CallerError as error:
            return _refused(error.code)
        return {}

    def _unfinished(self, data: dict[str, Any]) -> dict[str, Any]:
        after = data.get("after") or 0
        if not after:
            for job_id in sorted(self.bought.keys() - self.rows.keys()):
                self._open(job_id, 1)
            for rows in self.rows.values():
                if rows[-1].state == "refunding":
                    self._give_up_refund(rows[-1])
        rows = sorted((r[-1] for r in self.rows.values() if not r[-1].settled and r[-1].id > after), key=lambda r: r.id)
        page = rows[: data["limit"]]
        answer = {"jobs": list(map(self._record, page)), "next": page[-1].id if len(rows) > len(page) else None}
        return {"data": answer if after else {**answer, "ended": self._ended()}}

    def _ended(self) -> list[dict[str, Any]]:
        """What the shop has ended by itself: its `job.cancel` may have been lost."""
        newest = [rows[-1] for rows in self.rows.values()]
        told = []
        for row in newest:
            by_shop = row.state == "refunded" or row.revoked or (row.state == "review" and row.reason == "stopped")
            if by_shop or (row.settled and row.attempt > 1):
                facts = {"job_id": row.job_id, "attempt": row.attempt, "state": row.state, "by_shop": by_shop}
                told.append(facts)
        return told

    def _lookup(self, data: dict[str, Any]) -> dict[str, Any]:
        return {"data": {"jobs": [self._record(self.newest(id)) for id in data["job_ids"] if id in self.rows]}}

    def _status(self, data: dict[str, Any]) -> dict[str, Any]:
        return {
            "data": {
                "site": self.site,
                "version": "0",
                "time": rfc3339(self.clock()),
                "connected": True,
                "paused": False,
                "cdn": self.cdn,
            }
        }

    def _address(self, data: dict[str, Any]) -> dict[str, Any]:
        return {"data": {"url": "http://127.0.0.1:8321"}}  # it is connected, and keeps the address that it knows

    def _record(self, row: Row) -> dict[str, Any]:
        data = self.paid_data(row.job_id)
        return data | {
            "state": row.state,
            "submission": row.submission,
            "upsampler_id": row.upsampler_id,
            "credits": row.credits,
            "age": max(0, int(self.clock()) - parse_rfc3339(data["paid_at"])),
            "updated_age": max(0, int(self.clock() - row.updated_at)),
            "reason": row.reason,
            "delivery": row.delivery and {**row.delivery, "revoked": row.revoked},
            **({} if self.of_before else {"deliveries": self._deliveries(row.job_id)}),
        }

    def _deliveries(self, job_id: str) -> list[dict[str, Any]]:
        return [
            {name: value for name, value in row.delivery.items() if name not in ("token", "download_url")}
            | {"attempt": row.attempt, "revoked": row.revoked or row.state != "delivered"}
            | {"link": hashlib.sha256(row.delivery["token"].encode()).hexdigest()}
            for row in self.rows[job_id]
            if row.delivery
        ]

    # ------------------------------------------------------------------ ledger and effects
    def _open(self, job_id: str, attempt: int, *, rerun: bool = False, force: bool = False) -> None:
        self._ids += 1
        now = self.clock()
        row = Row(self._ids, job_id, attempt, rerun=rerun, force=force, created_at=now, updated_at=now, stage_since=now)
        self.rows.setdefault(job_id, []).append(row)

    def _move(self, row: Row, to: str, *, forced: bool = False, **changes: Any) -> bool:
        if not (forced or may_go(row.state, to)):
            return False
        if PHASES[row.state] != PHASES[to]:
            row.stage_since = self.clock()
        row.state, row.updated_at = to, self.clock()
        for name, value in changes.items():
            setattr(row, name, value)
        return True

    def _mail(self, row: Row, kind: str) -> str:
        key = (row.job_id, row.attempt, f"mail:{kind}")
        if key in self.effects:
            return "already"
        self.effects[key] = (self.clock(), "done")
        if not self.bought[row.job_id].email:
            return "no_address"
        self.mails.append((row.job_id, row.attempt, kind))
        return "sent"

    def _refund(self, row: Row, reason: str) -> dict[str, Any]:
        key = (row.job_id, 0, "refund")
        if key in self.effects:  # the payment's one refund has been tried before: the record decides
            return self._refunded(row) if self.effects[key][1] == "refunded" else self._refund_due(row)
        self.effects[key] = (self.clock(), None)
        self._move(row, "refunding", reason=reason, event="refunding")
        if self.refunding == "dies":
            raise Died
        if self.refunding == "fails":
            self.effects[key] = (self.effects[key][0], "failed")
            return self._refund_due(row)
        self.refunds.append(row.job_id)
        self.effects[key] = (self.effects[key][0], "refunded")
        answer = self._refunded(row)
        self._mail(row, "refunded")
        return answer

    def _refunded(self, row: Row) -> dict[str, Any]:
        self._move(row, "refunded", event="refunded", forced=True)
        row.revoked = row.delivery is not None
        return _outcome("refunded")

    def _refund_due(self, row: Row) -> dict[str, Any]:
        self._move(row, "review", reason="refund_due", event="refund_due", forced=True)
        self._mail(row, "review")
        return _outcome("review", due=True)

    def _give_up_refund(self, row: Row) -> bool:
        """A refund that was cut off becomes "refund due" after some minutes; False: too early to say."""
        if self.clock() < self.effects[row.job_id, 0, "refund"][0] + UNKNOWN_AFTER_S:
            return False
        self._refund_due(row)
        return True

    def snapshot(self, job_id: str) -> list[Row]:
        """Copies of a job's rows, oldest first."""
        return [replace(row) for row in self.rows[job_id]]


def _refused(reason: str, **data: Any) -> dict[str, Any]:
    return {"status": "refused", "reason": reason, "data": data}


def _outcome(word: str, *, due: bool = False) -> dict[str, Any]:
    return {"data": {"outcome": word, "refund_due": due}}


_HANDLERS = {
    "job.submitting": FakeShop._submitting,
    "job.submitted": FakeShop._submitted,
    "job.progress": FakeShop._progress,
    "job.delivered": FakeShop._delivered,
    "job.failed": FakeShop._failed,
    "job.downloaded": FakeShop._downloaded,
    "job.message": FakeShop._message,
    "job.rerun": FakeShop._rerun,
    "job.stop": FakeShop._stop,
    "admin.notice": FakeShop._notice,
    "jobs.unfinished": FakeShop._unfinished,
    "jobs.lookup": FakeShop._lookup,
    "status": FakeShop._status,
    "sidecar.address": FakeShop._address,
}
