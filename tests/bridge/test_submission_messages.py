"""job.submitting, job.submitted, job.progress: the ledger as the fence before Upsampler's bill."""

import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
import requests

from tests.bridge.conftest import Bridge, delivery
from tests.bridge.sidecar_stand_in import ShopDoor, rfc3339
from tests.testbed.waiting import wait_for

NEWEST_ONLY = True  # nothing here depends on the version of WordPress


def submitting(job_id: str, submission: int = 1, claim: str = "one", attempt: int = 1) -> tuple[str, dict[str, Any]]:
    return "job.submitting", {"job_id": job_id, "attempt": attempt, "submission": submission, "claim": claim}


def submitted(job_id: str, submission: int = 1, upsampler_id: str = "ups-1") -> tuple[str, dict[str, Any]]:
    return "job.submitted", {
        "job_id": job_id,
        "attempt": 1,
        "submission": submission,
        "upsampler_id": upsampler_id,
        "credits": 2.5,
        "submitted_at": rfc3339(time.time()),
    }


def progress(job_id: str, state: str, event: str, **more: Any) -> tuple[str, dict[str, Any]]:
    return "job.progress", {"job_id": job_id, "attempt": 1, "state": state, "event": event, **more}


def words(result: dict[str, Any]) -> tuple[str, str | None]:
    return result["status"], result["reason"]


def test_a_submission_is_let_through_once(bridge: Bridge) -> None:
    job_id = bridge.paid()
    first = bridge.door.send(*submitting(job_id))
    rival = bridge.door.send(*submitting(job_id, claim="two"))
    assert words(first) == ("done", None)
    assert first["data"] == {"upsampler_id": None}
    assert words(rival) == ("refused", "claimed")
    row = bridge.ledger(job_id)[0]
    assert (row["state"], row["submission"], row["claim"]) == ("submitting", 1, "one")


def test_the_same_claim_gets_the_same_answer_again(bridge: Bridge) -> None:
    job_id = bridge.paid()
    bridge.door.send(*submitting(job_id))
    assert words(bridge.door.send(*submitting(job_id))) == ("done", None)


def test_a_claim_that_bore_fruit_is_told_what_it_was(bridge: Bridge) -> None:
    job_id = bridge.paid()
    bridge.door.batch(submitting(job_id), submitted(job_id))
    again = bridge.door.send(*submitting(job_id))
    assert words(again) == ("refused", "claimed")
    assert again["data"]["upsampler_id"] == "ups-1"


def test_a_submission_out_of_turn_is_refused(bridge: Bridge) -> None:
    job_id = bridge.paid()
    assert words(bridge.door.send(*submitting(job_id, submission=2))) == ("refused", "invalid")
    assert bridge.ledger(job_id)[0]["submission"] == 0


@pytest.mark.parametrize("event", ["not_accepted", "compress", "resubmit"])
def test_a_second_submission_needs_the_first_to_be_given_up(bridge: Bridge, event: str) -> None:
    job_id = bridge.paid()
    bridge.door.send(*submitting(job_id))
    assert words(bridge.door.send(*submitting(job_id, submission=2))) == ("refused", "invalid")
    bridge.door.send(*progress(job_id, "paid", event, submission=1))
    row = bridge.ledger(job_id)[0]
    assert (row["state"], row["submission"]) == ("paid", 1)
    assert words(bridge.door.send(*submitting(job_id, claim="three"))) == ("refused", "claimed")
    assert words(bridge.door.send(*submitting(job_id, submission=2, claim="four"))) == ("done", None)


@pytest.mark.parametrize("state", ["submitted", "enlarged"])
def test_a_second_submission_may_leave_from_where_the_result_was_bad(bridge: Bridge, state: str) -> None:
    job_id = bridge.paid()
    bridge.door.batch(submitting(job_id), submitted(job_id), progress(job_id, state, "retry"))
    result = bridge.door.send(*submitting(job_id, submission=2, claim="two"))
    assert words(result) == ("done", None)
    row = bridge.ledger(job_id)[0]
    assert (row["state"], row["submission"], row["upsampler_id"]) == ("submitting", 2, None)


