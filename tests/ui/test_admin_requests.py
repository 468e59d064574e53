"""Every handler of the admin's pages: who may not, without a nonce, with bad input, with hostile strings."""

import json
import re
from typing import Any

import pytest
import requests

from tests.bridge.conftest import BRIDGE
from tests.ui.conftest import Ui

AJAX = [
    "smi_bridge_env",
    "smi_bridge_first_run",
    "smi_bridge_send_test",
    "smi_bridge_test_connection",
    "smi_bridge_dashboard",
    "smi_bridge_dismiss",
    "smi_bridge_mail_test",
    "smi_bridge_shop_states",
    "smi_bridge_shop_retry",
]
FORMS = ["smi_bridge_secret", "smi_bridge_lock_site", "smi_bridge_keep_paused"]
PAGES = ["smi-bridge", "smi-bridge-jobs", "smi-bridge-settings", "smi-bridge-first-run"]
HOSTILE = ["'", '"><script>alert(1)</script>', "' OR 1=1 -- ", "%' AND SLEEP(20) -- ", "\\", "%", "ü" * 300, "\x00a"]


@pytest.fixture(scope="session")
def editor(newest_ui: Ui) -> Any:
    """Somebody with an account who may not manage the site."""
    newest_ui.shop.php(
        "$id = wp_insert_user(['user_login' => 'edith', 'user_pass' => 'edith-password', 'role' => 'editor',"
        " 'user_email' => 'edith@shop.example']); if (is_wp_error($id)) { throw new Exception('no user'); }"
    )
    session = newest_ui.shop.login("edith", "edith-password")
    yield session
    session.close()


def test_every_handler_is_in_these_lists():
    sources = "".join(path.read_text() for path in BRIDGE.rglob("*.php"))
    hooked = re.findall(r"add_action\(\s*'((?:wp_ajax|admin_post)_[^']+)'", sources)
    ours = {f"wp_ajax_{name}" for name in AJAX} | {f"admin_post_{name}" for name in FORMS}
    ours |= {"wp_ajax_smi_bridge_mail_preview"}
    ours |= {"wp_ajax_health-check-smi-bridge_doors", "wp_ajax_health-check-smi-bridge_leak"}
    assert sorted(hooked) == sorted(ours), "a handler without a test of capability, nonce and input"


@pytest.mark.parametrize("action", AJAX)
def test_ajax_without_capability_is_refused(ui: Ui, editor: requests.Session, action: str):
    job = ui.bought("review")
    answer = ui.ajax(action, editor, job=job)
    assert answer.status_code == 403 and answer.json()["success"] is False
    assert "whsec_" not in answer.text
    assert ui.state(job) == "review"


@pytest.mark.parametrize("action", AJAX)
@pytest.mark.parametrize("nonce", ["", "0123456789"])
def test_ajax_without_a_good_nonce_is_refused(ui: Ui, action: str, nonce: str):
    job = ui.bought("review")
    answer = ui.ajax(action, nonce=nonce, job=job)
    assert answer.status_code == 403 and answer.json()["success"] is False
    assert len(ui.ledger(job)) == 1
    assert ui.shop.mails() == []


@pytest.mark.parametrize("action", AJAX)
def test_ajax_of_a_visitor_reaches_no_handler(ui: Ui, action: str):
    answer = requests.post(ui.url("/wp-admin/admin-ajax.php"), data={"action": action}, timeout=30)
    assert answer.text == "0"


@pytest.mark.parametrize("page", PAGES)
def test_pages_are_closed_to_others(ui: Ui, editor: requests.Session, page: str):
    assert editor.get(ui.url(f"/wp-admin/admin.php?page={page}"), timeout=30).status_code == 403


def test_an_editor_sees_neither_notice_nor_light_nor_widget(ui: Ui, editor: requests.Session):
    ui.bought("review")
    page = editor.get(ui.url("/wp-admin/index.php"), timeout=30).text
    assert "smi-bridge" not in page and "smib" not in page
    assert "smib-needs" in ui.shop.admin.get(ui.url("/wp-admin/index.php"), timeout=30).text


