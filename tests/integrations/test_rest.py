"""`smi-bridge/v1/jobs`: who may, what is told, what is done; nonsense is the caller's fault (4xx), never ours (5xx)."""

import json
from collections.abc import Iterator
from typing import Any

import fastjsonschema
import pytest
import requests

from tests.integrations.conftest import Tools

ACTIONS = ["retry", "cancel", "refund", "resend", "renew"]
HOSTILE = [
    "'",
    '"><script>alert(1)</script>',
    "' OR 1=1 -- ",
    "%' AND SLEEP(20) -- ",
    "\\",
    "%",
    "_",
    "ü" * 199,
    "\x00a",
]


class Api:
    """The REST API as somebody with cookies and a nonce sees it."""

    def __init__(self, tools: Tools, session: requests.Session, nonce: str) -> None:
        self.base, self.session, self.nonce = tools.shop.url + "/wp-json/smi-bridge/v1", session, nonce
        self.headers = {"X-WP-Nonce": nonce} if nonce else {}

    def get(self, path: str, **query: Any) -> requests.Response:
        return self.session.get(self.base + path, params=query, headers=self.headers, timeout=30)

    def post(self, path: str, **fields: Any) -> requests.Response:
        return self.session.post(self.base + path, json=fields, headers=self.headers, timeout=30)


def api_of(tools: Tools) -> Api:
    return Api(tools, tools.shop.admin, tools.shop.rest_nonce())


@pytest.fixture
def api(tools: Tools) -> Api:
    return api_of(tools)


@pytest.fixture(scope="session")
def editor(newest_tools: Tools) -> Iterator[Api]:
    session = newest_tools.user("restedith", "editor")
    nonce = session.get(newest_tools.shop.url + "/wp-admin/admin-ajax.php?action=rest-nonce", timeout=30).text
    yield Api(newest_tools, session, nonce)
    session.close()


def test_a_list_has_items_totals_and_links(tools_everywhere: Tools):
    tools, api = tools_everywhere, api_of(tools_everywhere)
    tools.empty()
    jobs = [tools.bought("delivered", email="rest@customer.example"), tools.bought("review"), tools.bought("submitted")]
    answer = api.get("/jobs", per_page=2)
    assert [item["job_id"] for item in answer.json()] == [jobs[2], jobs[1]]
    assert (answer.headers["X-WP-Total"], answer.headers["X-WP-TotalPages"]) == ("3", "2")
    assert 'rel="next"' in answer.headers["Link"] and 'rel="prev"' not in answer.headers["Link"]
    second = tools.shop.admin.get(answer.links["next"]["url"], headers=api.headers, timeout=30)
    (item,) = second.json()
    assert item["job_id"] == jobs[0] and item["state"] == "delivered" and item["email"] == "rest@customer.example"
    assert item["actions"] == ["resend", "renew", "retry", "refund"]
    assert 'rel="prev"' in second.headers["Link"] and 'rel="next"' not in second.headers["Link"]
    assert f"token-{jobs[0]}" not in second.text
    assert [item["job_id"] for item in api.get("/jobs", view="review").json()] == [jobs[1]]
    assert [item["job_id"] for item in api.get("/jobs", search="rest@cust").json()] == [jobs[0]]
    assert len(api.get("/jobs", order="asc", **{"from": "2020-01-01", "to": "2099-01-01"}).json()) == 3
    assert api.get("/jobs", _fields="job_id").json()[0].keys() == {"job_id"}


def test_what_is_told_fits_its_schema(tools: Tools, api: Api):
    tools.empty()
    job = tools.bought("delivered")
    tools.bought("submitted", email="")
    api.post(f"/jobs/{job}/resend")

    def schema(path: str) -> dict[str, Any]:
        return api.session.options(api.base + path, headers=api.headers, timeout=30).json()["schema"]

    told = [(schema("/jobs"), item) for item in api.get("/jobs").json()]
    told += [(schema("/jobs/x"), api.get(f"/jobs/{job}").json())]
    told += [(schema("/jobs/x/retry"), api.post(f"/jobs/{job}/resend").json())]
    assert len(told) == 4
    for described, item in told:
        assert item.keys() == described["properties"].keys()
        fastjsonschema.compile(described)(item)


