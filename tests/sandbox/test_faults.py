"""Each fault does what its name says, when its rule says so.

What the client makes of submit and status faults stands in tests/upsampler/test_contract.py.
"""

from __future__ import annotations

import io
import json

import pytest
import urllib3
from PIL import Image

from sidecar.sandbox.faults import FAULTS, PHASES, FaultBoard, Rule


def strike(board: FaultBoard, url: str = "http://shop/a.jpg", number: int = 1, again: int = 1, occasion: int = 1):
    return [
        hit.name
        for phase in PHASES
        for hit in board.strikes(phase, image_url=url, number=number, again=again, occasion=occasion)
    ]


def board(*rules: dict, seed: int = 0) -> FaultBoard:
    made = FaultBoard()
    made.replace([Rule.parse(rule) for rule in rules], seed)
    return made


def test_every_fault_belongs_to_a_phase():
    assert {name.partition("_")[0] for name in FAULTS} == set(PHASES)


def test_a_rule_without_conditions_always_strikes():
    assert strike(board({"fault": "submit_500"})) == ["submit_500"]


def test_a_rule_strikes_only_urls_that_match():
    faults = board({"fault": "submit_500", "match": "b.jpg"})
    assert (strike(faults), strike(faults, "http://shop/b.jpg")) == ([], ["submit_500"])


def test_a_rule_strikes_the_numbered_submits():
    faults = board({"fault": "submit_500", "nth": [2, 4]})
    assert [bool(strike(faults, number=number)) for number in range(1, 6)] == [False, True, False, True, False]


def test_a_rule_strikes_as_often_as_its_count():
    faults = board({"fault": "submit_500", "count": 2})
    assert [bool(strike(faults, number=number)) for number in range(1, 5)] == [True, True, False, False]


def test_a_rule_strikes_each_job_as_often_as_it_says():
    faults = board({"fault": "result_cut", "per_job": 1})
    assert [bool(strike(faults, number=number, occasion=o)) for number in (1, 2) for o in (1, 2)] == [True, False] * 2


def test_the_same_seed_strikes_the_same_jobs_in_any_order():
    rule = {"fault": "submit_500", "probability": 0.3}
    urls = [f"http://shop/{number}.jpg" for number in range(400)]

    def struck(seed: int, order: list[str]) -> set[str]:
        faults = board(rule, seed=seed)
        return {url for number, url in enumerate(order) if strike(faults, url, number)}

    assert struck(1, urls) == struck(1, urls[::-1])
    assert struck(1, urls) != struck(2, urls)
    assert 80 < len(struck(1, urls)) < 160


def test_a_sticky_rule_decides_once_for_each_submit():
    faults = board({"fault": "result_cut", "probability": 0.5, "sticky": True})
    loose = board({"fault": "result_cut", "probability": 0.5})
    urls = [f"http://shop/{number}.jpg" for number in range(50)]

    def outcomes(faults: FaultBoard) -> set[int]:
        return {len({bool(strike(faults, url, occasion=occasion)) for occasion in range(20)}) for url in urls}

    assert outcomes(faults) == {1}
    assert outcomes(loose) == {2}


@pytest.mark.parametrize(
    "rule",
    [
        17,
        {},
        {"fault": "unknown"},
        {"fault": "submit_500", "when": "now"},
        {"fault": "submit_500", "params": {"seconds": 1}},
        {"fault": "submit_500", "params": [1]},
        {"fault": "submit_500", "nth": "first"},
        {"fault": "submit_500", "probability": "often"},
        {"fault": "submit_500", "match": 5},
        {"fault": "submit_500", "count": "many"},
    ],
)
def test_a_rule_that_cannot_be_understood_is_refused_and_changes_nothing(api, rule):
    api.faults({"fault": "submit_503"})
    answer = api.faults(rule)
    assert answer.status == 400
    assert answer.json()["error"]
    shown = api.call("GET", "/sandbox/faults").json()
    assert [rule["fault"] for rule in shown["rules"]] == ["submit_503"]


def test_faults_can_be_set_and_lifted_in_mid_run_and_count_their_strikes(api):
    api.faults({"fault": "submit_503", "params": {"wait": 9}})
    answer = api.submit()
    assert (answer.status, answer.headers["Retry-After"]) == (503, "9")
    assert api.call("GET", "/sandbox/faults").json()["rules"][0]["strikes"] == 1
    api.faults()
    assert api.submit().status == 200


