"""The shop's door: who is let in, and what every answer looks like."""

import json
import time

import pytest

from tests.bridge.conftest import SECRET, Bridge
from tests.bridge.sidecar_stand_in import ShopDoor, direction_key, rfc3339

UNAUTHORIZED = {"error": "unauthorized"}
STATUS = [{"id": "m0", "type": "status", "data": {}}]


def sealed(bridge: Bridge, **changes):
    at = time.time()
    return bridge.door.seal(bridge.door.envelope(STATUS, at=at) | changes, at=at)


def test_the_stand_ins_messages_have_one_time() -> None:
    """Also when the clock goes on between envelope and signature."""
    door = ShopDoor("https://shop.example", "https://shop.example", SECRET, None)
    assert door.seal(door.envelope(STATUS, at=1_795_862_578.9))[1]["webhook-timestamp"] == "1795862578"


def test_the_status_question_is_answered(bridge: Bridge) -> None:
    data = bridge.door.send("status", {})["data"]
    assert data["site"] == bridge.shop.url
    assert data["uploads_dir"] == str(bridge.shop.uploads)
    assert data["connected"] is True
    assert data["shop"].startswith("Sell My Images")
    assert data["expiry_hours"] == 24
    assert data["wordpress"] == bridge.shop.wordpress_version


def test_the_door_also_opens_by_the_query_form_of_its_address(bridge: Bridge) -> None:
    answer = bridge.door.post(*sealed(bridge), path="/?rest_route=/smi-bridge/v1/messages")
    assert answer.status_code == 200
    assert answer.json()["results"][0]["status"] == "done"


def test_the_answer_is_json_and_nobody_may_keep_it(bridge: Bridge) -> None:
    answer = bridge.door.post(*sealed(bridge))
    assert answer.headers["Content-Type"].startswith("application/json")
    assert "no-store" in answer.headers["Cache-Control"]
    assert "Set-Cookie" not in answer.headers


def test_what_another_plugin_prints_is_no_part_of_the_answer(bridge: Bridge) -> None:
    remove = bridge.mu_plugin("chatty", "add_action('smi_job_status_changed', function () { echo 'hello'; });")
    try:
        job_id = bridge.paid()
        result = bridge.door.send(
            "job.submitted",
            {
                "job_id": job_id,
                "attempt": 1,
                "submission": 1,
                "upsampler_id": "u",
                "credits": 1,
                "submitted_at": rfc3339(time.time()),
            },
        )
        assert result["status"] == "done"
    finally:
        remove()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("webhook-id", ""),
        ("webhook-id", "msg with blanks"),
        ("webhook-timestamp", ""),
        ("webhook-timestamp", "now"),
        ("webhook-timestamp", "1e9"),
        ("webhook-signature", ""),
        ("webhook-signature", "v1"),
        ("webhook-signature", "v1,"),
        ("webhook-signature", "v1,????"),
        ("webhook-signature", "v2,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="),
    ],
)
def test_a_malformed_header_is_refused(bridge: Bridge, name: str, value: str) -> None:
    body, headers = sealed(bridge)
    answer = bridge.door.post(body, headers | {name: value})
    assert (answer.status_code, answer.json()) == (401, UNAUTHORIZED)


def test_a_changed_body_is_refused(bridge: Bridge) -> None:
    body, headers = sealed(bridge)
    answer = bridge.door.post(body.replace(b'"status"', b'"Status"'), headers)
    assert (answer.status_code, answer.json()) == (401, UNAUTHORIZED)


@pytest.mark.parametrize("age", [-400, 400])
def test_an_old_or_early_message_is_refused(bridge: Bridge, age: int) -> None:
    at = time.time() + age
    body, headers = bridge.door.seal(bridge.door.envelope(STATUS, at=at), at=at)
    assert bridge.door.post(body, headers).status_code == 401


def test_a_body_with_another_timestamp_than_its_header_is_refused(bridge: Bridge) -> None:
    body, headers = sealed(bridge, timestamp=rfc3339(time.time() - 5))
    assert bridge.door.post(body, headers).status_code == 401


