"""The demo shop behaves as a shop does: it sells, it tells, it refunds, it shows."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page

from tests.testbed.photos import photo
from tests.testbed.shop import DEMO_SHOP, Shop

# Remembers what the shop announced, as the plugin behind it would hear it.
_LISTENER = """<?php
foreach (['smi_payment_completed', 'smi_job_status_changed'] as $name) {
    add_action($name, function (...$arguments) use ($name) {
        add_option('heard', []);
        update_option('heard', array_merge(get_option('heard'), [[$name, $arguments]]));
    }, 10, 4);
}
"""


@pytest.fixture(scope="module")
def shop(shop_factory: Callable[..., Shop], wordpress_version: str) -> Iterator[Shop]:
    with shop_factory(wordpress_version, plugins=[DEMO_SHOP]) as shop:
        (shop.root / "wp-content" / "mu-plugins" / "listener.php").write_text(_LISTENER)
        yield shop


@pytest.fixture(scope="module")
def picture(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> int:
    return shop.add_photo(photo(tmp_path_factory.mktemp("photos") / "valley.jpg", 600, 400), "The quiet valley")


def _buy(shop: Shop, picture: int, resolution: str = "4x", email: str = "") -> str:
    return shop.php_json(f"return smi_demo_shop_buy({picture}, '{resolution}', '{email}');")


def _job(shop: Shop, job_id: str) -> dict:
    return shop.sql("SELECT * FROM wp_smi_jobs WHERE job_id = %s", job_id)[0]


def _heard(shop: Shop) -> list:
    return shop.option("heard") or []


def test_buying_writes_a_paid_job_and_tells_of_the_payment(shop: Shop, picture: int) -> None:
    job_id = _buy(shop, picture, "8x", "ann@customer.example")
    job = _job(shop, job_id)
    assert (job["status"], job["payment_status"], job["resolution"]) == ("pending", "paid", "8x")
    assert (job["image_width"], job["image_height"], job["source_type"]) == (600, 400, "attachment")
    assert job["image_url"].startswith(f"{shop.url}/wp-content/uploads/")
    assert job["amount_charged"] > job["amount_cost"] > 0
    assert ["smi_payment_completed", [job_id]] in _heard(shop)


def test_an_uploaded_picture_is_sold_by_its_local_path(shop: Shop) -> None:
    upload = photo(shop.uploads / "mine.jpg", 300, 200)
    job = _job(shop, shop.php_json(f"return smi_demo_shop_buy_upload('{upload}', '4x');"))
    assert (job["source_type"], job["image_url"], job["upload_file_path"]) == ("upload", str(upload), str(upload))
    assert (job["attachment_id"], job["email"]) == (None, "")


def test_a_silent_sale_tells_nobody(shop: Shop, picture: int) -> None:
    job_id = shop.php_json(f"return smi_demo_shop_buy_silently({picture});")
    assert _job(shop, job_id)["payment_status"] == "paid"
    assert ["smi_payment_completed", [job_id]] not in _heard(shop)


def test_site_time_and_utc_differ_so_that_mixing_them_up_is_noticed(shop: Shop, picture: int) -> None:
    paid_at = _job(shop, _buy(shop, picture))["paid_at"].replace(tzinfo=UTC)
    assert timedelta(hours=3) < datetime.now(UTC) - paid_at < timedelta(hours=6)


@pytest.mark.parametrize(
    ("mode", "answer"),
    [("ok", "succeeded"), ("error", "stripe_error"), ("lost", "http_request_failed"), ("throw", "RuntimeException")],
)
def test_a_refund_ends_as_the_option_says(shop: Shop, picture: int, mode: str, answer: str) -> None:
    payment = _job(shop, _buy(shop, picture))["stripe_payment_intent_id"]
    shop.option("smi_demo_shop_refund_mode", mode)
    got = shop.php_json(
        f"try {{ $answer = \\StripeIntegration\\StripeClient::create_refund('{payment}', null, 'broken'); }}"
        "catch (Throwable $error) { return get_class($error); }"
        "return is_wp_error($answer) ? $answer->get_error_code() : $answer['status'];"
    )
    assert got == answer
    kept = [
        refund for refund in shop.php_json("return smi_demo_shop_refunds();") if refund["payment_intent"] == payment
    ]
    assert [refund["accepted"] for refund in kept] == ["0" if mode == "error" else "1"]
    assert kept[0]["reason"] == "broken"


def test_money_goes_back_once_and_each_call_is_remembered(shop: Shop, picture: int) -> None:
    payment = _job(shop, _buy(shop, picture))["stripe_payment_intent_id"]
    shop.option("smi_demo_shop_refund_mode", "ok")
    codes = shop.php_json(
        "return array_map(function () {"
        f"  $answer = \\StripeIntegration\\StripeClient::create_refund('{payment}', null, '');"
        "  return is_wp_error($answer) ? $answer->get_error_code() : $answer['status'];"
        "}, [1, 2]);"
    )
    assert codes == ["succeeded", "charge_already_refunded"]
    kept = [
        refund for refund in shop.php_json("return smi_demo_shop_refunds();") if refund["payment_intent"] == payment
    ]
    assert [refund["accepted"] for refund in kept] == ["1", "0"]


def test_a_shop_without_a_provider_has_no_refunds(shop: Shop) -> None:
    shop.option("smi_demo_shop_refund_mode", "absent")
    assert shop.php_json("return class_exists('StripeIntegration\\\\StripeClient');") is False
    shop.option("smi_demo_shop_refund_mode", "ok")


def test_a_refund_made_elsewhere_reaches_the_row(shop: Shop, picture: int) -> None:
    job_id = _buy(shop, picture)
    shop.php(f"smi_demo_shop_refund_outside('{job_id}');")
    job = _job(shop, job_id)
    assert job["payment_status"] == "refunded"
    assert job["refund_amount"] == job["amount_charged"]


def test_the_download_route_sends_the_file_while_its_link_lives(shop: Shop, picture: int) -> None:
    job_id, token = _buy(shop, picture), "a" * 63 + "Z"
    file = shop.uploads / "result.png"
    photo(file, 50, 40)

    def deliver(path: Path, hours: float) -> int:
        expiry = (datetime.now(UTC) + timedelta(hours=hours)).strftime("%Y-%m-%d %H:%M:%S")
        shop.sql(
            "UPDATE wp_smi_jobs SET status = 'completed', upscaled_file_path = %s, download_token = %s,"
            " download_expires_at = %s WHERE job_id = %s",
            *(str(path), token, expiry, job_id),
        )
        return shop.http.get(f"{shop.url}/wp-json/smi/v1/download/{token}", timeout=30).status_code

    assert shop.http.get(f"{shop.url}/wp-json/smi/v1/download/{token}", timeout=30).status_code == 404
    assert shop.http.get(f"{shop.url}/wp-json/smi/v1/download/short", timeout=30).status_code == 400
    assert deliver(file, hours=1) == 200
    assert shop.http.get(f"{shop.url}/wp-json/smi/v1/download/{token}", timeout=30).content == file.read_bytes()
    status = shop.http.get(f"{shop.url}/wp-json/smi/v1/job-status/{job_id}", timeout=30).json()["data"]
    assert status["download_url"] == f"{shop.url}/wp-json/smi/v1/download/{token}"
    assert deliver(file, hours=-1) == 410
    assert deliver(shop.root / "wp-config.php", hours=1) == 404


def test_the_retry_button_fires_the_action_with_the_administrators_word(shop: Shop, picture: int) -> None:
    job_id = _buy(shop, picture)
    address = f"{shop.url}/wp-admin/admin-ajax.php"
    page = shop.admin.get(f"{shop.url}/wp-admin/admin.php?page=sell-my-images-jobs", timeout=30).text
    nonce = page.split('data-action="smi_retry_upscale" data-nonce="')[1].split('"')[0]
    request = {"action": "smi_retry_upscale", "job_id": job_id, "nonce": nonce}
    assert shop.admin.post(address, data=request, timeout=30).json()["success"] is True
    assert ["smi_payment_completed", [job_id, {"admin_override": True}]] in _heard(shop)
    assert shop.http.post(address, data=request, timeout=30).status_code == 400  # not logged in


@pytest.mark.browser
def test_a_customer_buys_on_the_page_and_comes_back_with_the_job(shop: Shop, picture: int, browser_page: Page) -> None:
    browser_page.goto(shop.url)
    card = browser_page.locator("form.smi-demo-photo", has_text="The quiet valley")
    card.get_by_text("8×").click()
    card.get_by_label("E-mail").fill("bo@customer.example")
    card.get_by_role("button", name="Buy (no real money)").click()
    browser_page.wait_for_url("**/?smi_payment=success*")
    back = parse_qs(urlsplit(browser_page.url).query)
    job = _job(shop, back["job_id"][0])
    assert (job["email"], job["resolution"]) == ("bo@customer.example", "8x")
    assert back["session_id"] == [job["stripe_checkout_session_id"]]
    assert browser_page.get_by_role("status").inner_text().startswith("Thank you!")


def test_the_shop_draws_no_complaint_from_php(shop: Shop, picture: int) -> None:
    shop.http.get(shop.url, timeout=30).raise_for_status()
    assert shop.complaints("demo-shop") == []
