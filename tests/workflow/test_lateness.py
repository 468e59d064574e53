"""Work that nobody takes is told to the admin once, and once more when it is over."""

from __future__ import annotations

import dataclasses
from typing import Any

from sidecar.cli import checks
from sidecar.core.states import MOVED_BY, QUEUES, SETTLED, STATES
from sidecar.services import Services
from sidecar.workflow import lateness
from sidecar.workflow.time_limits import JOB_LIMIT_S, READY_LIMIT_S
from tests.workflow.rig import Rig


class Aged:
    """A work queue whose oldest items are as old as the test says."""

    def __init__(self, queue: Any) -> None:
        self._queue = queue
        self.seconds: dict[str, float] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._queue, name)

    def ages(self) -> dict[str, float]:
        return self._queue.ages() | self.seconds


def aged() -> tuple[Rig, Aged]:
    rig = Rig()
    queue = Aged(rig.queue)
    rig.ports = dataclasses.replace(rig.ports, queue=queue)
    return rig, queue


def notices(rig: Rig) -> list[tuple[str, str]]:
    rig.work()
    return [(notice["kind"], notice["stage"]) for notice in rig.shop.notices]


def test_nobody_is_told_of_work_that_is_taken_in_time() -> None:
    rig, queue = aged()
    queue.seconds["collect"] = READY_LIMIT_S
    lateness.report(rig.ports)
    assert notices(rig) == []


def test_the_admin_is_told_once_and_when_it_is_over() -> None:
    rig, queue = aged()
    queue.seconds["collect"] = READY_LIMIT_S + 60
    for _ in range(5):
        lateness.report(rig.ports)
        rig.clock.advance(60)
    assert notices(rig) == [("late", "collect")]
    assert "6 minutes" in rig.shop.notices[0]["detail"]
    queue.seconds["collect"] = 1
    for _ in range(2):
        lateness.report(rig.ports)
    assert notices(rig) == [("late", "collect"), ("caught_up", "collect")]


def test_while_it_lasts_the_admin_is_told_again_after_a_day() -> None:
    rig, queue = aged()
    queue.seconds["submit"] = READY_LIMIT_S + 1
    lateness.report(rig.ports)
    rig.work()
    rig.clock.advance(86400 + 1)
    lateness.report(rig.ports)
    assert notices(rig) == [("late", "submit")] * 2


# ---------------------------------------------------------------------- jobs that get no further
def stuck() -> Rig:
    """A rig whose result does not come: there is no place for its transfer, again and again."""
    rig = Rig()
    rig.transfers.slow = rig.transfers.crowded = True
    rig.buy()
    rig.let_pass(60)
    assert rig.job().state == "enlarged"
    return rig


def test_an_order_that_gets_no_further_is_told_once_and_when_it_is_over() -> None:
    rig = stuck()
    lateness.report(rig.ports)
    rig.let_pass(JOB_LIMIT_S + 60)
    for _ in range(5):
        lateness.report(rig.ports)
        rig.let_pass(60)
    assert notices(rig) == [("late", "collect")]
    assert "enlarged for 61 minutes" in rig.shop.notices[0]["detail"]
    rig.transfers.slow = False
    rig.let_pass(60)
    lateness.report(rig.ports)
    assert notices(rig) == [("late", "collect"), ("caught_up", "collect")]


def test_work_that_waits_and_the_order_it_belongs_to_are_one_notice() -> None:
    rig = stuck()
    queue = Aged(rig.queue)
    rig.ports = dataclasses.replace(rig.ports, queue=queue)
    queue.seconds["collect"] = READY_LIMIT_S + 1
    lateness.report(rig.ports)
    rig.let_pass(JOB_LIMIT_S + 60)
    lateness.report(rig.ports)
    assert notices(rig) == [("late", "collect")]


def test_of_a_held_stage_the_admin_knows_already() -> None:
    rig = stuck()
    rig.store.holds.hold("collect", reason="disk_full", detail="no space")
    rig.let_pass(JOB_LIMIT_S + 60)
    lateness.report(rig.ports)
    assert notices(rig) == []


def test_every_state_of_a_job_on_its_way_has_its_queue() -> None:
    assert set(MOVED_BY) == set(STATES) - SETTLED
    assert set(MOVED_BY.values()) == set(QUEUES)


def test_doctor_says_it_too() -> None:
    rig = stuck()

    queue = Aged(rig.queue)
    queue.workers = lambda: 2  # type: ignore[attr-defined]
    ports = dataclasses.replace(rig.ports, queue=queue)
    services = Services(rig.settings)
    services.__dict__["ports"] = ports
    assert checks._worker(services, "Workers").ok
    rig.let_pass(JOB_LIMIT_S + 60)
    found = checks._worker(services, "Workers")
    assert not found.ok and "collect: an order has been in the state enlarged" in found.found
