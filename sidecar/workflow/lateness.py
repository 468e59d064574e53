"""Workflow: past due work. Depth does not tell: a long queue may move, a short one stand.

Two things are looked at: work that may go and that nobody takes, and jobs that do not get any further although it is
taken. Both are one notice for each queue: the admin is told once, and again when it is over. A stage that is held is
none of this: he knows. `readyz` has the first limit for whoever watches machines.
"""

from __future__ import annotations

from collections.abc import Mapping

from ..core.states import MOVED_BY
from . import outbound
from .ports import Ports
from .recovery.apply import HELD_STAGE
from .time_limits import JOB_LIMIT_S, LATE_REPEAT_S, READY_LIMIT_S


def report(ports: Ports) -> None:
    """Look at each queue; for the clock, once a minute."""
    ages = ports.queue.ages()
    late_now = _late(ports, ages)
    intervals = {queue: f"late:{queue}" for queue in ages}
    if not late_now and not ports.store.heartbeats.is_any_running(intervals.values()):
        return  # as nearly always
    for queue in ages:
        if queue in late_now:
            if ports.store.heartbeats.acquire_interval(intervals[queue], every_s=LATE_REPEAT_S):
                seconds, words = late_now[queue]
                _put(ports, "late", queue, words, ports.clock() - seconds)
        elif ports.store.heartbeats.release_interval(intervals[queue]):
            _put(ports, "caught_up", queue, "", ports.clock())


def late(ports: Ports) -> dict[str, tuple[float, str]]:
    """Queue -> for how many seconds, and what that is in words."""
    return _late(ports, ports.queue.ages())


def _late(ports: Ports, ages: Mapping[str, float]) -> dict[str, tuple[float, str]]:
    held = ports.store.holds.held()
    found: dict[str, tuple[float, str]] = {}
    for state, seconds in ports.store.oldest().items():
        queue = MOVED_BY[state]
        most = JOB_LIMIT_S + (ports.settings.watch_limit_s if queue == "watch" else 0)
        if seconds > max(most, found.get(queue, (0, ""))[0]) and HELD_STAGE.get(queue) not in held:
            found[queue] = seconds, f"an order has been in the state {state} for {seconds / 60:.0f} minutes"
    for queue, seconds in ages.items():
        if seconds > READY_LIMIT_S:
            found[queue] = seconds, f"work that may go has waited for {seconds / 60:.0f} minutes"
    return found


def _put(ports: Ports, kind: str, queue: str, detail: str, since: float) -> None:
    ports.outbox.put("settle", [outbound.notice(kind, stage=queue, reason=None, detail=detail, since=since)])
