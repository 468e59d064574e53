"""Figures for Prometheus: what the log says, counted over all processes, and shown to nobody outside."""

import multiprocessing

import pytest
import redis
from prometheus_client.parser import text_string_to_metric_families

from sidecar.adapters.metrics import Counters, CountingLog, exposition
from tests.fakes.site import KEYS, SITE
from tests.testbed.waiting import wait_for

from .test_rq_dashboard import app


def samples(text: str) -> dict[tuple, float]:
    """All of them name the site."""
    found = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    assert {sample.labels.pop("site", "") for sample in found} == {SITE}
    return {(sample.name, *sorted(sample.labels.items())): sample.value for sample in found}


def test_two_processes_add_up(redis_url: str):
    lines: list[str] = []
    for _ in range(2):
        counters = Counters(redis.Redis.from_url(redis_url, decode_responses=True), KEYS)
        log = CountingLog(lambda event, sentence, **fields: lines.append(event), counters)
        log("job.delivered", "The customer has the file.", stage="deliver", outcome="sent", seconds=4.0)
        counters.flush()
    counted = Counters(redis.Redis.from_url(redis_url, decode_responses=True), KEYS).read()
    found = samples(exposition(counted, {}, site=SITE).decode())
    labels = (("event", "job.delivered"), ("outcome", "sent"), ("reason", ""), ("stage", "deliver"))
    assert found["smi_events_total", *labels] == 2
    assert found["smi_seconds_count", ("event", "job.delivered")] == 2
    assert found["smi_seconds_sum", ("event", "job.delivered")] == 8
    assert found["smi_seconds_bucket", ("event", "job.delivered"), ("le", "2.5")] == 0
    assert found["smi_seconds_bucket", ("event", "job.delivered"), ("le", "5")] == 2
    assert lines == ["job.delivered", "job.delivered"]


def test_counts_arrive_by_themselves_also_from_a_fork(redis_url: str):
    counters = Counters(redis.Redis.from_url(redis_url, decode_responses=True), KEYS, every_s=0.05)
    counters.count("job.paid", {})
    child = multiprocessing.get_context("fork").Process(target=counters.count, args=("job.paid", {}))
    child.start()  # its count is added when it ends
    child.join(30)
    assert child.exitcode == 0
    reader = Counters(redis.Redis.from_url(redis_url, decode_responses=True), KEYS)
    wait_for(lambda: reader.read() == {"n|job.paid|||": 2}, "both counts")


def test_what_is_counted_while_redis_is_away_is_added_when_it_is_back(redis_url: str):
    lines: list[str] = []
    counters = Counters(redis.Redis(host="127.0.0.1", port=1, decode_responses=True), KEYS, every_s=60)
    log = CountingLog(lambda event, sentence, **fields: lines.append(event), counters)
    log("job.paid", "A paid job has arrived.")
    with pytest.raises(redis.RedisError):
        counters.flush()
    log("job.paid", "Another one.")
    assert lines == ["job.paid", "job.paid"]
    counters._redis = redis.Redis.from_url(redis_url, decode_responses=True)
    assert counters.read() == {"n|job.paid|||": 2}


def test_no_text_that_a_stranger_brings_about_becomes_a_figure_of_its_own(redis_url: str):
    """The hash has no end of life."""
    counters = Counters(redis.Redis.from_url(redis_url, decode_responses=True), KEYS)
    for number in range(1000):
        counters.count("message.unauthorized", {"reason": f"webhook-timestamp is {number} s away from our clock"})
        counters.count("download", {"outcome": "x" * (65 + number), "stage": "a|b"})
    assert counters.read() == {"n|message.unauthorized||other|": 1000, "n|download|other||other": 1000}


def test_the_page_shows_jobs_queues_and_signs_of_life(redis_url: str):
    web = app(redis_url)
    found = samples(web.test_client().get("/metrics").text)
    assert found["smi_clock_alive",] == 0
    assert found["smi_workers",] == 0
    assert found["smi_queue_depth", ("name", "collect")] == 0
    assert found["smi_held", ("name", "submit")] == 0


def test_whoever_comes_through_a_proxy_sees_nothing(redis_url: str):
    client = app(redis_url).test_client()
    for header in ("X-Forwarded-For", "X-Real-IP", "Forwarded", "X-Forwarded-Host"):
        assert client.get("/metrics", headers={header: "203.0.113.9"}).status_code == 404
