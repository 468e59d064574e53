"""The recovery table: each line as a decision, and each line as the ending of a job."""

from __future__ import annotations

import random

import pytest

from sidecar.core.errors import ConfigurationError, PermanentError, SidecarError, TemporaryError, UnknownOutcome
from sidecar.workflow.recovery.table import BACKOFF_CAP_S, TABLE, Decision, History, backoff, decide
from sidecar.workflow.view import status_document
from tests.workflow.rig import Rig

SOURCE_CODES = sorted(code for code in TABLE if code.startswith(("source_", "resolution_", "fetch_refused")))
WATCH_CODES = sorted(code for code in TABLE if code.startswith("upsampler_") and code != "upsampler_silent")
COLLECT_CODES = sorted(
    {code for code in TABLE if code.startswith(("result_", "fetch_", "conversion_", "disk_", "folder_", "file_"))}
    - {"fetch_refused_address"}
)


def error_of(code: str) -> SidecarError:
    """As its adapter raises it: the first step of the line tells the kind."""
    first = TABLE[code].steps[0][0]
    kinds = {"retry": TemporaryError, "later": TemporaryError, "hold": ConfigurationError, "wait": UnknownOutcome}
    return kinds.get(first, PermanentError)(code, "told by a test")


def half() -> float:
    return 0.5


# ---------------------------------------------------------------------- decisions
@pytest.mark.parametrize("code", sorted(TABLE))
def test_every_line_ends_in_refund_review_or_hold_or_goes_on(code: str) -> None:
    exhausted = History(consecutive_failures=99, bad_results=99, resubmissions=99, compressed=True, waited=True)
    assert decide(error_of(code), exhausted, half).action == TABLE[code].ending
    assert TABLE[code].ending in ("refund", "review", "hold", "later")


@pytest.mark.parametrize("code", sorted(TABLE))
def test_the_steps_of_a_line_are_taken_in_their_order_each_as_often_as_it_says(code: str) -> None:
    failures = bad_results = resubmissions = 0
    compressed = waited = False
    taken = []
    for _ in range(50):
        action = decide(error_of(code), History(failures, bad_results, resubmissions, compressed, waited), half).action
        taken.append(action)
        failures += action == "retry"
        bad_results += action == "refetch"
        bad_results *= action != "resubmit"  # a new submission has its own bad results
        resubmissions += action == "resubmit"
        compressed |= action == "compress"
        waited |= action == "wait"
        if action == TABLE[code].ending:
            break
    expected: list[str] = []
    for position, (action, times) in enumerate(TABLE[code].steps):
        expected += [action] * times
        if action == "resubmit":  # the steps before it begin again
            expected += [a for a, n in TABLE[code].steps[:position] for _ in range(n)]
    assert taken == expected


def test_a_code_that_the_table_does_not_know_is_judged_by_its_kind() -> None:
    assert decide(TemporaryError("new"), History(), half).action == "retry"
    assert decide(TemporaryError("new"), History(consecutive_failures=10), half).action == "review"
    assert decide(ConfigurationError("new"), History(), half).action == "hold"
    assert decide(PermanentError("new"), History(), half).action == "review"
    assert decide(UnknownOutcome("new"), History(), half).action == "review"


def test_a_second_submission_is_never_decided_while_the_first_may_still_be_there() -> None:
    for history in (
        History(),
        History(consecutive_failures=5),
        History(waited=True),
        History(consecutive_failures=99, waited=True),
    ):
        action = decide(UnknownOutcome("submit_outcome_unknown"), history, half).action
        assert action in ("wait", "review")


def test_backoff_grows_with_full_jitter_to_its_cap() -> None:
    rng = random.Random(1)
    for failures in range(30):
        waits = [backoff(failures, rng.random) for _ in range(300)]
        ceiling = max(0.5, min(BACKOFF_CAP_S, 2.0 * 2**failures))
        assert min(waits) >= 0.5 and max(waits) <= ceiling
        assert max(waits) > 0.9 * ceiling
    assert backoff(1000, lambda: 0.999) <= BACKOFF_CAP_S, "no overflow either"


def test_what_the_other_side_asked_for_is_waited_within_reason() -> None:
    assert backoff(0, half, retry_after=120) == 120
    assert backoff(0, half, retry_after=10**9) == 3600
    assert decide(TemporaryError("upsampler_rate_limited", retry_after=77), History(), half) == Decision("retry", 77)


