"""Workflow: work that may go and that nobody takes. Depth does not tell: a long queue may move, a short one stand.

The admin is told once, and again when it is over: `readyz` has the same limit for whoever watches machines.
"""

from __future__ import annotations

from . import outbound
from .ports import Ports
from .time_limits import LATE_TOLD_S, READY_LIMIT_S


def tell(ports: Ports) -> None:
    """Look at each queue; for the clock, once a minute."""
    for queue, seconds in ports.queue.ages().items():
        told = f"late:{queue}"
        if seconds > READY_LIMIT_S:
            if ports.store.heartbeats.acquire_interval(told, every_s=LATE_TOLD_S):
                minutes = f"work that may go has waited for {seconds / 60:.0f} minutes"
                _put(ports, "late", queue, minutes, ports.clock() - seconds)
        elif ports.store.heartbeats.release_interval(told):
            _put(ports, "caught_up", queue, "", ports.clock())


def _put(ports: Ports, kind: str, queue: str, detail: str, since: float) -> None:
    ports.outbox.put("settle", [outbound.notice(kind, stage=queue, reason=None, detail=detail, since=since)])
