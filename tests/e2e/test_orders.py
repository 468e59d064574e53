"""What can be bought: formats, factors, sources, and orders that make no sense."""

from __future__ import annotations

from io import BytesIO

import pytest
import requests
from PIL import Image

from tests.testbed.customer import Customer
from tests.testbed.photos import photo
from tests.testbed.waiting import wait_for
from tests.testbed.whole import Whole


def _file(whole: Whole, attempt: dict) -> Image.Image:
    answer = requests.get(attempt["download_url"], timeout=30)
    assert answer.status_code == 200
    assert len(answer.content) == attempt["bytes"]
    return Image.open(BytesIO(answer.content))


@pytest.mark.parametrize(("name", "bought"), [("a.jpg", "JPEG"), ("b.png", "PNG"), ("c.webp", "PNG")])
def test_the_customer_gets_the_family_that_he_bought_from(
    newest: Whole, buyer: Customer, name: str, bought: str
) -> None:
    attempt = buyer.until(buyer.buy(buyer.photo(name)), "delivered")
    picture = _file(newest, attempt)
    assert (picture.format, picture.size) == (bought, (640, 480))
    assert attempt["path"].endswith({"JPEG": ".jpg", "PNG": ".png"}[bought])


def test_keep_hands_on_what_upsampler_sent(newest: Whole, buyer: Customer) -> None:
    with newest.changed(SMI_OUTPUT_FORMAT="keep"):
        attempt = buyer.until(buyer.buy(buyer.photo("a.jpg")), "delivered")
        assert _file(newest, attempt).format == "PNG"
        newest.sandbox.fault({"fault": "result_jpeg", "count": 1})
        attempt = buyer.until(buyer.buy(buyer.photo("b.png")), "delivered")
        assert _file(newest, attempt).format == "JPEG"


def test_the_shops_setting_wins_over_the_sidecars(newest: Whole, buyer: Customer) -> None:
    newest.shop.option("smi_bridge_output_format", "webp")
    try:
        attempt = buyer.until(buyer.buy(buyer.photo("c.jpg")), "delivered")
    finally:
        newest.shop.option("smi_bridge_output_format", "")
    assert (_file(newest, attempt).format, attempt["path"][-5:]) == ("WEBP", ".webp")


def test_eight_times_as_large_is_eight_times_as_large(newest: Whole, buyer: Customer) -> None:
    attempt = buyer.until(buyer.buy(resolution="8x"), "delivered")
    assert _file(newest, attempt).size == (1280, 960)
    assert attempt["path"].endswith("_8x.jpg")


def test_a_picture_that_the_customer_uploaded_needs_no_public_address(newest: Whole, buyer: Customer) -> None:
    private = newest.shop.uploads / "private"
    private.mkdir(exist_ok=True)
    attempt = buyer.until(buyer.buy_upload(photo(private / "mine äöü.png", 100, 75)), "delivered")
    assert _file(newest, attempt).size == (400, 300)
    (order,) = newest.orders(attempt["job_id"])
    assert order["imageUrl"].startswith(f"{newest.shop.url}/smi/sources/")


def test_without_an_email_address_the_status_page_leads_to_the_file(newest: Whole, buyer: Customer) -> None:
    job_id = buyer.buy(email="")
    attempt = buyer.until(job_id, "delivered")
    assert buyer.mails(job_id) == []
    assert buyer.row(job_id)["email_sent"] == 0
    document = buyer.status(job_id)
    assert requests.get(document["download_url"], timeout=30).status_code == 200
    page = requests.get(buyer.status_page(job_id), timeout=30)
    assert page.status_code == 200
    assert attempt["download_url"] in page.text.replace("\\/", "/").replace("&#038;", "&")


def test_any_whole_factor_from_two_to_sixteen_is_made(newest: Whole, buyer: Customer) -> None:
    attempts = [buyer.buy_altered(resolution=resolution) for resolution in ("2x", "3x", "16X")]
    sizes = [_file(newest, buyer.until(job_id, "delivered")).size for job_id in attempts]
    assert sizes == [(320, 240), (480, 360), (2560, 1920)]


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ({"resolution": "64x"}, "resolution_unsupported"),
        ({"resolution": "1x"}, "resolution_unsupported"),
        ({"resolution": "huge"}, "resolution_unsupported"),
        ({"image_url": "ftp://shop.example/a.jpg"}, "source_url_invalid"),
        ({"image_url": "javascript:alert(1)"}, "source_url_invalid"),
        ({"image_url": ""}, "source_url_invalid"),
        ({"image_url": "http://169.254.169.254/latest/meta-data/"}, "fetch_refused_address"),
        ({"source_type": "upload", "image_url": "/etc/passwd", "upload_file_path": "/etc/passwd"},
         "source_outside_uploads"),
        ({"source_type": "upload", "image_url": "x", "upload_file_path": "{uploads}/../../wp-config.php"},
         "source_outside_uploads"),
    ],
    ids=["64x", "1x", "huge", "ftp", "script", "no address", "metadata service", "passwd", "climbing path"],
)  # fmt: skip
def test_an_order_that_makes_no_sense_waits_for_a_person_with_its_reason(
    newest: Whole, buyer: Customer, columns: dict[str, str], reason: str
) -> None:
    columns = {name: text.replace("{uploads}", str(newest.shop.uploads)) for name, text in columns.items()}
    job_id = buyer.buy_altered(**columns)
    attempt = buyer.settled(job_id)
    assert (attempt["state"], attempt["reason"]) == ("review", reason)
    assert newest.orders(job_id) == []
    assert buyer.status(job_id)["phase"] == "in_review"


def test_a_source_that_is_gone_or_no_picture_is_refunded(newest: Whole, buyer: Customer) -> None:
    page = newest.shop.uploads / "page.jpg"
    page.write_text("<html>not a picture</html>")
    for url, reason in (("page.jpg", "source_not_an_image"), ("gone.jpg", "source_gone")):
        job_id = buyer.buy_altered(image_url=f"{newest.shop.url}/wp-content/uploads/{url}")
        attempt = buyer.settled(job_id)
        assert (attempt["state"], attempt["reason"]) == ("refunded", reason)
        assert buyer.mail(job_id).html


def test_a_job_that_the_shop_does_not_know_and_one_that_is_not_paid_start_nothing(
    newest: Whole, buyer: Customer
) -> None:
    unpaid = newest.shop.php_json(f"return smi_demo_shop_buy_silently({buyer.photo()}, '4x', '');")
    newest.shop.sql("UPDATE wp_smi_jobs SET payment_status = 'pending' WHERE job_id = %s", unpaid)
    for job_id in ("no-such-job", unpaid):
        buyer.pay(job_id)
        assert buyer.attempts(job_id) == []


def test_a_page_that_asks_wordpress_sees_a_slow_result_being_checked(newest: Whole, buyer: Customer) -> None:
    """The news goes along with what the shop hears of another job."""
    newest.sandbox.fault({"fault": "result_slow", "count": 1, "params": {"rate": 50_000}})
    slow = buyer.buy(buyer.photo("slow.png"))
    wait_for(lambda: buyer.status(slow)["phase"] == "checking", "the sidecar collects")
    other = buyer.buy()
    address = f"{newest.shop.url}/wp-json/smi-bridge/v1/status/{slow}"
    phases: list[str] = []

    def is_ready() -> bool:
        phases.append(newest.shop.http.get(address, timeout=30).json()["phase"])
        return phases[-1] == "ready"

    wait_for(is_ready, "the slow picture is delivered", timeout=60, every=0.2)
    assert "checking" in phases and "delayed" not in phases
    buyer.until(other, "delivered")
