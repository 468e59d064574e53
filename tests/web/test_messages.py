"""The door for signed messages: what is let in, what is answered, what a repeat gets."""

from __future__ import annotations

import json

import pytest

from sidecar.core.errors import TemporaryError
from sidecar.core.messages import TO_SHOP, Signer
from tests.web.conftest import Web

CANCEL = {"job_id": "job-1", "attempt": 1, "reason": "stopped"}


def test_a_payment_is_stored_and_worked_on(web: Web) -> None:
    answer = web.send("job.paid", web.rig.shop.buy("job-1"))
    assert (answer.status_code, answer.json) == (200, {"stored": True, "asks": True})
    web.rig.let_pass(90)
    assert web.rig.row().state == "delivered"


def test_every_refusal_looks_the_same_outside_and_is_told_apart_in_the_log(web: Web) -> None:
    body, headers = web.signer.seal("job.cancel", CANCEL, now=web.rig.clock())
    stranger = Signer(b"another secret of thirty-two byt", direction="to-sidecar", site="https://shop.example")
    other_site = Signer(web.rig.settings.secret, direction="to-sidecar", site="https://staging.example")
    other_way = Signer(web.rig.settings.secret, direction=TO_SHOP, site="https://shop.example")
    attempts = [
        (body, {}),
        (body + b" ", headers),
        (body, headers | {"webhook-timestamp": "1"}),
        (body, headers | {"webhook-signature": "v1,AAAA"}),
        (b"\xff" * 10, headers),
        web.signer.seal("job.cancel", CANCEL, now=web.rig.clock() - 400),
        *(signer.seal("job.cancel", CANCEL, now=web.rig.clock()) for signer in (stranger, other_site, other_way)),
    ]
    answers = [web.client.post("/messages", data=data, headers=given) for data, given in attempts]
    assert {(a.status_code, a.data) for a in answers} == {(401, answers[0].data)}
    assert answers[0].json == {"error": "unauthorized"}
    told = [fields for event, fields in web.rig.events if event == "message.unauthorized"]
    reasons = [fields["reason"] for fields in told]
    assert sorted(reasons) == ["audience", "body", "clock", "headers", "secret"], "each kind once in a minute"
    assert all(fields["detail"] for fields in told)


def test_a_stranger_fills_neither_the_log_nor_working_memory(web: Web) -> None:
    """The clock's refusal, which needs no signature, says another number each time."""
    for second in range(100):
        body, headers = web.signer.seal("status", {}, now=web.rig.clock() - 400 - second)
        assert web.client.post("/messages", data=body, headers=headers).status_code == 401
    assert [event for event, _ in web.rig.events] == ["message.unauthorized"]
    web.rig.let_pass(61)
    web.client.post("/messages", data=b"{}")
    assert len([event for event, _ in web.rig.events if event == "message.unauthorized"]) == 2


def test_authentic_but_not_understood(web: Web) -> None:
    missing = web.send("job.cancel", {"job_id": "job-1"})
    assert (missing.status_code, missing.json["error"]) == (400, "message_invalid")
    assert "attempt" in missing.json["detail"] or "contain" in missing.json["detail"]
    unknown = web.send("job.explode", {})
    assert (unknown.status_code, unknown.json["error"]) == (422, "message_unknown_type")


def test_a_repeat_gets_the_stored_answer_and_does_nothing(web: Web) -> None:
    data = web.rig.shop.buy("job-1")
    first = web.send("job.paid", data, id="msg_same")
    again = web.send("job.paid", data, id="msg_same")
    assert (again.status_code, again.json) == (first.status_code, first.json)
    assert len([event for event, _ in web.rig.events if event == "job.paid"]) == 1


def test_a_refusal_is_repeated_as_well(web: Web) -> None:
    data = {"job_id": "nobody", "attempt": 1, "expiry_hours": 24}
    answers = [web.send("job.renew", data, id="msg_same") for _ in range(2)]
    assert [(a.status_code, a.json["error"]) for a in answers] == [(404, "no_file")] * 2