def test_a_retry_before_the_post_does_not_open_the_fence(bridge: Bridge) -> None:
    job_id = bridge.paid()
    bridge.door.send(*submitting(job_id))
    bridge.door.send(*progress(job_id, "paid", "retry", reason="network"))
    row = bridge.ledger(job_id)[0]
    assert (row["state"], row["event"], row["reason"]) == ("submitting", "retry", "network")


def test_what_upsampler_accepted_stands_in_ledger_and_shop(bridge: Bridge) -> None:
    job_id = bridge.paid()
    results = bridge.door.batch(submitting(job_id), submitted(job_id))
    assert [words(result) for result in results] == [("done", None)] * 2
    row, shop = bridge.ledger(job_id)[0], bridge.row(job_id)
    assert (row["state"], row["upsampler_id"], float(row["credits"])) == ("submitted", "ups-1", 2.5)
    assert (shop["status"], shop["upsampler_job_id"], shop["credits_used"]) == ("processing", "ups-1", 3)
    assert shop["processing_started_at"] is not None


def test_a_repeated_acceptance_changes_nothing(bridge: Bridge) -> None:
    job_id = bridge.paid()
    bridge.door.batch(submitting(job_id), submitted(job_id))
    before = bridge.ledger(job_id), bridge.history(job_id)
    assert words(bridge.door.send(*submitted(job_id))) == ("done", None)
    assert (bridge.ledger(job_id), bridge.history(job_id)) == before


def test_an_acceptance_of_an_earlier_submission_comes_too_late(bridge: Bridge) -> None:
    job_id = bridge.paid()
    bridge.door.batch(submitting(job_id), progress(job_id, "paid", "not_accepted"), submitting(job_id, 2, "two"))
    assert words(bridge.door.send(*submitted(job_id, submission=1))) == ("refused", "superseded")
    assert bridge.ledger(job_id)[0]["upsampler_id"] is None


def test_a_result_that_overtook_its_acceptance_is_not_taken_back(bridge: Bridge) -> None:
    job_id = bridge.paid()
    bridge.door.batch(submitting(job_id), progress(job_id, "enlarged", "retry", submission=1), submitted(job_id))
    row = bridge.ledger(job_id)[0]
    assert (row["state"], row["upsampler_id"]) == ("enlarged", "ups-1")


def test_progress_is_remembered_for_the_customer(bridge: Bridge) -> None:
    job_id = bridge.paid()
    later = rfc3339(time.time() + 90)
    bridge.door.batch(
        submitting(job_id),
        submitted(job_id),
        progress(
            job_id,
            "submitted",
            "held",
            reason="credits",
            detail="Ünïcode 🖼",
            next_try_at=later,
        ),
    )
    row = bridge.ledger(job_id)[0]
    assert (row["event"], row["reason"], row["detail"]) == ("held", "credits", "Ünïcode 🖼")
    assert row["next_try_at"].strftime("%Y-%m-%dT%H:%M:%SZ") == later
    assert bridge.history(job_id) == ["forwarded", "submitting", "submitted", "held"]


def test_progress_that_comes_too_late_is_a_line_in_the_history_only(bridge: Bridge) -> None:
    job_id = bridge.paid()
    bridge.door.batch(submitting(job_id), submitted(job_id), progress(job_id, "stored", "refetch"))
    assert words(bridge.door.send(*progress(job_id, "submitted", "waiting"))) == ("done", None)
    row = bridge.ledger(job_id)[0]
    assert (row["state"], row["event"]) == ("stored", "refetch")
    assert bridge.history(job_id)[-1] == "waiting"


