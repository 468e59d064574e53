"""job.failed and refunds: once for each payment, whatever repeats, breaks, or dies in between."""

import json
import threading
from pathlib import Path
from typing import Any

import pytest

from tests.bridge.conftest import Bridge, delivery
from tests.bridge.test_delivery_messages import address
from tests.testbed.waiting import wait_for

NEWEST_ONLY = True  # nothing here depends on the version of WordPress


@pytest.fixture(autouse=True)
def working_refunds(bridge: Bridge):
    bridge.option("smi_demo_shop_refund_mode", "ok")
    yield
    bridge.option("smi_demo_shop_refund_mode", "ok")


def failed(job_id: str, refund: str = "yes", **more: Any) -> tuple[str, dict[str, Any]]:
    return "job.failed", {
        "job_id": job_id,
        "attempt": 1,
        "reason": "source_gone",
        "detail": "the server answered 404",
        "refund": refund,
        **more,
    }


def refunds(bridge: Bridge, job_id: str) -> list[dict[str, Any]]:
    payment = bridge.row(job_id)["stripe_payment_intent_id"]
    return bridge.shop.sql("SELECT * FROM wp_smi_demo_refunds WHERE payment_intent = %s", payment)


def test_a_failed_job_is_refunded_and_the_customer_told(bridge: Bridge) -> None:
    email = address()
    job_id = bridge.paid(email=email)
    result = bridge.door.send(*failed(job_id, customer_message="The picture could not be found any more."))
    assert result["data"] == {"outcome": "refunded", "refund_due": False}
    shop = bridge.row(job_id)
    assert (shop["status"], shop["payment_status"], float(shop["refund_amount"])) == ("failed", "refunded", 4.5)
    assert shop["refund_reason"] == "source_gone"
    assert shop["refunded_at"] is not None and shop["failed_at"] is not None
    assert [row["accepted"] for row in refunds(bridge, job_id)] == [1]
    (mail,) = bridge.shop.mails(email)
    assert "The picture could not be found any more." in mail.text
    assert bridge.state(job_id) == "refunded"
    effects = bridge.effects(job_id)
    assert (effects["refund"]["attempt"], effects["refund"]["outcome"]) == (0, "refunded")
    assert effects["mail:refunded"]["outcome"] == "sent"


def test_a_repeated_failure_refunds_nothing_again(bridge: Bridge) -> None:
    email = address()
    job_id = bridge.paid(email=email)
    for _ in range(3):
        assert bridge.door.send(*failed(job_id))["data"] == {"outcome": "refunded", "refund_due": False}
    assert len(refunds(bridge, job_id)) == 1
    assert len(bridge.shop.mails(email)) == 1


def test_a_failure_for_review_moves_no_money(bridge: Bridge) -> None:
    email = address()
    job_id = bridge.paid(email=email)
    result = bridge.door.send(*failed(job_id, refund="review"))
    assert result["data"] == {"outcome": "review", "refund_due": False}
    assert refunds(bridge, job_id) == []
    row = bridge.ledger(job_id)[0]
    assert (row["state"], row["reason"], row["detail"]) == ("review", "source_gone", "the server answered 404")
    assert bridge.row(job_id)["status"] == "processing", "the shop's front end must not say 'failed'"
    assert len(bridge.shop.mails(email)) == 1
    bridge.door.send(*failed(job_id, refund="review"))
    assert len(bridge.shop.mails(email)) == 1


@pytest.mark.parametrize(
    ("mode", "outcome"),
    [("error", "failed"), ("failed", "failed"), ("absent", "failed"), ("lost", "unknown"), ("throw", "unknown")],
)
def test_a_refund_that_does_not_work_waits_for_a_person(bridge: Bridge, mode: str, outcome: str) -> None:
    bridge.option("smi_demo_shop_refund_mode", mode)
    job_id = bridge.paid(email=(email := address()))
    for _ in range(2):
        assert bridge.door.send(*failed(job_id))["data"] == {"outcome": "review", "refund_due": True}
    row = bridge.ledger(job_id)[0]
    assert (row["state"], row["reason"]) == ("review", "refund_due")
    assert bridge.effects(job_id)["refund"]["outcome"] == outcome
    assert len(refunds(bridge, job_id)) == (0 if mode == "absent" else 1), "never a second call by itself"
    shop = bridge.row(job_id)
    assert (shop["status"], shop["payment_status"], shop["refunded_at"]) == ("processing", "paid", None)
    assert len(bridge.shop.mails(email)) == 1


