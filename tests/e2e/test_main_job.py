"""The main job: a photo in a real WordPress, bought, enlarged, checked, stored, mailed, downloaded."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import requests
from PIL import Image, ImageChops, ImageStat

from tests.e2e.conftest import Announcements
from tests.testbed.customer import Customer, buy_on_page, download_link
from tests.testbed.waiting import wait_for
from tests.testbed.whole import Whole


@dataclass(frozen=True)
class Delivered:
    job_id: str
    attempt: dict[str, Any]  # its row in the ledger
    row: dict[str, Any]  # its row in the shop's table
    link: str
    bought_at: datetime


@pytest.fixture(scope="module")
def delivered(whole: Whole, customer: Customer) -> Delivered:
    bought_at = datetime.now(UTC)
    job_id = buy_on_page(whole.shop, customer.photo(width=320, height=240), "4x", customer.new_email())
    attempt = customer.until(job_id, "delivered", timeout=25)  # before the first poll
    mail = customer.mail(job_id)
    # The shop's row is marked when the mail is out.
    row = wait_for(lambda: (row := customer.row(job_id))["email_sent"] and row, f"job {job_id} is marked as mailed", 15)
    return Delivered(job_id, attempt, row, download_link(mail), bought_at)


def _difference(one: Image.Image, other: Image.Image) -> float:
    """Mean difference of two pictures, 0..255, at the size of a stamp."""
    small = [image.convert("RGB").resize((32, 24), Image.Resampling.BOX) for image in (one, other)]
    return sum(ImageStat.Stat(ImageChops.difference(*small)).mean) / 3


def test_the_mailed_link_downloads_the_bought_picture_four_times_as_large(
    delivered: Delivered, whole: Whole, customer: Customer, photos: Path
) -> None:
    answer = requests.get(delivered.link, timeout=30)
    assert answer.status_code == 200
    assert hashlib.sha256(answer.content).hexdigest() == delivered.attempt["sha256"]
    picture = Image.open(BytesIO(answer.content))
    assert (picture.format, picture.size) == ("JPEG", (1280, 960))
    assert _difference(picture, Image.open(photos / "320x240-1" / "valley.jpg")) < 4
    assert _difference(picture, Image.new("RGB", picture.size, "grey")) > 20  # the measure can tell


def test_one_payment_costs_one_attempt_one_order_and_one_mail(
    delivered: Delivered, whole: Whole, customer: Customer
) -> None:
    assert [row["attempt"] for row in customer.attempts(delivered.job_id)] == [1]
    orders = whole.orders(delivered.job_id)
    assert [order["status"] for order in orders] == ["SUCCESS"]
    assert len(customer.mails(delivered.job_id)) == 1


def test_one_request_id_follows_the_job_from_payment_to_mail(delivered: Delivered, whole: Whole) -> None:
    lines: list[dict[str, Any]] = []

    def logged() -> dict[str, dict[str, Any]]:
        """The last line of each event; the one about the delivery comes when the shop has answered, and mailed."""
        lines[:] = [
            json.loads(line)
            for name in ("web", "worker", "cron")
            for line in whole.sidecar.log(name).split("\n")[:-1]
            if line.startswith("{") and delivered.job_id in line
        ]
        return {line["log_event"]: line for line in lines}

    told = wait_for(lambda: (told := logged()).get("job.delivered") and told, "the delivery is told")
    assert (told["job.delivered"]["attempt"], told["job.delivered"]["outcome"]) == (1, "sent")
    assert len(told) > 1, "the way there is told, too"
    assert [line for line in lines if not line.get("request_id")] == []
    assert {line["request_id"] for line in lines} == {told["job.delivered"]["request_id"]}
    assert {line.get("stage") for line in lines} <= {None, "submit", "watch", "collect", "deliver", "settle"}


def test_the_mail_tells_in_text_and_html_what_was_bought_and_until_when(
    delivered: Delivered, customer: Customer
) -> None:
    mail = customer.mail(delivered.job_id)
    for part in (mail.text, mail.html):
        assert "1,280" in part
        assert "960" in part
        assert "valley" in part
    assert delivered.link in mail.text


def test_the_shops_own_row_is_complete(delivered: Delivered, whole: Whole) -> None:
    row = delivered.row
    assert (row["status"], row["payment_status"], row["email_sent"]) == ("completed", "paid", 1)
    assert row["upsampler_job_id"] == delivered.attempt["upsampler_id"]
    assert row["credits_used"] == round(float(delivered.attempt["credits"]))
    file = Path(row["upscaled_file_path"])
    months = {when.strftime("%Y/%m") for when in (delivered.bought_at, delivered.attempt["delivered_at"])}  # UTC
    folder = whole.shop.uploads / "smi-downloads"
    assert file in {folder / month / f"{delivered.job_id}_4x.jpg" for month in months}
    assert file.stat().st_size == delivered.attempt["bytes"]
    assert len(row["download_token"]) == 64
    assert row["download_token"].isalnum()


def test_expiry_is_in_utc_and_all_other_times_are_site_time(delivered: Delivered, whole: Whole) -> None:
    site_now = datetime.fromisoformat(whole.shop.php_json("return current_time('mysql');"))
    utc_now = datetime.now(UTC).replace(tzinfo=None)
    assert abs(utc_now - site_now) > timedelta(hours=3)  # or else this test shows nothing
    for name in ("processing_started_at", "completed_at"):
        assert timedelta(0) <= site_now - delivered.row[name] < timedelta(minutes=5)
    assert abs(delivered.row["download_expires_at"] - utc_now - timedelta(hours=24)) < timedelta(minutes=5)
    assert delivered.row["failed_at"] is None


def test_the_shop_hears_of_each_change_of_its_status_once(delivered: Delivered, announcements: Announcements) -> None:
    assert announcements.of(delivered.job_id) == [("pending", "processing"), ("processing", "completed")]


def test_the_shops_own_status_route_and_download_route_serve_the_file(delivered: Delivered, whole: Whole) -> None:
    route = f"{whole.shop.url}/wp-json/smi/v1/job-status/{delivered.job_id}"
    payer = {"Smi-Payment-Session": delivered.row["stripe_checkout_session_id"]}
    status = whole.shop.http.get(route, headers=payer, timeout=30).json()
    assert status["data"]["status"] == "completed"
    assert "download_url" not in whole.shop.http.get(route, timeout=30).json()["data"], "the id alone is no secret"
    file = requests.get(status["data"]["download_url"], timeout=30)
    assert file.status_code == 200
    assert hashlib.sha256(file.content).hexdigest() == delivered.attempt["sha256"]


def test_the_status_document_leads_to_the_file(delivered: Delivered, customer: Customer) -> None:
    document = customer.status(delivered.job_id)
    assert (document["phase"], document["share"]) == ("ready", 1.0)
    assert (document["width"], document["height"], document["format"]) == (1280, 960, "jpeg")
    assert document["download_url"] == delivered.link


def test_the_file_can_not_be_had_by_its_own_address(delivered: Delivered, whole: Whole) -> None:
    base = f"{whole.shop.url}/wp-content/uploads"
    inside = Path(delivered.row["upscaled_file_path"]).relative_to(whole.shop.uploads)
    for path in (inside, f"smi-downloads/../{inside}", "smi-downloads/", "smi-downloads/.htaccess"):
        assert requests.get(f"{base}/{path}", timeout=30).status_code == 403, path
    prefix = str(inside).removeprefix("smi-downloads/")
    assert requests.get(f"{whole.shop.url}/smi-internal/{prefix}", timeout=30).status_code == 404


def test_the_first_payment_after_an_idle_time_waits_for_no_tick(whole: Whole, customer: Customer) -> None:
    """The clock looks every other second when nothing goes on, and here not at all: it stands still from before the
    payment until the customer has his picture."""
    everything_done = "SELECT id FROM wp_smi_bridge_ledger WHERE state NOT IN ('delivered', 'refunded', 'review')"
    wait_for(lambda: not whole.shop.sql(everything_done), "nothing goes on")
    clock = whole.sidecar.process("cron")
    with whole.paused("cron"):
        job_id = customer.buy()
        assert customer.until(job_id, "submitted", "enlarged", "delivered")["forwarded_at"] is not None
        customer.until(job_id, "delivered", timeout=25)  # by webhook
        customer.mail(job_id)
        assert clock.stopped() == [clock.pid]


def test_a_repeated_payment_event_changes_nothing(
    delivered: Delivered, whole: Whole, customer: Customer, announcements: Announcements
) -> None:
    before = (customer.attempts(delivered.job_id), customer.row(delivered.job_id))
    for context in ("", "", "['session' => 'again']"):
        customer.pay(delivered.job_id, context)
    customer.until(customer.buy(), "delivered")  # whatever the repeats had set off would have been done by now
    assert (customer.attempts(delivered.job_id), customer.row(delivered.job_id)) == before
    assert len(whole.orders(delivered.job_id)) == 1
    assert len(customer.mails(delivered.job_id)) == 1
    assert len(announcements.of(delivered.job_id)) == 2


def test_an_admins_retry_delivers_the_good_file_again_without_paying_for_it(whole: Whole, customer: Customer) -> None:
    job_id = customer.buy()
    customer.until(job_id, "delivered")
    old_link = download_link(customer.mail(job_id))
    customer.pay(job_id, "['admin_override' => true]")
    customer.until(job_id, "delivered", attempt=2)
    new_link = download_link(customer.mail(job_id, count=2))
    assert requests.get(new_link, timeout=30).status_code == 200
    wait_for(lambda: requests.get(old_link, timeout=30).status_code == 410, "the link of before is replaced")
    assert len(whole.orders(job_id)) == 1


def test_an_admins_retry_also_brings_back_a_job_that_the_shop_calls_failed(
    whole: Whole, customer: Customer, announcements: Announcements
) -> None:
    whole.sandbox.fault({"fault": "processing_failed", "params": {"text": "Unsupported image"}, "count": 1})
    job_id = customer.buy()
    customer.until(job_id, "refunded")
    assert customer.row(job_id)["status"] == "failed"
    customer.pay(job_id, "['admin_override' => true]")
    customer.until(job_id, "delivered", attempt=2)
    row = customer.row(job_id)
    assert (row["status"], row["failed_at"]) == ("completed", None)
    assert len(whole.orders(job_id)) == 2
    assert announcements.of(job_id)[-1] == ("processing", "completed")


def test_the_button_on_the_shops_jobs_page_starts_the_next_attempt(whole: Whole, customer: Customer) -> None:
    job_id = customer.buy()
    customer.until(job_id, "delivered")
    page = whole.shop.admin.get(f"{whole.shop.url}/wp-admin/admin.php?page=sell-my-images-jobs", timeout=30).text
    nonce = page.partition(f'data-job-id="{job_id}" data-action="smi_retry_upscale" data-nonce="')[2][:10]
    pressed = whole.shop.admin.post(
        f"{whole.shop.url}/wp-admin/admin-ajax.php",
        data={"action": "smi_retry_upscale", "nonce": nonce, "job_id": job_id},
        timeout=30,
    )
    assert pressed.json()["success"] is True
    customer.until(job_id, "delivered", attempt=2)


def test_php_complains_about_nothing_in_the_bridge(delivered: Delivered, whole: Whole) -> None:
    complaints = [line for line in whole.shop.complaints("wp-bridge-plugin") if "PHP " in line]
    assert complaints == []
