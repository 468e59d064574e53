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


@pytest.mark.parametrize("end", ["delivered", "stop", "refunded_elsewhere"])
def test_the_link_of_a_later_attempt_lives_until_the_shop_ends_it(rig: Rig, end: str) -> None:
    """Ends of later attempts are told whoever has ended them: a Redis with an old snapshot knows the attempt before."""
    rig.buy()
    rig.let_pass(120)
    rig.push("job.paid", rig.shop.rerun("job-1", force=True))
    rig.let_pass(120)
    assert (rig.job().state, rig.job().attempt) == ("delivered", 2)
    assert reconcile.reconcile(rig.ports)["restored"] == 0
    if end != "delivered":
        getattr(rig.shop, end)("job-1")
        assert reconcile.reconcile(rig.ports)["restored"] == 1
    assert rig.job().revoked == (end != "delivered")


def test_a_late_word_that_has_reopened_a_later_attempt_is_not_ended_over_it(rig: Rig) -> None:
    rig.buy()
    rig.let_pass(120)
    rig.webhooks = False
    rig.upsampler.put_faults({"fault": "submit_lost"})
    rig.push("job.paid", rig.shop.rerun("job-1", force=True))
    rig.let_pass(1100)
    assert (rig.row().state, rig.row().reason) == ("review", "submit_outcome_unknown")
    rig.store.change("job-1", 2, ("review",), {"state": "submitting", "refund_decision": ""}, due_at=rig.clock())
    assert reconcile.reconcile(rig.ports)["restored"] == 0
    assert (rig.job().state, rig.job().revoked) == ("submitting", 0)


@pytest.mark.parametrize(("attempt", "state", "dead"), [(2, "delivered", 0), (2, "refunded", 1), (1, "delivered", 1)])
def test_a_bridge_of_before_does_not_say_who_has_ended_an_attempt(
    rig: Rig, attempt: int, state: str, dead: int
) -> None:
    rig.buy()
    rig.let_pass(120)
    if attempt == 2:
        rig.push("job.paid", rig.shop.rerun("job-1", force=True))
        rig.let_pass(120)
    reconcile.follow_ends(rig.ports, [{"job_id": "job-1", "attempt": attempt, "state": state}])
    assert rig.job().revoked == dead


def test_a_shop_that_tells_no_ends_is_fine() -> None:
    rig = Rig()
    rig.buy()
    assert reconcile.reconcile(rig.ports) == {"unfinished": 1, "restored": 0}