def test_php_dying_in_the_refund_leaves_it_to_a_person(bridge: Bridge) -> None:
    bridge.option("smi_demo_shop_refund_mode", "die")
    job_id = bridge.paid(email="")
    listed = [{"id": "m", "type": "job.failed", "data": failed(job_id)[1]}]
    sealed = bridge.door.seal(bridge.door.envelope(listed))
    first = bridge.door.post(*sealed).json()["results"][0]
    assert (first["status"], first["reason"]) == ("failed", "cut_off"), "nobody is told what nobody knows"
    assert bridge.state(job_id) == "refunding"
    bridge.option("smi_demo_shop_refund_mode", "ok")
    early = bridge.door.post(*sealed).json()["results"][0]
    assert (early["status"], early["reason"]) == ("failed", "refund_under_way")
    bridge.shop.sql(
        "UPDATE wp_smi_bridge_effects SET claimed_at = claimed_at - INTERVAL 6 MINUTE WHERE job_id = %s", job_id
    )
    late = bridge.door.post(*sealed).json()["results"][0]
    assert late["data"] == {"outcome": "review", "refund_due": True}
    assert len(refunds(bridge, job_id)) == 1, "the money went once, and nothing called again"


def test_a_refund_that_was_cut_off_is_also_found_by_the_pull(bridge: Bridge) -> None:
    job_id = bridge.job(email="")
    bridge.open(job_id, state="refunding")
    bridge.shop.sql(
        "INSERT INTO wp_smi_bridge_effects (job_id, attempt, effect, claimed_at) "
        "VALUES (%s, 0, 'refund', UTC_TIMESTAMP() - INTERVAL 6 MINUTE)",
        job_id,
    )
    bridge.shop.sql(
        "UPDATE wp_smi_bridge_ledger SET updated_at = updated_at - INTERVAL 6 MINUTE WHERE job_id = %s", job_id
    )
    bridge.door.send("jobs.unfinished", {"limit": 500})
    row = bridge.ledger(job_id)[0]
    assert (row["state"], row["reason"]) == ("review", "refund_due")


def test_a_delivered_job_is_not_refunded_by_the_pipeline(bridge: Bridge) -> None:
    job_id = bridge.paid(email="")
    bridge.door.send("job.delivered", delivery(job_id))
    result = bridge.door.send(*failed(job_id))
    assert (result["status"], result["reason"]) == ("refused", "settled")
    assert refunds(bridge, job_id) == []


def test_a_second_attempt_of_a_refunded_payment_is_not_refunded_again(bridge: Bridge) -> None:
    job_id = bridge.paid(email=(email := address()))
    bridge.door.send(*failed(job_id))
    bridge.open(job_id, attempt=2, is_rerun=1)
    result = bridge.door.send("job.failed", failed(job_id)[1] | {"attempt": 2})
    assert result["data"] == {"outcome": "refunded", "refund_due": False}
    assert len(refunds(bridge, job_id)) == 1
    assert len(bridge.shop.mails(email)) == 1


def test_an_attempt_without_a_payment_has_nothing_to_give_back(bridge: Bridge) -> None:
    job_id = bridge.paid(email="", payment_status="pending")
    assert bridge.door.send(*failed(job_id))["data"] == {"outcome": "review", "refund_due": False}
    assert refunds(bridge, job_id) == []


def test_a_late_result_after_a_refund_of_unknown_outcome_is_refused(bridge: Bridge) -> None:
    bridge.option("smi_demo_shop_refund_mode", "throw")
    job_id = bridge.paid(email="")
    bridge.door.send(*failed(job_id))
    assert bridge.door.send("job.delivered", delivery(job_id))["reason"] == "settled"


def test_a_late_result_after_a_refused_refund_is_delivered(bridge: Bridge) -> None:
    bridge.option("smi_demo_shop_refund_mode", "error")
    job_id = bridge.paid(email="")
    bridge.door.send(*failed(job_id))
    assert bridge.door.send("job.delivered", delivery(job_id))["status"] == "done"
    assert bridge.row(job_id)["status"] == "completed"


