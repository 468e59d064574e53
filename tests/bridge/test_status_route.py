"""The status document that WordPress gives where the sidecar is not public."""

import json
import re
import time
from typing import Any

import pytest
import requests

from sidecar.core import status_token
from tests.bridge.conftest import SECRET, Bridge, delivery
from tests.bridge.sidecar_stand_in import direction_key
from tests.testbed.places import REPOSITORY

VECTORS = json.loads((REPOSITORY / "tests" / "vectors" / "delayed.json").read_text())
DELAYED, STEPS = VECTORS["cases"], VECTORS["steps"]


def ask(bridge: Bridge, job_id: str, **headers: str) -> requests.Response:
    return requests.get(f"{bridge.shop.url}/wp-json/smi-bridge/v1/status/{job_id}", headers=headers, timeout=30)


def proof(job_id: str, for_s: int = 100) -> dict[str, str]:
    """The header of who may have the link."""
    key = direction_key(SECRET, status_token.PURPOSE)
    return {"Smi-Status-Token": status_token.make(key, job_id, int(time.time()) + for_s)}


@pytest.mark.parametrize(
    ("columns", "phase"),
    [
        ({}, "queued"),
        ({"state": "submitting", "submission": 1}, "queued"),
        ({"state": "submitted", "event": "waiting"}, "enlarging"),
        ({"state": "submitted", "event": "held", "reason": "upsampler_key_refused"}, "delayed"),
        ({"state": "enlarged"}, "checking"),
        ({"state": "stored"}, "delivering"),
        ({"state": "refunding"}, "refunding"),
        ({"state": "refunded"}, "refunded"),
        ({"state": "review", "reason": "x"}, "in_review"),
    ],
)
def test_each_state_has_its_phase(bridge: Bridge, columns: dict[str, Any], phase: str) -> None:
    job_id = bridge.job()
    bridge.open(job_id, **columns)
    document = ask(bridge, job_id).json()
    assert (document["job_id"], document["phase"]) == (job_id, phase)
    assert document["download_url"] is None


def test_a_customer_is_told_that_it_takes_longer_as_the_vectors_say(bridge: Bridge) -> None:
    """At a limit the question itself takes time: those vectors are read by tests/php_versions."""
    cases = [case for case in DELAYED if case["stage_s"] not in (119, 120, 1800)]
    told = {}
    for case in cases:
        job_id = bridge.job()
        bridge.open(job_id, **{name: case[name] for name in ("state", "reason", "event")})
        bridge.shop.sql(
            "UPDATE wp_smi_bridge_ledger SET stage_since = UTC_TIMESTAMP() - INTERVAL %s SECOND WHERE job_id = %s",
            case["stage_s"],
            job_id,
        )
        told[case["why"]] = ask(bridge, job_id).json()["phase"] == "delayed"
    assert told == {case["why"]: case["delayed"] for case in cases}


@pytest.mark.parametrize("step", STEPS, ids=lambda step: f"{step['from']} to {step['to']}")
def test_the_time_begins_anew_with_the_phase(bridge: Bridge, step: dict[str, Any]) -> None:
    job_id = bridge.job()
    bridge.open(job_id, state=step["from"], submission=1, upsampler_id="u-0", claim="c")
    bridge.shop.sql("UPDATE wp_smi_bridge_ledger SET stage_since = '2020-01-01 00:00:00' WHERE job_id = %s", job_id)
    named = {"job_id": job_id, "attempt": 1}
    if step["to"] == "submitting":
        bridge.door.send("job.submitting", {**named, "submission": 2, "claim": "d"})
    else:
        event = "not_accepted" if step["to"] == "paid" else "retry"
        bridge.door.send("job.progress", {**named, "state": step["to"], "event": event})
    (row,) = bridge.ledger(job_id)
    assert row["state"] == step["to"]
    assert ("2020" not in str(row["stage_since"])) is step["anew"]


def test_the_customer_sees_checking_and_delivering(bridge: Bridge) -> None:
    job_id = bridge.job()
    bridge.open(job_id, state="submitted", submission=1)
    for event, phase in (("enlarged", "checking"), ("stored", "delivering")):
        bridge.door.send("job.progress", {"job_id": job_id, "attempt": 1, "state": event, "event": event})
        assert ask(bridge, job_id).json()["phase"] == phase
    assert bridge.history(job_id) == ["enlarged", "stored"]


