"""Web: probes. `/healthz`: this process runs. `/readyz`: the whole can do its work."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify

from ..core.errors import SidecarError
from ..workflow import lateness
from .parts import ports

blueprint = Blueprint("health", __name__)


@blueprint.get("/healthz")
def healthz() -> Response:
    return jsonify(ok=True)


@blueprint.get("/readyz")
def readyz() -> tuple[Response, int]:
    """200, or 503 with {"faults": part -> sentence}: without Redis, workers or the clock, with a Redis that may throw
    data away, work that nobody takes, or an order that gets no further."""
    faults = {}
    try:
        ports().store.server.ping()
        if not ports().store.heartbeats.is_alive("cron"):
            faults["cron"] = "no heartbeat of the cron process in the last 15 s"
        if ports().queue.workers() == 0:
            faults["worker"] = "no worker is registered"
        faults |= {queue: words for queue, (_, words) in lateness.late(ports()).items()}
        policy = ports().store.server.eviction_policy()
        if policy not in ("noeviction", ""):
            faults["redis"] = f"maxmemory-policy is {policy}: set it to noeviction, or jobs may be evicted"
    except SidecarError as error:
        faults["redis"] = error.detail
    return jsonify(ok=not faults, faults=faults), 503 if faults else 200
