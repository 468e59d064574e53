"""The adapter to the shop's door, over a real connection to a web server that says what it is told to."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from sidecar.adapters.shop import ShopDoor
from sidecar.adapters.shop_wall import bridge_answer
from sidecar.core.errors import CallerError, ConfigurationError, SidecarError, TemporaryError
from sidecar.core.messages import TO_SHOP, Opener, Signer
from sidecar.core.version import VERSION
from tests.fetch import drips
from tests.fetch.wire_server import Script, WireServer
from tests.testbed.places import REPOSITORY

SECRET = b"0123456789abcdef0123456789abcdef"
NOW = 1_795_341_600.0
Answer = tuple[int, dict[str, str], bytes]


def done(request: dict[str, Any]) -> Answer:
    """Every message of the batch is done."""
    results = [
        {"id": m["id"], "status": "done", "reason": None, "data": {"echo": m["data"]}} for m in request["messages"]
    ]
    return 200, {}, json.dumps({"results": results}).encode()


@dataclass
class Shop:
    """`answer`: path and request → what is said. `requests`: (path, host, type, data);
    `bytes_answer`: what is said to a chunk."""

    url: str
    answer: Callable[[str, dict[str, Any]], Answer]
    requests: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)
    agents: list[str] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    bytes_answer: Callable[[str], Answer] = lambda path: (409, {}, b'{"error":"not_announced"}')

    def door(self, **how: Any) -> ShopDoor:
        signer = Signer(SECRET, direction=TO_SHOP, site="https://shop.example")
        return ShopDoor(signer, **{"shop_url": self.url, "clock": lambda: NOW, "timeout": (2, 2)} | how)


@pytest.fixture
def shop() -> Iterator[Shop]:
    opener = Opener([SECRET], direction=TO_SHOP, site="https://shop.example")

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            shop.paths.append(self.path)
            if "smi-envelope" in self.headers:
                self.say(*shop.bytes_answer(self.path))
                return
            message = opener.open(body, self.headers, now=NOW)
            assert message.type == "batch"
            shop.requests.append((self.path, self.headers["Host"], message.data))
            shop.agents.append(self.headers["User-Agent"])
            shop.ids.append(message.id)
            self.say(*shop.answer(self.path, message.data))

        def say(self, status: int, headers: dict[str, str], answer: bytes) -> None:
            if status == 0:  # no answer at all
                self.close_connection = True
                return
            self.send_response_only(status)
            for name, value in {"Content-Length": str(len(answer)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_arguments: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    shop = Shop(f"http://127.0.0.1:{server.server_port}", lambda path, request: done(request))
    yield shop
    server.shutdown()
    thread.join(30)
    server.server_close()


def message(number: int = 1) -> dict[str, Any]:
    return {"id": f"m{number}", "type": "job.progress", "data": {"n": number}}


def refused(door: ShopDoor) -> SidecarError:
    with pytest.raises(SidecarError) as caught:
        door.send([message()])
    door.close()
    return caught.value


def test_a_batch_comes_back_with_a_result_for_each_message(shop: Shop) -> None:
    door = shop.door()
    results = door.send([message(1), message(2)])
    assert [(r["id"], r["status"], r["data"]["echo"]["n"]) for r in results] == [("m1", "done", 1), ("m2", "done", 2)]
    assert shop.requests[0][0] == "/wp-json/smi-bridge/v1/messages"
    door.close()


def test_the_second_form_of_the_address_is_found_and_remembered(shop: Shop) -> None:
    shop.answer = lambda path, request: (404, {}, b"") if "wp-json" in path else done(request)
    door = shop.door()
    for _ in range(3):
        door.send([message()])
    paths = [path for path, _, _ in shop.requests]
    assert paths == ["/wp-json/smi-bridge/v1/messages", *["/?rest_route=/smi-bridge/v1/messages"] * 3]
    door.close()


CHUNK = {"job_id": "j", "offset": 0, "length": 3}
WALL: Answer = (403, {}, b"<h1>No bytes here</h1>")


def test_bytes_that_a_wall_refuses_take_the_form_of_the_address_that_lets_them_through(shop: Shop) -> None:
    """A firewall may let messages pass and stop what is no JSON: each finds its own form, and keeps it."""
    shop.bytes_answer = lambda path: WALL if "wp-json" in path else (200, {}, b'{"offset": 3}')
    with closing(shop.door()) as door:
        assert [door.send_chunk(CHUNK, b"abc") for _ in range(2)] == [(200, {"offset": 3})] * 2
        door.send([message()])
    files = "smi-bridge/v1/files"
    assert shop.paths == [f"/wp-json/{files}", *[f"/?rest_route=/{files}"] * 2, "/wp-json/smi-bridge/v1/messages"]


def test_bytes_that_no_form_lets_through_name_the_wall(shop: Shop) -> None:
    shop.bytes_answer = lambda path: WALL
    with closing(shop.door()) as door:
        status, answer = door.send_chunk(CHUNK, b"abc")
    assert (status, list(answer)) == (403, ["wall"]) and "No bytes here" in answer["wall"]
    assert shop.paths[-1] == "/?smi-bridge=files" and len(shop.paths) == 3


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ((413, {}, b"<h1>Too large</h1>"), (413, {})),
        ((502, {}, b"<h1>Bad gateway</h1>"), (502, {})),
        ((503, {}, b'{"error":"database"}'), (503, {"error": "database"})),
        ((200, {}, b"[]"), (0, {})),
        ((409, {}, b'Notice: x\n{"error":"offset","offset":9}'), (409, {"error": "offset", "offset": 9})),
    ],
)
def test_what_no_other_form_would_help_is_told_at_once(
    shop: Shop, answer: Answer, told: tuple[int, dict[str, Any]]
) -> None:
    """Each further form would carry the whole chunk once more."""
    shop.bytes_answer = lambda path: answer
    with closing(shop.door()) as door:
        assert door.send_chunk(CHUNK, b"abc") == told
    assert len(shop.paths) == 1


def test_bytes_that_the_bridge_finds_not_authentic_are_ours_to_fix(shop: Shop) -> None:
    shop.bytes_answer = lambda path: (401, {}, b'{"error":"unauthorized"}')
    with closing(shop.door()) as door, pytest.raises(ConfigurationError) as caught:
        door.send_chunk(CHUNK, b"abc")
    assert caught.value.code == "shop_refused" and len(shop.paths) == 1


def test_a_door_that_is_nowhere_is_ours_to_fix(shop: Shop) -> None:
    shop.answer = lambda path, request: (404, {}, b"")
    error = refused(shop.door())
    assert isinstance(error, ConfigurationError) and error.code == "shop_door_missing"
    assert len(shop.requests) == 3, "all forms were tried"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed_and_its_place_is_named(shop: Shop, status: int) -> None:
    shop.answer = lambda path, request: (status, {"Location": "https://www.shop.example/x?token=secret"}, b"")
    error = refused(shop.door())
    assert isinstance(error, ConfigurationError) and error.code == "shop_walled"
    assert "https://www.shop.example/x." in error.detail and "SMI_SHOP_URL" in error.detail
    assert "secret" not in error.detail and len(shop.requests) == 3


@pytest.mark.parametrize(
    ("answer", "words", "cure"),
    [
        ((403, {}, b"<h1>Access denied</h1><script>x</script>"), "403, not by the bridge: “Access denied”", "firewall"),
        ((403, {}, b'{"code": "rest_disabled", "message": "No."}'), "rest_disabled", "security plugin"),
        ((401, {}, b'{"code": "rest_not_logged_in"}'), "rest_not_logged_in", "security plugin"),
        ((403, {}, b'{"error": "Forbidden"}'), "Forbidden", "security plugin"),
        ((403, {}, b'{"error": "message_invalid"}'), "message_invalid", "security plugin"),
        ((403, {}, b""), "403, not by the bridge: nothing", "firewall"),
        ((405, {}, b""), "405, not by the bridge: nothing", "firewall"),
        ((401, {}, b'{"error": "login required"}'), "login required", "security plugin"),
        ((401, {"WWW-Authenticate": "Basic"}, b""), "401, not by the bridge: nothing", "password"),
        ((503, {}, b'{"error": {"code": 1020}}'), "1020", "Maintenance"),
        ((401, {"WWW-Authenticate": "Basic"}, b"<h1>Who?</h1>"), "Who?", "password"),
        ((403, {"cf-mitigated": "challenge"}, b"<title>Just a moment...</title>"), "Just a moment", "challenge"),
        ((302, {"Location": "/.well-known/challenge?for=x"}, b""), "go to /.well-known/challenge.", "bot challenge"),
        ((307, {"Location": "https://guard.example/captcha/1"}, b""), "guard.example/captcha", "bot challenge"),
        ((503, {}, b"<title>Checking your browser</title>"), "503, not by the bridge: “Checking", "bot challenge"),
        ((403, {}, b"<p>Verify you are human</p>"), "Verify you are human", "bot challenge"),
        ((200, {}, b"<p>One moment</p><noscript>Enable JavaScript</noscript>"), "One moment", "bot challenge"),
        ((302, {"Location": "/wp-login.php?redirect_to=/challenge"}, b""), "/wp-login.php", "login"),
        ((200, {}, b"<script src=//x/recaptcha.js></script><p>Log in</p>"), "Log in", "login"),
        ((503, {}, b"<script>var captcha = 1</script><p>Back soon</p>"), "Back soon", "Maintenance"),
        ((302, {"Location": "/wp-login.php?redirect_to=x"}, b""), "/wp-login.php", "login"),
        ((200, {}, b"<html>Coming soon</html>"), "200, not by the bridge: “Coming soon”", "login"),
        ((503, {}, b"<html>Briefly unavailable</html>"), "Briefly unavailable", "Maintenance"),
        ((429, {}, b"<html>Slow down</html>"), "Slow down", "too many"),
    ],
)
def test_a_wall_is_named_by_its_status_first_words_and_cure(shop: Shop, answer: Answer, words: str, cure: str) -> None:
    shop.answer = lambda path, request: answer
    error = refused(shop.door())
    assert error.code == "shop_walled"
    assert words in error.detail and cure in error.detail
    assert isinstance(error, TemporaryError) == (answer[0] in (429, 503)), "what may pass by itself"


@pytest.mark.parametrize(
    "wall", [(403, {}, b"<h1>No</h1>"), (200, {}, b"<h1>Log in</h1>"), (302, {"Location": "/"}, b"")]
)
def test_a_way_around_a_wall_is_found_remembered_and_told(shop: Shop, wall: Answer) -> None:
    shop.answer = lambda path, request: done(request) if path == "/?smi-bridge=messages" else wall
    door = shop.door()
    for _ in range(2):
        assert door.send([message()])[0]["status"] == "done"
    assert [path for path, _, _ in shop.requests].count("/?smi-bridge=messages") == 2
    assert len(shop.requests) == 4 and f"answered {wall[0]}" in door.detour
    door.close()


@pytest.mark.parametrize(("before", "after"), [(b"\xef\xbb\xbf\nDeprecated: {x}\n", b""), (b"", b"<!-- cached {} -->")])
def test_what_a_plugin_prints_around_the_answer_is_passed_over(shop: Shop, before: bytes, after: bytes) -> None:
    def noisy(path: str, request: dict[str, Any]) -> Answer:
        status, headers, body = done(request)
        return status, headers, before + body + after

    shop.answer = noisy
    door = shop.door()
    assert door.send([message()])[0]["status"] == "done"
    door.close()


def test_we_say_who_we_are(shop: Shop) -> None:
    """Walls turn the names of libraries away."""
    door = shop.door()
    door.send([message()])
    assert shop.agents == ["smi-sidecar/" + VERSION]
    door.close()


def test_a_refused_signature_is_ours_to_fix_and_a_wrong_clock_is_named(shop: Shop) -> None:
    shop.answer = lambda path, request: (401, {"Date": "Sun, 22 Nov 2026 10:10:00 GMT"}, b'{"error": "unauthorized"}')
    error = refused(shop.door())
    assert (type(error), error.code) == (ConfigurationError, "shop_refused")
    assert "600 s" in error.detail


@pytest.mark.parametrize("status", [400, 409, 422])
def test_a_message_that_is_refused_is_told_apart_from_a_shop_that_is_away(shop: Shop, status: int) -> None:
    shop.answer = lambda path, request: (status, {}, b'{"error": "message_invalid"}')
    error = refused(shop.door())
    assert (type(error), error.code) == (ConfigurationError, "shop_refused_message")
    assert "message_invalid" in error.detail


@pytest.mark.parametrize(
    "answer",
    [
        (500, {}, b"<h1>Fatal error</h1>"),
        (502, {}, b""),
        (503, {}, b'{"error": "database"}'),
        (429, {}, b""),
        (200, {}, b""),
        (200, {}, b"[]"),
        (200, {}, b'{"results": "all"}'),
        (200, {}, b'{"results": []}'),
        (200, {"Content-Length": "5000"}, b'{"results"'),
        (0, {}, b""),
    ],
    ids=lambda answer: f"{answer[0]} {answer[2][:12]!r}",
)
def test_a_shop_that_gives_no_answer_worth_the_name_is_away(shop: Shop, answer: Answer) -> None:
    shop.answer = lambda path, request: answer
    error = refused(shop.door())
    assert isinstance(error, TemporaryError) and error.code == "shop_unavailable"


def test_a_dead_port_is_away(shop: Shop) -> None:
    error = refused(shop.door(shop_url="http://127.0.0.1:1"))
    assert isinstance(error, TemporaryError) and error.code == "shop_unavailable"


def test_a_connection_that_the_shop_has_closed_meanwhile_is_no_outage(shop: Shop) -> None:
    door = shop.door()
    shop.answer = lambda path, request: (*done(request)[:1], {"Connection": "close"}, done(request)[2])
    for _ in range(3):
        assert door.send([message()])[0]["status"] == "done"
    door.close()


def test_a_question_whose_answer_was_lost_is_asked_anew(shop: Shop) -> None:
    """The same message once more would get no answer: the shop keeps none of a question."""
    came: list[str] = []
    answered: set[str] = set()

    def answer(path: str, request: dict[str, Any]) -> Answer:
        came.append(shop.ids[-1])
        if shop.ids[-1] in answered:
            return 409, {}, b'{"error":"message_answered"}'
        answered.add(shop.ids[-1])
        return (0, {}, b"") if len(came) == 1 else done(request)

    shop.answer = answer
    assert shop.door().ask("status", {"round": "trip"}) == {"echo": {"round": "trip"}}
    assert [came.index(id) for id in came] == [0, 0, 2], "the first, its repeat, and a new one"


def test_an_address_of_its_own_keeps_the_shops_name_in_the_host_header(shop: Shop) -> None:
    door = shop.door(shop_url="https://shop.example", address=shop.url)
    door.send([message()])
    assert shop.requests[0][1] == "shop.example"
    door.close()


def test_a_shop_with_an_international_name_is_called_by_it_in_ascii(shop: Shop) -> None:
    door = shop.door(shop_url="https://žluť.example", address=shop.url)
    door.send([])
    assert shop.requests[0][1] == "xn--lu-yta1h.example"
    door.close()


def test_a_question_is_answered_or_the_shop_is_away(shop: Shop) -> None:
    door = shop.door()
    assert door.ask("status", {"a": 1}) == {"echo": {"a": 1}}
    refusal = {"results": [{"id": "status", "status": "refused", "reason": "invalid", "data": {}}]}
    shop.answer = lambda path, request: (200, {}, json.dumps(refusal).encode())
    with pytest.raises(TemporaryError):
        door.ask("status", {})
    door.close()


def test_an_order_that_the_shop_refuses_is_the_callers_fault(shop: Shop) -> None:
    refusal = {"results": [{"id": "job.rerun", "status": "refused", "reason": "working", "data": {}}]}
    shop.answer = lambda path, request: (200, {}, json.dumps(refusal).encode())
    door = shop.door()
    with pytest.raises(CallerError) as caught:
        door.order("job.rerun", {"job_id": "j", "force": False})
    assert caught.value.code == "working"
    door.close()


@pytest.mark.parametrize("never_ends", drips.ALL.values(), ids=drips.ALL)
def test_a_shop_that_does_not_come_to_an_end_is_not_waited_for(never_ends: Script) -> None:
    """A byte now and then is no silence, and would else last for hours."""
    signer = Signer(SECRET, direction=TO_SHOP, site="https://shop.example")
    with WireServer(never_ends) as server:
        door = ShopDoor(signer, shop_url=server.url.rstrip("/"), clock=lambda: NOW, timeout=(1, 0.5))
        with pytest.raises(TemporaryError) as caught:
            door.ask("status", {})
        assert caught.value.code == "shop_unavailable"
        assert server.connections and not server.heard_out
        door.close()


def test_every_refusal_of_the_bridge_is_known_as_the_bridges() -> None:
    files = ("messages/class-messages-endpoint.php", "messages/class-files-endpoint.php", "files/class-upload.php")
    code = "".join((REPOSITORY / "wp-bridge-plugin/includes" / file).read_text() for file in files)
    code = code.replace("array( 'error' => 'offset' ) + compact( 'offset' )", "")  # known by the offset it names
    said = set(re.findall(r"""['"]error['"] ?(?:=>|:) ?['"](\w+)['"]""", code))
    assert len(said) >= 8
    for word in said:
        assert bridge_answer(json.dumps({"error": word}).encode()) == {"error": word}