def test_a_delivered_job_leads_to_the_file(bridge: Bridge) -> None:
    job_id = bridge.paid(email="")
    data = delivery(job_id)
    bridge.door.send("job.delivered", data)
    document = ask(bridge, job_id, **proof(job_id)).json()
    assert document["phase"] == "ready"
    for name in ("width", "height", "bytes", "format", "download_url", "expires_at"):
        assert document[name] == data[name]
    assert document["share"] == 1


def test_without_a_public_sidecar_it_leads_to_the_shops_own_route(bridge: Bridge) -> None:
    job_id = bridge.paid(email="")
    bridge.door.send("job.delivered", delivery(job_id, download_url=None))
    token = bridge.row(job_id)["download_token"]
    assert (
        ask(bridge, job_id, **proof(job_id)).json()["download_url"]
        == f"{bridge.shop.url}/wp-json/smi/v1/download/{token}"
    )


@pytest.mark.parametrize("column", ["expires_at = '2020-01-01'", "revoked_at = UTC_TIMESTAMP()"])
def test_a_dead_link_is_not_shown(bridge: Bridge, column: str) -> None:
    job_id = bridge.paid(email="")
    bridge.door.send("job.delivered", delivery(job_id))
    bridge.shop.sql(f"UPDATE wp_smi_bridge_ledger SET {column} WHERE job_id = %s", job_id)
    document = ask(bridge, job_id, **proof(job_id)).json()
    assert (document["phase"], document["download_url"]) == ("expired", None)


def test_whoever_knows_the_id_alone_sees_progress_and_no_link(bridge: Bridge) -> None:
    job_id, other = bridge.paid(email=""), bridge.paid(email="")
    bridge.door.send("job.delivered", delivery(job_id))
    view = f"{bridge.shop.url}/wp-json/smi-bridge/v1/view?job={job_id}"
    page = f"{bridge.shop.url}/?smi_status_page={job_id}"
    session = bridge.row(job_id)["stripe_checkout_session_id"] or "cs_none"
    forged = [
        {},
        {"Smi-Status-Token": "x"},
        proof(other),
        proof(job_id, -1),
        {"Smi-Payment-Session": session[:-1] + "!"},
    ]
    for headers in forged:
        document = ask(bridge, job_id, **headers).json()
        assert (document["phase"], document["download_url"]) == ("ready", None)
        for url in (view, page):
            answer = requests.get(url, headers=headers, timeout=30)
            assert answer.status_code == 200 and "smi/download" not in answer.text.replace("\\", "")
    for url in (view, page):
        answer = requests.get(url, headers=proof(job_id), timeout=30)
        assert "smi/download" in answer.text.replace("\\", "")


@pytest.mark.parametrize("query", ["smi_payment=success&session_id={session}&job_id={job}", "smi_job_id={job}"])
def test_no_cache_keeps_the_page_that_the_payer_comes_back_to(bridge: Bridge, query: str) -> None:
    job_id = bridge.paid(email="")
    answers = [
        requests.get(f"{bridge.shop.url}/?{query.format(job=job_id, session='cs_x')}", timeout=30),
        requests.get(f"{bridge.shop.url}/wp-json/smi-bridge/v1/view?job={job_id}", timeout=30),
        requests.get(f"{bridge.shop.url}/?smi_status_page={job_id}", timeout=30),
        ask(bridge, job_id),
    ]
    for answer in answers:
        assert "no-store" in answer.headers["Cache-Control"]
        assert answer.headers["Referrer-Policy"] in ("no-referrer", "same-origin")
        assert answer.headers["X-LiteSpeed-Cache-Control"] == "no-cache"
        assert "X-Accel-Expires" not in answer.headers, "nginx has heeded it"
        assert "no-store" in answer.headers["CDN-Cache-Control"]
    words = requests.get(f"{bridge.shop.url}/wp-json/smi-bridge/v1/view", timeout=30)
    assert words.headers["Cache-Control"] == "private, max-age=600", "words alone name nobody"


