"""The mailbox: messages for a sidecar that nobody can reach wait until it has said what became of them."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from sidecar.core.advice import advice
from sidecar.core.messages import TO_SIDECAR, Opener, decode_secret
from sidecar.core.tokens import TokenMaker
from tests.bridge.conftest import SECRET, Bridge, delivery
from tests.bridge.sidecar_stand_in import direction_key, rfc3339
from tests.bridge.test_early_endpoint import stages as stages

NEWEST_ONLY = True  # nothing here depends on the version of WordPress


@pytest.fixture(autouse=True)
def no_address(bridge: Bridge) -> Iterator[None]:
    bridge.option("smi_bridge_sidecar_url", "none")
    bridge.shop.sql("DELETE FROM wp_smi_bridge_mailbox")
    yield
    bridge.option("smi_bridge_sidecar_url", bridge.sidecar.url)
    bridge.shop.sql("DELETE FROM wp_smi_bridge_mailbox")
    assert bridge.sidecar.received == [], "nothing was sent to a sidecar that nobody can reach"


def collect(bridge: Bridge, *done: dict[str, Any], **more: Any) -> dict[str, Any]:
    """The data of a visit's answer."""
    result = bridge.door.send("mailbox.collect", {"sidecar": "pull-1", "done": list(done)} | more)
    assert result["status"] == "done", result
    return result["data"]


def messages(bridge: Bridge, *done: dict[str, Any]) -> list[dict[str, Any]]:
    """The messages of a visit, with what the sidecar's own code reads in them as `data`."""
    opener = Opener([decode_secret(SECRET)], direction=TO_SIDECAR, site=bridge.shop.url)
    found = collect(bridge, *done)["messages"]
    for message in found:
        opened = opener.open(
            message["body"].encode(), message["headers"], now=int(message["headers"]["webhook-timestamp"])
        )
        assert opened.type == message["type"]
        message["data"] = opened.data
    return found


def done(message: dict[str, Any], status: int = 200, **answer: Any) -> dict[str, Any]:
    return {"id": message["id"], "type": message["type"], "status": status, "answer": answer or {"stored": True}}


def act(bridge: Bridge, action: str, job_id: str) -> dict[str, Any]:
    return bridge.shop.php_json(f"return SmiBridge\\Jobs\\Actions::run('{action}', '{job_id}');")


def delivered(bridge: Bridge) -> str:
    job_id = bridge.paid()
    bridge.door.send("job.delivered", delivery(job_id))
    return job_id


def test_a_payment_waits_until_it_is_acknowledged(bridge: Bridge) -> None:
    bridge.pay(job_id := bridge.job())
    [first], [again] = messages(bridge), messages(bridge)
    assert (first["type"], first["data"]["job_id"], first["data"]["attempt"]) == ("job.paid", job_id, 1)
    assert first["id"] == again["id"]
    assert first["headers"]["webhook-id"] != again["headers"]["webhook-id"], "each hand-over is a message of its own"
    assert bridge.ledger(job_id)[0]["forwarded_at"] is None
    assert messages(bridge, done(again)) == []
    assert bridge.ledger(job_id)[0]["forwarded_at"] is not None
    assert bridge.history(job_id) == ["forwarded"]
    assert messages(bridge, done(again)) == [], "an acknowledgement may come twice"


def test_a_sidecar_that_was_called_in_vain_before_gets_its_messages_at_once(bridge: Bridge) -> None:
    for until in (60, -60):
        bridge.shop.php(f"update_option('smi_bridge_circuit', ['failures' => 4, 'until' => time() + {until}]);")
        bridge.pay(bridge.job())
        bridge.pay(bridge.job())
    try:
        assert [message["type"] for message in messages(bridge)] == ["job.paid"] * 4
    finally:
        bridge.shop.php("update_option('smi_bridge_circuit', []);")


def test_messages_of_a_job_keep_their_order(bridge: Bridge) -> None:
    bridge.pay(job_id := bridge.job())
    assert act(bridge, "cancel", job_id)["ok"] is True
    assert [message["type"] for message in messages(bridge)] == ["job.paid", "job.cancel"]


