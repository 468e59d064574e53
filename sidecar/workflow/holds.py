"""Workflow: held stages. After a fault of ours all jobs wait, and one job at a time probes whether it is fixed."""

from __future__ import annotations

from ..core.reasons import HOLDS
from . import outbound
from .ports import Ports
from .time_limits import FIRST_PROBES_S, LAST_PROBES_S

STREAK = 5  # lost answers in a row that hold the stage


def hold(ports: Ports, stage: str, *, reason: str, detail: str) -> None:
    """Stop a stage for everybody; the admin is told once."""
    if ports.store.holds.hold(stage, reason=reason, detail=detail):
        now = ports.clock()
        ports.outbox.put("deliver", [outbound.notice("hold", stage=stage, reason=reason, detail=detail, since=now)])


def clear_after_success(ports: Ports, stage: str) -> None:
    """A job has passed the stage, which `advance` has recorded: an automatic hold and a streak end. An admin's hold
    stays."""
    if ports.store.holds.may_resume(stage):
        clear(ports, stage)


def clear(ports: Ports, stage: str) -> None:
    """End an automatic hold."""
    if ports.store.holds.resume(stage):
        _tell_over(ports, stage)


def resume(ports: Ports, stage: str) -> bool:
    """A person says that a stage may go on, whatever held it. True when something did."""
    was_held = ports.store.holds.resume(stage, by_admin=True)
    if was_held:
        _tell_over(ports, stage)
    return was_held


def _tell_over(ports: Ports, stage: str) -> None:
    now = ports.clock()
    ports.outbox.put("deliver", [outbound.notice("resume", stage=stage, reason=None, detail="", since=now)])


def admit(ports: Ports, stage: str) -> bool:
    """Whether a job may enter the stage now: it is not held, or this job is the probe."""
    held = ports.store.holds.held().get(stage)
    if held is None:
        return True
    if held["by_admin"]:
        return False
    return ports.store.holds.may_probe(stage, every_s=probe_interval(ports.clock() - held["since"]))


def reason_of(ports: Ports, stage: str) -> tuple[str, str]:
    """Why a stage is held, as a reason of which everybody knows that it holds, with its detail; "" when it is not held.
    Answers that were lost in a row mean that the way to Upsampler is broken."""
    held = ports.store.holds.held_lately().get(stage)
    if held is None:
        return "", ""
    return (held["reason"] if held["reason"] in HOLDS else "upsampler_unreachable"), held["detail"]


def probe_interval(held_for: float) -> float:
    """Seconds between two probes of a stage that has been held for so many: a tenth of it, within bounds. Each probe of
    the submit stage uses a submission number of the ledger, and there are 99 of them."""
    return min(LAST_PROBES_S, max(FIRST_PROBES_S, held_for / 10))