@pytest.mark.parametrize("audience", ["shop:https://other.example", "sidecar:{site}", "shop:?", "{site}", ""])
def test_a_message_for_somebody_else_is_refused(bridge: Bridge, audience: str) -> None:
    body, headers = sealed(bridge, audience=audience.format(site=bridge.shop.url))
    assert bridge.door.post(body, headers).status_code == 401


def test_no_answer_of_the_door_is_kept_or_told_by_a_referrer(bridge: Bridge) -> None:
    files = bridge.shop.url + "/wp-json/smi-bridge/v1/files"
    for answer in (bridge.door.post(*sealed(bridge)), bridge.shop.http.post(files, timeout=30)):
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Referrer-Policy"] == "no-referrer"


def test_a_message_of_the_other_direction_is_refused(bridge: Bridge) -> None:
    key = direction_key(bridge.door.secret, "to-sidecar")
    body, headers = bridge.door.seal(bridge.door.envelope(STATUS), key=key)
    assert bridge.door.post(body, headers).status_code == 401


def test_a_body_above_one_mebibyte_is_refused(bridge: Bridge) -> None:
    body, headers = sealed(bridge, data={"messages": STATUS, "filler": "x" * (1 << 20)})
    assert bridge.door.post(body, headers).status_code == 401


@pytest.mark.parametrize("body", [b"[]", b"null", b"{", b'"text"', b"\xff\xfe", b""])
def test_an_authentic_body_that_is_no_envelope_is_refused(bridge: Bridge, body: bytes) -> None:
    import base64
    import hashlib
    import hmac

    at = str(int(time.time()))
    key = direction_key(bridge.door.secret, "to-shop")
    signature = base64.b64encode(hmac.new(key, f"msg_x.{at}.".encode() + body, hashlib.sha256).digest()).decode()
    headers = {"webhook-id": "msg_x", "webhook-timestamp": at, "webhook-signature": "v1," + signature}
    answer = bridge.door.post(body, headers)
    assert (answer.status_code, answer.json()) == (401, UNAUTHORIZED)


def test_the_reason_of_a_refusal_stands_in_the_log_and_holds_no_secret(bridge: Bridge) -> None:
    body, headers = sealed(bridge, audience="shop:https://other.example")
    bridge.door.post(body, headers)
    line = [line for line in bridge.shop.debug_log.splitlines() if "event=message_refused" in line][-1]
    assert "audience is shop:https://other.example" in line
    assert headers["webhook-signature"].removeprefix("v1,") not in bridge.shop.debug_log


def test_strangers_do_not_fill_the_log(bridge: Bridge) -> None:
    files = bridge.shop.url + "/wp-json/smi-bridge/v1/files"
    bridge.shop.sql("DELETE FROM wp_options WHERE option_name LIKE '%%smi_bridge_refused_%%'")
    before = len(bridge.shop.debug_log)
    for number in range(12):
        body, headers = sealed(bridge)
        assert bridge.door.post(body, headers | {"webhook-signature": "v1,"}).status_code == 401
        assert bridge.door.post(body, headers | {"webhook-timestamp": f"1{number:09d}"}).status_code == 401
        assert bridge.shop.http.post(files, timeout=30).status_code == 401
    lines = [line for line in bridge.shop.debug_log[before:].splitlines() if "event=message_refused" in line]
    reasons = ("webhook-signature is missing", "s away from our clock", "webhook-id is missing")
    assert len(lines) == 3 and all(any(reason in line for line in lines) for reason in reasons), lines


def test_a_get_request_is_not_answered_by_the_door(bridge: Bridge) -> None:
    assert bridge.shop.http.get(bridge.shop.url + "/wp-json/smi-bridge/v1/messages", timeout=30).status_code == 404


