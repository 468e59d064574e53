"""The outbox sender and the shop replies: messages to the shop, its answers, its absences."""

from __future__ import annotations

from pathlib import Path

import pytest

from sidecar.adapters.files import ResultFiles
from sidecar.core.errors import ConfigurationError, TemporaryError
from sidecar.core.job import Job
from sidecar.core.messages import parse_rfc3339
from sidecar.workflow import delivery, outbound, outbox_sender
from tests.workflow.rig import Rig

HOUR = 3600


def away(rig: Rig, code: str = "shop_unavailable", retry_after: float | None = None) -> None:
    rig.shop.away = TemporaryError(code, "connection refused", retry_after=retry_after)


# ---------------------------------------------------------------------- the shop is away
@pytest.mark.parametrize("hours", [1, 75, 200])
def test_a_shop_that_was_away_for_days_gets_everything_and_the_customer_a_fresh_link(rig: Rig, hours: int) -> None:
    rig.buy()
    rig.work()
    away(rig)
    rig.let_pass(hours * HOUR)
    assert rig.job().state == "stored"
    rig.shop.away = None
    rig.let_pass(600)
    assert (rig.row().state, rig.mails()) == ("delivered", ["delivered"])
    lives = parse_rfc3339(rig.row().delivery["expires_at"]) - rig.clock()
    assert lives > 21 * HOUR, "the customer's day begins when he hears of it"
    assert rig.job().state == "delivered"


def test_a_link_that_is_made_anew_while_the_lane_is_being_read_goes_out_new(rig: Rig) -> None:
    """The scheduler offers an old delivery again in the moment in which a sender has read the old message."""
    rig.buy()
    rig.work()
    away(rig)
    rig.let_pass(HOUR)
    rig.shop.away = None
    rig.clock.advance(4 * HOUR)  # nobody works meanwhile
    ready, get_many = rig.outbox.ready, rig.store.get_many

    def read_late(job_ids: list[str]) -> dict[str, Job]:
        rig.store.get_many = get_many
        delivery.deliver_again(rig.ports, rig.job())
        return get_many(job_ids)

    rig.store.get_many = read_late
    old = ready("deliver", limit=9)[-1]["data"]["token"]
    outbox_sender.run(rig.ports, "deliver")
    assert rig.row().delivery["token"] == rig.job().token != old


def test_a_shop_that_is_away_is_not_hammered(rig: Rig) -> None:
    away(rig)
    for number in range(20):
        rig.buy(f"job-{number}")
    rig.let_pass(HOUR)
    assert 15 <= rig.shop.requests <= 40, rig.shop.requests
    before = rig.shop.requests
    rig.let_pass(10 * HOUR)
    assert rig.shop.requests - before <= 10 * HOUR / 140


def test_a_shop_that_asks_for_time_gets_it(rig: Rig) -> None:
    away(rig, retry_after=500)
    rig.buy()
    rig.let_pass(499)
    assert rig.shop.requests == 1


def test_the_backoff_begins_anew_after_a_success(rig: Rig) -> None:
    away(rig)
    rig.buy()
    rig.let_pass(HOUR)
    rig.shop.away = None
    rig.let_pass(600)
    assert rig.outbox.failures("deliver") == 0


def test_a_lost_answer_is_asked_for_again_and_mails_nobody_twice(rig: Rig) -> None:
    rig.buy()
    for _ in range(5):
        rig.shop.answers_lost = 1
        rig.let_pass(60)
    rig.let_pass(600)
    assert (rig.row().state, rig.mails(), len(rig.upsampler.accepted)) == ("delivered", ["delivered"], 1)


@pytest.mark.parametrize("refund", ["works", "fails"])
def test_a_lost_answer_to_a_refund_refunds_once(rig: Rig, refund: str) -> None:
    rig.shop.refunding = refund
    rig.upsampler.put_faults({"fault": "processing_failed", "params": {"text": "Content policy"}})
    rig.buy()
    rig.let_pass(59)
    rig.shop.answers_lost = 3
    rig.let_pass(HOUR)
    assert rig.shop.refunds == (["job-1"] if refund == "works" else [])
    assert rig.row().state == rig.job().state == ("refunded" if refund == "works" else "review")


def test_a_refund_in_which_the_shop_dies_ends_with_a_person(rig: Rig) -> None:
    rig.shop.refunding = "dies"
    rig.upsampler.put_faults({"fault": "processing_failed", "params": {"text": "Content policy"}})
    rig.buy()
    rig.let_pass(HOUR)
    assert (rig.row().state, rig.row().reason, rig.shop.refunds) == ("review", "refund_due", [])
    assert rig.job().state == "review"