def test_a_filter_may_refund_instead_of_the_shop(bridge: Bridge) -> None:
    remove = bridge.mu_plugin(
        "refunder",
        "add_filter('smi_bridge_refund', function ($no, $job, $reason) {"
        " update_option('asked', [$job['payment_id'], $reason]); return ['amount' => 1.25]; }, 10, 3);",
    )
    try:
        job_id = bridge.paid(email="")
        assert bridge.door.send(*failed(job_id))["data"]["outcome"] == "refunded"
        row = bridge.row(job_id)
        assert bridge.shop.option("asked") == [row["stripe_payment_intent_id"], "source_gone"]
        assert float(row["refund_amount"]) == 1.25
        assert refunds(bridge, job_id) == []
    finally:
        remove()


def test_a_bank_that_hangs_holds_up_its_own_refund_only_and_is_called_once(bridge: Bridge, tmp_path: Path) -> None:
    """The sidecar asks again meanwhile: it is told that the refund is under way, and others are delivered."""
    called, answers = tmp_path / "called", tmp_path / "answers"
    tmp_path.chmod(0o777)
    remove = bridge.mu_plugin(
        "hanging-bank",
        "add_filter('smi_bridge_refund', function ($no, $job, $reason) {"
        f" file_put_contents('{called}', 'x', FILE_APPEND);"
        f" for ($n = 0; $n < 2000 && !file_exists('{answers}'); $n++) {{ usleep(10000); clearstatcache(); }}"
        " return ['amount' => 4.5]; }, 10, 3);",
    )
    results: list[Any] = []
    try:
        job_id, other = bridge.paid(email=""), bridge.paid(email="")
        listed = [{"id": "m", "type": "job.failed", "data": failed(job_id)[1]}]
        first = bridge.door.seal(bridge.door.envelope(listed))
        asking = threading.Thread(target=lambda: results.extend(bridge.door.post(*first).json()["results"]))
        asking.start()
        wait_for(called.exists, "the bank is called")
        again = bridge.door.post(*bridge.door.seal(bridge.door.envelope(listed))).json()["results"][0]
        assert (again["status"], again["reason"]) == ("failed", "refund_under_way")
        assert bridge.door.send("job.delivered", delivery(other))["status"] == "done"
        assert results == []
        answers.touch()
        asking.join(20)
    finally:
        answers.touch()
        remove()
    assert results[0]["data"]["outcome"] == "refunded" and called.read_text() == "x"
    assert bridge.door.send(*failed(job_id))["data"]["outcome"] == "refunded" and called.read_text() == "x"


# ------------------------------------------------------------------------------------------------ made in Stripe


def charge(bridge: Bridge, job_id: str, **changes: Any) -> str:
    """PHP code of Stripe's event as the payment plugin hands it on."""
    data = {
        "payment_intent": bridge.row(job_id)["stripe_payment_intent_id"],
        "amount": 450,
        "amount_refunded": 450,
        "refunded": True,
        "metadata": {"source": "sell-my-images", "job_id": job_id},
    } | changes
    return f"do_action('stripe_integration_webhook_charge_refunded', json_decode('{json.dumps(data)}', true), null);"


def test_a_refund_made_in_stripe_stops_the_job_and_revokes_the_link(bridge: Bridge) -> None:
    job_id = bridge.paid(email="")
    bridge.door.send("job.delivered", delivery(job_id))
    bridge.shop.php(charge(bridge, job_id))
    (message,) = bridge.sidecar.wait("job.cancel")
    assert message.data == {"job_id": job_id, "attempt": 1, "reason": "refunded"}
    row, shop = bridge.ledger(job_id)[0], bridge.row(job_id)
    assert row["state"] == "refunded" and row["revoked_at"] is not None
    assert (shop["status"], shop["payment_status"], shop["download_token"]) == ("failed", "refunded", None)
    assert bridge.door.send(*failed(job_id))["data"]["outcome"] == "refunded"
    assert refunds(bridge, job_id) == []


@pytest.mark.parametrize(("currency", "amount"), [("usd", 4.5), ("jpy", 450), ("KWD", 0.45), (None, 4.5)])
def test_stripe_counts_in_the_smallest_unit_of_each_currency(
    bridge: Bridge, currency: str | None, amount: float
) -> None:
    job_id = bridge.paid(email="")
    bridge.shop.php(charge(bridge, job_id, currency=currency))
    assert float(bridge.row(job_id)["refund_amount"]) == amount


def test_a_job_under_way_is_stopped_by_a_refund_made_in_stripe(bridge: Bridge) -> None:
    job_id = bridge.job()
    bridge.open(job_id, state="submitted", submission=1)
    bridge.shop.php(charge(bridge, job_id))
    bridge.sidecar.wait("job.cancel")
    result = bridge.door.send("job.delivered", delivery(job_id))
    assert (result["status"], result["reason"]) == ("refused", "settled")


