"""Hints (webhooks) before, after, twice, forged; and reconciliation with the ledger."""

from __future__ import annotations

import pytest

from sidecar.core.errors import TemporaryError
from sidecar.workflow import reconcile
from sidecar.workflow.webhook import webhook_received
from tests.fakes.upsampler import Webhook
from tests.workflow.rig import Rig


def receive(rig: Rig, id: str | None = "fake-000001", *, attempt: int = 1, submission: int = 1) -> str:
    return webhook_received(rig.ports, "job-1", attempt, submission, id)


def lost_answer(rig: Rig) -> None:
    """A job of which nobody knows whether Upsampler has it; it has."""
    rig.webhooks = False
    rig.upsampler.put_faults({"fault": "submit_lost", "nth": [1]})
    rig.buy()
    rig.work()
    assert rig.job().state == "submitting" and rig.job().submit_started_at


# ---------------------------------------------------------------------- hints
def test_a_hint_is_only_a_reason_to_ask(rig: Rig) -> None:
    rig.buy()
    rig.work()
    assert receive(rig) == "asked"
    rig.work()
    assert (rig.job().state, rig.upsampler.calls[-1]) == ("submitted", ("status", "fake-000001"))


def test_a_hint_that_comes_again_after_the_end_changes_nothing(rig: Rig) -> None:
    rig.buy()
    rig.let_pass(90)
    before = rig.shop.snapshot("job-1")
    assert [receive(rig) for _ in range(3)] == ["ignored"] * 3
    rig.let_pass(90)
    assert rig.shop.snapshot("job-1") == before
    assert rig.mails() == ["delivered"]


def test_a_hint_about_another_submission_or_attempt_is_stale(rig: Rig) -> None:
    rig.buy()
    rig.work()
    assert receive(rig, submission=2) == receive(rig, attempt=2) == "stale"


def test_a_hint_finds_the_answer_that_was_lost(rig: Rig) -> None:
    lost_answer(rig)
    assert receive(rig) == "kept"
    rig.work()
    assert (rig.job().state, rig.job().upsampler_id) == ("submitted", "fake-000001")


def test_a_hint_without_an_id_finds_nothing_and_breaks_nothing(rig: Rig) -> None:
    lost_answer(rig)
    assert receive(rig, None) == "ignored"
    rig.let_pass(1000)
    assert rig.row().state == "review"


def test_a_forged_id_is_not_believed_and_the_true_one_still_counts(rig: Rig) -> None:
    lost_answer(rig)
    receive(rig, "forged-1")
    rig.work()
    assert rig.job().state == "submitting"
    rig.let_pass(100)
    assert rig.row().state == "submitting", "the wait goes on"
    receive(rig)
    rig.let_pass(60)
    assert rig.row().state == "delivered"


def test_a_late_hint_reopens_a_review_of_a_lost_answer(rig: Rig) -> None:
    lost_answer(rig)
    rig.let_pass(1000)
    assert rig.row().state == rig.job().state == "review"
    assert receive(rig) == "reopened"
    rig.let_pass(60)
    assert (rig.row().state, rig.mails()) == ("delivered", ["review", "delivered"])


def test_a_forged_late_hint_reopens_nothing_for_long(rig: Rig) -> None:
    lost_answer(rig)
    rig.let_pass(1000)
    assert receive(rig, "forged-1") == "reopened"
    rig.let_pass(60)
    assert (rig.row().state, rig.job().state, rig.mails()) == ("review", "review", ["review"])
    assert rig.row().upsampler_id is None, "the ledger never heard of the forged id"
    receive(rig)
    rig.let_pass(60)
    assert rig.row().state == "delivered"


def test_a_late_word_of_a_silent_upsampler_reopens_the_review(rig: Rig) -> None:
    rig.upsampler.delay = 1200
    rig.buy()
    rig.let_pass(1100)
    assert (rig.row().state, rig.row().reason) == ("review", "upsampler_silent")
    rig.let_pass(300)  # the webhook comes
    assert (rig.row().state, rig.mails()) == ("delivered", ["review", "delivered"])


@pytest.mark.parametrize("text", ["Content policy"])
def test_a_refunded_job_is_not_reopened(rig: Rig, text: str) -> None:
    rig.upsampler.put_faults({"fault": "processing_failed", "params": {"text": text}})
    rig.buy()
    rig.let_pass(120)
    assert rig.row().state == "refunded"
    assert receive(rig) == "ignored"