def test_a_message_that_failed_for_a_passing_reason_comes_again(rig: Rig) -> None:
    rig.shop.failing = 6
    rig.buy()
    rig.let_pass(400)
    assert (rig.row().state, rig.mails()) == ("delivered", ["delivered"])


def test_a_delivery_that_the_shop_cannot_take_yet_is_told_as_stored(rig: Rig) -> None:
    rig.buy()
    rig.upsampler.delay = 10
    rig.let_pass(5)
    rig.shop.refuse_deliveries = True
    rig.let_pass(40)
    assert rig.row().state == "stored"
    rig.shop.refuse_deliveries = False
    rig.let_pass(60)
    assert (rig.row().state, rig.mails()) == ("delivered", ["delivered"])


# ---------------------------------------------------------------------- order and company
def test_messages_that_are_ready_travel_together(rig: Rig) -> None:
    for number in range(30):
        rig.buy(f"job-{number}")
    rig.work()
    assert rig.shop.requests <= 3
    assert len(rig.shop.let_through) == 30


def test_one_sender_at_a_time_and_the_other_one_leaves(rig: Rig) -> None:
    rig.buy()
    token = rig.outbox.lock("deliver")
    outbox_sender.run(rig.ports, "deliver")
    assert rig.shop.requests == 0
    rig.outbox.unlock("deliver", token)
    rig.let_pass(3)
    assert rig.shop.requests > 0, "had it died, somebody would have been called all the same"


def test_a_sender_that_died_with_the_lock_holds_the_lane_up_for_seconds_only(rig: Rig) -> None:
    rig.buy()

    def die(point: str) -> None:
        if point == "flush:deliver:answered":
            raise SystemExit

    rig.crash_point = die
    real_unlock = rig.outbox.unlock
    rig.outbox.unlock = lambda lane, token: None  # SIGKILL runs no finally
    with pytest.raises(SystemExit):
        rig.work()
    rig.crash_point, rig.outbox.unlock = lambda point: None, real_unlock
    rig.let_pass(15)
    assert rig.upsampler.calls, "within 15 seconds the job is on its way again"
    assert len(rig.shop.let_through) == 1


def test_messages_that_come_while_a_flush_is_under_way_are_not_forgotten(rig: Rig) -> None:
    rig.buy()
    real = rig.shop.send

    def send(messages: list) -> list:
        if "job-2" not in rig.shop.rows:
            rig.buy("job-2")
        return real(messages)

    rig.shop.send = send
    rig.run(rig.queue.tasks.pop(0))
    assert [task.name for task in rig.queue.tasks if task.queue == "deliver"] == ["flush"], "the next one is called"
    rig.work()
    assert len(rig.shop.let_through) == 2


# ---------------------------------------------------------------------- what the shop refuses
def test_one_message_that_the_shop_can_not_read_does_not_stop_the_others(rig: Rig) -> None:
    bad = outbound.customer_message("job-1", 1, "k", "x")
    rig.outbox.put("deliver", [bad | {"id": "x" * 65}])
    for number in range(1, 8):
        rig.buy(f"job-{number}")
    rig.work()
    assert len(rig.shop.let_through) == 7
    rig.let_pass(300)
    assert all(rig.row(f"job-{number}").state == "delivered" for number in range(1, 8))
    assert rig.outbox.waiting("deliver") == 0


def test_a_shop_that_reads_nothing_any_more_pauses_the_lane_and_blames_no_job(rig: Rig) -> None:
    rig.shop.away = ConfigurationError("shop_refused_message", "answered 400")
    for number in range(1, 4):
        rig.buy(f"job-{number}")
    rig.let_pass(HOUR)
    assert all(rig.row(f"job-{number}").state == "paid" for number in range(1, 4))
    rig.shop.away = None
    rig.let_pass(900)
    assert all(rig.row(f"job-{number}").state == "delivered" for number in range(1, 4))


def test_what_the_shop_does_not_understand_goes_to_a_person(rig: Rig) -> None:
    rig.buy()
    rig.work()
    rig.row().submission = 7  # the ledger was put back, or worse
    rig.row().state = "paid"
    rig.store.change("job-1", 1, (), {"state": "paid", "submit_claim": "", "submission": 1}, due_at=rig.clock())
    rig.row().submission = -7
    rig.let_pass(2 * HOUR)
    assert (rig.row().state, rig.row().reason) == ("review", "shop_refused_message")


