"""What waits in the mailbox and nobody comes for ends with a word, or goes to the sidecar that has an address now."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from tests.bridge.conftest import Bridge, delivery
from tests.testbed.site import PhpError
from tests.testbed.waiting import wait_for

NEWEST_ONLY = True  # nothing here depends on the version of WordPress


@pytest.fixture(autouse=True)
def no_address(bridge: Bridge) -> Iterator[None]:
    bridge.option("smi_bridge_sidecar_url", "none")
    bridge.shop.sql("DELETE FROM wp_smi_bridge_mailbox")
    bridge.option("smi_bridge_not_renewed", [])
    yield
    bridge.option("smi_bridge_sidecar_url", bridge.sidecar.url)
    bridge.shop.sql("DELETE FROM wp_smi_bridge_mailbox")


def act(bridge: Bridge, action: str, job_id: str) -> str:
    return bridge.shop.php_json(f"return SmiBridge\\Jobs\\Actions::run('{action}', '{job_id}');")["code"]


def delivered(bridge: Bridge) -> str:
    job_id = bridge.paid(email="")
    bridge.door.send("job.delivered", delivery(job_id))
    return job_id


def waiting(bridge: Bridge) -> list[str]:
    return [row["type"] for row in bridge.shop.sql("SELECT type FROM wp_smi_bridge_mailbox ORDER BY id")]


def days_later(bridge: Bridge, days: int) -> None:
    """The daily clean-up, so many days after the messages were put in."""
    bridge.shop.sql("UPDATE wp_smi_bridge_mailbox SET created_at = created_at - INTERVAL %s DAY", days)
    bridge.shop.php("do_action('smi_bridge_daily');")


def problems(bridge: Bridge) -> list[dict[str, Any]]:
    found = bridge.shop.php_json("return SmiBridge\\Health\\Problems::all();")
    return [problem for problem in found if problem["kind"] == "renewal"]


def test_a_renewal_that_nobody_comes_for_is_told_to_an_admin_until_the_link_is_made_anew(bridge: Bridge) -> None:
    job_id = delivered(bridge)
    assert act(bridge, "renew", job_id) == "under_way"
    days_later(bridge, 2)
    assert waiting(bridge) == ["job.renew"] and problems(bridge) == []
    days_later(bridge, 2)
    assert waiting(bridge) == []
    assert bridge.history(job_id)[-1] == "renewal_failed"
    (problem,) = problems(bridge)
    assert (problem["title"], problem["size"]) == ("1 download link was not renewed", 1)
    assert problem["url"].endswith(f"&job={job_id}")
    bridge.option("smi_bridge_sidecar_url", bridge.sidecar.url)
    assert act(bridge, "renew", job_id) == "renewed"
    assert problems(bridge) == []


def test_a_failed_renewal_of_a_job_that_has_ended_otherwise_is_no_problem_any_more(bridge: Bridge) -> None:
    job_id = delivered(bridge)
    act(bridge, "renew", job_id)
    days_later(bridge, 4)
    assert len(problems(bridge)) == 1
    bridge.open(job_id, attempt=2)
    assert problems(bridge) == []


def test_payments_stops_and_erasures_that_nobody_comes_for_are_told(bridge: Bridge) -> None:
    bridge.pay(paid := bridge.job(email=""))
    erased = delivered(bridge)
    bridge.shop.php(f"SmiBridge\\Interfaces\\Privacy\\Erasure::of('{erased}');")
    assert waiting(bridge) == ["job.paid", "job.erase"]
    days_later(bridge, 4)
    assert bridge.history(paid) == ["forward_failed"]
    assert bridge.ledger(paid)[0]["forwarded_at"] is None
    assert waiting(bridge) in (["job.erase"], []), "it is put in again by the same day's clean-up, or the next one's"
    bridge.shop.php("SmiBridge\\Interfaces\\Privacy\\Erasure::repeat();")
    assert waiting(bridge) == ["job.erase"]


def test_a_visit_makes_up_for_a_clean_up_that_wordpress_has_not_begun(bridge: Bridge) -> None:
    job_id = delivered(bridge)
    act(bridge, "renew", job_id)
    bridge.shop.sql("UPDATE wp_smi_bridge_mailbox SET created_at = created_at - INTERVAL 4 DAY")
    bridge.option("smi_bridge_tidied", 0)
    bridge.door.send("jobs.unfinished", {"limit": 1})
    wait_for(lambda: waiting(bridge) == [], "the clean-up behind the visit", timeout=20)
    assert bridge.history(job_id)[-1] == "renewal_failed"


def test_what_waits_goes_to_a_sidecar_that_has_an_address_now(bridge: Bridge) -> None:
    bridge.pay(paid := bridge.job(email=""))
    renewed, erased = delivered(bridge), delivered(bridge)
    act(bridge, "renew", renewed)
    bridge.shop.php(f"SmiBridge\\Interfaces\\Privacy\\Erasure::of('{erased}');")
    assert waiting(bridge) == ["job.paid", "job.renew", "job.erase"]
    bridge.option("smi_bridge_sidecar_url", bridge.sidecar.url)
    bridge.door.send("jobs.unfinished", {"limit": 1})
    wait_for(lambda: waiting(bridge) == [], "the messages behind the visit", timeout=20)
    assert [message.type for message in bridge.sidecar.received] == ["job.paid", "job.renew", "job.erase"]
    assert bridge.ledger(paid)[0]["forwarded_at"] is not None
    assert (bridge.ledger(renewed)[0]["token"], bridge.history(renewed)[-1]) == ("renewed", "renewed")
    assert bridge.effects(erased)["erase"]["outcome"] == "erased"


def test_a_sidecar_that_is_not_there_yet_gets_it_at_a_later_visit_and_a_refusal_ends_it(bridge: Bridge) -> None:
    job_id = delivered(bridge)
    act(bridge, "renew", job_id)
    bridge.option("smi_bridge_sidecar_url", "http://127.0.0.1:9")
    bridge.shop.php("SmiBridge\\Messages\\Left_Messages::send();")
    bridge.option("smi_bridge_sidecar_url", bridge.sidecar.url)
    for status in (401, 503):
        bridge.sidecar.answer.status = status
        bridge.shop.php("SmiBridge\\Messages\\Left_Messages::send();")
        assert waiting(bridge) == ["job.renew"]
    bridge.sidecar.answer.status, bridge.sidecar.answer.body = 404, {"error": "no_file"}
    bridge.shop.php("SmiBridge\\Messages\\Left_Messages::send();")
    assert waiting(bridge) == [] and bridge.history(job_id)[-1] == "renewal_failed"
    assert len(problems(bridge)) == 1


def test_a_job_of_which_something_is_still_to_be_done_is_not_forgotten_by_age(bridge: Bridge) -> None:
    erased, other = delivered(bridge), delivered(bridge)
    bridge.shop.php(f"SmiBridge\\Interfaces\\Privacy\\Erasure::of('{erased}');")
    bridge.shop.sql("UPDATE wp_smi_bridge_ledger SET updated_at = '2020-01-01' WHERE job_id IN (%s, %s)", erased, other)
    bridge.shop.php("SmiBridge\\Ledger\\Ledger::forget_settled(time() - YEAR_IN_SECONDS);")
    assert (len(bridge.ledger(erased)), bridge.ledger(other)) == (1, [])


def test_a_wall_that_answers_in_the_sidecars_place_ends_nothing(bridge: Bridge) -> None:
    """A login page with status 200: nobody has erased anything, and no link is made."""
    renewed, erased = delivered(bridge), delivered(bridge)
    act(bridge, "renew", renewed)
    bridge.shop.php(f"SmiBridge\\Interfaces\\Privacy\\Erasure::of('{erased}');")
    bridge.option("smi_bridge_sidecar_url", bridge.sidecar.url)
    bridge.sidecar.answer.body = "<html>Please log in.</html>"
    bridge.shop.php("SmiBridge\\Messages\\Left_Messages::send();")
    assert waiting(bridge) == ["job.renew", "job.erase"]
    assert bridge.effects(erased)["erase"]["outcome"] is None
    assert not {"renewed", "renewal_failed"} & set(bridge.history(renewed))
    bridge.sidecar.answer.body = None
    bridge.shop.php("SmiBridge\\Messages\\Left_Messages::send();")
    assert (bridge.effects(erased)["erase"]["outcome"], bridge.history(renewed)[-1]) == ("erased", "renewed")


def test_what_is_sent_again_because_its_answer_was_lost_is_done_once(bridge: Bridge) -> None:
    """After a change from "none" to an address: one mail about the link, one refund and one mail about it."""
    emails = [f"{uuid.uuid4().hex}@example.org" for _ in range(2)]
    renewed, refunded = (bridge.paid(email=email) for email in emails)
    for job_id in (renewed, refunded):
        bridge.door.send("job.delivered", delivery(job_id))
    bridge.shop.sql("UPDATE wp_smi_bridge_ledger SET expires_at = '2020-01-01' WHERE job_id = %s", renewed)
    assert (act(bridge, "resend", renewed), act(bridge, "refund", refunded)) == ("under_way", "refunded")
    assert waiting(bridge) == ["job.renew", "job.cancel"]
    before = [len(bridge.shop.mails(email)) for email in emails]
    bridge.option("smi_bridge_sidecar_url", bridge.sidecar.url)
    for lost in (True, True, False, False):
        bridge.sidecar.answer.is_lost = lost
        bridge.shop.php("SmiBridge\\Messages\\Left_Messages::send();")
        assert (waiting(bridge) == []) is not lost
    assert [message.type for message in bridge.sidecar.received] == ["job.renew"] * 3 + ["job.cancel"]
    assert [len(bridge.shop.mails(email)) for email in emails] == [before[0] + 1, before[1]]
    assert (bridge.ledger(renewed)[0]["token"], bridge.history(renewed).count("renewed")) == ("renewed", 1)
    payment = bridge.row(refunded)["stripe_payment_intent_id"]
    assert len(bridge.shop.sql("SELECT * FROM wp_smi_demo_refunds WHERE payment_intent = %s", payment)) == 1
    assert (bridge.state(refunded), bridge.history(refunded).count("refunded")) == ("refunded", 1)


def test_a_request_that_dies_between_the_link_and_its_mail_leaves_the_mail_to_the_next(bridge: Bridge) -> None:
    email = f"{uuid.uuid4().hex}@example.org"
    bridge.door.send("job.delivered", delivery(job_id := bridge.paid(email=email)))
    bridge.shop.sql("UPDATE wp_smi_bridge_ledger SET expires_at = '2020-01-01' WHERE job_id = %s", job_id)
    assert act(bridge, "resend", job_id) == "under_way"
    before = len(bridge.shop.mails(email))
    bridge.option("smi_bridge_sidecar_url", bridge.sidecar.url)
    dies = "add_filter('query', fn($sql) => strpos($sql, \"outcome = 'due'\") ? exit(9) : $sql);"
    with pytest.raises(PhpError, match="did not come to its end"):
        bridge.shop.php(dies + "SmiBridge\\Messages\\Left_Messages::send();")
    assert (waiting(bridge), len(bridge.shop.mails(email))) == ([], before)
    for _ in range(2):
        bridge.shop.php("do_action('smi_bridge_follow_up');")
        assert len(bridge.shop.mails(email)) == before + 1
