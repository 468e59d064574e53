"""What an operator orders (job.rerun, job.stop), and alerts for the admin."""

import json
import time
from typing import Any

import pytest

from tests.bridge.conftest import Bridge, delivery
from tests.bridge.sidecar_stand_in import rfc3339

NEWEST_ONLY = True  # nothing here depends on the version of WordPress


@pytest.fixture(autouse=True)
def nothing_to_tell(bridge: Bridge):
    """No open notice, no digest of an earlier test, and nothing that is still to be told."""
    bridge.shop.php(
        "update_option('smi_bridge_notices', []); update_option('smi_bridge_digest_due', 0);"
        "update_option('smi_bridge_told', ['at' => time()]);"
    )
    bridge.shop.sql("UPDATE wp_smi_bridge_ledger SET updated_at = updated_at - INTERVAL 1 DAY WHERE state = 'review'")
    bridge.shop.sql("DELETE FROM wp_smi_bridge_effects WHERE effect LIKE 'digest%%'")


def test_an_operators_rerun_starts_the_next_attempt(bridge: Bridge) -> None:
    job_id = bridge.job()
    bridge.open(job_id, state="review")
    result = bridge.door.send("job.rerun", {"job_id": job_id, "force": True})
    assert (result["status"], result["data"]) == ("done", {"attempt": 2})
    data = bridge.sidecar.wait("job.paid")[0].data
    assert (data["attempt"], data["rerun"], data["force"]) == (2, True, True)


@pytest.mark.parametrize(("known", "reason"), [(True, "working"), (False, "unknown_job")])
def test_a_rerun_that_may_not_be_is_refused(bridge: Bridge, known: bool, reason: str) -> None:
    job_id = bridge.paid() if known else "nobody-knows-me"
    result = bridge.door.send("job.rerun", {"job_id": job_id, "force": False})
    assert (result["status"], result["reason"]) == ("refused", reason)
    assert bridge.sidecar.received == []


def test_an_operators_stop_ends_the_work(bridge: Bridge) -> None:
    job_id = bridge.job()
    bridge.open(job_id, state="submitted", submission=1)
    assert bridge.door.send("job.stop", {"job_id": job_id})["status"] == "done"
    row = bridge.ledger(job_id)[0]
    assert (row["state"], row["reason"]) == ("review", "stopped")
    assert bridge.sidecar.wait("job.cancel")[0].data == {"job_id": job_id, "attempt": 1, "reason": "stopped"}
    assert bridge.door.send("job.delivered", delivery(job_id))["reason"] == "cancelled"


def test_stopping_a_delivered_job_revokes_its_link(bridge: Bridge) -> None:
    job_id = bridge.paid(email="")
    bridge.door.send("job.delivered", delivery(job_id))
    assert bridge.door.send("job.stop", {"job_id": job_id})["status"] == "done"
    row = bridge.ledger(job_id)[0]
    assert row["state"] == "delivered" and row["revoked_at"] is not None
    assert bridge.row(job_id)["download_token"] is None
    assert bridge.door.send("job.stop", {"job_id": job_id})["reason"] == "settled"


def test_a_refunded_job_cannot_be_stopped(bridge: Bridge) -> None:
    job_id = bridge.job()
    bridge.open(job_id, state="refunded")
    assert bridge.door.send("job.stop", {"job_id": job_id})["reason"] == "settled"


# ------------------------------------------------------------------------------------------------ notices


def notice(
    kind: str = "hold", stage: str | None = "submit", reason: str | None = "key_refused", **more: Any
) -> tuple[str, dict]:
    return "admin.notice", {
        "kind": kind,
        "stage": stage,
        "reason": reason,
        "detail": "Upsampler refuses our key.",
        "since": rfc3339(time.time()),
        **more,
    }


def admin_mails(bridge: Bridge) -> int:
    return len(bridge.shop.mails(bridge.shop.admin_email))


def open_notices(bridge: Bridge) -> dict[str, Any]:
    return bridge.shop.php_json("return (object) SmiBridge\\Mail\\Admin_Digest::open();")


def test_a_hold_is_told_at_once_and_once(bridge: Bridge) -> None:
    before = admin_mails(bridge)
    for _ in range(3):
        assert bridge.door.send(*notice())["status"] == "done"
    assert admin_mails(bridge) == before + 1
    assert open_notices(bridge)["hold:submit"]["reason"] == "key_refused"
    assert "Upsampler refuses our key." in bridge.shop.mails(bridge.shop.admin_email)[-1].text


