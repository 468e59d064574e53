"""What a person does with a job, and what each press does exactly once."""

from typing import Any

import pytest
from playwright.sync_api import expect

from tests.ui.conftest import Ui


def act(ui: Ui, action: str, job: str) -> dict[str, Any]:
    """Calls the action as the administrator, in a request of its own."""
    return ui.shop.php_json(f"wp_set_current_user(1); return SmiBridge\\Jobs\\Actions::run('{action}', '{job}');")


def test_retry_starts_the_next_attempt_and_tells_the_sidecar(ui_everywhere: Ui):
    ui = ui_everywhere
    job = ui.bought("review", reason="upsampler_silent")
    assert act(ui, "retry", job)["code"] == "started"
    message = ui.sidecar.wait("job.paid")[0]
    assert (message.data["job_id"], message.data["attempt"], message.data["rerun"]) == (job, 2, True)
    assert [row["state"] for row in ui.ledger(job)] == ["review", "paid"]
    assert "rerun" in ui.history(job)
    again = act(ui, "retry", job)
    assert (again["ok"], again["code"]) == (False, "busy")
    assert len(ui.ledger(job)) == 2


def test_stop_takes_a_job_out_of_the_works(ui: Ui):
    job = ui.bought("submitted")
    assert act(ui, "cancel", job)["code"] == "stopped"
    row = ui.ledger(job)[0]
    assert (row["state"], row["reason"]) == ("review", "stopped")
    assert ui.sidecar.wait("job.cancel")[0].data == {"job_id": job, "attempt": 1, "reason": "stopped"}
    assert act(ui, "cancel", job)["code"] == "already"
    late = ui.door.send("job.progress", {"job_id": job, "attempt": 1, "state": "enlarged", "event": "enlarged"})
    assert (late["status"], late["reason"]) == ("refused", "cancelled")


@pytest.mark.parametrize("state", ["delivered", "refunded", "refunding"])
def test_what_has_ended_can_not_be_stopped(ui: Ui, state: str):
    job = ui.bought(state)
    assert act(ui, "cancel", job)["code"] == "settled"
    assert ui.state(job) == state


def test_a_refund_gives_the_money_back_once_and_tells_everybody(ui: Ui):
    job = ui.bought("delivered", email="paid@customer.example")
    payment = ui.row(job)["stripe_payment_intent_id"]
    assert act(ui, "refund", job)["code"] == "refunded"
    assert act(ui, "refund", job)["code"] == "already"
    refunds = [r for r in ui.shop.php_json("return smi_demo_shop_refunds();") if r["payment_intent"] == payment]
    assert len(refunds) == 1
    row = ui.ledger(job)[0]
    assert row["state"] == "refunded" and row["revoked_at"] is not None
    assert ui.row(job)["payment_status"] == "refunded"
    assert "$4.50" in ui.shop.wait_mail("paid@customer.example").text
    assert ui.sidecar.wait("job.cancel")[0].data["reason"] == "refunded"


def test_a_refund_of_what_the_customer_has_downloaded_wants_to_be_confirmed(ui: Ui):
    job = ui.bought("delivered")
    told = {"job_id": job, "attempt": 1, "downloaded_at": "2026-11-22T10:00:00Z"}
    assert ui.door.send("job.downloaded", told)["status"] == "done"
    refused = act(ui, "refund", job)
    assert (refused["ok"], refused["code"]) == (False, "downloaded") and "November 22, 2026" in refused["message"]
    assert ui.state(job) == "delivered"
    confirmed = ui.shop.php_json(
        f"wp_set_current_user(1); return SmiBridge\\Jobs\\Actions::run('refund', '{job}', ['confirm' => true]);"
    )
    assert confirmed["code"] == "refunded"
    assert ui.history(job).count("downloaded") == 1


def test_the_page_of_a_downloaded_job_asks_the_question_that_confirms(ui: Ui):
    job = ui.bought("delivered")
    ui.door.send("job.downloaded", {"job_id": job, "attempt": 1, "downloaded_at": "2026-11-22T10:00:00Z"})
    asked: list[str] = []
    with ui.admin() as page:
        page.on("dialog", lambda dialog: (asked.append(dialog.message), dialog.accept()))
        page.goto(ui.url(f"/wp-admin/admin.php?page=smi-bridge-jobs&job={job}"))
        expect(page.locator(".smib-admin")).to_contain_text("First downloaded")
        page.get_by_role("link", name="Refund", exact=True).click()
        expect(page.locator(".notice-success")).to_contain_text("Refunded")
    assert len(asked) == 1 and "has downloaded this picture" in asked[0]
    assert ui.state(job) == "refunded"


