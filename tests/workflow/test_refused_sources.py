"""A wall in front of the shop's pictures: nobody is refunded by itself, and what it lets through again goes on."""

from __future__ import annotations

from sidecar.core.errors import PermanentError
from tests.workflow.rig import Rig

WALL = PermanentError("source_refused", "cdn.example answers HTTP 403")


def behind_a_wall(rig: Rig) -> str:
    url = rig.shop.bought[rig.buy()].source["url"]
    rig.sources.faults[url] = WALL
    return url


def test_a_source_behind_a_wall_is_tried_three_times_and_then_a_persons() -> None:
    rig = Rig()
    behind_a_wall(rig)
    rig.let_pass(1200)
    assert rig.actions() == ["source_refused → retry"] * 3 + ["source_refused → review"]
    assert (rig.row().state, rig.row().reason, rig.shop.refunds) == ("review", "source_refused", [])
    assert rig.mails() == ["review"]


def test_a_wall_that_falls_meanwhile_is_forgotten() -> None:
    rig = Rig()
    url = behind_a_wall(rig)
    rig.tick()
    del rig.sources.faults[url]
    rig.let_pass(600)
    assert (rig.row().state, rig.actions()) == ("delivered", ["source_refused → retry"])


def test_a_person_who_lets_the_sidecar_pass_retries_and_the_order_is_delivered() -> None:
    rig = Rig()
    url = behind_a_wall(rig)
    rig.let_pass(1200)
    del rig.sources.faults[url]
    rig.push("job.paid", rig.shop.rerun("job-1"))
    rig.let_pass(600)
    assert rig.row().state == "delivered"
