"""What a person does with a job, and what each press does exactly once."""

from typing import Any

import pytest
from playwright.sync_api import expect

from tests.faces.conftest import Faces


def act(faces: Faces, action: str, job: str) -> dict[str, Any]:
    """Calls the action as the administrator, in a request of its own."""
    return faces.shop.php_json(f"wp_set_current_user(1); return SmiBridge\\Jobs\\Actions::{action}('{job}');")


def test_retry_starts_the_next_attempt_and_tells_the_sidecar(faces_everywhere: Faces):
    faces = faces_everywhere
    job = faces.bought("review", reason="upsampler_silent")
    assert act(faces, "retry", job)["code"] == "started"
    message = faces.sidecar.wait("job.paid")[0]
    assert (message.data["job_id"], message.data["attempt"], message.data["rerun"]) == (job, 2, True)
    assert [row["state"] for row in faces.ledger(job)] == ["review", "paid"]
    assert "rerun" in faces.story(job)
    again = act(faces, "retry", job)
    assert (again["ok"], again["code"]) == (False, "busy")
    assert len(faces.ledger(job)) == 2


def test_stop_takes_a_job_out_of_the_works(faces: Faces):
    job = faces.bought("submitted")
    assert act(faces, "cancel", job)["code"] == "stopped"
    row = faces.ledger(job)[0]
    assert (row["state"], row["reason"]) == ("review", "stopped")
    assert faces.sidecar.wait("job.cancel")[0].data == {"job_id": job, "attempt": 1, "reason": "stopped"}
    assert act(faces, "cancel", job)["code"] == "already"
    late = faces.door.send("job.progress", {"job_id": job, "attempt": 1, "state": "enlarged", "event": "enlarged"})
    assert (late["status"], late["reason"]) == ("refused", "cancelled")


@pytest.mark.parametrize("state", ["delivered", "refunded", "refunding"])
def test_what_has_ended_can_not_be_stopped(faces: Faces, state: str):
    job = faces.bought(state)
    assert act(faces, "cancel", job)["code"] == "settled"
    assert faces.state(job) == state


def test_a_refund_gives_the_money_back_once_and_tells_everybody(faces: Faces):
    job = faces.bought("delivered", email="paid@customer.example")
    payment = faces.row(job)["stripe_payment_intent_id"]
    assert act(faces, "refund", job)["code"] == "refunded"
    assert act(faces, "refund", job)["code"] == "already"
    refunds = [r for r in faces.shop.php_json("return smi_demo_shop_refunds();") if r["payment_intent"] == payment]
    assert len(refunds) == 1
    row = faces.ledger(job)[0]
    assert row["state"] == "refunded" and row["revoked_at"] is not None
    assert faces.row(job)["payment_status"] == "refunded"
    assert "$4.50" in faces.shop.wait_mail("paid@customer.example").text
    assert faces.sidecar.wait("job.cancel")[0].data["reason"] == "refunded"


def test_a_refund_of_what_the_customer_has_downloaded_wants_to_be_confirmed(faces: Faces):
    job = faces.bought("delivered")
    told = {"job_id": job, "attempt": 1, "downloaded_at": "2026-11-22T10:00:00Z"}
    assert faces.door.send("job.downloaded", told)["status"] == "done"
    refused = act(faces, "refund", job)
    assert (refused["ok"], refused["code"]) == (False, "downloaded") and "November 22, 2026" in refused["message"]
    assert faces.state(job) == "delivered"
    confirmed = faces.shop.php_json(f"wp_set_current_user(1); return SmiBridge\\Jobs\\Actions::refund('{job}', null, true);")
    assert confirmed["code"] == "refunded"
    assert faces.story(job).count("downloaded") == 1


def test_the_page_of_a_downloaded_job_asks_the_question_that_confirms(faces: Faces):
    job = faces.bought("delivered")
    faces.door.send("job.downloaded", {"job_id": job, "attempt": 1, "downloaded_at": "2026-11-22T10:00:00Z"})
    asked: list[str] = []
    with faces.admin() as page:
        page.on("dialog", lambda dialog: (asked.append(dialog.message), dialog.accept()))
        page.goto(faces.url(f"/wp-admin/admin.php?page=smi-bridge-jobs&job={job}"))
        expect(page.locator(".smib-admin")).to_contain_text("First downloaded")
        page.get_by_role("link", name="Refund", exact=True).click()
        expect(page.locator(".notice-success")).to_contain_text("Refunded")
    assert len(asked) == 1 and "has downloaded this picture" in asked[0]
    assert faces.state(job) == "refunded"


