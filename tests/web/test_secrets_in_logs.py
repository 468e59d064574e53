"""A canary: whatever happens at the doors, no log line holds a token, a secret or an e-mail address."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import structlog

from sidecar.adapters import logs
from sidecar.core.errors import TemporaryError
from tests.fakes.site import SITE
from tests.web.conftest import Web


@pytest.fixture
def speak_up() -> Iterator[Callable[[], None]]:
    """Turns on the logging of production, at its most talkative. To be called in the test: only there is stderr the
    one that `capsys` reads."""
    root = logging.getLogger()
    level, handlers = root.level, list(root.handlers)

    def configure() -> None:
        logs.configure(format="json", level="debug")
        root.setLevel(logging.DEBUG)

    yield configure
    structlog.reset_defaults()
    root.setLevel(level)
    root.handlers[:] = handlers


def test_no_log_line_holds_a_token(
    tmp_path: Path,
    speak_up: Callable[[], None],
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    speak_up()
    web = Web(tmp_path)
    rig = web.rig
    web.serve(log=logs.log)
    link = web.deliver()
    token = link.rpartition("/")[2]
    webhook = rig.tokens.webhook("job-1", 1, 1)
    source = rig.tokens.source("x.jpg", expires_at=int(rig.clock()) + 50)

    def broken(job_id: str) -> None:
        raise RuntimeError("a bug in the middle of a request")

    calls = [
        lambda: web.client.get(link),
        lambda: web.client.get(link, headers={"Range": "bytes=0-5"}),
        lambda: web.client.get(f"{link}x"),
        lambda: web.client.post(link),
        lambda: web.client.get(f"/sources/{source}"),
        lambda: web.client.post(f"/webhooks/upsampler/{webhook}", data=b"{}"),
        lambda: web.client.get("/status/job-1"),
        lambda: web.send("job.renew", {"job_id": "job-1", "attempt": 1, "expiry_hours": 24}),
        lambda: web.client.post("/messages", data=b"x"),
    ]
    for call in calls:
        call()
    rig.files.remove(rig.row().delivery["path"])
    calls[0]()
    rig.flush_all()
    rig.shop.away = TemporaryError("shop_unavailable", "connection refused")
    calls[0]()
    real, rig.store.get = rig.store.get, broken
    answers = [call() for call in calls[:1] + calls[5:7]]
    rig.store.get = real
    assert [answer.status_code for answer in answers] == [500, 500, 500]
    rig.clock.advance(10**6)
    calls[0]()

    written = capsys.readouterr()
    lines = (written.err + written.out + caplog.text).splitlines()
    assert any('"log_event": "stage.broke"' in line for line in lines), "the bug was logged"
    assert any('"log_event": "download"' in line for line in lines)
    for canary in (
        token,
        webhook,
        source,
        rig.tokens.webhook("job-1", 1, 1),
        "whsec_",
        rig.settings.upsampler_key + '"',
    ):
        assert not [line for line in lines if canary in line]
    for line in written.err.splitlines():
        assert isinstance(json.loads(line), dict), "one line, one JSON object"


def test_fields_with_telling_names_are_masked(speak_up: Callable[[], None], capsys: pytest.CaptureFixture[str]) -> None:
    speak_up()
    logs.log("test", "A sentence.", token="canary-1", download_url="canary-2", email="canary-3", job_id="job-1")
    line = capsys.readouterr().err
    assert "canary" not in line and "job-1" in line


def test_each_line_names_the_site_unless_it_names_another(
    speak_up: Callable[[], None], capsys: pytest.CaptureFixture[str]
) -> None:
    speak_up()
    logs.configure(format="json", level="debug", site=SITE)
    logs.log("test", "A sentence.")
    with logs.bind(site="elsewhere"):
        logs.log("test", "Another one.")
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [line["site"] for line in lines] == [SITE, "elsewhere"]


def test_a_fault_of_ours_is_a_500_without_a_trace(tmp_path: Path) -> None:
    web = Web(tmp_path)

    def broken(job_id: str) -> None:
        raise RuntimeError("secret thoughts")

    web.rig.store.get = broken
    page = web.client.get("/download/" + web.rig.tokens.webhook("a", 1, 1))
    assert page.status_code == 404
    answer = web.client.get("/status/job-1")
    assert (answer.status_code, answer.json) == (500, {"error": "internal_error"})
    assert b"secret thoughts" not in answer.data
    assert web.rig.faults()


def test_a_log_that_can_not_be_written_leaks_nothing_elsewhere(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    """Flask itself logs a request whose error could not be handled, with its path, and the path is the secret."""

    def mute(event: str, sentence: str, **fields: object) -> None:
        raise ValueError("I/O operation on closed file.")

    web = Web(tmp_path)
    link = web.deliver()
    web.serve(log=mute)
    assert web.client.get(link).status_code == 500
    assert link.rpartition("/")[2] not in caplog.text + capsys.readouterr().err