def test_both_secrets_are_accepted_while_they_change(bridge: Bridge) -> None:
    new = "whsec_" + "bmV3IHNlY3JldCBmb3IgdGhlIGJyaWRnZSAzMiBieXQ="
    bridge.option("smi_bridge_previous_secret", bridge.door.secret)
    bridge.option("smi_bridge_secret", new)
    try:
        assert bridge.door.post(*sealed(bridge)).status_code == 200
        signed_by_new = bridge.door.seal(bridge.door.envelope(STATUS), key=direction_key(new, "to-shop"))
        assert bridge.door.post(*signed_by_new).status_code == 200
        bridge.shop.php("delete_option('smi_bridge_previous_secret');")
        assert bridge.door.post(*sealed(bridge)).status_code == 401
    finally:
        bridge.option("smi_bridge_secret", bridge.door.secret)


def test_a_second_signature_may_be_the_right_one(bridge: Bridge) -> None:
    body, headers = sealed(bridge)
    wrong = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    headers["webhook-signature"] = f"v1a,junk {wrong} {headers['webhook-signature']}"
    assert bridge.door.post(body, headers).status_code == 200


def test_a_type_other_than_batch_is_named_unknown(bridge: Bridge) -> None:
    answer = bridge.door.post(*sealed(bridge, type="status", data={}))
    assert (answer.status_code, answer.json()) == (422, {"error": "message_unknown_type"})


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"messages": []},
        {"messages": STATUS * 101},
        {"messages": {}},
        {"messages": [{"id": 1, "type": "status", "data": {}}]},
        {"messages": [{"id": "a", "type": "status", "data": []}]},
        {"messages": [{"id": "a", "type": "status", "data": {}, "more": 1}]},
    ],
)
def test_an_authentic_batch_of_the_wrong_form_is_told_what_is_wrong(bridge: Bridge, data: dict) -> None:
    answer = bridge.door.post(*sealed(bridge, data=data))
    assert answer.status_code == 400
    assert answer.json()["error"] == "message_invalid"
    assert answer.json()["detail"]


def test_one_bad_message_does_not_stop_the_others(bridge: Bridge) -> None:
    job_id = bridge.paid()
    submitting = {"job_id": job_id, "attempt": 1, "submission": 1, "claim": "c1"}
    results = bridge.door.batch(
        ("no.such.type", {}),
        ("job.submitting", {"job_id": "no such id!", "attempt": 1, "submission": 1, "claim": "c1"}),
        ("job.submitting", submitting | {"attempt": "1"}),
        ("job.submitting", submitting),
        ("job.submitting", submitting | {"job_id": "nobody-knows-me"}),
    )
    assert [(result["status"], result["reason"]) for result in results] == [
        ("refused", "unknown_type"),
        ("refused", "invalid"),
        ("refused", "invalid"),
        ("done", None),
        ("refused", "unknown_job"),
    ]


def test_a_repeated_delivery_gets_the_stored_answer(bridge: Bridge) -> None:
    job_id = bridge.paid()
    message = {
        "id": "m0",
        "type": "job.submitting",
        "data": {"job_id": job_id, "attempt": 1, "submission": 1, "claim": "c1"},
    }
    sealed_once = bridge.door.seal(bridge.door.envelope([message]))
    first, second = bridge.door.post(*sealed_once), bridge.door.post(*sealed_once)
    assert first.json()["results"][0]["status"] == "done"
    assert second.text == first.text
    assert bridge.ledger(job_id)[0]["submission"] == 1


def test_an_id_used_again_for_another_body_is_a_conflict(bridge: Bridge) -> None:
    job_id = bridge.paid()
    message = {
        "id": "m0",
        "type": "job.submitting",
        "data": {"job_id": job_id, "attempt": 1, "submission": 1, "claim": "c1"},
    }
    _, headers = first = bridge.door.seal(bridge.door.envelope([message]))
    bridge.door.post(*first)
    other = bridge.door.seal(bridge.door.envelope(STATUS), id=headers["webhook-id"])
    answer = bridge.door.post(*other)
    assert (answer.status_code, answer.json()) == (409, {"error": "message_id_reused"})


def test_a_repeated_question_is_a_conflict(bridge: Bridge) -> None:
    question = sealed(bridge)
    assert bridge.door.post(*question).status_code == 200
    answer = bridge.door.post(*question)
    assert (answer.status_code, answer.json()) == (409, {"error": "message_answered"})


