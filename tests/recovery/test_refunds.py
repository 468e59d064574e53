"""The money goes back once for each payment, whatever the provider does; where nobody knows, a person looks."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests

from tests.recovery.cases import fault
from tests.recovery.rig import Rig, one_ending
from tests.testbed.customer import download_link
from tests.testbed.waiting import wait_for


@pytest.fixture(autouse=True)
def _bank_works_afterwards(rig: Rig) -> Iterator[None]:
    rig.faults(fault("submit_415"))
    yield
    rig.shop.option("smi_demo_shop_refund_mode", "ok")
    rig.faults()


def _buy(rig: Rig, mode: str) -> str:
    rig.shop.option("smi_demo_shop_refund_mode", mode)
    job_id = rig.buy(f"bank-{mode}")
    rig.hurry(job_id)
    return job_id


def _refund_due(rig: Rig, job_id: str) -> None:
    """In review with the mark, the customer told once, the admin told, and one call to the provider at most."""
    row = rig.settled(job_id)
    assert (row["state"], row["reason"]) == ("review", "refund_due")
    # A mail is claimed after the commit that ends the job.
    [mail] = wait_for(lambda: rig.inbox(job_id), "the customer is told", 15)
    assert "refund" not in mail.subject.lower()
    wait_for(
        lambda: (
            rig.shop.option("smi_bridge_digest_due") or any("refund" in mail.text.lower() for mail in _to_admin(rig))
        ),
        "the admin is told now or with the next digest",
    )


def _to_admin(rig: Rig) -> list:
    return rig.shop.mails(rig.shop.admin_email)


@pytest.mark.parametrize(("mode", "calls"), [("error", 1), ("lost", 1), ("throw", 1), ("absent", 0)])
def test_a_refund_that_fails_or_whose_answer_is_lost_is_a_persons_to_see_to(rig: Rig, mode: str, calls: int) -> None:
    job_id = _buy(rig, mode)
    _refund_due(rig, job_id)
    assert len(rig.refunds(job_id)) == calls


def test_a_refund_that_php_died_in_is_never_repeated_blindly(rig: Rig) -> None:
    job_id = _buy(rig, "die")
    wait_for(lambda: rig.refunds(job_id), "the provider is called", 30)
    wait_for(lambda: rig.ledger(job_id)["state"] == "refunding", "the ledger knows of the attempt")
    rig.shop.option("smi_demo_shop_refund_mode", "ok")
    rig.shop.sql(  # five minutes later
        "UPDATE wp_smi_bridge_effects SET claimed_at = claimed_at - INTERVAL 301 SECOND WHERE job_id = %s", job_id
    )
    _refund_due(rig, job_id)
    assert len(rig.refunds(job_id)) == 1


def test_a_failure_that_is_told_many_times_refunds_once(rig: Rig) -> None:
    job_id = _buy(rig, "ok")
    rig.settled(job_id)
    for _ in range(3):
        rig.shop.php(f"do_action('smi_payment_completed', '{job_id}');")
    assert one_ending(rig, job_id) == "refunded"
    assert len(rig.refunds(job_id)) == 1
    assert [attempt["attempt"] for attempt in rig.customer.attempts(job_id)] == [1]


def test_a_refund_in_the_providers_dashboard_stops_the_job(rig: Rig) -> None:
    rig.faults({"fault": "processing_slow", "params": {"seconds": 2}})
    job_id = rig.buy("outside-early")
    rig.customer.until(job_id, "submitted")
    rig.shop.php(f"smi_demo_shop_refund_outside('{job_id}');")
    assert rig.settled(job_id)["state"] == "refunded"
    rig.until_memory(job_id, "state", "refunded")
    wait_for(lambda: rig.bill(job_id)[0]["status"] == "SUCCESS", "Upsampler has finished", 20)
    assert rig.ledger(job_id)["state"] == "refunded"
    assert rig.inbox(job_id) == []
    assert rig.refunds(job_id) == []  # ours to make: none


def test_a_refund_in_the_providers_dashboard_kills_the_link(rig: Rig) -> None:
    rig.faults()
    job_id = rig.buy("outside-late")
    rig.settled(job_id)
    link = download_link(rig.customer.mail(job_id))
    assert requests.get(link, timeout=10).status_code == 200
    rig.shop.php(f"smi_demo_shop_refund_outside('{job_id}');")
    wait_for(lambda: requests.get(link, timeout=10).status_code == 410, "the link is dead")
    assert rig.ledger(job_id)["state"] == "refunded"


@pytest.mark.parametrize(("downloaded", "ending"), [(True, "review"), (False, "refunded")])
def test_a_failing_rerun_is_refunded_by_itself_only_if_nothing_was_downloaded(
    rig: Rig, downloaded: bool, ending: str
) -> None:
    rig.faults()
    job_id = rig.buy(f"had-it-{downloaded}")
    rig.settled(job_id)
    link = download_link(rig.customer.mail(job_id))
    assert requests.head(link, timeout=10).status_code == 200
    if downloaded:
        assert requests.get(link, timeout=10).status_code == 200
        wait_for(lambda: rig.ledger(job_id)["downloaded_at"], "the shop hears of the download")
    rig.faults(fault("submit_415"))
    rig.shop.php(f"do_action('smi_payment_completed', '{job_id}', ['admin_override' => true, 'force' => true]);")
    wait_for(lambda: rig.ledger(job_id)["attempt"] == 2, "the rerun")
    row = rig.settled(job_id)
    assert row["state"] == ending
    assert len(rig.refunds(job_id)) == (not downloaded)
    if downloaded:
        assert row["reason"] == "refund_due" and "downloaded" in row["detail"]
        assert requests.get(link, timeout=10).status_code == 200, "what was delivered stays meanwhile"