def test_a_page_of_a_certain_job_is_kept_by_no_cache_when_it_may_hold_the_link(bridge: Bridge) -> None:
    """`[smi_status job_id="…"]` on any page: the theme has begun it before the shortcode is met."""
    session, job_id = "cs_test_0123456789abcdef", bridge.paid(email="")
    bridge.shop.sql("UPDATE wp_smi_jobs SET stripe_checkout_session_id = %s WHERE job_id = %s", session, job_id)
    bridge.door.send("job.delivered", delivery(job_id))
    content = f'[smi_status job_id="{job_id}"]'
    page = bridge.shop.php_json(
        "return wp_insert_post(array('post_type' => 'page', 'post_status' => 'publish', 'post_title' => 'x',"
        f" 'post_content' => '{content}'));"
    )
    url = f"{bridge.shop.url}/?page_id={page}"
    token = proof(job_id)["Smi-Status-Token"]
    asked: list[tuple[str, dict[str, str]]] = [
        (f"&smi_status_token={token}", {}),
        (f"&session_id={session}", {}),
        ("", proof(job_id)),
        ("", {"Smi-Payment-Session": session}),
    ]
    for query, headers in asked:
        answer = requests.get(url + query, headers=headers, timeout=30)
        assert "smi/download" in answer.text.replace("\\", "")
        assert "no-store" in answer.headers["Cache-Control"], (query, headers)
        assert answer.headers["Referrer-Policy"] == "same-origin"


def test_the_payer_who_comes_back_gets_the_link_by_his_payment_session(bridge: Bridge) -> None:
    job_id = bridge.paid(email="")
    bridge.shop.sql(
        "UPDATE wp_smi_jobs SET stripe_checkout_session_id = 'cs_test_0123456789abcdef' WHERE job_id = %s", job_id
    )
    bridge.door.send("job.delivered", delivery(job_id))
    back = f"{bridge.shop.url}/?smi_payment=success&job_id={job_id}&session_id="
    right = requests.get(back + "cs_test_0123456789abcdef", timeout=30).text
    token = re.search(rf'"{job_id}":"([0-9a-f]{{10}}\.[0-9]+\.[A-Za-z0-9_-]+)"', right)
    assert token and "smi/download" in right.replace("\\", "")
    assert ask(bridge, job_id, **{"Smi-Status-Token": token[1]}).json()["download_url"]
    for wrong in ("", "cs_test_0123456789abcdeX", "cs_1"):
        page = requests.get(back + wrong, timeout=30).text.replace("\\", "")
        assert "smi/download" not in page and token[1] not in page
    view = f"{bridge.shop.url}/wp-json/smi-bridge/v1/view?job={job_id}"
    headers = {"Smi-Payment-Session": "cs_test_0123456789abcdef"}
    assert requests.get(view, headers=headers, timeout=30).json()["tokens"][job_id], (
        "a page cache may have kept the page"
    )


def test_the_document_has_the_fields_of_the_contract_and_tells_no_person(bridge: Bridge) -> None:
    job_id = bridge.paid(email="somebody@example.org")
    answer = ask(bridge, job_id)
    assert set(answer.json()) == {
        *("job_id", "phase", "share", "stage", "position", "expected_s", "next_try_at", "width", "height", "bytes"),
        *("format", "download_url", "expires_at", "poll_after", "updated_at"),
    }
    assert "somebody" not in answer.text
    assert "no-store" in answer.headers["Cache-Control"]
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert "noindex" in answer.headers["X-Robots-Tag"]


def test_an_unchanged_state_is_answered_by_304(bridge: Bridge) -> None:
    job_id = bridge.paid(email="")
    bridge.door.send("job.delivered", delivery(job_id))
    first = ask(bridge, job_id)
    again = ask(bridge, job_id, **{"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    bridge.shop.sql("UPDATE wp_smi_bridge_ledger SET revoked_at = UTC_TIMESTAMP() WHERE job_id = %s", job_id)
    assert ask(bridge, job_id, **{"If-None-Match": first.headers["ETag"]}).status_code == 200


@pytest.mark.parametrize("job_id", ["nobody-knows-me", "x" * 64])
def test_an_unknown_job_is_not_found(bridge: Bridge, job_id: str) -> None:
    answer = ask(bridge, job_id)
    assert (answer.status_code, answer.json()) == (404, {"error": "unknown_job"})


def test_the_newest_attempt_is_shown(bridge: Bridge) -> None:
    job_id = bridge.job()
    bridge.open(job_id, state="refunded")
    bridge.open(job_id, attempt=2, state="submitted", next_try_at="2030-01-01 00:00:00")
    document = ask(bridge, job_id).json()
    assert (document["phase"], document["share"], document["next_try_at"]) == ("enlarging", 0, None)


def test_a_delayed_attempt_says_when_it_is_tried_next(bridge: Bridge) -> None:
    job_id = bridge.job()
    reason, at = "upsampler_key_refused", "2030-01-01 00:00:00"
    bridge.open(job_id, state="submitted", reason=reason, event="held", next_try_at=at)
    assert ask(bridge, job_id).json()["next_try_at"] == "2030-01-01T00:00:00Z"