def download(api, fault: str, **params: object):
    """Answer and original of a result that is struck once."""
    status = api.finished()
    api.faults({"fault": fault, "count": 1, "params": params})
    struck = api.call("GET", status["imageUrl"])
    original = api.call("GET", status["imageUrl"])
    assert original.status == 200
    return struck, original.data


@pytest.mark.parametrize(("fault", "status"), [("result_404", 404), ("result_403", 403), ("result_503", 503)])
def test_a_result_may_be_withheld(api, fault, status):
    assert download(api, fault)[0].status == status


def test_a_truncated_result_has_a_length_to_match(api):
    struck, original = download(api, "result_truncated")
    assert struck.data == original[: len(original) // 2]
    assert int(struck.headers["Content-Length"]) == len(struck.data)


def test_a_cut_result_ends_before_its_length(api):
    status = api.finished()
    api.faults({"fault": "result_cut"})
    with pytest.raises(urllib3.exceptions.ProtocolError):
        api.call("GET", status["imageUrl"])


def test_a_corrupt_result_differs_in_one_byte(api):
    struck, original = download(api, "result_corrupt")
    assert len(struck.data) == len(original)
    assert sum(a != b for a, b in zip(struck.data, original, strict=True)) == 1


def test_an_html_result_is_html_and_an_empty_one_empty(api):
    struck, _ = download(api, "result_html")
    assert (struck.status, struck.headers["Content-Type"]) == (200, "text/html")
    assert b"<html" in struck.data or b"<!doctype html>" in struck.data
    assert download(api, "result_empty")[0].data == b""


@pytest.mark.parametrize(
    ("fault", "kind", "size"),
    [
        ("result_wrong_dimensions", "PNG", (120, 80)),
        ("result_wrong_format", "GIF", (240, 160)),
        ("result_jpeg", "JPEG", (240, 160)),
        ("result_blank", "PNG", (240, 160)),
        ("result_other", "PNG", (240, 160)),
        ("result_torn", "PNG", (240, 160)),
        ("result_colourless", "PNG", (240, 160)),
        ("result_turned", "PNG", (240, 160)),
        ("result_rounded", "PNG", (239, 161)),
        ("result_trailing", "PNG", (240, 160)),
    ],
)
def test_a_wrong_picture_is_a_sound_one(api, fault, kind, size):
    struck, original = download(api, fault)
    image = Image.open(io.BytesIO(struck.data))
    image.load()
    assert (image.format, image.size) == (kind, size)
    if fault in ("result_blank", "result_other", "result_torn", "result_colourless", "result_turned"):
        right = Image.open(io.BytesIO(original)).convert("RGB").tobytes()
        wrong = image.convert("RGB").tobytes()
        assert sum(abs(a - b) for a, b in zip(right, wrong, strict=True)) / len(right) > (
            15 if fault == "result_torn" else 30  # a quarter of it
        )
    if fault == "result_blank":
        assert len(image.getcolors()) == 1


def test_a_bomb_promises_more_than_it_weighs(api):
    struck, _ = download(api, "result_bomb", side=5000)
    assert len(struck.data) < 200_000
    with Image.open(io.BytesIO(struck.data)) as image:
        assert image.size == (5000, 5000)
        image.load()


def test_an_endless_result_goes_on_beyond_the_file(api):
    status = api.finished()
    api.faults({"fault": "result_endless"})
    answer = api.http.request("GET", status["imageUrl"], preload_content=False)
    assert "Content-Length" not in answer.headers
    assert len(answer.read(5_000_000)) == 5_000_000
    answer.close()


def test_a_slow_result_arrives_whole(api):
    struck, original = download(api, "result_slow", rate=2_000_000)
    assert struck.data == original


def hooks(api, *rules: dict) -> list[dict | bytes]:
    """The webhooks of a struck job, up to those of a healthy job after it."""
    api.faults(*({**rule, "count": 1} for rule in rules))
    job = api.submit().json()["id"]
    sentinel = None
    found = []
    while True:
        body = api.shop.hooks.get(timeout=20)
        if body.startswith(b"{") and json.loads(body).get("id", json.loads(body).get("job_id")) == sentinel:
            return found
        found.append(json.loads(body) if body.startswith(b"{") else body)
        if sentinel is None and _ended(api, job):
            sentinel = api.submit().json()["id"]


def _ended(api, job: str) -> bool:
    return api.status(job)["status"] in ("SUCCESS", "FAILED")


def test_a_doubled_webhook_comes_twice(api):
    assert [hook["status"] for hook in hooks(api, {"fault": "webhook_doubled"})] == ["SUCCESS", "SUCCESS"]


def test_a_forged_webhook_comes_before_the_true_one(api):
    assert [hook["status"] for hook in hooks(api, {"fault": "webhook_forged"})] == ["FAILED", "SUCCESS"]


def test_a_reordered_webhook_comes_after_the_last_one(api):
    assert [hook["status"] for hook in hooks(api, {"fault": "webhook_reordered"})] == ["SUCCESS", "IN_PROGRESS"]


def test_the_documented_shapes_of_a_webhook(api):
    (documented,) = hooks(api, {"fault": "webhook_documented"})
    assert (documented["status"], documented["result_url"][-4:]) == ("completed", ".png")
    (event,) = hooks(api, {"fault": "webhook_event"})
    assert (event["event"], "status" in event) == ("job.completed", False)


def test_a_malformed_webhook_is_no_json(api):
    (body,) = hooks(api, {"fault": "webhook_malformed"})
    assert isinstance(body, bytes)


def test_a_dropped_webhook_never_comes(api):
    api.faults({"fault": "webhook_dropped", "count": 1})
    dropped, healthy = api.submit().json()["id"], api.submit().json()["id"]
    assert api.shop.next_hook()["id"] == healthy
    assert api.shop.hooks.empty()
    while not _ended(api, dropped):
        pass
    assert [row["webhooks"] for row in api.bill()["submits"] if row["id"] == dropped] == [[]]


def test_a_late_webhook_comes_after_its_time(make_api):
    time = [1_800_000_000.0]
    api = make_api(lambda: time[0])
    api.faults({"fault": "webhook_late", "count": 1, "params": {"seconds": 5}})
    late, healthy = api.submit().json()["id"], api.submit().json()["id"]
    assert api.shop.next_hook()["id"] == healthy
    while not _ended(api, late):
        pass
    time[0] += 6
    api.server.stand_in.clock.tick()
    assert api.shop.next_hook()["id"] == late


def test_an_early_webhook_is_there_before_the_answer_to_the_submit(api):
    api.faults({"fault": "webhook_early"})
    job = api.submit().json()["id"]
    assert json.loads(api.shop.hooks.get_nowait())["id"] == job


def test_a_processing_fault_is_told_by_webhook_and_status(api):
    api.faults({"fault": "processing_failed", "params": {"text": "No GPU"}})
    status = api.finished()
    assert (status["status"], status["error"], status["imageUrl"]) == ("FAILED", "No GPU", None)


def test_a_slow_job_is_ready_later(make_api):
    time = [1_800_000_000.0]
    api = make_api(lambda: time[0])
    api.faults({"fault": "processing_slow", "params": {"seconds": 100}})
    job = api.submit().json()["id"]
    time[0] += 99
    assert api.status(job)["status"] == "IN_PROGRESS"
    time[0] += 2
    api.server.stand_in.clock.tick()
    assert api.shop.next_hook()["status"] == "SUCCESS"


@pytest.mark.parametrize("fault", ["submit_lost", "submit_reset", "status_reset"])
def test_a_lost_answer_is_no_answer_at_all(api, fault):
    job = api.submit().json()["id"]
    api.faults({"fault": fault})
    with pytest.raises(urllib3.exceptions.ProtocolError):
        api.submit() if fault.startswith("submit") else api.status(job)
    assert api.bill()["accepted"] == (2 if fault == "submit_lost" else 1)


def test_a_lost_answer_is_followed_by_its_webhook(api):
    api.faults({"fault": "submit_lost"})
    with pytest.raises(urllib3.exceptions.ProtocolError):
        api.submit()
    hook = api.shop.next_hook()
    assert [row["id"] for row in api.bill()["submits"]] == [hook["id"]]


def test_a_hanging_answer_comes_at_last(api):
    api.faults({"fault": "submit_hang", "params": {"seconds": 0.1}})
    assert api.submit().status == 200
