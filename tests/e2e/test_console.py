"""What an operator does at the console, on the whole system."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests

from tests.e2e.console import console, operate
from tests.testbed.customer import Customer
from tests.testbed.waiting import wait_for
from tests.testbed.whole import Whole

NOBODY = "00000000-0000-4000-8000-000000000000"


@pytest.fixture(autouse=True)
def all_is_well_again(newest: Whole) -> Iterator[None]:
    yield
    newest.sandbox.fault()


@pytest.fixture
def stuck(newest: Whole, buyer: Customer) -> str:
    """A job that Upsampler does not finish."""
    newest.sandbox.fault({"fault": "processing_stuck", "count": 1})
    job_id = buyer.buy()
    buyer.until(job_id, "submitted")
    return job_id


def test_jobs_and_show_tell_where_a_job_stands_and_no_secret(newest: Whole, buyer: Customer, stuck: str) -> None:
    listed = {job["job_id"]: job for job in operate(newest, "jobs")}
    assert listed[stuck]["state"] == "submitted"
    assert stuck in console(newest, "jobs", "--state", "submitted").stdout
    delivered = buyer.until(buyer.buy(), "delivered")
    wait_for(lambda: buyer.status(delivered["job_id"])["phase"] == "ready", "the sidecar has heard of the delivery")
    shown = operate(newest, "show", delivered["job_id"])
    assert shown["ledger"]["state"] == shown["working_memory"]["state"] == "delivered"
    for text in (str(shown), console(newest, "show", delivered["job_id"]).stdout):
        assert delivered["token"] not in text.replace("\n", "")
        assert "@customer.example" not in text
    operate(newest, "cancel", stuck)


def test_status_counts_jobs_and_workers(newest: Whole, stuck: str) -> None:
    # Those that a test before has stopped and started enter their names in their own time.
    status = wait_for(lambda: (said := operate(newest, "status"))["workers"] == 3 and said, "all workers are known")
    assert status["jobs"]["submitted"] >= 1
    assert (status["clock"], status["held"]) == (True, {})
    assert "Being enlarged" in console(newest, "status").stdout
    operate(newest, "cancel", stuck)


def test_cancel_stops_a_job_for_a_person_to_decide_and_retry_starts_the_next_attempt(
    newest: Whole, buyer: Customer, stuck: str
) -> None:
    refused = console(newest, "retry", stuck)
    assert (refused.returncode, "working" in refused.stderr) == (1, True)
    operate(newest, "cancel", stuck)
    assert buyer.attempts(stuck)[0]["state"] == "review"
    assert operate(newest, "retry", stuck) == {"attempt": 2}
    buyer.until(stuck, "delivered", attempt=2)


def test_a_forced_retry_pays_upsampler_again(newest: Whole, buyer: Customer) -> None:
    job_id = buyer.buy()
    first = buyer.until(job_id, "delivered")
    operate(newest, "retry", job_id, "--force")
    second = buyer.until(job_id, "delivered", attempt=2)
    assert first["upsampler_id"] != second["upsampler_id"]
    # Until the sidecar has heard the shop's word that it is delivered, the link of before is the customer's.
    wait_for(lambda: requests.head(first["download_url"], timeout=30).status_code == 410, "the first link is replaced")
    assert requests.head(second["download_url"], timeout=30).status_code == 200


def test_fail_ends_a_job_as_its_reason_says(newest: Whole, buyer: Customer, stuck: str) -> None:
    operate(newest, "fail", stuck, "the customer has called")
    attempt = buyer.settled(stuck)
    assert (attempt["state"], attempt["reason"]) == ("review", "failed_by_hand")
    newest.sandbox.fault({"fault": "processing_stuck", "count": 1})
    other = buyer.buy()
    buyer.until(other, "submitted")
    operate(newest, "fail", other, "source_gone")
    assert buyer.settled(other)["state"] == "refunded"


def test_push_looks_at_a_job_now(newest: Whole, buyer: Customer) -> None:
    newest.sandbox.fault({"fault": "webhook_dropped", "count": 1})
    job_id = buyer.buy()
    attempt = buyer.until(job_id, "submitted")
    wait_for(lambda: _finished(newest, attempt["upsampler_id"]), "Upsampler has finished, unheard")
    assert operate(newest, "push", job_id) == {"state": "submitted"}
    buyer.until(job_id, "delivered", timeout=20)  # the first poll would come after 30 s


def _finished(whole: Whole, upsampler_id: str) -> bool:
    return any(order["id"] == upsampler_id and order["status"] == "SUCCESS" for order in whole.sandbox.bill())


def test_hold_stops_a_stage_and_resume_lets_it_go_on(newest: Whole, buyer: Customer) -> None:
    def waits(job_id: str) -> bool:
        return any(job["job_id"] == job_id and job["state"] == "paid" for job in operate(newest, "jobs"))

    operate(newest, "hold", "submit")
    try:
        job_id = buyer.buy()
        wait_for(lambda: waits(job_id), "the job waits")
        assert operate(newest, "status")["held"]["submit"]["reason"] == "held_by_admin"
        assert newest.orders(job_id) == []
    finally:
        operate(newest, "resume", "submit")
    operate(newest, "push", job_id)
    buyer.until(job_id, "delivered")


def test_cleanup_says_what_it_would_throw_away_and_keeps_what_is_needed(newest: Whole, buyer: Customer) -> None:
    attempt = buyer.until(buyer.buy(), "delivered")
    report = operate(newest, "cleanup", "--dry-run")
    assert report["dry_run"] is True
    assert report["kept"] >= 1
    operate(newest, "cleanup")
    assert requests.head(attempt["download_url"], timeout=30).status_code == 200


@pytest.mark.parametrize("command", ["show", "push", "fail", "retry", "cancel"])
def test_an_unknown_job_is_said_in_one_line(newest: Whole, command: str) -> None:
    ended = console(newest, command, NOBODY, *(["why"] if command == "fail" else []))
    assert ended.returncode == 1
    said = [line for line in ended.stderr.splitlines() if "log_event=" not in line]  # what is logged meanwhile
    assert len(said) == 1 and said[0].startswith("unknown_job: ")