def test_a_job_shows_its_history(tools: Tools, api: Api):
    job = tools.bought("review", reason="upsampler_silent")
    api.post(f"/jobs/{job}/retry")
    told = api.get(f"/jobs/{job}").json()
    assert (told["attempt"], told["state"], [row["state"] for row in told["attempts"]]) == (
        2,
        "paid",
        ["review", "paid"],
    )
    assert "rerun" in [event["event"] for event in told["story"]]
    assert api.get("/jobs/nobody-knows").status_code == 404


def test_each_action_does_what_the_pages_do(tools_everywhere: Tools):
    tools, api = tools_everywhere, api_of(tools_everywhere)
    review, working, delivered, other = (
        tools.bought("review"),
        tools.bought("submitted"),
        tools.bought("delivered", email="rest-mail@customer.example"),
        tools.bought("delivered", email="rest-money@customer.example"),
    )
    assert api.post(f"/jobs/{review}/retry").json()["code"] == "started"
    assert tools.sidecar.wait("job.paid")[0].data["job_id"] == review
    busy = api.post(f"/jobs/{review}/retry")
    assert (busy.status_code, busy.json()["code"]) == (409, "smi_bridge_busy")
    assert api.post(f"/jobs/{working}/cancel").json() == {
        "job_id": working,
        "ok": True,
        "code": "stopped",
        "message": "Stopped. It waits in review: retry it or refund it.",
    }
    assert api.post(f"/jobs/{delivered}/resend").status_code == 200
    assert tools.shop.wait_mail("rest-mail@customer.example")
    assert api.post(f"/jobs/{delivered}/renew").json()["code"] == "renewed"
    assert api.post(f"/jobs/{other}/refund", message="Sorry <b>indeed</b>.").json()["code"] == "refunded"
    assert "Sorry indeed." in tools.shop.wait_mail("rest-money@customer.example").text
    assert api.post(f"/jobs/{other}/refund").json()["code"] == "already"


def test_a_sidecar_that_is_away_is_no_fault_of_the_caller(tools: Tools, api: Api):
    job = tools.bought("delivered")
    tools.sidecar.answer.status, tools.sidecar.answer.body = 404, {"error": "no_file"}
    assert api.post(f"/jobs/{job}/renew").status_code == 410
    tools.shop.option("smi_bridge_sidecar_url", "http://127.0.0.1:9")
    try:
        assert api.post(f"/jobs/{job}/renew").status_code == 503
    finally:
        tools.shop.option("smi_bridge_sidecar_url", tools.sidecar.url)


@pytest.mark.parametrize("action", ["", *[f"/{action}" for action in ACTIONS]])
def test_without_capability_nothing_is_told_or_done(tools: Tools, editor: Api, action: str):
    job = tools.bought("review")
    ask = editor.post if action else editor.get
    assert ask(f"/jobs/{job}{action}").status_code == 403
    assert editor.get("/jobs").status_code == 403
    stranger = requests.Session()
    no_nonce = Api(tools, tools.shop.admin, "")
    bad_nonce = Api(tools, tools.shop.admin, "0123456789")
    for who, status in ((Api(tools, stranger, ""), 401), (no_nonce, 401), (bad_nonce, 403)):
        ask = who.post if action else who.get
        assert ask(f"/jobs/{job}{action}").status_code == status
    stranger.close()
    assert [row["state"] for row in tools.ledger(job)] == ["review"] and tools.effects(job) == {}


@pytest.mark.parametrize("words", HOSTILE)
def test_hostile_words_find_nothing_and_break_nothing(tools: Tools, api: Api, words: str):
    for field in ("search", "from", "to", "view", "order", "page", "per_page"):
        answer = api.get("/jobs", **{field: words})
        assert answer.status_code == (200 if field == "search" else 400), (field, answer.text)
        assert answer.elapsed.total_seconds() < 20, "no sleeping in the database"
    assert 400 <= api.get(f"/jobs/{requests.utils.quote(words, safe='')}").status_code < 500