def test_a_stopped_job_is_not_reopened(rig: Rig) -> None:
    rig.buy()
    rig.work()
    rig.push("job.cancel", rig.shop.stop("job-1"))
    assert receive(rig) == "ignored"
    rig.let_pass(300)
    assert rig.row().state == "review"


def test_a_review_of_a_bad_result_is_not_reopened_by_the_next_webhook(rig: Rig) -> None:
    rig.upsampler.put_faults({"fault": "result_corrupt"})
    rig.buy()
    rig.let_pass(3600)
    assert rig.row().state == "review"
    assert receive(rig, "fake-000002", submission=2) == "ignored"


def test_a_hint_for_a_job_that_memory_has_lost_brings_it_back(rig: Rig) -> None:
    rig.buy()
    rig.work()
    rig.flush_all()
    rig.clock.advance(60)
    (webhook,) = rig.upsampler.take_webhooks()
    assert rig.post(webhook) == "unknown"
    rig.work()
    assert rig.row().state == "delivered"


def test_a_hint_for_a_lost_job_is_kept_while_the_shop_is_away(rig: Rig) -> None:
    lost_answer(rig)
    rig.flush_all()
    rig.shop.away = TemporaryError("shop_unavailable", "connection refused")
    assert receive(rig) == "unknown"
    rig.queue.task("watch", "retry_webhook", "job-1", 1, 1, "")
    rig.work()  # raises nothing: a shop that is away is no fault of ours
    assert [fields["level"] for event, fields in rig.events if event == "ledger.unasked"] == ["warning"]
    rig.shop.away = None
    rig.let_pass(200, sweeping=True)
    assert rig.row().state == "delivered"


def test_a_hint_for_a_job_that_nobody_knows_leads_to_nothing(rig: Rig) -> None:
    token = rig.tokens.webhook("nobody", 1, 1)
    rig.post(Webhook(0, f"https://shop.example/smi/webhooks/upsampler/{token}", b'{"id": "u-1"}', "u-1"))
    rig.work()
    assert rig.store.get("nobody") is None


# ---------------------------------------------------------------------- reconciliation
def bring_to(rig: Rig, state: str) -> None:
    """A job whose ledger row is in `state`, as the pipeline brings it there."""
    if state in ("review", "refunded"):
        rig.upsampler.put_faults(
            {"fault": "processing_failed", "params": {"text": "Content policy"}}
            if state == "refunded"
            else {"fault": "processing_stuck"}
        )
    if state == "enlarged":
        rig.upsampler.put_faults({"fault": "result_corrupt", "count": 1})
    rig.buy()
    if state == "paid":
        return
    if state == "submitting":
        rig.run(rig.queue.tasks.pop(0))
    elif state == "submitted":
        rig.work()
    elif state == "enlarged":
        rig.let_pass(60)
    else:
        rig.let_pass(1000)
    assert rig.row().state == state


@pytest.mark.parametrize("state", ["paid", "submitted", "enlarged"])
def test_a_loss_of_memory_costs_an_unfinished_job_nothing(rig: Rig, state: str) -> None:
    bring_to(rig, state)
    rig.flush_all()
    rig.let_pass(300, sweeping=True)
    assert (rig.row().state, rig.mails(), len(rig.upsampler.accepted)) == ("delivered", ["delivered"], 1)
    assert rig.job().state == "delivered"


def test_a_loss_of_memory_between_go_and_answer_waits_for_the_webhook_then_for_a_person(rig: Rig) -> None:
    bring_to(rig, "submitting")
    rig.flush_all()
    rig.let_pass(850, sweeping=True)
    assert rig.row().state == "submitting"
    rig.let_pass(200, sweeping=True)
    assert (rig.row().state, rig.row().reason) == ("review", "submit_outcome_unknown")
    assert rig.upsampler.accepted == []


@pytest.mark.parametrize("state", ["delivered", "refunded", "review"])
def test_a_settled_job_stays_settled_through_a_loss_of_memory(rig: Rig, state: str) -> None:
    bring_to(rig, state)
    before = rig.shop.snapshot("job-1")
    rig.flush_all()
    rig.let_pass(300, sweeping=True)
    assert rig.store.get("job-1") is None, "nobody has asked for it"
    assert rig.shop.snapshot("job-1") == before
    job = reconcile.restore_from_ledger(rig.ports, "job-1")
    assert (job.state, job.attempt) == (state, 1)
    if state == "delivered":
        delivery = rig.row().delivery
        assert (job.path, job.token, job.bytes, job.revoked) == (
            delivery["path"],
            delivery["token"],
            delivery["bytes"],
            0,
        )