def test_a_refund_that_fails_is_due_and_can_be_tried_again_or_marked(faces: Faces):
    job = faces.bought("review", reason="result_corrupt")
    faces.shop.option("smi_demo_shop_refund_mode", "error")
    try:
        failed = act(faces, "refund", job)
        assert (failed["ok"], failed["code"]) == (False, "refund_failed")
        assert faces.ledger(job)[0]["reason"] == "refund_due"
    finally:
        faces.shop.option("smi_demo_shop_refund_mode", "ok")
    assert act(faces, "refund", job)["code"] == "refunded"
    assert faces.state(job) == "refunded"


def test_a_refund_of_unknown_outcome_is_never_repeated_but_can_be_marked(faces: Faces):
    job = faces.bought("review", reason="refund_due")
    faces.shop.sql(
        "INSERT INTO wp_smi_bridge_effects (job_id, attempt, effect, claimed_at, done_at, outcome) "
        "VALUES (%s, 0, 'refund', UTC_TIMESTAMP(), UTC_TIMESTAMP(), 'unknown')",
        job,
    )
    assert act(faces, "refund", job)["code"] == "unknown"
    assert faces.state(job) == "review"
    assert act(faces, "mark_refunded", job)["ok"] is True
    assert faces.state(job) == "refunded"
    payment = faces.row(job)["stripe_payment_intent_id"]
    assert payment not in [r["payment_intent"] for r in faces.shop.php_json("return smi_demo_shop_refunds();")]


def test_resend_mails_what_belongs_to_the_state(faces: Faces):
    job = faces.bought("delivered", email="again@customer.example")
    assert act(faces, "resend", job)["code"] == "sent"
    assert act(faces, "resend", job)["code"] == "sent"
    assert len(faces.shop.mails("again@customer.example")) == 2
    assert f"token-{job}" in faces.shop.mails("again@customer.example")[1].text
    assert faces.story(job).count("resent") == 1, "the first one settles the delivery's own mail"
    assert faces.row(job)["email_sent"] == 1
    assert act(faces, "resend", faces.bought("submitted"))["code"] == "too_early"
    assert act(faces, "resend", faces.bought("delivered", email=""))["code"] == "no_address"


def test_renew_gets_a_fresh_link_that_ledger_shop_and_mail_agree_on(faces: Faces):
    job = faces.bought("delivered", email="late@customer.example")
    faces.shop.sql("UPDATE wp_smi_bridge_ledger SET expires_at = '2020-01-01 00:00:00' WHERE job_id = %s", job)
    assert act(faces, "resend", job)["code"] == "sent", "an ended link is renewed first"
    assert faces.sidecar.wait("job.renew")[0].data == {"job_id": job, "attempt": 1, "expiry_hours": 24}
    row = faces.ledger(job)[0]
    assert row["token"] == "renewed" and row["download_url"] is None
    assert faces.row(job)["download_token"] in faces.shop.wait_mail("late@customer.example").text
    faces.sidecar.answer.status, faces.sidecar.answer.body = 404, {"error": "no_file"}
    gone = act(faces, "renew", job)
    assert (gone["code"], "Retry" in gone["message"]) == ("no_file", True)


def test_a_refund_while_the_link_is_renewed_leaves_no_link(faces: Faces):
    job = faces.bought("delivered")
    before = faces.row(job)["download_token"]
    answer = faces.shop.php_json(
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
        return SmiBridge\\Jobs\\Actions::renew('{job}');"""
    )
    assert (answer["ok"], answer["code"]) == (False, "changed")
    row = faces.ledger(job)[0]
    assert row["revoked_at"] is not None and row["token"] != "renewed"
    assert faces.row(job)["download_token"] == before


@pytest.mark.parametrize("action", ["retry", "cancel", "refund", "mark_refunded", "resend", "renew"])
def test_an_unknown_job_is_said_to_be_unknown(faces: Faces, action: str):
    answer = act(faces, action, "nobody-knows-it")
    assert (answer["ok"], answer["code"]) == (False, "unknown_job")


@pytest.mark.parametrize("action", ["cancel", "refund", "resend", "renew", "mark_refunded"])
def test_a_paused_site_does_nothing(faces: Faces, action: str):
    job = faces.bought("delivered")
    faces.shop.option("smi_bridge_paused", "1")
    try:
        assert act(faces, action, job)["code"] == "paused"
    finally:
        faces.shop.option("smi_bridge_paused", "")
    assert faces.state(job) == "delivered" and faces.effects(job) == {}