@pytest.mark.parametrize("action", FORMS)
def test_forms_need_capability_and_nonce(ui: Ui, editor: requests.Session, action: str):
    before = ui.shop.option("smi_bridge_secret")
    for session in (editor, ui.shop.admin):
        answer = session.post(
            ui.url("/wp-admin/admin-post.php"),
            data={"action": action, "what": "new", "_wpnonce": "0123456789"},
            timeout=30,
        )
        assert answer.status_code == 403
    assert ui.shop.option("smi_bridge_secret") == before


def test_a_new_secret_is_made_once_however_often_the_button_is_pressed(ui: Ui):
    """The second one would end the secret that the sidecar has."""
    before = ui.shop.option("smi_bridge_secret")
    page = ui.shop.admin.get(ui.url("/wp-admin/admin.php?page=smi-bridge-settings"), timeout=30).text
    form = page.partition('value="smi_bridge_secret"')[2]
    nonce = re.search(r'name="_wpnonce" value="([0-9a-f]+)"', form)
    assert nonce
    try:
        data = {"action": "smi_bridge_secret", "what": "new", "_wpnonce": nonce[1]}
        answers = [ui.shop.admin.post(ui.url("/wp-admin/admin-post.php"), data=data, timeout=30) for _ in range(2)]
        assert "There is a new secret." in answers[0].text
        assert "A change of the secret is under way" in answers[1].text
        assert ui.shop.option("smi_bridge_previous_secret") == before
    finally:
        ui.shop.option("smi_bridge_secret", before)
        ui.shop.option("smi_bridge_previous_secret", "")


@pytest.mark.parametrize("action", ["retry", "cancel", "refund", "resend", "renew", "mark_refunded"])
def test_a_row_action_needs_the_nonce_of_its_own_job(ui: Ui, editor: requests.Session, action: str):
    job, other = ui.bought("review"), ui.bought("review")
    listed = ui.shop.admin.get(ui.url(f"/wp-admin/admin.php?page=smi-bridge-jobs&job={other}"), timeout=30).text
    nonce = re.search(r"do=retry&#038;for=[^&]+&#038;_wpnonce=([0-9a-f]+)", listed)
    assert nonce
    path = f"/wp-admin/admin.php?page=smi-bridge-jobs&do={action}&for={job}&_wpnonce={nonce[1]}"
    for session in (editor, ui.shop.admin):
        assert session.get(ui.url(path), timeout=30).status_code == 403
    assert [row["state"] for row in ui.ledger(job)] == ["review"]
    assert ui.effects(job) == {}


def test_bulk_actions_need_their_nonce(ui: Ui):
    job = ui.bought("review")
    answer = ui.shop.admin.post(
        ui.url("/wp-admin/admin.php?page=smi-bridge-jobs"),
        data={"action": "refund", "jobs[]": job, "_wpnonce": "0123456789"},
        timeout=30,
    )
    assert answer.status_code == 403
    assert ui.state(job) == "review"


@pytest.mark.parametrize("words", HOSTILE)
def test_a_hostile_search_finds_nothing_and_breaks_nothing(ui: Ui, words: str):
    ui.bought("delivered")
    for field in ("s", "from", "to", "view", "order", "orderby", "paged"):
        answer = ui.shop.admin.get(
            ui.url("/wp-admin/admin.php"), params={"page": "smi-bridge-jobs", field: words}, timeout=30
        )
        assert answer.status_code == 200, field
        assert "<script>alert(1)" not in answer.text
        assert answer.elapsed.total_seconds() < 20, "no sleeping in the database"