def test_what_is_said_anew_is_not_ended_by_the_acknowledgement_of_the_older_one(bridge: Bridge) -> None:
    job_id = delivered(bridge)
    act(bridge, "renew", job_id)
    [first] = messages(bridge)
    act(bridge, "renew", job_id)
    [second] = messages(bridge, done(first, token="early", download_url=None, expires_at=rfc3339(9_999_999_999)))
    assert second["id"] != first["id"]
    assert bridge.ledger(job_id)[0]["token"] == f"token-of-{job_id}"


def test_a_renewed_link_is_written_down_when_it_comes(bridge: Bridge) -> None:
    job_id = delivered(bridge)
    assert act(bridge, "renew", job_id)["code"] == "under_way"
    [message] = messages(bridge)
    assert messages(bridge, done(message, token="new", download_url=None, expires_at="2030-01-01T00:00:00Z")) == []
    row = bridge.ledger(job_id)[0]
    assert (row["token"], str(row["expires_at"]), row["download_url"]) == ("new", "2030-01-01 00:00:00", None)
    assert bridge.history(job_id)[-1] == "renewed"


def test_a_link_that_can_not_be_renewed_is_told_in_the_history(bridge: Bridge) -> None:
    job_id = delivered(bridge)
    act(bridge, "renew", job_id)
    [message] = messages(bridge)
    messages(bridge, done(message, 404, error="no_file"))
    assert (bridge.history(job_id)[-1], bridge.ledger(job_id)[0]["token"]) == ("renewal_failed", f"token-of-{job_id}")


def test_a_refund_meanwhile_leaves_the_renewed_link_dead(bridge: Bridge) -> None:
    job_id = delivered(bridge)
    act(bridge, "renew", job_id)
    renew = messages(bridge)[-1]
    act(bridge, "mark_refunded", job_id)
    messages(bridge, done(renew, token="new", download_url=None, expires_at="2030-01-01T00:00:00Z"))
    assert bridge.ledger(job_id)[0]["token"] != "new"


def test_a_stop_meanwhile_leaves_the_renewed_link_dead(bridge: Bridge) -> None:
    """The sidecar that comes hours later renews the link before it hears of the stop."""
    job_id = delivered(bridge)
    act(bridge, "renew", job_id)
    renew = messages(bridge)[-1]
    assert bridge.door.send("job.stop", {"job_id": job_id})["status"] == "done"
    revoked_at = bridge.ledger(job_id)[0]["revoked_at"]
    messages(bridge, done(renew, token="new", download_url=None, expires_at="2030-01-01T00:00:00Z"))
    row = bridge.ledger(job_id)[0]
    assert (row["token"] != "new", row["revoked_at"]) == (True, revoked_at) and revoked_at
    assert bridge.history(job_id)[-1] == "renewal_failed"


def test_a_stopped_link_is_renewed_when_that_is_wished_afterwards(bridge: Bridge) -> None:
    job_id = delivered(bridge)
    assert bridge.door.send("job.stop", {"job_id": job_id})["status"] == "done"
    assert act(bridge, "renew", job_id)["code"] == "under_way"
    renew = messages(bridge)[-1]
    messages(bridge, done(renew, token="new", download_url=None, expires_at="2030-01-01T00:00:00Z"))
    row = bridge.ledger(job_id)[0]
    assert (row["token"], row["revoked_at"]) == ("new", None)


def test_a_mail_that_was_asked_for_is_not_forgotten_over_a_second_renewal(bridge: Bridge) -> None:
    bridge.door.send("job.delivered", delivery(job_id := bridge.paid(email="again@example.org")))
    bridge.shop.sql(f"UPDATE wp_smi_bridge_ledger SET expires_at = '2020-01-01' WHERE job_id = '{job_id}'")
    before = len(bridge.shop.mails("again@example.org"))
    assert act(bridge, "resend", job_id)["code"] == "under_way"
    act(bridge, "renew", job_id)
    renew = messages(bridge)[-1]
    messages(bridge, done(renew, token="new", download_url=None, expires_at="2030-01-01T00:00:00Z"))
    assert len(bridge.shop.mails("again@example.org")) == before + 1