def test_the_shop_is_told_of_a_change_of_status_once(bridge: Bridge) -> None:
    remove = bridge.mu_plugin(
        "listener",
        "add_action('smi_job_status_changed', function ($id, $old, $new) {"
        " global $wpdb; $seen = get_option('seen_changes', []); $seen[] = [$id, $old, $new,"
        " $wpdb->get_var(\"SELECT status FROM {$wpdb->prefix}smi_jobs WHERE job_id = '$id'\")];"
        " update_option('seen_changes', $seen); }, 10, 3);",
    )
    try:
        bridge.option("seen_changes", [])
        job_id = bridge.paid()
        bridge.door.batch(submitting(job_id), submitted(job_id), progress(job_id, "enlarged", "refetch"))
        wait_for(lambda: bridge.shop.option("seen_changes"), "the listener, who hears when the answer is out")
        bridge.door.send(*submitted(job_id))
        bridge.door.send("job.delivered", delivery(job_id))
        wait_for(lambda: len(bridge.shop.option("seen_changes")) > 1, "the listener")
        bridge.door.send("job.delivered", delivery(job_id))
        assert bridge.shop.option("seen_changes") == [
            [job_id, "pending", "processing", "processing"],
            [job_id, "processing", "completed", "completed"],
        ]
    finally:
        remove()


@pytest.mark.parametrize("state", ["delivered", "refunded", "refunding"])
def test_nothing_goes_on_after_the_end(bridge: Bridge, state: str) -> None:
    job_id = bridge.job()
    bridge.open(job_id, state=state, submission=1)
    for message in (submitting(job_id, 2), submitted(job_id), progress(job_id, "enlarged", "retry")):
        assert words(bridge.door.send(*message)) == ("refused", "settled")
    assert bridge.state(job_id) == state


def test_a_late_result_resolves_a_review(bridge: Bridge) -> None:
    job_id = bridge.job()
    bridge.open(job_id, state="review", submission=1, reason="upsampler_silent")
    assert words(bridge.door.send(*submitted(job_id))) == ("done", None)
    assert bridge.state(job_id) == "submitted"
    assert bridge.ledger(job_id)[0]["settled_at"] is None


def test_nothing_goes_on_after_a_person_stopped_it(bridge: Bridge) -> None:
    job_id = bridge.job()
    bridge.open(job_id, state="review", submission=1, reason="stopped")
    for message in (submitting(job_id, 2), submitted(job_id), progress(job_id, "enlarged", "retry")):
        assert words(bridge.door.send(*message)) == ("refused", "cancelled")
    assert words(bridge.door.send("job.delivered", delivery(job_id))) == ("refused", "cancelled")


def test_a_worker_of_an_older_attempt_writes_nothing(bridge: Bridge) -> None:
    job_id = bridge.job()
    bridge.open(job_id, state="review", submission=1)
    bridge.open(job_id, attempt=2)
    for message in (submitting(job_id), submitted(job_id), progress(job_id, "stored", "retry")):
        assert words(bridge.door.send(*message)) == ("refused", "superseded")
    assert words(bridge.door.send("job.delivered", delivery(job_id))) == ("refused", "superseded")
    assert [row["state"] for row in bridge.ledger(job_id)] == ["review", "paid"]


def test_an_attempt_that_the_ledger_does_not_know_is_refused(bridge: Bridge) -> None:
    job_id = bridge.paid()
    assert words(bridge.door.send(*submitting(job_id, attempt=2))) == ("refused", "unknown_job")


def test_two_claims_at_the_same_moment_have_one_winner(bridge: Bridge) -> None:
    doors = [ShopDoor(bridge.shop.url, bridge.shop.url, bridge.door.secret, requests.Session()) for _ in range(4)]
    try:
        for _ in range(5):
            claim = partial(_claim, bridge.paid())
            with ThreadPoolExecutor(4) as pool:
                claims = list(pool.map(claim, doors))
            assert sorted(claims) == [("done", None)] + [("refused", "claimed")] * 3
    finally:
        for door in doors:
            door.session.close()


def _claim(job_id: str, door: ShopDoor) -> tuple[str, str | None]:
    return words(door.send(*submitting(job_id, claim=f"c{id(door)}")))
