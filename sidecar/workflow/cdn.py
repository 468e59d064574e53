"""Workflow: whether the CDN delivers. Looked at by the clock, so that no customer's request waits to find out."""

from __future__ import annotations

from ..core.errors import ConfigurationError
from .ports import Ports
from .time_limits import CDN_ALIVE_S, CDN_TOLD_EVERY_S

HEARTBEAT = "cdn"


def probe(ports: Ports) -> None:
    """One look. A CDN that is silent for CDN_ALIVE_S is taken for dead."""
    if ports.cdn is None:
        return
    try:
        why = ports.cdn.probe()
    except ConfigurationError as error:
        why = error.detail
    was_alive = is_alive(ports)
    if not why:
        ports.store.heartbeats.record(HEARTBEAT, ttl_s=CDN_ALIVE_S)
        if not was_alive:
            ports.store.heartbeats.release_interval("cdn.away")
            ports.log("cdn.reached", "The CDN delivers: downloads are sent there.")
    elif ports.store.heartbeats.acquire_interval("cdn.away", every_s=CDN_TOLD_EVERY_S):
        ports.log(
            "cdn.away", "The CDN does not deliver: the sidecar sends the files itself.", level="warning", detail=why
        )


def is_alive(ports: Ports) -> bool:
    """Whether it has delivered lately. Without a look, it has not."""
    return ports.store.heartbeats.is_alive(HEARTBEAT)
