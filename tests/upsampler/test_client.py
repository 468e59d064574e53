"""The client on the naked wire: what it sends, how often, and what it makes of answers that no sandbox gives."""

from __future__ import annotations

import json
import os

import pytest

from sidecar.adapters.upsampler import UpsamplerClient
from sidecar.core.errors import SidecarError
from tests.fetch import drips
from tests.fetch.wire_server import Exchange, WireServer, keep_alive

ACCEPTED = b'{"id": "a1", "status": "IN_QUEUE", "creditCost": 12}'
SHORT = (0.5, 0.3)  # for answers that never end: these tests wait as long
WORKING = b'{"id": "a1", "status": "IN_PROGRESS"}'


def make(server: WireServer, **settings: object) -> UpsamplerClient:
    return UpsamplerClient(base_url=f"{server.url}/api/v1", api_key="the-key", **{"timeout": (2, 0.5), **settings})


def submit(client: UpsamplerClient):
    return client.submit(image_url="https://shop.example/a.jpg", factor=4, webhook_url="https://s.example/hook")


def code_of(call, *arguments: object) -> str:
    with pytest.raises(SidecarError) as caught:
        call(*arguments)
    return caught.value.code


def test_a_submit_goes_out_as_the_live_api_wants_it():
    with WireServer(lambda exchange: exchange.answer("200 OK", ACCEPTED)) as server:
        submit(make(server, mode="smart-upscale", image_type="anime", options={"detail": 3}))
        head, _, body = server.requests[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /api/v1/smart-upscale HTTP/1.1\r\n")
    assert b"\r\nAuthorization: Bearer the-key\r\n" in head
    assert json.loads(body) == {
        "webhook": "https://s.example/hook",
        "input": {
            "imageUrl": "https://shop.example/a.jpg",
            "inputImageType": "anime",
            "upscaleFactor": 4,
            "shouldEnhanceFaces": False,
            "shouldPreserveBlur": False,
            "detail": 3,
        },
    }


def test_a_submit_never_travels_on_a_used_connection():
    with WireServer(keep_alive(lambda exchange: exchange.answer("200 OK", ACCEPTED))) as server:
        client = make(server)
        for _ in range(3):
            submit(client)
        assert (server.connections, len(server.requests)) == (3, 3)


def hang_up(exchange: Exchange) -> None:
    """Ends the connection without a byte."""


@pytest.mark.parametrize(
    "script",
    [
        hang_up,
        lambda exchange: exchange.reset(),
        lambda exchange: exchange.send(b"HTTP/1.1 200 OK\r\nContent-Le"),
        lambda exchange: exchange.send(b"garbage\r\n\r\n"),
        lambda exchange: exchange.answer("200 OK", ACCEPTED[:10], length=len(ACCEPTED)),
        lambda exchange: exchange.answer("200 OK", b""),
        lambda exchange: exchange.answer("200 OK", b"<html>"),
        lambda exchange: exchange.answer("200 OK", b"[]"),
        lambda exchange: exchange.answer("200 OK", b"{}"),
        lambda exchange: exchange.answer("204 No Content", b""),
        lambda exchange: exchange.answer("200 OK", b" " * 300_000 + ACCEPTED),
        lambda exchange: exchange.server.stopping.wait(30),
    ],
)
def test_whatever_becomes_of_its_answer_a_submit_is_sent_once_and_its_outcome_is_unknown(script):
    with WireServer(script) as server:
        assert code_of(submit, make(server)) == "submit_outcome_unknown"
        assert len(server.requests) == 1


def test_an_answer_that_drips_for_ever_is_a_lost_one():
    with WireServer(lambda exchange: drips.after(exchange, b"HTTP/1.1 200 OK\r\n\r\n{")) as server:
        assert code_of(submit, make(server, timeout=SHORT)) == "submit_outcome_unknown"
        assert not server.heard_out


def test_headers_that_drip_are_not_waited_for():
    """Each byte comes in time, the head never ends."""
    with WireServer(drips.headers) as server:
        assert code_of(submit, make(server, timeout=SHORT)) == "submit_outcome_unknown"
        assert code_of(make(server, timeout=SHORT).status, "a1") == "upsampler_unavailable"
        assert server.connections == 2 and not server.heard_out


def test_a_status_answer_that_drips_is_not_waited_for():
    with WireServer(drips.body) as server:
        assert code_of(make(server, timeout=SHORT).status, "a1") == "upsampler_unavailable"
        assert not server.heard_out


def test_a_refusal_whose_body_is_lost_is_still_a_refusal():
    with WireServer(lambda exchange: exchange.answer("402 Payment Required", b"", length=100)) as server:
        assert code_of(submit, make(server)) == "upsampler_credits_exhausted"


def test_a_refusal_dressed_as_a_success_is_read():
    body = b'{"success": false, "error": "Image too large"}'
    with WireServer(lambda exchange: exchange.answer("200 OK", body)) as server:
        assert code_of(submit, make(server)) == "source_too_large"


def test_nothing_was_sent_when_the_tls_handshake_breaks_off():
    def script(exchange: Exchange) -> None:
        exchange.connection.recv(1)  # of the client's hello; # ends: the server shuts it down
        exchange.reset()

    with WireServer(script, read=False) as server:
        client = UpsamplerClient(base_url=f"https://{server.host}/api/v1", api_key="k", timeout=(2, 0.5))
        assert code_of(submit, client) == "upsampler_unavailable"
        assert code_of(client.status, "a1") == "upsampler_unavailable"


def test_nothing_was_sent_when_the_tls_handshake_hangs():
    with WireServer(lambda exchange: exchange.server.stopping.wait(30), read=False) as server:
        client = UpsamplerClient(base_url=f"https://{server.host}/api/v1", api_key="k", timeout=(0.2, 5))
        assert code_of(submit, client) == "upsampler_unavailable"


@pytest.mark.parametrize("base_url", ["http://nowhere.invalid/api/v1", "http://127.0.0.1:1/api/v1"])
def test_no_way_to_upsampler_is_certain_and_temporary(base_url):
    client = UpsamplerClient(base_url=base_url, api_key="k", timeout=(1, 1))
    assert code_of(submit, client) == "upsampler_unavailable"
    assert code_of(client.status, "a1") == "upsampler_unavailable"


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_redirects_are_not_followed(status):
    with WireServer(lambda exchange: exchange.answer("200 OK", ACCEPTED)) as other:
        location = f"Location: {other.url}/"
        with WireServer(keep_alive(lambda exchange: exchange.answer(f"{status} Moved", b"", location))) as server:
            client = make(server)
            assert code_of(submit, client) == "upsampler_unavailable"
            assert code_of(client.status, "a1") == "upsampler_unavailable"
        assert other.connections == 0


def test_status_calls_share_a_connection():
    with WireServer(keep_alive(lambda exchange: exchange.answer("200 OK", WORKING))) as server:
        client = make(server)
        for _ in range(3):
            assert client.status("a1").status == "processing"
        assert server.connections == 1


def test_a_status_call_on_a_stale_connection_is_made_again_once():
    def once(exchange: Exchange) -> None:
        exchange.answer("200 OK", WORKING)
        if len(exchange.server.requests) == 1:
            exchange.read_request()  # takes the second request on this connection, and hangs up on it

    with WireServer(once) as server:
        client = make(server)
        assert client.status("a1").status == "processing"
        assert client.status("a1").status == "processing"
        assert (server.connections, len(server.requests)) == (2, 3)


def test_a_status_call_that_is_always_hung_up_on_is_tried_twice():
    with WireServer(hang_up) as server:
        assert code_of(make(server).status, "a1") == "upsampler_unavailable"
        assert len(server.requests) == 2


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "upsampler_bad_answer"),
        (b"<html>", "upsampler_bad_answer"),
        (b"[]", "upsampler_bad_answer"),
        (b'{"id": "another", "status": "SUCCESS"}', "upsampler_bad_answer"),
        (b'{"id": "a1", "status": "SUCCESS"}', "upsampler_bad_answer"),
        (b" " * 300_000 + WORKING, "upsampler_bad_answer"),
    ],
)
def test_a_status_answer_that_breaks_its_promise_is_a_bad_one(body, code):
    with WireServer(lambda exchange: exchange.answer("200 OK", body)) as server:
        assert code_of(make(server).status, "a1") == code


def test_a_status_answer_that_is_cut_is_no_answer():
    with WireServer(lambda exchange: exchange.answer("200 OK", WORKING[:5], length=len(WORKING))) as server:
        assert code_of(make(server).status, "a1") == "upsampler_unavailable"


def test_a_key_check_is_not_fooled_by_a_web_server_without_the_api():
    with WireServer(lambda exchange: exchange.answer("404 Not Found", b"<html>")) as server:
        assert code_of(make(server).check_key) == "upsampler_unavailable"


def test_the_key_is_in_no_error(caplog):
    with WireServer(lambda exchange: exchange.answer("401 Unauthorized", b'{"error": "bad key"}')) as server:
        with pytest.raises(SidecarError) as caught:
            submit(make(server))
        assert "the-key" not in str(caught.value)
    assert "the-key" not in caplog.text


def test_a_child_process_opens_connections_of_its_own():
    with WireServer(keep_alive(lambda exchange: exchange.answer("200 OK", WORKING))) as server:
        client = make(server)
        client.status("a1")
        child = os.fork()
        if child == 0:
            os._exit(0 if client.status("a1").status == "processing" else 1)
        assert os.waitpid(child, 0)[1] == 0
        client.status("a1")
        assert server.connections == 2
