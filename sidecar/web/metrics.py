"""Web: figures for Prometheus, on the machine itself: a request that came through a proxy gets a 404."""

from __future__ import annotations

from collections.abc import Mapping

from flask import Blueprint, Response, abort, request

from ..adapters.metrics import exposition
from ..core.states import LANES
from .parts import ports, services

blueprint = Blueprint("metrics", __name__)
_PROXIED = ("X-Forwarded-For", "X-Forwarded-Host", "X-Real-Ip", "Forwarded")


@blueprint.get("/metrics")
def metrics() -> Response:
    """Prometheus' text format, version 0.0.4, over all machines of this site."""
    if any(name in request.headers for name in _PROXIED):
        abort(404)
    store, outbox = ports().store, ports().outbox
    gauges: dict[str, Mapping[str, float]] = {
        "jobs": store.counts(),
        "queue_depth": ports().queue.depths(),
        "ready_seconds": ports().queue.ages(),
        "job_seconds": store.oldest(),
        "messages_waiting": {lane: outbox.waiting(lane) for lane in LANES},
        "held": dict.fromkeys(("submit", "collect"), 0) | dict.fromkeys(store.holds.held(), 1),
        "workers": {"": ports().queue.workers()},
        "clock_alive": {"": int(store.heartbeats.is_alive("cron"))},
    }
    return Response(
        exposition(services().counters.read(), gauges, site=services().keys.site), mimetype="text/plain; version=0.0.4"
    )