def test_our_own_refund_that_comes_back_from_stripe_changes_nothing(bridge: Bridge) -> None:
    job_id = bridge.paid(email="")
    bridge.door.send(*failed(job_id))
    before = bridge.ledger(job_id), bridge.effects(job_id)
    bridge.shop.php(charge(bridge, job_id))
    assert (bridge.ledger(job_id), bridge.effects(job_id)) == before
    assert bridge.sidecar.received == []


def test_a_refund_in_part_ends_nothing(bridge: Bridge) -> None:
    job_id = bridge.paid()
    bridge.shop.php(charge(bridge, job_id, amount_refunded=100, refunded=False))
    assert bridge.state(job_id) == "paid"


def test_a_refund_of_another_plugins_charge_is_not_ours(bridge: Bridge) -> None:
    job_id = bridge.paid()
    bridge.shop.php(charge(bridge, job_id, metadata={"source": "other-plugin", "job_id": job_id}))
    assert bridge.state(job_id) == "paid"


def test_a_charge_without_metadata_is_found_by_its_payment(bridge: Bridge) -> None:
    job_id = bridge.paid()
    bridge.shop.php(charge(bridge, job_id, metadata={}))
    assert bridge.state(job_id) == "refunded"


def test_stripes_word_settles_a_refund_of_unknown_outcome(bridge: Bridge) -> None:
    bridge.option("smi_demo_shop_refund_mode", "throw")
    job_id = bridge.paid(email="")
    bridge.door.send(*failed(job_id))
    bridge.shop.php(charge(bridge, job_id))
    assert bridge.state(job_id) == "refunded"
    assert bridge.effects(job_id)["refund"]["outcome"] == "refunded"


def after(statement: str, then: str) -> str:
    """PHP code: in the moment in which the first statement like this one is about to be run, `then` is run as SQL."""
    return f"""add_filter('query', function ($query) {{
        static $done = false;
        if (!$done && false !== strpos($query, "{statement}")) {{
            $done = true;
            mysqli_query($GLOBALS['wpdb']->dbh, "{then}");
        }}
        return $query;
    }});"""


def test_a_delivery_of_the_same_moment_does_not_outlive_a_refund_made_in_stripe(bridge: Bridge) -> None:
    job_id = bridge.job(email="")
    bridge.open(job_id, state="submitted", submission=1)
    delivered = (
        "UPDATE wp_smi_bridge_ledger SET state = 'delivered', path = '2026/11/a_4x.jpg', token = 't', "
        f"delivered_at = UTC_TIMESTAMP() WHERE job_id = '{job_id}'"
    )
    bridge.shop.php(after("UPDATE wp_smi_bridge_ledger", delivered) + charge(bridge, job_id))
    row = bridge.ledger(job_id)[0]
    assert row["delivered_at"] is not None, "the delivery was faster"
    assert row["state"] == "refunded" and row["revoked_at"] is not None
    assert bridge.row(job_id)["payment_status"] == "refunded"


def test_a_rerun_of_the_same_moment_does_not_outlive_a_refund_made_in_stripe(bridge: Bridge) -> None:
    job_id = bridge.job(email="")
    bridge.open(job_id, state="submitted", submission=1)
    rerun = (
        "INSERT INTO wp_smi_bridge_ledger (job_id, attempt, state, created_at, updated_at) "
        f"VALUES ('{job_id}', 2, 'paid', UTC_TIMESTAMP(), UTC_TIMESTAMP())"
    )
    ended = f"UPDATE wp_smi_bridge_ledger SET state = 'review' WHERE job_id = '{job_id}' AND attempt = 1"
    bridge.shop.php(after("UPDATE wp_smi_bridge_ledger", ended) + after("FOR UPDATE", rerun) + charge(bridge, job_id))
    assert bridge.state(job_id) == "refunded"
    assert bridge.sidecar.wait("job.cancel")[0].data["attempt"] == 2


def test_a_rerun_that_begins_while_a_refund_is_written_down_ends_with_it(bridge: Bridge) -> None:
    """The attempt before is still as it was read: its end alone would leave the rerun to deliver for nothing."""
    job_id = bridge.job(email="")
    bridge.open(job_id, state="review")
    rerun = (
        "INSERT INTO wp_smi_bridge_ledger (job_id, attempt, state, created_at, updated_at) "
        f"VALUES ('{job_id}', 2, 'paid', UTC_TIMESTAMP(), UTC_TIMESTAMP())"
    )
    bridge.shop.php(after("UPDATE wp_smi_bridge_ledger", rerun) + charge(bridge, job_id))
    assert [row["state"] for row in bridge.ledger(job_id)] == ["refunded", "refunded"]
    assert bridge.sidecar.wait("job.cancel")[0].data["attempt"] == 2