def test_an_erasure_is_done_when_the_sidecar_says_so_and_takes_the_jobs_other_messages_along(bridge: Bridge) -> None:
    job_id = delivered(bridge)
    act(bridge, "renew", job_id)
    told = bridge.shop.php_json(f"return SmiBridge\\Interfaces\\Privacy\\Erasure::of('{job_id}');")
    assert told is False
    [message] = messages(bridge)
    assert (message["type"], message["data"]) == ("job.erase", {"job_id": job_id})
    assert bridge.effects(job_id)["erase"]["done_at"] is None
    messages(bridge, done(message))
    assert bridge.effects(job_id)["erase"]["outcome"] == "erased"


def test_a_refused_erasure_is_tried_again(bridge: Bridge) -> None:
    job_id = delivered(bridge)
    bridge.shop.php(f"SmiBridge\\Interfaces\\Privacy\\Erasure::of('{job_id}');")
    [message] = messages(bridge)
    messages(bridge, done(message, 500, error="internal_error"))
    assert bridge.effects(job_id)["erase"]["outcome"] == "failed"
    bridge.shop.php("SmiBridge\\Interfaces\\Privacy\\Erasure::repeat();")
    assert job_id in [message["data"]["job_id"] for message in messages(bridge)]


def test_a_visit_is_answered_before_wordpress_is_whole_unless_mails_follow(bridge: Bridge, stages: Any) -> None:
    job_id = delivered(bridge)
    stages()
    collect(bridge, status={"workers": 1})
    assert stages() == ["plugins_loaded"]
    act(bridge, "renew", job_id)
    stages()  # Of the command line, which has ended; that of the visit below may come after its answer.
    [message] = messages(bridge)
    stages()
    collect(bridge, done(message, 404, error="no_file"))
    assert "wp_loaded" in stages()


def test_an_open_checkout_is_a_reason_to_come_again_soon(bridge: Bridge) -> None:
    bridge.shop.sql("DELETE FROM wp_smi_jobs")
    assert collect(bridge)["soon"] is False
    bridge.job(payment_status="pending", status="awaiting_payment")
    assert collect(bridge)["soon"] is True
    bridge.shop.sql("UPDATE wp_smi_jobs SET created_at = created_at - INTERVAL 1 HOUR")
    assert collect(bridge)["soon"] is False
    bridge.job()
    assert collect(bridge)["soon"] is False, "what is paid is in the mailbox"


def test_connected_means_seen_within_the_last_minute(bridge: Bridge) -> None:
    def found() -> tuple[str, bool]:
        [finding] = bridge.shop.php_json("return SmiBridge\\Health\\Connection_Test::tested();")
        return finding["code"], bridge.shop.php_json("return SmiBridge\\Wire\\Sidecar_Report::inspect(0)['ok'];")

    collect(bridge, status={"workers": 3, "scheduler": True, "public_url": ""})
    assert found() == ("ok", True)
    bridge.shop.php(
        "$last = get_option('smi_bridge_sidecar_health'); $last['at'] -= 61;"
        "update_option('smi_bridge_sidecar_health', $last);"
    )
    assert found() == ("sidecar_not_seen", False)
    assert bridge.shop.php_json("return SmiBridge\\Wire\\Sidecar_Report::last()['code'];") == "not_seen", "as always"
    bridge.shop.php(
        "$last = get_option('smi_bridge_sidecar_health'); $last['since'] -= DAY_IN_SECONDS;"
        "$last['at'] -= DAY_IN_SECONDS;"
        "update_option('smi_bridge_sidecar_health', $last);"
    )
    problems = bridge.shop.php_json("return SmiBridge\\Health\\Problems::all();")
    (lost,) = [problem["text"] for problem in problems if problem["kind"] == "connection"]
    assert lost.startswith(advice("sidecar_not_seen").sentence)


def test_a_sidecar_that_should_come_and_never_came_is_a_problem(bridge: Bridge) -> None:
    """Else the dashboard says that nothing needs a person, while customers pay."""

    def lost() -> list[str]:
        found = bridge.shop.php_json("return SmiBridge\\Health\\Problems::all();")
        return [problem["title"] for problem in found if problem["kind"] == "connection"]

    since = bridge.shop.option("smi_bridge_since")
    bridge.shop.php("delete_option('smi_bridge_sidecar_health'); update_option('smi_bridge_since', time());")
    assert lost() == [], "it was connected a moment ago"
    bridge.shop.php("update_option('smi_bridge_since', time() - 600);")
    assert lost() == ["The sidecar has not been here yet"]
    collect(bridge, status={"workers": 3, "scheduler": True, "public_url": ""})
    assert lost() == []
    bridge.option("smi_bridge_since", since)


