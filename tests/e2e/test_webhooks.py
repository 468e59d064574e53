"""How the sidecar hears that Upsampler has finished: by webhook, by way of the shop, or by asking."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from tests.testbed.customer import Customer, download_link
from tests.testbed.waiting import wait_for
from tests.testbed.whole import Whole

BEFORE_THE_FIRST_POLL = 25  # the default is 30 s


@pytest.fixture(autouse=True)
def all_is_well_again(newest: Whole) -> Iterator[None]:
    yield
    newest.sandbox.fault()


def _order(whole: Whole, attempt: dict[str, Any]) -> dict[str, Any]:
    """The sandbox's word on the submission of a ledger row."""
    return next(order for order in whole.sandbox.bill() if order["id"] == attempt["upsampler_id"])


def _webhooks(whole: Whole, attempt: dict[str, Any], count: int) -> list[Any]:
    """What the first `count` webhooks of an order were answered; they may be written down after the delivery."""

    def all_there() -> list[Any] | None:
        outcomes = [webhook["outcome"] for webhook in _order(whole, attempt)["webhooks"]]
        return outcomes if len(outcomes) >= count else None

    return wait_for(all_there, f"{count} webhooks are sent")


@pytest.mark.parametrize("shape", ["webhook_documented", "webhook_event", "webhook_malformed", "webhook_reordered"])
def test_a_webhook_of_any_shape_is_a_hint(newest: Whole, buyer: Customer, shape: str) -> None:
    newest.sandbox.fault({"fault": shape, "count": 1})
    attempt = buyer.until(buyer.buy(), "delivered", timeout=BEFORE_THE_FIRST_POLL)
    assert set(_webhooks(newest, attempt, 1)) == {202}


def test_a_webhook_that_overtakes_the_answer_to_its_submit_is_not_lost(newest: Whole, buyer: Customer) -> None:
    newest.sandbox.fault({"fault": "webhook_early", "count": 1})
    job_id = buyer.buy()
    attempt = buyer.until(job_id, "delivered", timeout=BEFORE_THE_FIRST_POLL)
    assert _webhooks(newest, attempt, 1) == [202]
    assert (attempt["submission"], len(buyer.mails(job_id))) == (1, 1)


def test_a_webhook_that_comes_five_times_is_mailed_once(newest: Whole, buyer: Customer) -> None:
    newest.sandbox.fault({"fault": "webhook_doubled", "params": {"times": 5}, "count": 1})
    job_id = buyer.buy()
    attempt = buyer.until(job_id, "delivered", timeout=BEFORE_THE_FIRST_POLL)
    assert _webhooks(newest, attempt, 5) == [202] * 5
    buyer.until(buyer.buy(), "delivered")  # what the repeats set off has been done by now
    assert len(buyer.mails(job_id)) == 1
    assert len(_order(newest, attempt)["downloads"]) == 1


def test_a_forged_failure_changes_nothing(newest: Whole, buyer: Customer) -> None:
    newest.sandbox.fault({"fault": "webhook_forged", "count": 1})
    job_id = buyer.buy()
    attempt = buyer.until(job_id, "delivered", timeout=BEFORE_THE_FIRST_POLL)
    assert _webhooks(newest, attempt, 2) == [202, 202]
    payment = buyer.row(job_id)["stripe_payment_intent_id"]
    assert payment not in [
        refund["payment_intent"] for refund in newest.shop.php_json("return smi_demo_shop_refunds();")
    ]
    assert buyer.attempts(job_id)[0]["state"] == "delivered"


def test_a_webhook_without_a_token_of_ours_is_refused_at_both_addresses(newest: Whole, buyer: Customer) -> None:
    attempt = buyer.until(buyer.buy(), "delivered", timeout=BEFORE_THE_FIRST_POLL)
    forged = {"id": attempt["upsampler_id"], "status": "FAILED", "error": "forged"}
    for address in ("smi/webhooks/upsampler/WyJ4IiwxLDFd.AAAA", "smi-webhook/upsampler/?token=WyJ4IiwxLDFd.AAAA"):
        assert requests.post(f"{newest.shop.url}/{address}", json=forged, timeout=30).status_code == 404
    assert requests.post(f"{newest.shop.url}/smi-webhook/upsampler/", json=forged, timeout=30).status_code == 404
    assert requests.get(f"{newest.shop.url}/smi-webhook/upsampler/?token=x", timeout=30).status_code == 405
    assert buyer.attempts(attempt["job_id"])[0]["state"] == "delivered"


def test_without_any_webhook_polling_delivers(newest: Whole, buyer: Customer) -> None:
    newest.sandbox.fault({"fault": "webhook_dropped"})
    with newest.changed(SMI_FIRST_POLL_S="1"):
        attempt = buyer.until(buyer.buy(), "delivered")
    assert _order(newest, attempt)["webhooks"] == []


def test_the_shop_hands_webhooks_on_to_a_sidecar_that_the_public_can_not_reach(newest: Whole, buyer: Customer) -> None:
    log = newest.shop.folder / "nginx" / "nginx-access.log"
    before = log.stat().st_size
    with newest.changed(SMI_WEBHOOKS="shop"):
        attempt = buyer.until(buyer.buy(), "delivered", timeout=BEFORE_THE_FIRST_POLL)
    assert _webhooks(newest, attempt, 1) == [202]
    came = b"POST /smi-webhook/upsampler/?token="  # a line is written when the answer is out
    wait_for(lambda: came in log.read_bytes()[before:], "the webhook came by way of the shop", 10)


def test_a_sidecar_without_a_public_address_is_served_by_wordpress_alone(newest: Whole, buyer: Customer) -> None:
    """Status, webhook and download then all go through the shop."""
    with newest.changed(SMI_PUBLIC_URL=None, SMI_DOWNLOAD_MODE=None):
        job_id = buyer.buy()
        attempt = buyer.until(job_id, "delivered", timeout=BEFORE_THE_FIRST_POLL)
        assert attempt["download_url"] is None
        link = download_link(buyer.mail(job_id))
        assert link.startswith(f"{newest.shop.url}/?smi-bridge=download&")
        shops_own = f"{newest.shop.url}/wp-json/smi/v1/download/{buyer.row(job_id)['download_token']}"
        for address in (link, shops_own):
            file = requests.get(address, timeout=30)
            assert (file.status_code, len(file.content)) == (200, attempt["bytes"])
        url, token = f"{newest.shop.url}/wp-json/smi-bridge/v1/status/{job_id}", buyer.status_token(job_id)
        status = requests.get(url, headers={"Smi-Status-Token": token}, timeout=30).json()
        assert status["phase"] == "ready"
        assert status["download_url"] == link
