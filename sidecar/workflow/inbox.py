"""Workflow: what a message from the bridge leads to. A function for each type; each may be called again and again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..core.errors import CallerError, ConfigurationError, SidecarError
from ..core.messages import Message, rfc3339
from ..core.tokens import DownloadGrant
from ..core.version import VERSION
from . import admission, holds, reconcile
from .brief_wait import BriefWait
from .ports import Ports
from .time_limits import ROUND_TRIP_S

QUESTIONS = frozenset({"status"})
_round_trips = BriefWait(
    "round_trip", at_once=2, code="shop_unavailable", busy="the shop answers none of two questions"
)

STORED = {"stored": True}
STORED_AND_ASKS = {"stored": True, "asks": True}  # the shop need not write down that we have it: our question says so


def handle(ports: Ports, message: Message) -> dict[str, Any]:
    """The answer to an authentic message whose data fits its schema. Raises CallerError for what can't be done;
    SidecarError when the shop, or the files, are needed for it and away."""
    return _HANDLERS[message.type](ports, message.data)


def paid(ports: Ports, message: Message) -> dict[str, Any]:
    """`job.paid`, which a shop in a rush waits for: answered before, done and remembered in one round trip. What is
    remembered of it, also from when it came before."""
    stored, asks = remembered(message, STORED, 200), remembered(message, STORED_AND_ASKS, 200)
    return admission.begin(ports, message.data, message.id, stored=stored, asks=asks) or stored


def remembered(message: Message, answer: dict[str, Any], status: int) -> dict[str, Any]:
    """What is kept of a message and its answer: {"body": its SHA-256, "answer", "status": HTTP's}. A question is
    answered once, and its answer not kept: it would be an old one."""
    kept = {} if message.type in QUESTIONS else {"answer": answer, "status": status}
    return {"body": message.body_sha256, **kept}


def _job_cancel(ports: Ports, data: dict[str, Any]) -> dict[str, Any]:
    """The ledger has settled the job already; working memory follows, and whoever works on it writes nothing more."""
    job_id, attempt = data["job_id"], data["attempt"]
    changes = {"revoked": 1, "refund_decision": "", "reason": f"cancelled_{data['reason']}"}
    ended = {"state": "refunded" if data["reason"] == "refunded" else "review"}
    stays = data["reason"] == "stopped" and ports.store.change(
        job_id, attempt, ("delivered",), changes, due_at=None, settled=True
    )
    if not stays:  # what was delivered and is stopped loses its link only
        ports.store.change(job_id, attempt, (), {**changes, **ended}, due_at=None, settled=True)
    ports.store.free_slot(job_id)
    ports.log("job.cancelled", "Stopped by the shop.", job_id=job_id, attempt=attempt, reason=data["reason"])
    return STORED


def _job_erase(ports: Ports, data: dict[str, Any]) -> dict[str, Any]:
    """Forget the job, and delete its files. The ledger has forgotten it before: nothing brings it back."""
    for name in ports.files.of_job(data["job_id"]):
        ports.files.remove(name)
    ports.files.discard_temps(data["job_id"])
    for path in (*ports.files.refused(data["job_id"]), *ports.copies.all(data["job_id"])):
        _unlink(path)
    ports.parts.drop(data["job_id"])
    ports.store.forget(data["job_id"])
    ports.log("job.erased", "Forgotten at the customer's wish.", job_id=data["job_id"])
    return STORED


def _unlink(path: Path) -> None:
    """An erasure that the disk refuses is to come again."""
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise ConfigurationError("folder_not_writable", f"{path}: {error.strerror}") from error


def _job_renew(ports: Ports, data: dict[str, Any]) -> dict[str, Any]:
    """Also of a job whose delivery the shop has, but could not acknowledge yet: it is told of it again."""
    job = ports.store.get(data["job_id"]) or reconcile.restore_from_ledger(ports, data["job_id"])
    may_be = job is not None and job.attempt == data["attempt"] and job.state in ("delivered", "stored")
    if job is None or not may_be or not ports.files.size(job.path):
        raise CallerError("no_file", "there is no stored file of this attempt")
    expires_at = int(ports.clock()) + data["expiry_hours"] * 3600
    token = ports.tokens.download(DownloadGrant(job.job_id, job.attempt, expires_at))
    url = ports.settings.download_address(token)
    changes = {"token": token, "expires_at": expires_at, "download_url": url, "revoked": 0}
    if not ports.store.change(job.job_id, job.attempt, ("delivered",), changes, due_at=None, settled=True):
        ports.store.change(job.job_id, job.attempt, ("stored",), changes, settled=None)
    return {"token": token, "download_url": url or None, "expires_at": rfc3339(expires_at)}


def _hold(ports: Ports, data: dict[str, Any]) -> dict[str, Any]:
    if data["held"]:
        detail = "An admin holds this stage."
        ports.store.holds.hold(data["stage"], reason="held_by_admin", detail=detail, by_admin=True)
    else:
        holds.resume(ports, data["stage"])
    return STORED


def status(ports: Ports, *, round_trip: bool = False) -> dict[str, Any]:
    """How this sidecar is (docs/contract.md, part 2); `round_trip`: and whether it reaches the shop."""
    settings = ports.settings
    return {
        "site": settings.site,
        "name": ports.store.server.name(),
        "version": VERSION,
        "sandbox": ports.settings.is_sandbox,
        "time": rfc3339(ports.clock()),
        "public_url": settings.public_url,
        "webhook_url_base": settings.webhook_address("") or "",
        "queues": ports.queue.depths(),
        "ready_seconds": {queue: round(age) for queue, age in ports.queue.ages().items()},
        "job_seconds": {state: round(age) for state, age in ports.store.oldest().items()},
        "jobs": ports.store.counts(),
        "workers": ports.queue.workers(),
        "scheduler": ports.store.heartbeats.is_alive("cron"),
        "held": {
            stage: {"reason": held["reason"], "detail": held["detail"], "since": rfc3339(held["since"])}
            for stage, held in ports.store.holds.held().items()
        },
        "shop_door": _round_trip(ports) if round_trip else None,
        "shop_away": _away(ports),
    }


def _away(ports: Ports) -> dict[str, Any] | None:
    """Why our messages do not reach the shop, in case it still reaches us."""
    away = ports.outbox.away()
    return {"error": away["reason"], "detail": away["detail"], "since": rfc3339(away["since"])} if away else None


def _round_trip(ports: Ports, *, wait_s: float = ROUND_TRIP_S) -> dict[str, Any]:
    """For an admin's page, which a shop that hangs must not hold up, nor the web thread that answers it."""
    began = ports.clock()
    try:
        _round_trips.ask(lambda: ports.shop.ask("status", {}), wait_s=wait_s)
    except SidecarError as error:
        return {"ok": False, "ms": round((ports.clock() - began) * 1000), "error": error.code, "detail": error.detail}
    return {"ok": True, "ms": round((ports.clock() - began) * 1000), "error": None, "detail": ""}


_HANDLERS: dict[str, Callable[[Ports, dict[str, Any]], dict[str, Any]]] = {
    "job.cancel": _job_cancel,
    "job.erase": _job_erase,
    "job.renew": _job_renew,
    "hold": _hold,
    "status": lambda ports, data: status(ports, round_trip=bool(data.get("round_trip"))),
}