@pytest.mark.parametrize("state", ["paid", "submitting", "submitted", "enlarged", "delivered", "refunded", "review"])
def test_a_repeated_payment_after_a_loss_of_memory_changes_nothing(rig: Rig, state: str) -> None:
    bring_to(rig, state)
    rig.flush_all()
    rig.push("job.paid", rig.shop.paid_data("job-1"))
    rig.let_pass(1100, sweeping=True)
    assert len(rig.upsampler.accepted) <= 1
    assert rig.mails().count("delivered") <= 1 and len(rig.shop.refunds) <= 1
    assert rig.row().settled


def test_a_payment_that_never_reached_us_is_pulled(rig: Rig) -> None:
    rig.shop.buy("job-1", in_ledger=False)
    rig.let_pass(86400)
    rig.let_pass(300, sweeping=True)
    assert (rig.row().state, rig.mails()) == ("delivered", ["delivered"])


def test_reconciliation_goes_through_all_pages(rig: Rig) -> None:
    for number in range(2 * reconcile.PAGE + 50):
        rig.shop.buy(f"job-{number}")
    seen = []
    report = reconcile.reconcile(rig.ports, progress=seen.append)
    assert report == {"unfinished": 2 * reconcile.PAGE + 50, "restored": 2 * reconcile.PAGE + 50}
    assert seen == [reconcile.PAGE, 2 * reconcile.PAGE, 2 * reconcile.PAGE + 50]
    assert reconcile.reconcile(rig.ports) == {"unfinished": 2 * reconcile.PAGE + 50, "restored": 0}


def test_a_refund_that_the_ledger_began_is_asked_after(rig: Rig) -> None:
    rig.shop.refunding = "dies"
    rig.upsampler.put_faults({"fault": "processing_failed", "params": {"text": "Content policy"}})
    rig.buy()
    rig.let_pass(70)
    assert rig.row().state == "refunding"
    rig.flush_all()
    rig.let_pass(1000, sweeping=True)
    assert (rig.row().state, rig.row().reason, rig.shop.refunds) == ("review", "refund_due", [])


def test_a_newer_attempt_in_the_ledger_replaces_the_older_in_memory(rig: Rig) -> None:
    bring_to(rig, "review")
    rig.shop.rerun("job-1")  # and the push is lost
    rig.upsampler.put_faults()
    rig.let_pass(300, sweeping=True)
    assert (rig.row().attempt, rig.row().state, rig.job().attempt) == (2, "delivered", 2)


@pytest.mark.parametrize("state", ["delivered", "refunded", "review"])
def test_a_ledger_that_was_put_back_from_a_backup_is_told_again(rig: Rig, state: str) -> None:
    bring_to(rig, state)
    rig.row().state = "submitted"
    rig.let_pass(120, sweeping=True)
    assert rig.row().state == state
    assert len(rig.mails()) == 1 and len(rig.shop.refunds) <= 1


def test_a_lost_slot_comes_back_with_reconciliation() -> None:
    rig = Rig(slots=1)
    rig.store.occupy_slot("a-job-of-a-dead-worker")
    rig.buy()
    rig.let_pass(200)
    assert rig.upsampler.calls == []
    reconcile.reconcile(rig.ports)
    rig.let_pass(200)
    assert rig.row().state == "delivered"


def test_jobs_that_are_at_upsampler_occupy_their_slots_after_a_loss_of_memory() -> None:
    rig = Rig(slots=2)
    rig.upsampler.delay = 400
    for number in (1, 2, 3):
        rig.buy(f"job-{number}")
    rig.work()
    assert len(rig.upsampler.accepted) == 2
    rig.flush_all()
    rig.let_pass(200, sweeping=True)
    assert len(rig.upsampler.accepted) == 2
    rig.let_pass(1000, sweeping=True)
    assert all(rig.row(f"job-{number}").state == "delivered" for number in (1, 2, 3))


def test_a_record_without_an_id_is_treated_as_unknown_whatever_its_state(rig: Rig) -> None:
    bring_to(rig, "submitted")
    rig.row().upsampler_id = None
    rig.flush_all()
    rig.webhooks = False
    rig.let_pass(1100, sweeping=True)
    assert (rig.row().state, rig.row().reason) == ("review", "submit_outcome_unknown")
    assert len(rig.upsampler.accepted) == 1