def test_a_bridge_that_knows_no_address_learns_that_there_is_none(bridge: Bridge) -> None:
    bridge.option("smi_bridge_sidecar_url", "")
    assert collect(bridge)["pulled"] is True
    assert bridge.shop.option("smi_bridge_sidecar_url") == "none"


def test_a_bridge_that_knows_an_address_keeps_it_and_says_so(bridge: Bridge) -> None:
    bridge.option("smi_bridge_sidecar_url", "http://127.0.0.1:9")
    assert collect(bridge)["pulled"] is False
    assert bridge.shop.option("smi_bridge_sidecar_url") == "http://127.0.0.1:9"


def test_a_paused_site_hands_nothing_over(bridge: Bridge) -> None:
    bridge.pay(bridge.job())
    bridge.option("smi_bridge_paused", "1")
    try:
        assert messages(bridge) == []
    finally:
        bridge.option("smi_bridge_paused", "")
    assert len(messages(bridge)) == 1


def webhook(bridge: Bridge, token: str, mac: str, body: bytes = b'{"id":"u-1"}') -> int:
    address = f"{bridge.shop.url}/smi-webhook/upsampler/"
    return requests.post(address, params={"token": token, "mac": mac}, data=body, timeout=30).status_code


def mac_of(token: str) -> str:
    mac = hmac.new(direction_key(SECRET, "webhook"), token.encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(mac).rstrip(b"=").decode()


def test_a_webhook_is_kept_as_a_hint_once_for_each_submission(bridge: Bridge) -> None:
    assert webhook(bridge, "abc.def", mac_of("abc.def")) == 202
    assert webhook(bridge, "abc.def", mac_of("abc.def"), b"\xff\xfe no text") == 202
    [message] = messages(bridge)
    assert (message["type"], message["data"]) == ("upsampler.webhook", {"token": "abc.def", "body": ""})


@pytest.mark.parametrize("job_id", ["", "a" * 64], ids=["a plain token", "one that itsdangerous packs"])
def test_an_erasure_takes_the_webhook_of_the_job_along(bridge: Bridge, job_id: str) -> None:
    """Its body may hold the picture's address. Those of other jobs stay, and those whose token says nothing."""
    job_id = job_id or delivered(bridge)
    tokens = TokenMaker([b"k" * 32], "0123456789")
    erased, other = tokens.webhook(job_id, 1, 1), tokens.webhook("other", 1, 1)
    assert erased.startswith(".") is (job_id == "a" * 64)
    bridge.shop.sql("DELETE FROM wp_smi_bridge_mailbox")
    for token in (erased, other, "abc.def", "W10.x", "bnVsbA.x", "WzEsMiwzXQ.x", ".eA.x", "~"):
        assert webhook(bridge, token, mac_of(token)) == 202
    bridge.shop.php(f"SmiBridge\\Wire\\Mailbox::forget('{job_id}');")
    assert erased not in {message["data"].get("token") for message in messages(bridge)}
    assert len(messages(bridge)) == 7


def test_a_webhook_that_comes_after_the_erasure_goes_with_its_acknowledgement(bridge: Bridge) -> None:
    job_id = delivered(bridge)
    token = TokenMaker([b"k" * 32], "0123456789").webhook(job_id, 1, 1)
    assert webhook(bridge, token, mac_of(token)) == 202
    bridge.shop.php(f"SmiBridge\\Interfaces\\Privacy\\Erasure::of('{job_id}');")
    [erase] = messages(bridge)
    assert erase["type"] == "job.erase"
    assert webhook(bridge, token, mac_of(token)) == 202
    assert messages(bridge, done(erase)) == []


def test_a_webhook_whose_token_is_none_of_ours_or_whose_body_is_too_large_is_refused(bridge: Bridge) -> None:
    for token, mac in (("abc", mac_of("abd")), ("abc", ""), ("abc", mac_of("abc") + "="), ("a b", mac_of("a b"))):
        assert webhook(bridge, token, mac) == 404
    assert webhook(bridge, "abc", mac_of("abc"), b"x" * 65537) == 413
    assert messages(bridge) == []