@pytest.mark.parametrize(
    "query",
    [
        "page=0",
        "page=-1",
        "page=1e9",
        "page=99999999999999999999",
        "page=5000",
        "per_page=101",
        "per_page=0",
        "search[]=x",
        "search[a][b]=x",
        f"search={'x' * 201}",
        "from=2026-02-30",
        "from=2026-1-1",
        "from[]=2026-01-01",
        "view[]=all",
        "order=DESC;",
    ],
)
def test_bad_parameters_are_the_callers_fault(tools: Tools, api: Api, query: str):
    tools.bought("review")
    assert api.get(f"/jobs?{query}").status_code == 400


def test_bytes_that_are_no_text_are_no_crash(tools: Tools, api: Api):
    assert api.get("/jobs?search=%ff%fe").status_code == 200
    assert api.get("/jobs?search=%f0%9f%8d%89").status_code == 200
    assert 400 <= api.get("/jobs/%ff").status_code < 500


@pytest.mark.parametrize(
    "body", ["", "{", "[]", "null", '"x"', '{"force": [1]}', '{"force": {"a": 1}}', '{"force": "maybe"}']
)
def test_a_bad_body_is_the_callers_fault(tools: Tools, api: Api, body: str):
    job = tools.bought("submitted")
    answer = api.session.post(
        f"{api.base}/jobs/{job}/retry",
        data=body,
        headers={"X-WP-Nonce": api.nonce, "Content-Type": "application/json"},
        timeout=30,
    )
    assert 400 <= answer.status_code < 500, answer.text
    assert len(tools.ledger(job)) == 1


def test_a_message_that_is_too_long_pays_nobody(tools: Tools, api: Api):
    job = tools.bought("review")
    assert api.post(f"/jobs/{job}/refund", message="x" * 2001).status_code == 400
    assert api.post(f"/jobs/{job}/refund", message=["x"]).status_code == 400
    assert tools.state(job) == "review" and tools.effects(job) == {}


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
def test_an_action_is_a_post(tools: Tools, api: Api, method: str):
    job = tools.bought("review")
    answer = api.session.request(method, f"{api.base}/jobs/{job}/retry", headers=api.headers, timeout=30)
    assert answer.status_code == 404
    assert len(tools.ledger(job)) == 1


def test_every_route_has_its_schema(tools: Tools, api: Api):
    for path in ("/jobs", "/jobs/x", "/jobs/x/retry"):
        told = api.session.options(api.base + path, headers=api.headers, timeout=30).json()
        assert told["schema"]["title"] == "smi-bridge-job" and told["schema"]["properties"]
        assert told["endpoints"][0]["args"]
    routes = tools.shop.http.get(api.base, timeout=30).json()["routes"]
    assert "/smi-bridge/v1/jobs" in routes
    assert json.dumps(routes).count("whsec_") == 0


def test_a_database_that_refuses_is_said_to_be_unavailable(tools: Tools, api: Api):
    tools.shop.sql("RENAME TABLE wp_smi_bridge_ledger TO wp_hidden_ledger")
    try:
        answer = api.get("/jobs")
    finally:
        tools.shop.sql("RENAME TABLE wp_hidden_ledger TO wp_smi_bridge_ledger")
    assert (answer.status_code, answer.json()["code"]) == (503, "smi_bridge_database")
    assert "hidden" not in answer.text
    _forget_database_errors(tools)


def _forget_database_errors(tools: Tools) -> None:
    """The error above was ours: it is taken out of the log that the fixture reads."""
    log = tools.shop.root / "wp-content" / "debug.log"
    log.write_text(
        "".join(line for line in log.read_text().splitlines(True) if "wp_smi_bridge_ledger' doesn't" not in line)
    )