# ---------------------------------------------------------------------- endings, through the whole pipeline
def end_of(rig: Rig, code: str) -> None:
    """The job's end is the line's; a held job waits as long as it must, and is delivered when it is fixed."""
    ending = TABLE[code].ending
    if ending == "hold":
        assert rig.row().state not in ("delivered", "refunded", "review")
        assert [notice["kind"] for notice in rig.shop.notices] == ["hold"], (
            "one word to the admin, however often it is tried"
        )
        rig.faulty_upsampler.faults.clear()
        rig.fetcher.away = rig.files.broken = None
        rig.let_pass(2000)
        assert rig.row().state == "delivered"
        assert [notice["kind"] for notice in rig.shop.notices] == ["hold", "resume"]
    else:
        assert rig.row().state == {"refund": "refunded", "review": "review"}[ending]
        assert rig.row().reason == code
        assert rig.mails() == [{"refund": "refunded", "review": "review"}[ending]]
        assert len(rig.shop.refunds) == (ending == "refund")
        assert rig.job().state == rig.row().state
    assert rig.outbox.waiting("deliver") == rig.outbox.waiting("settle") == 0
    assert rig.store.all_ids() == []


@pytest.mark.parametrize("code", SOURCE_CODES)
def test_a_source_that_is_at_fault(rig: Rig, code: str) -> None:
    rig.sources.faults["https://shop.example/photos/job-1.png"] = error_of(code)
    rig.buy()
    rig.let_pass(6 * 3600)
    end_of(rig, code)
    assert rig.upsampler.accepted == []


@pytest.mark.parametrize("code", WATCH_CODES + ["submit_outcome_unknown"])
def test_a_submit_that_fails(rig: Rig, code: str) -> None:
    rig.faulty_upsampler.faults["submit"] = error_of(code)
    rig.buy()
    rig.let_pass(6 * 3600)
    end_of(rig, code)
    assert len(rig.upsampler.accepted) == (TABLE[code].ending == "hold")


@pytest.mark.parametrize("code", WATCH_CODES)
def test_a_poll_that_fails(rig: Rig, code: str) -> None:
    rig.webhooks = False
    rig.faulty_upsampler.faults["status"] = error_of(code)
    rig.buy()
    rig.let_pass(6 * 3600)
    end_of(rig, code)
    assert len(rig.upsampler.accepted) == 1 + ("resubmit" in dict(TABLE[code].steps))


@pytest.mark.parametrize("code", COLLECT_CODES)
def test_a_result_that_is_at_fault(rig: Rig, code: str) -> None:
    rig.fetcher.away = error_of(code)
    rig.buy()
    rig.let_pass(6 * 3600)
    end_of(rig, code)
    assert len(rig.upsampler.accepted) == 1 + ("resubmit" in dict(TABLE[code].steps))
    assert rig.files.unfinished == {}


@pytest.mark.parametrize("code", ["disk_full", "folder_not_writable"])
def test_a_disk_that_is_at_fault(rig: Rig, code: str) -> None:
    rig.files.broken = error_of(code)
    rig.buy()
    rig.let_pass(6 * 3600)
    end_of(rig, code)
    assert len(rig.upsampler.accepted) == 1, "the result is asked for again, not paid for again"


def test_upsampler_that_is_silent_for_a_quarter_of_an_hour(rig: Rig) -> None:
    rig.upsampler.put_faults({"fault": "processing_stuck"})
    rig.buy()
    rig.let_pass(899)
    assert rig.row().state == "submitted"
    rig.let_pass(60)
    assert (rig.row().state, rig.row().reason) == ("review", "upsampler_silent")
    assert rig.mails() == ["review"]


def test_a_fault_that_passes_by_itself_costs_nothing_but_time(rig: Rig) -> None:
    rig.upsampler.away = True
    rig.buy()
    rig.let_pass(60)
    rig.upsampler.away = False
    rig.let_pass(400)
    assert rig.row().state == "delivered"
    assert rig.mails() == ["delivered"]


def test_the_customer_is_told_of_a_delay_only_when_it_lasts(rig: Rig) -> None:
    rig.upsampler.away = True
    rig.buy()
    rig.let_pass(30)
    assert status_document(rig.ports, rig.job())["phase"] == "queued"
    rig.let_pass(150)
    document = status_document(rig.ports, rig.job())
    assert document["phase"] == "delayed" and document["next_try_at"]


def test_a_bug_of_ours_goes_to_a_person_after_three_tries() -> None:
    rig = Rig()
    rig.faulty_upsampler.faults["status"] = ZeroDivisionError("a bug")
    rig.webhooks = False
    rig.buy()
    rig.let_pass(3600)
    assert (rig.row().state, rig.row().reason) == ("review", "internal_error")
    assert len(rig.faults()) == 4


def test_a_job_that_kills_its_workers_is_not_fed_to_them_for_ever(rig: Rig) -> None:
    rig.buy()
    rig.let_pass(5)
    deaths = 0

    def die(point: str) -> None:
        nonlocal deaths
        if point == "watch:claimed" and rig.job().crash_count < 4:
            deaths += 1
            raise SystemExit

    rig.crash_point = die
    rig.webhooks = False
    for _ in range(400):
        try:
            rig.let_pass(1)
        except SystemExit:
            continue
    assert deaths == 4
    assert (rig.row().state, rig.row().reason) == ("review", "crash_loop")
