"""The customer in a real browser: back from payment, on to the download, also after a reload."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.testbed.customer import Customer
from tests.testbed.whole import Whole

BUTTON = "Download"


def _downloaded(page: Page, folder: Path) -> Image.Image:
    with page.expect_download() as download:
        page.get_by_role("dialog").get_by_role("link", name=BUTTON).click()
    download.value.save_as(folder / download.value.suggested_filename)
    assert download.value.suggested_filename.endswith(" 4x.jpg")
    return Image.open(BytesIO((folder / download.value.suggested_filename).read_bytes()))


def test_who_buys_in_the_browser_sees_the_work_and_gets_the_file_also_after_a_reload(
    whole: Whole, customer: Customer, browser_page: Page, tmp_path: Path
) -> None:
    customer.photo("harbour.jpg", 240, 180, seed=3)
    browser_page.goto(f"{whole.shop.url}/")
    dialog = browser_page.get_by_role("dialog")
    with whole.paused("worker"):  # until it has been seen
        browser_page.get_by_role("button", name="Buy").first.click()
        expect(dialog.get_by_role("progressbar")).to_be_visible()
    expect(dialog.get_by_role("link", name=BUTTON)).to_be_visible()
    assert _downloaded(browser_page, tmp_path).size == (960, 720)
    browser_page.reload()
    expect(browser_page.get_by_role("dialog").get_by_role("link", name=BUTTON)).to_be_visible()


@pytest.mark.parametrize("form", ["smi_payment=success&job_id={}", "smi_status=success&smi_job_id={}"])
def test_either_form_of_the_return_address_opens_the_view(
    whole: Whole, customer: Customer, browser_page: Page, tmp_path: Path, form: str
) -> None:
    job_id = customer.buy()
    session = customer.row(job_id)["stripe_checkout_session_id"]
    browser_page.goto(f"{whole.shop.url}/?{form.format(job_id)}&session_id={session}")
    assert _downloaded(browser_page, tmp_path).size == (640, 480)


def test_who_makes_up_the_payment_session_sees_progress_only(
    whole: Whole, customer: Customer, browser_page: Page
) -> None:
    job_id = customer.buy()
    customer.until(job_id, "delivered")
    browser_page.goto(f"{whole.shop.url}/?smi_payment=success&session_id=cs_1&job_id={job_id}")
    dialog = browser_page.get_by_role("dialog", name="Your picture is ready")
    expect(dialog.get_by_text("use the link in the mail")).to_be_visible()
    expect(dialog.get_by_role("link", name=BUTTON)).to_be_hidden()


def test_a_closed_page_loses_nothing(whole: Whole, customer: Customer, browser_page: Page) -> None:
    with whole.paused("worker"):  # it is closed before anything is done
        job_id = customer.buy()
        session = customer.row(job_id)["stripe_checkout_session_id"]
        browser_page.goto(f"{whole.shop.url}/?smi_payment=success&session_id={session}&job_id={job_id}")
        expect(browser_page.get_by_role("dialog")).to_be_visible()
        browser_page.goto("about:blank")
    customer.until(job_id, "delivered")
    browser_page.goto(f"{whole.shop.url}/wp-login.php")
    browser_page.goto(f"{whole.shop.url}/")  # no word of the job in the address: the browser remembers
    reopened = browser_page.get_by_role("link", name=BUTTON)
    pill = browser_page.get_by_role("button", name="picture")
    expect(reopened.or_(pill).first).to_be_visible()


def test_a_cancelled_payment_promises_nothing(whole: Whole, customer: Customer, browser_page: Page) -> None:
    job_id = "11111111-2222-4333-8444-555555555555"
    browser_page.goto(f"{whole.shop.url}/?smi_payment=cancelled&job_id={job_id}")
    browser_page.wait_for_load_state("networkidle")
    assert browser_page.get_by_role("link", name=BUTTON).count() == 0
    assert browser_page.get_by_role("progressbar").count() == 0