def test_a_rerun_of_the_moment_in_which_a_refund_begins_does_not_start(bridge: Bridge) -> None:
    job_id = bridge.job(email="")
    bridge.open(job_id, state="review")
    begins = f"UPDATE wp_smi_bridge_ledger SET state = 'refunding' WHERE job_id = '{job_id}'"
    code = bridge.shop.php_json(
        after("INSERT IGNORE INTO wp_smi_bridge_ledger", begins)
        + f"return SmiBridge\\Jobs\\Actions::run('retry', '{job_id}')['code'];"
    )
    assert (code, [row["state"] for row in bridge.ledger(job_id)]) == ("busy", ["refunding"])
    assert bridge.sidecar.received == []


@pytest.mark.parametrize("code", ["unknown", "card_error"])
def test_stripes_word_that_comes_before_its_lost_answer_is_the_truth(bridge: Bridge, code: str) -> None:
    """The call hangs, the money goes, charge.refunded comes in by another request, then the call times out."""
    email = address()
    job_id = bridge.paid(email=email)
    remove = bridge.mu_plugin(
        "slow-bank",
        "add_filter('smi_bridge_refund', function ($no, $job, $reason) {"
        + charge(bridge, job_id)
        + f" return new WP_Error('{code}', 'timed out'); }}, 10, 3);",
    )
    try:
        assert bridge.door.send(*failed(job_id))["data"] == {"outcome": "refunded", "refund_due": False}
    finally:
        remove()
    row = bridge.ledger(job_id)[0]
    assert (row["state"], row["reason"]) == ("refunded", "source_gone")
    assert bridge.row(job_id)["refund_reason"] == "source_gone"
    assert bridge.effects(job_id)["refund"]["outcome"] == "refunded"
    assert bridge.effects(job_id)["mail:refunded"]["outcome"] == "sent"
    assert [mail.subject.split(" - ")[0] for mail in bridge.shop.mails(email)] == ["Your refund"]


def test_who_was_told_that_a_person_looks_is_told_of_the_refund(bridge: Bridge) -> None:
    bridge.option("smi_demo_shop_refund_mode", "lost")
    email = address()
    job_id = bridge.paid(email=email)
    bridge.door.send(*failed(job_id))
    assert len(bridge.shop.mails(email)) == 1
    for _ in range(2):
        bridge.shop.php(charge(bridge, job_id))
    assert bridge.state(job_id) == "refunded"
    mails = bridge.shop.mails(email)
    assert len(mails) == 2 and mails[1].subject.startswith("Your refund")
    assert bridge.effects(job_id)["mail:refunded"]["outcome"] == "sent"


def test_a_payment_that_was_refunded_before_it_reached_the_ledger_is_not_taken_in(bridge: Bridge) -> None:
    job_id = bridge.job()
    bridge.shop.php(charge(bridge, job_id))
    bridge.door.send("jobs.unfinished", {"limit": 500})
    bridge.pay(job_id)
    assert bridge.ledger(job_id) == []


def test_a_rerun_of_a_refunded_job_is_not_stopped_when_stripe_repeats_itself(bridge: Bridge) -> None:
    job_id = bridge.paid(email="")
    bridge.shop.php(charge(bridge, job_id))
    bridge.pay(job_id, admin_override=True)
    assert bridge.state(job_id) == "paid"
    bridge.shop.php(charge(bridge, job_id))
    assert [row["state"] for row in bridge.ledger(job_id)] == ["refunded", "paid"]


def test_stripe_repeats_itself_after_php_died_over_its_word(bridge: Bridge) -> None:
    job_id = bridge.paid(email="")
    bridge.shop.sql(  # that far it came
        "INSERT INTO wp_smi_bridge_effects (job_id, attempt, effect, claimed_at, done_at, outcome) "
        "VALUES (%s, 0, 'refund', UTC_TIMESTAMP(), UTC_TIMESTAMP(), 'refunded')",
        job_id,
    )
    bridge.shop.php(charge(bridge, job_id))
    assert bridge.state(job_id) == "refunded"
