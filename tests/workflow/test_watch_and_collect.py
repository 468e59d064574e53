"""Stages watch and collect: Upsampler's word, the result, the file."""

from __future__ import annotations

import pytest

from sidecar.core.errors import ConfigurationError
from sidecar.workflow import outbox_sender, runner
from tests.workflow.rig import Rig

NAME = "2026/11/job-1_4x.png"


def polls(rig: Rig) -> int:
    return sum(call == ("status", "fake-000001") for call in rig.upsampler.calls)


def enlarged(rig: Rig) -> None:
    """A job whose result waits to be collected, the stage still queued."""
    rig.buy()
    rig.work()
    rig.clock.advance(60)
    runner.run_stage(rig.ports, "watch", "job-1", 1)
    assert rig.job().state == "enlarged"


def test_the_first_poll_comes_after_30_seconds_and_later_ones_ever_more_rarely(rig: Rig) -> None:
    rig.webhooks = False
    rig.upsampler.put_faults({"fault": "processing_stuck"})
    rig.buy()
    rig.let_pass(29)
    assert polls(rig) == 0
    times, before = [], 0
    for second in range(29, 900):
        rig.let_pass(1)
        if polls(rig) > before:
            times.append(second + 1)
            before = polls(rig)
    gaps = [later - earlier for earlier, later in zip(times, times[1:], strict=False)]
    assert times[0] == 30
    assert gaps[:-1] == sorted(gaps[:-1]) and 4 <= len(times) <= 8, times
    assert times[-1] == 900, "the last one stands at the deadline"


def test_a_webhook_saves_the_wait_for_the_poll(rig: Rig) -> None:
    rig.upsampler.delay = 10
    rig.buy()
    rig.let_pass(11)
    assert rig.row().state == "delivered"


def test_without_webhooks_the_polls_find_the_end(rig: Rig) -> None:
    rig.webhooks = False
    rig.buy()
    rig.let_pass(200)
    assert rig.row().state == "delivered"


def test_a_webhook_that_lies_about_the_end_changes_nothing(rig: Rig) -> None:
    rig.upsampler.put_faults({"fault": "webhook_forged"}, {"fault": "webhook_early"})
    rig.upsampler.delay = 60
    rig.buy()
    rig.let_pass(300)
    assert (rig.row().state, rig.mails(), rig.shop.refunds) == ("delivered", ["delivered"], [])


def test_a_transient_failure_is_submitted_once_more_and_no_more(rig: Rig) -> None:
    rig.upsampler.put_faults({"fault": "processing_failed", "params": {"text": "GPU worker lost"}})
    rig.buy()
    rig.let_pass(600)
    assert len(rig.upsampler.accepted) == 2
    assert rig.actions() == ["upsampler_failed_transient → resubmit", "upsampler_failed_transient → refund"]
    assert (rig.row().state, rig.mails(), rig.shop.refunds) == ("refunded", ["refunded"], ["job-1"])


@pytest.mark.parametrize(
    ("text", "reason"),
    [("Unsupported image format", "source_unsupported"), ("Content policy", "upsampler_failed")],
)
def test_a_lasting_failure_is_refunded_at_once(rig: Rig, text: str, reason: str) -> None:
    rig.upsampler.put_faults({"fault": "processing_failed", "params": {"text": text}})
    rig.buy()
    rig.let_pass(120)
    assert (rig.row().state, rig.row().reason, len(rig.upsampler.accepted)) == ("refunded", reason, 1)


def test_a_submit_that_is_answered_with_failed_is_settled_like_any_failure(rig: Rig) -> None:
    rig.upsampler.put_faults({"fault": "submit_failed", "params": {"text": "Invalid image"}})
    rig.buy()
    rig.let_pass(60)
    assert rig.row().state == "refunded"


# ---------------------------------------------------------------------- the result
def test_the_file_is_what_was_bought_and_the_link_opens_it(rig: Rig) -> None:
    rig.buy()
    rig.let_pass(90)
    delivery, job = rig.row().delivery, rig.job()
    assert (delivery["path"], delivery["width"], delivery["height"], delivery["format"]) == (NAME, 32, 24, "png")
    assert (rig.files.size(NAME), rig.files.sha256(NAME)) == (delivery["bytes"], delivery["sha256"])
    grant = rig.tokens.read_download(delivery["token"], now=rig.clock())
    assert (grant.job_id, grant.attempt) == ("job-1", 1)
    assert delivery["download_url"] == f"https://shop.example/smi/download/{delivery['token']}"
    assert (job.state, job.token, job.path) == ("delivered", delivery["token"], NAME)


def test_without_a_public_address_there_is_a_token_but_no_address() -> None:
    rig = Rig(SMI_PUBLIC_URL="", SMI_WEBHOOKS="off")
    rig.buy()
    rig.let_pass(120)
    assert rig.row().delivery["download_url"] is None
    assert rig.row().delivery["token"]


