"""The first-run page: four steps tick themselves off, and a test picture goes through everything and leaves nothing."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from sidecar.core.advice import advice
from tests.testbed.browser import Browser
from tests.testbed.waiting import wait_for
from tests.testbed.whole import Whole

PAGE = "/wp-admin/admin.php?page=smi-bridge-first-run"


def _ajax(whole: Whole, action: str) -> dict[str, Any]:
    """As the page asks."""
    page = whole.shop.admin.get(whole.shop.url + PAGE, timeout=30).text
    nonce = re.search(r'smiBridgeAdmin=.*?"nonce":"([0-9a-f]+)"', page)
    assert nonce
    fields = {"action": action, "nonce": nonce[1]}
    answer = whole.shop.admin.post(f"{whole.shop.url}/wp-admin/admin-ajax.php", data=fields, timeout=60)
    return answer.json()


def _files(folder: Path) -> set[str]:
    """Finished pictures and sources; guards and drafts' folders are always there."""
    return {path.name for path in folder.rglob("*.jp*g") if path.is_file()}


def _traces(whole: Whole) -> dict[str, Any]:
    """What jobs leave: pictures, rows, mails. Digests apart: one about earlier orders may be due at any moment."""
    shop = whole.shop
    tables = ("smi_jobs", "smi_bridge_ledger", "smi_bridge_effects", "smi_bridge_events")
    rows = {t: shop.sql(f"SELECT COUNT(*) AS n FROM wp_{t} WHERE job_id <> '-'")[0]["n"] for t in tables}
    mails = [mail for mail in shop.mails() if shop.admin_email not in mail.to or "smi-test-" in mail.text]
    return {"files": _files(shop.uploads), "rows": rows, "mails": [mail.path.name for mail in mails]}


def test_a_test_picture_goes_through_everything_and_leaves_nothing(newest: Whole, browser: Browser) -> None:
    shop = newest.shop
    before = _traces(newest)
    billed = len(newest.sandbox.bill())
    with browser.page(shop.login_cookies(), shop.url) as page:
        page.goto(shop.url + PAGE)
        for name in ("plugin", "sidecar", "folder"):
            expect(page.locator(f"[data-smib-step={name}]")).to_have_class("done")
        expect(page.locator("[data-smib-step=picture]")).not_to_have_class("done")
        page.get_by_role("button", name="Send a test picture").click()
        expect(page.get_by_text("Delivered, and cleaned up.")).to_be_visible(timeout=30_000)
        expect(page.locator("[data-smib-step=picture]")).to_have_class("done")
        history = page.locator("#smib-history").inner_text()
    told = [line.partition("  ")[2] for line in history.splitlines()]
    assert told[0] == "A test picture sets out"
    assert {"Accepted by Upsampler", "Delivered"} <= set(told)
    assert len(newest.sandbox.bill()) == billed + 1
    assert _traces(newest) == before


def test_a_test_that_fails_says_why_and_leaves_nothing(newest: Whole) -> None:
    before = _traces(newest)
    newest.sandbox.fault({"fault": "submit_415"})
    try:
        assert _ajax(newest, "smi_bridge_send_test")["success"]
        again = _ajax(newest, "smi_bridge_send_test")
        assert again == {"success": False, "data": {"message": "A test picture is under way already."}}

        def ended() -> dict[str, Any] | None:
            test = _ajax(newest, "smi_bridge_first_run")["data"]["test"]
            return None if test["running"] else test

        said = wait_for(ended, "the test has ended", timeout=60)["said"]
        assert said.startswith("It did not arrive: ") and "_" not in said, "in words"
    finally:
        newest.sandbox.fault()
    assert _traces(newest) == before


def test_the_steps_say_what_is_in_the_way(newest: Whole) -> None:
    newest.sidecar.process("web").stop()
    try:
        steps = {step["name"]: step for step in _ajax(newest, "smi_bridge_first_run")["data"]["steps"]}
    finally:
        newest.sidecar.process("web").start()
    assert steps["plugin"]["done"] and not steps["sidecar"]["done"]
    refused = advice("refused", host="127.0.0.1")
    assert steps["sidecar"]["advice"] == {"sentence": refused.sentence, "command": refused.command}
    assert json.dumps(steps)


@pytest.mark.parametrize("action", ["smi_bridge_send_test", "smi_bridge_first_run"])
def test_only_an_admin_may(newest: Whole, action: str) -> None:
    import requests

    answer = requests.post(f"{newest.shop.url}/wp-admin/admin-ajax.php", data={"action": action}, timeout=30)
    assert answer.status_code in (400, 403)
