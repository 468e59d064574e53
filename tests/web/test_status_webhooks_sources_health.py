"""The other doors: the status page's polls, Upsampler's webhooks, sources, probes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sidecar.core import status_token
from sidecar.core.errors import TemporaryError
from sidecar.core.states import MOVED_BY
from sidecar.workflow.time_limits import JOB_LIMIT_S
from tests.web.conftest import Web

KEYS = {
    *("job_id", "phase", "stage", "share", "position", "expected_s", "next_try_at", "width", "height", "bytes"),
    *("format", "download_url", "expires_at", "poll_after", "updated_at"),
}


# ---------------------------------------------------------------------- status
def proof(web: Web, job_id: str = "job-1", *, for_s: int = 100) -> dict[str, str]:
    """The header of who may have the link."""
    token = status_token.make(web.rig.settings.status_keys[0], job_id, int(web.rig.clock()) + for_s)
    return {"Smi-Status-Token": token}


def test_whoever_knows_the_id_alone_sees_progress_and_no_link(web: Web) -> None:
    link = web.deliver()
    web.deliver("job-2")
    for headers in ({}, {"Smi-Status-Token": "x"}, proof(web, "job-2"), proof(web, for_s=0)):
        answer = web.client.get("/status/job-1", headers=headers)
        assert (answer.json["phase"], answer.json["download_url"]) == ("ready", None)
        assert link not in answer.text
    stranger = web.client.get("/status/job-1").headers["ETag"]
    headers = {**proof(web), "If-None-Match": stranger}
    assert web.client.get("/status/job-1", headers=headers).json["download_url"], "no 304 hides it"


def test_no_cache_keeps_a_status_and_no_referrer_tells_of_it(web: Web) -> None:
    web.deliver()
    for path in ("/status/job-1", "/status/nobody", "/status/a.b"):
        headers = web.client.get(path, headers=proof(web)).headers
        assert "no-store" in headers["Cache-Control"] and headers["Referrer-Policy"] == "no-referrer"
        assert "Smi-Status-Token" in headers["Vary"]
    for answer in (web.send("status"), web.client.post("/messages", data=b"x"), web.client.get("/nothing")):
        assert "no-store" in answer.headers["Cache-Control"]
        assert answer.headers["Referrer-Policy"] == "no-referrer"


def test_the_shops_page_on_another_origin_may_send_the_token(web: Web) -> None:
    headers = {"Origin": "https://shop.example", "Access-Control-Request-Headers": "smi-status-token"}
    answer = web.client.options("/status/job-1", headers={**headers, "Access-Control-Request-Method": "GET"})
    assert answer.status_code == 200
    assert answer.headers["Access-Control-Allow-Origin"] == "https://shop.example"
    assert "Smi-Status-Token" in answer.headers["Access-Control-Allow-Headers"]
    assert int(answer.headers["Access-Control-Max-Age"]) >= 600


def test_the_customer_sees_his_picture_in_the_making(web: Web) -> None:
    web.rig.buy()
    phases, shares = [], []
    for _ in range(80):
        document = web.client.get("/status/job-1").json
        assert set(document) == KEYS
        shares.append(document["share"])
        if not phases or phases[-1] != document["phase"]:
            phases.append(document["phase"])
        web.rig.let_pass(1)
    assert phases == ["queued", "enlarging", "ready"]
    assert shares == sorted(shares) and shares[-1] == 1.0 and all(0 <= share <= 1 for share in shares)


def test_a_finished_picture_shows_its_link_size_and_format(web: Web) -> None:
    link = web.deliver()
    document = web.client.get("/status/job-1", headers=proof(web)).json
    assert document["phase"] == "ready" and document["download_url"] == "https://shop.example/smi" + link
    assert (document["width"], document["height"], document["format"]) == (32, 24, "png")
    assert document["bytes"] > 0 and document["expires_at"].endswith("Z")


@pytest.mark.parametrize(
    ("text", "phase"), [("Content policy", "refunded"), (None, "in_review")], ids=["refunded", "in review"]
)
def test_a_job_that_went_wrong_says_so_and_shows_no_link(web: Web, text: str | None, phase: str) -> None:
    fault = {"fault": "processing_failed", "params": {"text": text}} if text else {"fault": "processing_stuck"}
    web.rig.upsampler.put_faults(fault)
    web.rig.buy()
    web.rig.let_pass(1000)
    document = web.client.get("/status/job-1").json
    assert (document["phase"], document["download_url"]) == (phase, None)


def test_an_expired_or_revoked_delivery_shows_no_link(web: Web) -> None:
    web.deliver()
    web.rig.push("job.cancel", web.rig.shop.stop("job-1"))
    assert web.client.get("/status/job-1").json["phase"] == "expired"
    web.deliver("job-2")
    web.rig.clock.advance(23 * 3600)
    assert web.client.get("/status/job-2").json["phase"] == "ready"
    web.rig.clock.advance(2 * 3600)
    document = web.client.get("/status/job-2").json
    assert (document["phase"], document["download_url"]) == ("expired", None)


def test_what_has_not_changed_is_a_304(web: Web) -> None:
    web.deliver()
    etag = web.client.get("/status/job-1").headers["ETag"]
    again = web.client.get("/status/job-1", headers={"If-None-Match": etag})
    assert (again.status_code, again.data) == (304, b"")
    assert again.headers["Access-Control-Allow-Origin"] == "https://shop.example"
    web.rig.push("job.cancel", web.rig.shop.stop("job-1"))
    assert web.client.get("/status/job-1", headers={"If-None-Match": etag}).status_code == 200


@pytest.mark.parametrize(
    ("shop", "origin"),
    [
        ("https://shop.example", "https://shop.example"),
        ("https://Shop.example/blog/", "https://shop.example"),
        ("http://localhost:8080/a/b", "http://localhost:8080"),
        ("https://žluť.example", "https://xn--lu-yta1h.example"),
        ("https://shop.example:443", "https://shop.example"),
    ],
)
def test_only_the_shops_pages_may_read_it(tmp_path: Path, shop: str, origin: str) -> None:
    """An origin has no path, though the shop may live in a folder."""
    web = Web(tmp_path, SMI_SHOP_URL=shop)
    headers = web.client.get("/status/nobody").headers
    assert headers["Access-Control-Allow-Origin"] == origin
    assert "Origin" in headers["Vary"] and "no-store" in headers["Cache-Control"]


def test_a_job_that_memory_has_lost_is_asked_for(web: Web) -> None:
    web.deliver()
    web.rig.flush_all()
    assert web.client.get("/status/job-1").json["phase"] == "ready"


def test_an_unknown_job_is_asked_for_once_in_a_while(web: Web) -> None:
    before = web.rig.shop.requests
    for _ in range(20):
        answer = web.client.get("/status/nobody")
        assert (answer.status_code, answer.json) == (404, {"error": "unknown_job"})
    assert web.rig.shop.requests == before + 1


def test_a_flood_of_unknown_jobs_does_not_reach_the_shop(web: Web) -> None:
    answers = {web.client.get(f"/status/nobody-{number}").status_code for number in range(300)}
    assert answers <= {404, 503}
    assert web.rig.shop.requests <= 5


def test_a_job_is_not_called_unknown_because_the_shop_is_away(web: Web) -> None:
    web.deliver()
    web.rig.flush_all()
    web.rig.shop.away = TemporaryError("shop_unavailable", "connection refused")
    answers = [web.client.get("/status/job-1").status_code for _ in range(5)]
    assert answers == [503] * 5
    web.rig.shop.away = None
    web.rig.clock.advance(10)
    assert web.client.get("/status/job-1").status_code == 200


@pytest.mark.parametrize("job_id", ["a b", "x" * 65, "..%2f", "é", "%00", "smi:due"])
def test_what_can_be_no_job_is_not_even_looked_for(web: Web, job_id: str) -> None:
    before = web.rig.shop.requests
    assert web.client.get(f"/status/{job_id}").status_code == 404
    assert web.rig.shop.requests == before


# ---------------------------------------------------------------------- webhooks
def post(web: Web, body: bytes | dict, *, attempt: int = 1, submission: int = 1, job_id: str = "job-1"):
    token = web.rig.tokens.webhook(job_id, attempt, submission)
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return web.client.post(f"/webhooks/upsampler/{token}", data=data, content_type="application/json")


@pytest.mark.parametrize(
    "body",
    [
        {"id": "fake-000001", "status": "SUCCESS", "imageUrl": "https://evil.example/x.png"},
        {"job_id": "fake-000001", "status": "completed", "result_url": "https://evil.example/x.png"},
        {"event": "job.completed", "job_id": "fake-000001"},
        {"event": "job.timeout", "data": {"id": "fake-000001"}},
        {"id": "fake-000001", "status": "FAILED", "error": "forged"},
        {"id": "somebody-elses"},
        {"id": {"nested": True}},
        {},
        b"",
        b"\xff{not json",
        b"[" * 60_000,
        b"x" * (64 << 10),
    ],
)
def test_whatever_the_body_says_the_job_is_only_asked_after(web: Web, body: bytes | dict) -> None:
    web.rig.buy()
    web.rig.work()
    answer = post(web, body)
    assert (answer.status_code, answer.json) == (202, {"accepted": True})
    web.rig.work()
    assert web.rig.upsampler.calls[-1] == ("status", "fake-000001")
    assert (web.rig.job().state, web.rig.fetcher.fetched) == ("submitted", [])
    web.rig.let_pass(120)
    assert (web.rig.row().state, web.rig.mails()) == ("delivered", ["delivered"])


def test_a_webhook_that_is_larger_than_any_of_upsamplers_is_refused_unread(web: Web) -> None:
    web.rig.buy()
    web.rig.work()
    assert post(web, b"x" * ((64 << 10) + 1)).status_code == 413


def test_the_token_comes_before_the_body(web: Web) -> None:
    class Unreadable:
        def read(self, *_: object) -> bytes:
            raise AssertionError("nobody may read this")

    environ = {"wsgi.input": Unreadable(), "CONTENT_LENGTH": "9"}
    for length in ("9", str(1 << 30)):
        answer = web.client.post("/webhooks/upsampler/x", environ_overrides={**environ, "CONTENT_LENGTH": length})
        assert answer.status_code == 404


def test_a_webhook_with_a_forged_token_is_refused(web: Web) -> None:
    web.rig.buy()
    web.rig.work()
    for token in ("x", web.rig.tokens.webhook("job-1", 1, 1)[:-2] + "xx", "job-1", "%00"):
        answer = web.client.post(f"/webhooks/upsampler/{token}", data=b'{"id": "fake-000001"}')
        assert answer.status_code == 404
    assert ("status", "fake-000001") not in web.rig.upsampler.calls
    told = [fields for event, fields in web.rig.events if event == "webhook.refused"]
    assert [fields["reason"] for fields in told] == ["token_invalid"], "one line a minute"
    web.rig.clock.advance(61)
    web.client.post("/webhooks/upsampler/x", data=b"{}")
    assert [event for event, _ in web.rig.events].count("webhook.refused") == 2


def test_a_webhook_for_a_job_that_memory_has_lost_brings_it_back(web: Web) -> None:
    web.rig.buy()
    web.rig.work()
    web.rig.flush_all()
    web.rig.clock.advance(60)
    assert post(web, {"id": "fake-000001"}).status_code == 202
    web.rig.work()
    assert web.rig.row().state == "delivered"


# ---------------------------------------------------------------------- sources
def test_a_source_is_served_to_whoever_has_its_short_lived_address(web: Web) -> None:
    (web.uploads / "2026").mkdir()
    (web.uploads / "2026" / "ä photo.jpg").write_bytes(b"\xff\xd8 jpeg")
    token = web.rig.tokens.source("2026/ä photo.jpg", expires_at=int(web.rig.clock()) + 100)
    answer = web.client.get(f"/sources/{token}")
    assert (answer.status_code, answer.data, answer.mimetype) == (200, b"\xff\xd8 jpeg", "image/jpeg")
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert web.client.get(f"/sources/{token}", headers={"Range": "bytes=0-1"}).status_code == 206
    web.rig.clock.advance(101)
    assert web.client.get(f"/sources/{token}").status_code == 410
    assert web.client.get("/sources/forged").status_code == 404


def test_a_source_that_has_gone_is_a_404(web: Web) -> None:
    token = web.rig.tokens.source("gone.jpg", expires_at=int(web.rig.clock()) + 100)
    assert web.client.get(f"/sources/{token}").status_code == 404


def test_a_download_token_opens_no_source_and_the_other_way_round(web: Web) -> None:
    link = web.deliver()
    assert web.client.get(link.replace("/download/", "/sources/")).status_code == 404
    token = web.rig.tokens.source(web.rig.row().delivery["path"], expires_at=int(web.rig.clock()) + 100)
    assert web.client.get(f"/download/{token}").status_code == 404


# ---------------------------------------------------------------------- probes
def test_a_process_that_runs_is_healthy(web: Web) -> None:
    assert (web.client.get("/healthz").status_code, web.client.get("/healthz").json) == (200, {"ok": True})


def test_readiness_needs_the_clock(web: Web) -> None:
    answer = web.client.get("/readyz")
    assert (answer.status_code, set(answer.json["faults"])) == (503, {"cron"})
    web.rig.store.heartbeats.record("cron")
    assert (web.client.get("/readyz").status_code, web.client.get("/readyz").json["ok"]) == (200, True)
    web.rig.clock.advance(16)
    assert web.client.get("/readyz").status_code == 503


def test_readiness_names_what_is_missing(web: Web) -> None:
    web.rig.store.heartbeats.record("cron")
    web.rig.queue.workers = lambda: 0
    web.rig.store.server.eviction_policy = lambda: "allkeys-lru"
    assert set(web.client.get("/readyz").json["faults"]) == {"worker", "redis"}


def test_readiness_ends_when_ready_work_waits_too_long(web: Web) -> None:
    """Depths and heartbeats looked healthy while 601 jobs waited behind two slow downloads."""
    web.rig.queue.stage("collect", "job-1", 1)
    web.rig.clock.advance(299)
    web.rig.store.heartbeats.record("cron")
    assert web.client.get("/readyz").status_code == 200
    web.rig.clock.advance(2)
    web.rig.store.heartbeats.record("cron")
    assert web.client.get("/readyz").json["faults"] == {"collect": "work that may go has waited for 5 minutes"}


def test_readiness_ends_when_an_order_gets_no_further(web: Web) -> None:
    """Its work is taken again and again, so that none of it is old."""
    web.rig.upsampler.delay = 1e9
    web.rig.buy()
    web.rig.let_pass(60)
    web.rig.store.heartbeats.record("cron")
    assert web.client.get("/readyz").status_code == 200
    state = web.rig.job().state
    web.rig.clock.advance(JOB_LIMIT_S + web.rig.settings.watch_limit_s)
    web.rig.queue.ages = dict
    web.rig.store.heartbeats.record("cron")
    faults = web.client.get("/readyz").json["faults"]
    assert list(faults) == [MOVED_BY[state]] and f"in the state {state} for" in faults[MOVED_BY[state]]


def test_readiness_without_redis(web: Web) -> None:
    def ping() -> None:
        raise TemporaryError("redis_unavailable", "connection refused")

    web.rig.store.server.ping = ping
    answer = web.client.get("/readyz")
    assert (answer.status_code, answer.json["faults"]) == (503, {"redis": "connection refused"})


# ---------------------------------------------------------------------- everywhere
@pytest.mark.parametrize("path", ["/", "/nothing", "/download/", "/messages/x", "/static/x", "/.env"])
def test_what_is_not_there_is_a_plain_404(web: Web, path: str) -> None:
    answer = web.client.get(path)
    assert answer.status_code == 404
    assert b"Traceback" not in answer.data and b"werkzeug" not in answer.data.lower()