def test_a_hold_ends_with_its_resume(bridge: Bridge) -> None:
    bridge.door.batch(notice(), notice(stage="collect", reason="disk_full"))
    bridge.door.send(*notice(kind="resume", reason=None))
    assert set(open_notices(bridge)) == {"hold:collect"}


def test_late_work_is_told_once_and_ends_by_itself(bridge: Bridge) -> None:
    before = admin_mails(bridge)
    for _ in range(2):
        bridge.door.send(*notice(kind="late", stage="collect", reason=None, detail="waited for 6 minutes"))
    assert admin_mails(bridge) == before + 1
    assert "Orders are not worked on" in bridge.shop.mails(bridge.shop.admin_email)[-1].text
    bridge.door.send(*notice(stage="collect"))
    bridge.door.send(*notice(kind="caught_up", stage="collect", reason=None))
    assert set(open_notices(bridge)) == {"hold:collect"}


def test_another_reason_is_told_again(bridge: Bridge) -> None:
    before = admin_mails(bridge)
    bridge.door.send(*notice())
    bridge.door.send(*notice(reason="credits_exhausted"))
    assert admin_mails(bridge) == before + 2


def test_a_storm_of_failures_is_one_mail(bridge: Bridge) -> None:
    before = admin_mails(bridge)
    job_ids = [bridge.paid(email="") for _ in range(30)]
    for some in (job_ids[:1], job_ids[1:10], job_ids[10:]):
        fail_for_review(bridge, *some)
        no_window_begins(bridge)
    assert [bridge.state(job_id) for job_id in job_ids] == ["review"] * 30
    assert admin_mails(bridge) == before + 1, "the rest comes when the window is over"
    assert bridge.shop.php_json("return (bool) wp_next_scheduled('smi_bridge_tell_admin');")
    bridge.shop.sql("DELETE FROM wp_smi_bridge_effects WHERE effect LIKE 'digest%%'")  # the next window
    bridge.door.send("jobs.unfinished", {"limit": 1})
    assert admin_mails(bridge) == before + 2
    assert job_ids[-1] in bridge.shop.mails(bridge.shop.admin_email)[-1].text
    bridge.door.send("jobs.unfinished", {"limit": 1})
    assert admin_mails(bridge) == before + 2


def no_window_begins(bridge: Bridge) -> None:
    """This window's digest is out, and the next one's: windows follow the clock, and one may end within a test."""
    for later in (0, 1):
        bridge.shop.sql(
            "INSERT IGNORE INTO wp_smi_bridge_effects (job_id, attempt, effect, claimed_at, done_at) VALUES "
            f"('-', 0, CONCAT('digest:', UNIX_TIMESTAMP() DIV 900 + {later}), UTC_TIMESTAMP(), UTC_TIMESTAMP())"
        )


def fail_for_review(bridge: Bridge, *job_ids: str) -> None:
    bridge.door.batch(
        *[
            ("job.failed", {"job_id": job_id, "attempt": 1, "reason": "silent", "detail": "", "refund": "review"})
            for job_id in job_ids
        ]
    )


def next_window(bridge: Bridge) -> str:
    """The text of the digest that is sent when the window is over; "" when there is none to send."""
    before = admin_mails(bridge)
    bridge.shop.sql("DELETE FROM wp_smi_bridge_effects WHERE effect LIKE 'digest%%'")
    bridge.door.send("jobs.unfinished", {"limit": 1})
    return bridge.shop.mails(bridge.shop.admin_email)[-1].text if admin_mails(bridge) > before else ""


def test_a_hold_that_comes_and_goes_is_one_mail_in_a_window(bridge: Bridge) -> None:
    before = admin_mails(bridge)
    for _ in range(4):
        bridge.door.send(*notice(reason="upsampler_credits_exhausted"))
        bridge.door.send(*notice(kind="resume", reason=None))
    bridge.door.send(*notice(reason="upsampler_credits_exhausted"))
    assert admin_mails(bridge) == before + 1
    assert "hold:submit" in open_notices(bridge), "the pages show it all the same"
    an_hour_ago = (
        "$told = get_option('smi_bridge_told'); $told['holds'] = array_map(fn($at) => $at - 3600, $told['holds']);"
    )
    bridge.shop.php(an_hour_ago + "update_option('smi_bridge_told', $told);")
    bridge.door.send(*notice(kind="resume", reason=None))
    bridge.door.send(*notice(reason="upsampler_credits_exhausted"))
    assert admin_mails(bridge) == before + 2


def test_a_digest_says_how_many_it_does_not_list(bridge: Bridge) -> None:
    job_ids = [bridge.paid(email="") for _ in range(55)]
    no_window_begins(bridge)
    for start in range(0, 55, 11):
        fail_for_review(bridge, *job_ids[start : start + 11])
    text = next_window(bridge)
    assert "5 more orders are not listed here" in text
    assert sum(job_id in text for job_id in job_ids) == 50
    assert next_window(bridge) == "", "each is told once"


