"""Face: probes. `/healthz`: this process runs. `/readyz`: the whole can do its work."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify

from ..core.errors import SidecarError
from ..workflow.time_limits import READY_LIMIT_S
from .parts import ports

blueprint = Blueprint("health", __name__)


@blueprint.get("/healthz")
def healthz() -> Response:
    return jsonify(ok=True)


@blueprint.get("/readyz")
def readyz() -> tuple[Response, int]:
    """200, or 503 with {"faults": part -> sentence}: without Redis, workers or the clock, with a Redis that may throw
    data away, or work that nobody takes."""
    faults = {}
    try:
        ports().store.server.ping()
        if not ports().store.heartbeats.is_alive("cron"):
            faults["cron"] = "no heartbeat of the cron process in the last 15 s"
        if ports().queue.workers() == 0:
            faults["worker"] = "no worker is registered"
        for queue, seconds in ports().queue.ages().items():
            if seconds > READY_LIMIT_S:
                faults[queue] = f"work that may go has waited for {seconds:.0f} s"
        policy = ports().store.server.eviction_policy()
        if policy not in ("noeviction", ""):
            faults["redis"] = f"maxmemory-policy is {policy}: set it to noeviction, or jobs may be evicted"
    except SidecarError as error:
        faults["redis"] = error.detail
    return jsonify(ok=not faults, faults=faults), 503 if faults else 200