def test_the_same_id_with_another_body_is_a_conflict(web: Web) -> None:
    web.send("job.cancel", CANCEL, id="msg_same")
    conflict = web.send("job.cancel", CANCEL | {"attempt": 2}, id="msg_same")
    assert (conflict.status_code, conflict.json) == (409, {"error": "message_id_reused"})


def test_a_repeated_question_is_not_answered_from_memory(web: Web) -> None:
    assert web.send("status", {}, id="msg_same").status_code == 200
    again = web.send("status", {}, id="msg_same")
    assert (again.status_code, again.json) == (409, {"error": "message_answered"})


def test_a_repeat_is_remembered_for_a_day(web: Web) -> None:
    """After a day the timestamp alone refuses it, so an id need not be known for longer."""
    body, headers = web.signer.seal("job.cancel", CANCEL, now=web.rig.clock())
    assert web.client.post("/messages", data=body, headers=headers).status_code == 200
    web.rig.clock.advance(86401)
    assert web.client.post("/messages", data=body, headers=headers).status_code == 401


def test_a_replay_after_memory_was_lost_has_no_effect(web: Web) -> None:
    data = web.rig.shop.buy("job-1")
    body, headers = web.signer.seal("job.paid", data, now=web.rig.clock())
    web.client.post("/messages", data=body, headers=headers)
    web.rig.let_pass(90)
    web.rig.flush_all()
    headers_now = headers
    web.rig.clock.advance(100)
    assert web.client.post("/messages", data=body, headers=headers_now).status_code == 200
    web.rig.let_pass(200)
    assert (len(web.rig.upsampler.accepted), web.rig.mails()) == (1, ["delivered"])


def test_whoever_has_the_secret_may_ask_which_site_this_is(web: Web) -> None:
    answer = web.send("status", {}, audience="sidecar:?")
    assert (answer.status_code, answer.json["site"]) == (200, "https://shop.example")


def test_the_previous_secret_is_accepted_while_both_sides_change_over(web: Web) -> None:
    changed = Web(web.uploads.parent, SMI_SECRET="whsec_" + "QUJD" * 8, SMI_PREVIOUS_SECRET=_secret())
    body, headers = web.signer.seal("status", {}, now=changed.rig.clock())
    assert changed.client.post("/messages", data=body, headers=headers).status_code == 200
    assert changed.send("status", {}).status_code == 200


def _secret() -> str:
    from tests.workflow.rig import ENV

    return ENV["SMI_SECRET"]


def test_a_shop_that_is_away_when_we_must_ask_it_is_a_503_and_not_remembered(web: Web) -> None:
    web.deliver()
    web.rig.flush_all()
    web.rig.shop.away = TemporaryError("shop_unavailable", "connection refused")
    data = {"job_id": "job-1", "attempt": 1, "expiry_hours": 24}
    away = web.send("job.renew", data, id="msg_same")
    assert (away.status_code, away.json) == (503, {"error": "temporarily_unavailable"})
    assert away.headers["Retry-After"]
    web.rig.shop.away = None
    assert web.send("job.renew", data, id="msg_same").status_code == 200


def test_a_body_beyond_two_megabytes_is_refused_before_it_is_read(web: Web) -> None:
    answer = web.client.post("/messages", data=b"x" * (2 << 20) + b"x", headers={"webhook-id": "m"})
    assert (answer.status_code, answer.json) == (413, {"error": "too_large"})


@pytest.mark.parametrize("method", ["get", "put", "delete"])
def test_the_door_takes_posts_only(web: Web, method: str) -> None:
    answer = getattr(web.client, method)("/messages")
    assert (answer.status_code, answer.json) == (405, {"error": "method_not_allowed"})


def test_an_erasure_is_carried_out(web: Web) -> None:
    link = web.deliver()
    assert web.send("job.erase", {"job_id": "job-1"}).status_code == 200
    del web.rig.shop.rows["job-1"]
    assert web.client.get(link).status_code == 410
    assert list(web.rig.files.stored()) == []


def test_answers_are_json(web: Web) -> None:
    answer = web.send("status", {})
    assert answer.mimetype == "application/json" and json.loads(answer.data)
