"""What the shop ends by itself, and whose `job.cancel` never comes: working memory follows at reconciliation."""

from __future__ import annotations

import pytest

from sidecar.core.errors import PermanentError
from sidecar.workflow import reconcile
from tests.workflow.rig import Rig


@pytest.fixture
def rig() -> Rig:
    return Rig()


@pytest.mark.parametrize("end", ["refunded_elsewhere", "stop"])
def test_a_link_dies_with_the_next_reconciliation_when_nobody_heard_of_the_end(rig: Rig, end: str) -> None:
    rig.buy()
    rig.let_pass(120)
    assert rig.job().state == "delivered" and not rig.job().revoked
    getattr(rig.shop, end)("job-1")  # the message about it is lost
    assert reconcile.reconcile(rig.ports) == {"unfinished": 0, "restored": 1}
    assert rig.job().revoked == 1
    assert rig.job().state == rig.row().state == ("refunded" if end == "refunded_elsewhere" else "delivered")
    assert reconcile.reconcile(rig.ports)["restored"] == 0, "it is told once"


@pytest.mark.parametrize("end", ["refunded_elsewhere", "stop"])
def test_work_stops_with_the_next_reconciliation_when_nobody_heard_of_the_end(rig: Rig, end: str) -> None:
    rig.webhooks = False
    rig.buy()
    rig.work()
    assert rig.job().state == "submitted"
    getattr(rig.shop, end)("job-1")
    reconcile.reconcile(rig.ports)
    assert (rig.job().state, rig.job().revoked) == (rig.row().state, 1)
    rig.let_pass(3600)
    assert rig.files.files == {}, "nothing was collected"
    assert rig.mails() == []
    assert reconcile.reconcile(rig.ports)["restored"] == 0


@pytest.mark.parametrize("end", ["refunded_elsewhere", "stop"])
def test_a_delivery_whose_answer_was_lost_ends_as_the_ledger_says(rig: Rig, end: str) -> None:
    rig.buy()

    def lose_the_answer(point: str) -> None:
        if point == "collect:stored":
            rig.shop.answers_lost = 1

    rig.crash_point = lose_the_answer
    while rig.row().state != "delivered":
        rig.let_pass(0.5)
    assert (rig.job().state, rig.row().state) == ("stored", "delivered")
    getattr(rig.shop, end)("job-1")
    reconcile.reconcile(rig.ports)
    assert (rig.job().state, rig.job().revoked) == (rig.row().state, 1)
    rig.let_pass(3600)
    assert reconcile.reconcile(rig.ports)["restored"] == 0, "it is followed once"
    assert rig.mails() == ["delivered"]


def test_a_refund_of_our_own_that_is_under_way_gets_its_answer_as_ever(rig: Rig) -> None:
    rig.sources.faults["https://shop.example/photos/job-1.png"] = PermanentError("source_gone", "404")
    rig.buy()
    while rig.job().state != "refunding":
        rig.run(rig.queue.tasks.pop(0))
    rig.shop.refunded_elsewhere("job-1")  # the provider's word is faster than our order
    assert reconcile.reconcile(rig.ports)["restored"] == 0
    rig.let_pass(60)
    assert (rig.job().state, rig.job().reason, rig.shop.refunds) == ("refunded", "source_gone", [])


def test_an_end_of_an_older_attempt_ends_nothing(rig: Rig) -> None:
    rig.buy()
    rig.let_pass(120)
    assert reconcile.follow_ends(rig.ports, [{"job_id": "job-1", "attempt": 0, "state": "refunded"}]) == 0
    assert reconcile.follow_ends(rig.ports, [{"job_id": "nobody", "attempt": 1, "state": "refunded"}]) == 0
    assert rig.job().revoked == 0


def test_a_shop_that_tells_no_ends_is_fine() -> None:
    rig = Rig()
    rig.buy()
    assert reconcile.reconcile(rig.ports) == {"unfinished": 1, "restored": 0}