@pytest.mark.parametrize(
    "fault",
    [
        *("result_truncated", "result_cut", "result_corrupt", "result_html", "result_empty", "result_404"),
        *("result_403", "result_503", "result_wrong_dimensions", "result_wrong_format", "result_bomb"),
    ],
)
def test_a_bad_result_is_fetched_again(rig: Rig, fault: str) -> None:
    rig.upsampler.put_faults({"fault": fault, "count": 1})
    rig.buy()
    rig.let_pass(300)
    assert (rig.row().state, len(rig.upsampler.accepted), len(rig.fetcher.fetched)) == ("delivered", 1, 2)
    assert rig.mails() == ["delivered"]


@pytest.mark.parametrize(
    "fault", ["result_truncated", "result_corrupt", "result_html", "result_wrong_dimensions", "result_wrong_format"]
)
def test_a_result_that_stays_bad_is_paid_once_more_then_a_person_looks(rig: Rig, fault: str) -> None:
    rig.upsampler.put_faults({"fault": fault})
    rig.buy()
    rig.let_pass(3600)
    assert (rig.row().state, len(rig.upsampler.accepted)) == ("review", 2)
    assert (rig.files.files, rig.mails()) == ({}, ["review"])


def test_a_second_submission_with_a_good_result_is_delivered(rig: Rig) -> None:
    rig.upsampler.put_faults({"fault": "result_corrupt", "nth": [1]})
    rig.buy()
    rig.let_pass(600)
    assert (rig.row().state, rig.row().submission, rig.row().upsampler_id) == ("delivered", 2, "fake-000002")


def test_a_shop_hears_of_a_step_that_takes_long(rig: Rig) -> None:
    """Its worker downloads all the while."""
    enlarged(rig)
    asked = rig.shop.requests
    outbox_sender.run(rig.ports, "deliver")
    assert (rig.row().state, rig.shop.requests) == ("submitted", asked)
    rig.clock.advance(6)
    outbox_sender.run(rig.ports, "deliver")
    assert (rig.row().state, rig.shop.requests) == ("enlarged", asked + 1)


def test_a_quick_delivery_needs_no_further_request_or_message(rig: Rig) -> None:
    enlarged(rig)
    asked = rig.shop.requests
    rig.work()
    assert (rig.row().state, rig.shop.requests, rig.row().event) == ("delivered", asked + 1, "delivered")
    rig.let_pass(60)
    assert rig.shop.requests == asked + 1


def test_a_result_address_that_has_died_is_asked_for_again(rig: Rig) -> None:
    enlarged(rig)
    rig.clock.advance(4 * 3600)
    rig.let_pass(30)
    assert (rig.row().state, len(rig.upsampler.accepted)) == ("delivered", 1)


def test_a_disk_that_fills_up_holds_collect_for_all_and_one_job_tries(rig: Rig) -> None:
    rig.files.broken = ConfigurationError("disk_full", "no space left")
    for number in range(5):
        rig.buy(f"job-{number}")
    rig.let_pass(70)
    assert [notice["reason"] for notice in rig.shop.notices] == ["disk_full"]
    before = len(rig.fetcher.fetched)
    rig.let_pass(600)
    assert len(rig.fetcher.fetched) - before <= 21, "not every job downloads its file again and again"
    rig.files.broken = None
    rig.let_pass(300)
    assert [rig.row(f"job-{number}").state for number in range(5)] == ["delivered"] * 5
    assert [notice["kind"] for notice in rig.shop.notices] == ["hold", "resume"]


def test_a_worker_that_dies_between_rename_and_record_delivers_the_same_file(rig: Rig) -> None:
    enlarged(rig)

    def die(point: str) -> None:
        if point == "collect:after_rename":
            raise SystemExit

    rig.crash_point = die
    with pytest.raises(SystemExit):
        rig.work()
    rig.crash_point = lambda point: None
    rig.let_pass(60)
    assert (rig.row().state, list(rig.files.files), rig.mails()) == ("delivered", [NAME], ["delivered"])


def test_a_stale_worker_does_not_touch_the_final_name(rig: Rig) -> None:
    enlarged(rig)
    published = []
    real = rig.files.publish
    rig.files.publish = lambda temp, name, **about: (published.append(name), real(temp, name, **about))

    def stall(point: str) -> None:
        if point == "collect:before_rename":
            rig.crash_point = lambda point: None
            rig.clock.advance(20)
            rig.tick()  # another worker collects and delivers
            assert rig.row().state == "delivered"

    rig.crash_point = stall
    rig.work()
    assert published == [NAME], "once"
    assert "claim.stale" in [event for event, _ in rig.events]
    assert rig.mails() == ["delivered"]
    assert rig.files.sha256(NAME) == rig.row().delivery["sha256"]


def test_a_job_brought_back_from_the_ledger_gets_its_size_and_format_from_the_source_again(rig: Rig) -> None:
    """The shop's row may not know them, or not rightly: it is an upload, or was made by an older version."""
    rig.buy(width=None, height=None)
    rig.work()
    rig.flush_all()
    rig.let_pass(200, sweeping=True)
    assert (rig.row().state, len(rig.upsampler.accepted)) == ("delivered", 1)