def test_a_refund_that_fails_is_due_and_can_be_tried_again_or_marked(ui: Ui):
    job = ui.bought("review", reason="result_corrupt")
    ui.shop.option("smi_demo_shop_refund_mode", "error")
    try:
        failed = act(ui, "refund", job)
        assert (failed["ok"], failed["code"]) == (False, "refund_failed")
        assert ui.ledger(job)[0]["reason"] == "refund_due"
    finally:
        ui.shop.option("smi_demo_shop_refund_mode", "ok")
    assert act(ui, "refund", job)["code"] == "refunded"
    assert ui.state(job) == "refunded"


def test_a_refund_of_unknown_outcome_is_never_repeated_but_can_be_marked(ui: Ui):
    job = ui.bought("review", reason="refund_due")
    ui.shop.sql(
        "INSERT INTO wp_smi_bridge_effects (job_id, attempt, effect, claimed_at, done_at, outcome) "
        "VALUES (%s, 0, 'refund', UTC_TIMESTAMP(), UTC_TIMESTAMP(), 'unknown')",
        job,
    )
    assert act(ui, "refund", job)["code"] == "unknown"
    assert ui.state(job) == "review"
    assert act(ui, "mark_refunded", job)["ok"] is True
    assert ui.state(job) == "refunded"
    payment = ui.row(job)["stripe_payment_intent_id"]
    assert payment not in [r["payment_intent"] for r in ui.shop.php_json("return smi_demo_shop_refunds();")]


def test_resend_mails_what_belongs_to_the_state(ui: Ui):
    job = ui.bought("delivered", email="again@customer.example")
    assert act(ui, "resend", job)["code"] == "sent"
    assert act(ui, "resend", job)["code"] == "sent"
    assert len(ui.shop.mails("again@customer.example")) == 2
    assert f"token-{job}" in ui.shop.mails("again@customer.example")[1].text
    assert ui.history(job).count("resent") == 1, "the first one settles the delivery's own mail"
    assert ui.row(job)["email_sent"] == 1
    assert act(ui, "resend", ui.bought("submitted"))["code"] == "too_early"
    assert act(ui, "resend", ui.bought("delivered", email=""))["code"] == "no_address"


def test_renew_gets_a_fresh_link_that_ledger_shop_and_mail_agree_on(ui: Ui):
    job = ui.bought("delivered", email="late@customer.example")
    ui.shop.sql("UPDATE wp_smi_bridge_ledger SET expires_at = '2020-01-01 00:00:00' WHERE job_id = %s", job)
    assert act(ui, "resend", job)["code"] == "sent", "an ended link is renewed first"
    assert ui.sidecar.wait("job.renew")[0].data == {"job_id": job, "attempt": 1, "expiry_hours": 24}
    row = ui.ledger(job)[0]
    assert row["token"] == "renewed" and row["download_url"] is None
    assert ui.row(job)["download_token"] in ui.shop.wait_mail("late@customer.example").text
    ui.sidecar.answer.status, ui.sidecar.answer.body = 404, {"error": "no_file"}
    gone = act(ui, "renew", job)
    assert (gone["code"], "Retry" in gone["message"]) == ("no_file", True)


def test_a_refund_while_the_link_is_renewed_leaves_no_link(ui: Ui):
    job = ui.bought("delivered")
    before = ui.row(job)["download_token"]
    answer = ui.shop.php_json(
        f"""wp_set_current_user(1);
        add_filter('query', function ($query) {{ // another request, while the sidecar was asked
            static $done = false;
            if (!$done && false !== strpos($query, 'FOR UPDATE')) {{
                $done = true;
                mysqli_query($GLOBALS['wpdb']->dbh, "UPDATE wp_smi_bridge_ledger SET state = 'refunded',
                    revoked_at = UTC_TIMESTAMP() WHERE job_id = '{job}'");
            }}
            return $query;
        }});
        return SmiBridge\\Jobs\\Actions::run('renew', '{job}');"""
    )
    assert (answer["ok"], answer["code"]) == (False, "changed")
    row = ui.ledger(job)[0]
    assert row["revoked_at"] is not None and row["token"] != "renewed"
    assert ui.row(job)["download_token"] == before


@pytest.mark.parametrize("action", ["retry", "cancel", "refund", "mark_refunded", "resend", "renew"])
def test_an_unknown_job_is_said_to_be_unknown(ui: Ui, action: str):
    answer = act(ui, action, "nobody-knows-it")
    assert (answer["ok"], answer["code"]) == (False, "unknown_job")


@pytest.mark.parametrize("action", ["cancel", "refund", "resend", "renew", "mark_refunded"])
def test_a_paused_site_does_nothing(ui: Ui, action: str):
    job = ui.bought("delivered")
    ui.shop.option("smi_bridge_paused", "1")
    try:
        assert act(ui, action, job)["code"] == "paused"
    finally:
        ui.shop.option("smi_bridge_paused", "")
    assert ui.state(job) == "delivered" and ui.effects(job) == {}