def test_a_hostile_title_and_reason_are_text_in_list_and_history(ui: Ui):
    hostile = "<script>alert(1)</script>"
    job = ui.bought("review", reason="x", email='"<b>x</b>"@customer.example')
    ui.shop.sql("UPDATE wp_smi_bridge_ledger SET reason = %s, detail = %s WHERE job_id = %s", hostile, hostile, job)
    ui.shop.sql(
        "INSERT INTO wp_smi_bridge_events (job_id, attempt, at, event, detail)"
        " VALUES (%s, 1, UTC_TIMESTAMP(3), %s, %s)",
        job,
        hostile,
        json.dumps({hostile: hostile}),
    )
    for path in ("/wp-admin/admin.php?page=smi-bridge-jobs", f"/wp-admin/admin.php?page=smi-bridge-jobs&job={job}"):
        page = ui.shop.admin.get(ui.url(path), timeout=30).text
        assert hostile not in page.lower()
        assert "<b>x</b>" not in page
    ui.shop.php("delete_transient('smi_bridge_stats_24h');")  # figures are kept for half a minute
    data = ui.ajax("smi_bridge_dashboard", period="24h").json()["data"]
    assert any("script" in error["code"] for error in data["stats"]["errors"]), "the script prints it as text"


@pytest.mark.parametrize("words", HOSTILE)
def test_bad_input_of_a_handler_is_refused_in_words(ui: Ui, words: str):
    for action, fields in (
        ("smi_bridge_shop_retry", {"job": words}),
        ("smi_bridge_shop_retry", {"job[]": words}),
        ("smi_bridge_shop_states", {"jobs": words}),
        ("smi_bridge_shop_states", {"jobs[]": words}),
        ("smi_bridge_dashboard", {"period[]": words}),
        ("smi_bridge_dismiss", {"kind": words}),
    ):
        answer = ui.ajax(action, **fields)
        assert answer.status_code == (409 if action == "smi_bridge_shop_retry" else 200), (action, answer.text)
        assert answer.json()["success"] is (action != "smi_bridge_shop_retry"), action
        assert answer.headers["Content-Type"].startswith("application/json"), action
    assert ui.shop.mails() == []


@pytest.mark.parametrize("period", ["", "24h", "7d", "30d", "1000y", "' OR 1"])
def test_any_period_gets_figures(ui: Ui, period: str):
    data = ui.ajax("smi_bridge_dashboard", period=period).json()["data"]
    assert len(data["stats"]["series"]["at"]) in (24, 28, 30)


def test_a_mail_preview_needs_its_nonce_and_runs_no_script(ui: Ui, editor: requests.Session):
    path = "/wp-admin/admin-ajax.php?action=smi_bridge_mail_preview&kind=delivered"
    for session in (editor, ui.shop.admin):
        assert session.get(ui.url(path), timeout=30).status_code == 403
    nonce = ui.nonce(
        "/wp-admin/admin.php?page=smi-bridge-settings",
        r"action=smi_bridge_mail_preview&#038;kind=delivered&#038;_wpnonce=([0-9a-f]+)",
    )
    good = ui.shop.admin.get(ui.url(f"{path}&_wpnonce={nonce}"), timeout=30)
    assert good.status_code == 200 and "Your picture is ready" in good.text
    assert "default-src 'none'" in good.headers["Content-Security-Policy"]


def test_the_test_mail_goes_to_the_admin_who_asks(ui: Ui):
    answer = ui.ajax("smi_bridge_mail_test", kind="refunded").json()
    assert answer["success"] is True
    assert "money is on its way back" in ui.shop.wait_mail(ui.shop.admin_email).text


def test_site_health_asks_for_its_own_nonce(ui: Ui, editor: requests.Session):
    for name in ("doors", "leak"):
        for session in (editor, ui.shop.admin):
            answer = session.post(
                ui.url("/wp-admin/admin-ajax.php"),
                data={"action": f"health-check-smi-bridge_{name}", "_wpnonce": "bad"},
                timeout=30,
            )
            assert answer.status_code == 403
