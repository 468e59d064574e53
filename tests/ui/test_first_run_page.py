"""The first-run page in a real browser: what it shows of each answer, and what it asks before it costs something."""

from __future__ import annotations

import html
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs

import pytest
from playwright.sync_api import Page, Route, expect

from sidecar.core.advice import advice
from tests.ui.conftest import Ui

PAGE = "/wp-admin/admin.php?page=smi-bridge-first-run"
OPEN = advice("folder_open", url="https://shop.example/wp-content/uploads/smi-downloads")


@contextmanager
def _answered(
    ui: Ui, *done: bool, free: bool = True, asked: list[str] | None = None, test: dict[str, Any] | None = None
) -> Iterator[Page]:
    """The page, which is told that these steps are done; the third one comes with advice while it is not."""
    names = ("plugin", "sidecar", "folder", "picture")
    steps = [
        {"name": name, "done": is_done, "advice": None if is_done or name != "folder" else vars(OPEN)}
        for name, is_done in zip(names, done, strict=True)
    ]
    answer = {"success": True, "data": {"steps": steps, "test": test, "free": free}}

    def reply(route: Route) -> None:
        action = parse_qs(route.request.post_data or "").get("action", [""])[0]
        if asked is not None:
            asked.append(action)
        route.fulfill(json=answer)

    with ui.admin() as page:
        page.route("**/admin-ajax.php", reply)
        page.goto(ui.url(PAGE))
        expect(page.locator("[data-smib-step=plugin]")).to_have_class("done")
        yield page


def _step(page: Page, name: str) -> Any:
    return page.locator(f"[data-smib-step={name}]")


def test_a_step_that_is_true_is_ticked_whatever_the_ones_before_it_are(ui: Ui) -> None:
    with _answered(ui, True, True, False, True) as page:
        expect(_step(page, "picture")).to_have_class("done")
        expect(_step(page, "folder")).not_to_have_class("done")
        expect(_step(page, "folder").get_by_text(OPEN.sentence)).to_be_visible()


def test_a_step_shows_its_advice_whatever_the_ones_before_it_are(ui: Ui) -> None:
    with _answered(ui, True, False, False, False) as page:
        expect(_step(page, "folder").get_by_text(OPEN.sentence)).to_be_visible()
        expect(page.get_by_role("button", name="Send a test picture")).to_be_disabled()


@pytest.mark.parametrize(("delivered", "look"), [(True, "smib-said"), (False, "smib-said bad")])
def test_a_picture_that_did_not_arrive_does_not_look_as_if_all_were_well(ui: Ui, delivered: bool, look: str) -> None:
    test = {"running": False, "said": "How it ended.", "history": ""}
    with _answered(ui, True, True, True, delivered, test=test) as page:
        expect(page.get_by_text("How it ended.")).to_have_class(look)


def test_when_all_is_done_it_says_so_and_leads_on(ui: Ui) -> None:
    with _answered(ui, True, True, True, True) as page:
        expect(page.get_by_text("All is set: from now on paid pictures go to the sidecar.")).to_be_visible()
        page.get_by_role("link", name="Dashboard", exact=True).last.click()
        page.wait_for_url("**/admin.php?page=smi-bridge")
    with _answered(ui, True, True, True, False) as page:
        expect(page.get_by_text("All is set")).to_be_hidden()


@pytest.mark.parametrize("free", [True, False])
@pytest.mark.parametrize("says_yes", [True, False])
def test_a_picture_that_costs_a_credit_is_sent_only_after_a_yes(ui: Ui, free: bool, says_yes: bool) -> None:
    asked: list[str] = []
    questions: list[str] = []
    with _answered(ui, True, True, True, False, free=free, asked=asked) as page:
        page.on(
            "dialog",
            lambda dialog: (questions.append(dialog.message), dialog.accept() if says_yes else dialog.dismiss()),
        )
        button = page.get_by_role("button", name="Send a test picture")
        expect(button).to_be_enabled()
        if free or says_yes:
            with page.expect_response(lambda it: "smi_bridge_send_test" in (it.request.post_data or "")):
                button.click()
        else:
            button.click()
            expect(button).to_be_enabled()
    assert [bool(text) and "costs a credit" in text for text in questions] == ([] if free else [True])
    assert ("smi_bridge_send_test" in asked) is (free or says_yes)


@pytest.mark.parametrize("is_there", [True, False])
@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ("new WP_Error('cut', 'no way')", "folder_not_looked_at"),
        ("['response' => ['code' => 404], 'headers' => [], 'body' => '']", "folder_not_closed"),
    ],
)
def test_a_folder_that_is_not_ticked_says_why(ui: Ui, answer: str, code: str, is_there: bool) -> None:
    """Both before the first delivery and after it."""
    folder = ui.shop.uploads / "smi-downloads"
    moved = folder.with_name("smi-downloads-aside")
    if folder.exists():
        folder.rename(moved)
    if is_there:
        folder.mkdir()
    remove = ui.mu_plugin(
        "outside",
        "add_filter('pre_http_request', fn($given, $how, $url) =>"
        f" strpos($url, '/smi-downloads/') ? {answer} : $given, 10, 3);",
    )
    try:
        steps = {step["name"]: step for step in ui.ajax("smi_bridge_first_run").json()["data"]["steps"]}
        health = ui.shop.php_json("return SmiBridge\\Health\\Site_Health::test_leak()['description'];")
    finally:
        remove()
        if is_there:
            folder.rmdir()
        if moved.exists():
            moved.rename(folder)
    if is_there and code == "folder_not_closed":
        assert steps["folder"] == {"name": "folder", "done": True, "advice": None}, "it could not be fetched"
    else:
        said = steps["folder"]["advice"]
        assert not steps["folder"]["done"] and said["code"] == code
        if is_there:  # Site Health says the same, with what was answered
            assert html.unescape(health) == f"<p>{said['sentence']} (no way) → {said['command']}</p>"