@pytest.mark.parametrize("type", ["progress", "message"])
def test_a_refused_side_remark_does_not_end_the_job(rig: Rig, type: str) -> None:
    rig.buy()
    rig.work()
    job = rig.job()
    remark = {
        "progress": outbound.progress(job, "submitted", "waiting"),
        "message": outbound.customer_message("job-1", 1, "k", "x"),
    }[type]
    remark["data"]["attempt"] = 9
    rig.outbox.put("deliver", [remark])
    rig.let_pass(120)
    assert rig.row().state == "delivered"


def test_an_answer_to_an_older_claim_is_no_go(rig: Rig) -> None:
    rig.buy()
    rig.outbox.put("deliver", [outbound.submitting(Job("job-1", 1, "paid"), 1, "0123456789abcdef")])
    rig.store.change("job-1", 1, ("paid",), {}, due_at=rig.clock() + 10_000)
    rig.work()
    assert (rig.row().state, rig.row().claim) == ("submitting", "0123456789abcdef")
    assert rig.job().state == "paid" and rig.upsampler.calls == []


def test_an_attempt_that_the_ledger_has_ended_is_forgotten_and_its_slot_freed() -> None:
    rig = Rig(slots=1)
    rig.buy()
    rig.work()
    rig.shop.stop("job-1")  # and the push of it is lost
    rig.let_pass(120)
    assert rig.store.get("job-1") is None
    assert rig.store.slot_holders() == []
    rig.buy("job-2")
    rig.let_pass(120)
    assert rig.row("job-2").state == "delivered"


# ---------------------------------------------------------------------- names of messages
def test_ids_of_messages_are_short_and_one_of_a_kind() -> None:
    job_ids = ["a" * 64, "b" + "a" * 63, "a" * 63 + "b"]
    ids = set()
    for job_id in job_ids:
        for attempt in (1, 2, 11):
            job = Job(job_id, attempt, "submitted", submission=1, upsampler_id="u", submitted_at=1)
            made = [
                outbound.submitting(job, 1, "c"),
                outbound.submitted(job),
                outbound.progress(job, "submitted", "retry"),
                outbound.progress(job, "submitted", "not_accepted"),
                outbound.failed(job, refund="yes"),
                outbound.customer_message(job_id, attempt, "k" * 64, "x"),
                outbound.customer_message(job_id, attempt, "k" * 63 + "j", "x"),
            ]
            assert all(len(message["id"]) <= 64 for message in made)
            ids |= {message["id"] for message in made}
    assert len(ids) == 3 * 3 * 7


def test_a_repeated_message_has_the_same_id() -> None:
    job = Job("a" * 64, 1, "refunding", reason="source_gone")
    assert outbound.failed(job, refund="yes")["id"] == outbound.failed(job, refund="review")["id"]


def test_a_file_that_is_deleted_before_the_shop_is_told_is_collected_again(rig: Rig) -> None:
    rig.buy()
    rig.work()
    away(rig)
    rig.let_pass(HOUR)
    assert rig.job().state == "stored"
    told = list(rig.files.files)
    rig.files.remove(rig.job().path)
    rig.shop.away = None
    rig.let_pass(900)
    assert rig.row().state == "delivered"
    assert rig.files.size(rig.row().delivery["path"]) == rig.row().delivery["bytes"]
    assert list(rig.files.files) == told
    assert (len(rig.upsampler.accepted), rig.mails()) == (1, ["delivered"])
    assert "file.gone" in [event for event, _ in rig.events]


def test_a_file_whose_half_is_missing_is_collected_again(rig: Rig) -> None:
    rig.buy()
    rig.work()
    away(rig)
    rig.let_pass(HOUR)
    rig.files.files[rig.job().path] = rig.files.files[rig.job().path][:-1]
    rig.shop.away = None
    rig.let_pass(900)
    assert rig.files.size(rig.row().delivery["path"]) == rig.row().delivery["bytes"]


def test_a_folder_that_can_not_be_looked_into_stops_no_other_message(tmp_path: Path) -> None:
    """As a share that has gone stale. The look whether a file is still there comes before the shop is told of it, and
    the question whether a submit may go out shares the lane."""
    folder = tmp_path / "smi-downloads"
    rig = Rig(files=ResultFiles(folder))
    rig.buy()
    rig.work()
    away(rig)
    rig.let_pass(HOUR)
    assert rig.job().state == "stored"
    folder.rename(tmp_path / "put-by")
    folder.symlink_to(folder.name)
    rig.shop.away = None
    rig.buy("job-2")
    rig.let_pass(900)
    assert rig.row().state == "delivered"
    assert rig.row("job-2").upsampler_id
    assert rig.faults() == []