def test_a_job_that_comes_into_review_while_a_digest_is_sent_is_in_the_next_one(bridge: Bridge) -> None:
    """The other request began before the digest, moved its row before it, and commits after it: what it has read of
    the mark is out of date, and so is what its row says of the time."""
    job_id = bridge.paid(email="")
    bridge.shop.php(
        f"""
        update_option('smi_bridge_digest_due', time() - 5);
        $read = wp_load_alloptions();
        SmiBridge\\Mail\\Admin_Digest::send_digest(); // by another request
        wp_cache_set('alloptions', $read, 'options');
        SmiBridge\\Mail\\Admin_Digest::review_begun();
        $GLOBALS['wpdb']->query("UPDATE wp_smi_bridge_ledger SET state = 'review', reason = 'silent',
            updated_at = UTC_TIMESTAMP() - INTERVAL 30 SECOND WHERE job_id = '{job_id}'");
        """
    )
    assert job_id in next_window(bridge)


STALE = """
    SmiBridge\\Mail\\Admin_Digest::open(); // As it was when this request began.
    $GLOBALS['wpdb']->update('wp_options', ['option_value' => serialize(%s)], ['option_name' => 'smi_bridge_notices']);
    %s
"""


def test_a_hold_that_ends_while_another_request_mails_does_not_come_back(bridge: Bridge) -> None:
    """Mails take seconds: what that request read before them is out of date."""
    bridge.door.send(*notice())
    bridge.shop.php(
        "$open = SmiBridge\\Mail\\Admin_Digest::open(); $open['hold:submit']['told'] = false;"
        "update_option('smi_bridge_notices', $open, false);"
    )
    bridge.shop.php(STALE % ("[]", "SmiBridge\\Mail\\Admin_Digest::send_digest();"))
    assert open_notices(bridge) == {}


def test_two_requests_with_notices_at_once_keep_both(bridge: Bridge) -> None:
    data = notice(stage="collect", reason="disk_full")[1]
    other = (
        "['hold:submit' => ['kind' => 'hold', 'stage' => 'submit', 'reason' => null, 'detail' => '', 'told' => true]]"
    )
    collect = "SmiBridge\\Mail\\Admin_Digest::notice(json_decode('" + json.dumps(data) + "', true));"
    bridge.shop.php(STALE % (other, collect))
    assert set(open_notices(bridge)) == {"hold:submit", "hold:collect"}
    resumed = json.dumps(notice(kind="resume", stage="collect", reason=None)[1])
    end = f"SmiBridge\\Mail\\Admin_Digest::notice(json_decode('{resumed}', true));"
    bridge.shop.php(
        "update_option('smi_bridge_notices', [], false);" + STALE % (other.replace("submit", "collect"), end)
    )
    assert open_notices(bridge) == {}, "what this request has not seen ends, too"


def test_a_retry_waits_for_the_end_of_a_refund_that_is_under_way(bridge: Bridge) -> None:
    """Else the customer would keep the picture, and the money: also when the attempt's deadline is over."""
    job_id = bridge.job(email="")
    bridge.open(job_id, state="refunding")
    bridge.shop.sql("UPDATE wp_smi_bridge_ledger SET deadline_at = '2026-01-01' WHERE job_id = %s", job_id)
    assert bridge.door.send("job.rerun", {"job_id": job_id, "force": False})["reason"] == "working"
    bridge.pay(job_id, admin_override=True)
    assert bridge.state(job_id) == "refunding"


def test_two_test_pictures_at_once_are_one(bridge: Bridge) -> None:
    """The other one would have no shop: it fails, and tells the admin of a refund that is due."""
    begun = bridge.shop.php_json(
        """
        get_option('smi_bridge_test_picture'); // As it was when this request began.
        $set = ['option_value' => serialize(['at' => time(), 'job_id' => 'smi-test-other', 'source' => 'x.jpg'])];
        $GLOBALS['wpdb']->update('wp_options', $set, ['option_name' => 'smi_bridge_test_picture']);
        return SmiBridge\\Jobs\\Test_Picture::start();
        """
    )
    left = [path.name for path in bridge.shop.uploads.glob("smi-test-*")]
    bridge.option("smi_bridge_test_picture", "")
    assert (begun, left, bridge.sidecar.received) == ("running", [], [])
    assert bridge.shop.sql("SELECT job_id FROM wp_smi_bridge_ledger WHERE job_id LIKE 'smi-test-%'") == []
