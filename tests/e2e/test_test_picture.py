"""The first-run page: four steps tick themselves off, and a test picture goes through everything and leaves nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from sidecar.core.advice import advice
from tests.testbed.browser import Browser
from tests.testbed.mail import Mail
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


def traces(whole: Whole) -> dict[str, set[str]]:
    """What jobs leave: their ids, pictures and mails. Jobs of before may still move on meanwhile, and a digest about
    them may be due at any moment: what belongs to them tells nothing of a test picture."""
    shop = whole.shop
    tables = ("smi_jobs", "smi_bridge_ledger", "smi_bridge_effects", "smi_bridge_events")
    jobs = {row["job_id"] for t in tables for row in shop.sql(f"SELECT DISTINCT job_id FROM wp_{t}")} - {"-"}
    customers = {row["email"] for row in shop.sql("SELECT email FROM wp_smi_jobs")}
    return {
        "jobs": jobs,
        "files": {path.name for path in _pictures(shop.uploads)},
        "mails": {mail.path.name for mail in shop.mails() if not _of_others(mail, shop.admin_email, customers)},
    }


def _pictures(folder: Path) -> Iterator[Path]:
    """Finished pictures and sources, and of drafts and copies those of a test picture."""
    for path in folder.rglob("*.jp*g"):
        if path.is_file() and ("smi-test-" in path.name or "/." not in str(path.relative_to(folder.parent))):
            yield path


def _of_others(mail: Mail, admin: str, customers: set[str]) -> bool:
    return "smi-test-" not in mail.text and (admin in mail.to or bool(customers.intersection(mail.to)))


def _billed(whole: Whole) -> int:
    """How many test pictures Upsampler was asked for."""
    return sum(job_id.startswith("smi-test-") for job_id, _ in whole.billed())


def test_a_test_picture_goes_through_everything_and_leaves_nothing(newest: Whole, browser: Browser) -> None:
    shop = newest.shop
    before = traces(newest)
    billed = _billed(newest)
    with browser.page(shop.login_cookies(), shop.url) as page:
        page.goto(shop.url + PAGE)
        for name in ("plugin", "sidecar", "folder"):
            expect(page.locator(f"[data-smib-step={name}]")).to_have_class("done")
        expect(page.locator("[data-smib-step=picture]")).not_to_have_class("done")
        page.get_by_role("button", name="Send a test picture").click()
        expect(page.get_by_text("Delivered, and cleaned up.")).to_be_visible()
        expect(page.locator("[data-smib-step=picture]")).to_have_class("done")
        history = page.locator("#smib-history").inner_text()
    told = [line.partition("  ")[2] for line in history.splitlines()]
    assert told[0] == "A test picture sets out"
    assert {"Accepted by Upsampler", "Delivered"} <= set(told)
    assert _billed(newest) == billed + 1
    assert traces(newest) == before


def test_a_test_that_fails_says_why_and_leaves_nothing(newest: Whole) -> None:
    before = traces(newest)
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
    assert traces(newest) == before


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
