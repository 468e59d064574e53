"""The doors that carry the load do without Flask; what they do not take, and what they raise, is Flask's."""

from __future__ import annotations

import io

import pytest
from redis.exceptions import ConnectionError as RedisAway

from tests.web.conftest import Web


def without_flask(web: Web) -> None:
    web.client.application.full_dispatch_request = None


def test_a_message_is_answered_without_flask(web: Web) -> None:
    without_flask(web)
    assert web.send("status").status_code == 200
    assert web.client.post("/messages", data=b"{}").status_code == 401


def test_a_webhook_is_answered_without_flask(web: Web) -> None:
    web.rig.buy()
    web.rig.work()
    without_flask(web)
    answer = web.client.post(f"/webhooks/upsampler/{web.rig.tokens.webhook('job-1', 1, 1)}", data=b"{}")
    assert (answer.status_code, answer.json) == (202, {"accepted": True})


@pytest.mark.parametrize("door", ["/messages", "/webhooks/upsampler/{token}"])
def test_a_body_of_unknown_length_is_taken_all_the_same(web: Web, door: str) -> None:
    """A proxy that does not buffer hands it on in chunks; gunicorn ends the stream where they end."""
    web.rig.buy()
    web.rig.work()
    body, headers = web.signer.seal("status", {}, now=web.rig.clock())
    environ = {"wsgi.input": io.BytesIO(body), "wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"}
    path = door.format(token=web.rig.tokens.webhook("job-1", 1, 1))
    answer = web.client.post(path, headers=headers, environ_overrides={**environ, "CONTENT_LENGTH": ""})
    assert answer.status_code in (200, 202)


@pytest.mark.parametrize("path", ["/messages/more", "/messages/", "/webhooks", "/webhooks/other/x", "/download", "/"])
def test_a_path_that_only_begins_like_a_door_is_none(web: Web, path: str) -> None:
    assert web.client.post(path, data=b"{}").status_code in (404, 405)


@pytest.mark.parametrize("path", ["/messages", "/webhooks/upsampler/x"])
def test_another_method_is_refused(web: Web, path: str) -> None:
    answer = web.client.get(path)
    assert (answer.status_code, set(answer.headers["Allow"].split(", "))) == (405, {"OPTIONS", "POST"})


def test_what_a_door_raises_is_answered_and_logged_as_ever(web: Web) -> None:
    def away(*_: object) -> None:
        raise RedisAway("gone")

    web.rig.store.idempotency.remembered = away
    answer = web.send("status")
    assert (answer.status_code, answer.json) == (503, {"error": "temporarily_unavailable"})
    assert answer.headers["Retry-After"] == "30"
    assert "web.redis" in [event for event, _ in web.rig.events]
