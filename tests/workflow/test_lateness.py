"""Work that nobody takes is told to the admin once, and once more when it is over."""

from __future__ import annotations

import dataclasses
from typing import Any

from sidecar.workflow import lateness
from sidecar.workflow.time_limits import READY_LIMIT_S
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


def told(rig: Rig) -> list[tuple[str, str]]:
    rig.work()
    return [(notice["kind"], notice["stage"]) for notice in rig.shop.notices]


def test_nobody_is_told_of_work_that_is_taken_in_time() -> None:
    rig, queue = aged()
    queue.seconds["collect"] = READY_LIMIT_S
    lateness.tell(rig.ports)
    assert told(rig) == []


def test_the_admin_is_told_once_and_when_it_is_over() -> None:
    rig, queue = aged()
    queue.seconds["collect"] = READY_LIMIT_S + 60
    for _ in range(5):
        lateness.tell(rig.ports)
        rig.clock.advance(60)
    assert told(rig) == [("late", "collect")]
    assert "6 minutes" in rig.shop.notices[0]["detail"]
    queue.seconds["collect"] = 1
    for _ in range(2):
        lateness.tell(rig.ports)
    assert told(rig) == [("late", "collect"), ("caught_up", "collect")]


def test_while_it_lasts_the_admin_is_told_again_after_a_day() -> None:
    rig, queue = aged()
    queue.seconds["submit"] = READY_LIMIT_S + 1
    lateness.tell(rig.ports)
    rig.work()
    rig.clock.advance(86400 + 1)
    lateness.tell(rig.ports)
    assert told(rig) == [("late", "submit")] * 2