def test_old_answers_are_forgotten(bridge: Bridge) -> None:
    job_id = bridge.paid()
    _, headers = message = bridge.door.seal(
        bridge.door.envelope(
            [
                {
                    "id": "m",
                    "type": "job.submitting",
                    "data": {"job_id": job_id, "attempt": 1, "submission": 1, "claim": "c1"},
                }
            ]
        )
    )
    bridge.door.post(*message)
    id = headers["webhook-id"]
    bridge.shop.php("SmiBridge\\Ledger\\Tables::tidy();")
    assert bridge.shop.sql("SELECT 1 FROM wp_smi_bridge_answers WHERE message_id = %s", id)
    bridge.shop.sql(
        "UPDATE wp_smi_bridge_answers SET created_at = created_at - INTERVAL 25 HOUR WHERE message_id = %s", id
    )
    bridge.shop.php("SmiBridge\\Ledger\\Tables::tidy();")
    assert not bridge.shop.sql("SELECT 1 FROM wp_smi_bridge_answers WHERE message_id = %s", id)


def test_a_day_of_visits_every_two_seconds_is_forgotten_at_once(bridge: Bridge) -> None:
    bridge.shop.sql(
        "INSERT INTO wp_smi_bridge_answers (message_id, body_sha256, created_at) "
        "SELECT CONCAT('visit-', seq), REPEAT('0', 64), UTC_TIMESTAMP() - INTERVAL 25 HOUR FROM seq_1_to_43200"
    )
    bridge.shop.php("SmiBridge\\Ledger\\Tables::tidy();")
    assert bridge.shop.sql("SELECT COUNT(*) AS n FROM wp_smi_bridge_answers WHERE message_id LIKE 'visit-_%'") == [
        {"n": 0}
    ]


BLOCKER = """
add_filter( 'rest_authentication_errors', function () {
    return new WP_Error( 'rest_forbidden', 'The REST API is closed.', array( 'status' => 403 ) );
}, 99 );
"""
NOT_EARLY = "add_filter( 'smi_bridge_answer_early', '__return_false' );"


@pytest.mark.parametrize("early", [True, False], ids=["early answer", "REST server"])
def test_a_plugin_that_closes_the_rest_api_does_not_close_our_door(bridge: Bridge, early: bool) -> None:
    remove = bridge.mu_plugin("blocker", BLOCKER + ("" if early else NOT_EARLY))
    try:
        assert bridge.shop.http.get(bridge.shop.url + "/wp-json/wp/v2/posts", timeout=30).status_code == 403
        assert bridge.door.post(*sealed(bridge)).status_code == 200
        assert bridge.door.post(*sealed(bridge), path="/?rest_route=/smi-bridge/v1/messages").status_code == 200
        body, headers = sealed(bridge)
        unsigned = bridge.door.post(body, {"Content-Type": "application/json"})
        assert unsigned.status_code in (401, 403)
        assert "results" not in unsigned.text
    finally:
        remove()


def test_the_rest_server_gives_the_same_answers_as_the_early_endpoint(bridge: Bridge) -> None:
    remove = bridge.mu_plugin("not-early", NOT_EARLY)
    try:
        job_id = bridge.paid()
        message = {
            "id": "m",
            "type": "job.submitting",
            "data": {"job_id": job_id, "attempt": 1, "submission": 1, "claim": "c1"},
        }
        once = bridge.door.seal(bridge.door.envelope([message]))
        answer = bridge.door.post(*once)
        assert answer.status_code == 200
        assert "no-store" in answer.headers["Cache-Control"]
        assert answer.headers["Referrer-Policy"] == "no-referrer", "it names a job"
        assert json.loads(bridge.door.post(*once).text) == answer.json()
        body, headers = sealed(bridge)
        refused = bridge.door.post(body, headers | {"webhook-signature": "v1,"})
        assert (refused.status_code, refused.json()) == (401, UNAUTHORIZED)
    finally:
        remove()
