"""Two shops on one Redis: their jobs may have equal ids, and nothing of one is the other's."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterator

import pytest
import redis

from sidecar.adapters.metrics import Counters
from sidecar.adapters.store import RedisJobStore, RedisOutbox
from sidecar.adapters.workqueue import WakeUpQueue, WorkQueue
from sidecar.core.job import Job
from sidecar.core.messages import site_hash
from sidecar.core.stored_names import Keys, OldKeys
from tests.fakes.site import KEYS

OTHERS = Keys(site_hash("https://other.example"))


@pytest.fixture
def text(redis_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_url, decode_responses=True) as client:
        yield client


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_url) as client:
        yield client


def every_key(keys: Keys) -> dict[str, str]:
    """Each kind of key -> its name, where a parameter `x` says `<x>`."""
    found = {}
    for kind, member in inspect.getmembers(Keys):
        if kind.startswith("_") or kind in ("rq_name", "own_name", "instead_of", "hints"):
            continue
        if isinstance(member, property):
            found[kind] = getattr(keys, kind)
        elif inspect.isfunction(member):
            names = list(inspect.signature(member).parameters)[1:]
            found[kind] = member(keys, *(f"<{name}>" for name in names))
    return found


def test_each_key_names_the_site_and_is_no_other_ones() -> None:
    names = every_key(KEYS)
    assert len(names) > 25
    assert all(name.startswith(f"smi:{KEYS.site}:") for name in names.values())
    assert len(set(names.values())) == len(names)
    assert {kind: KEYS.instead_of(name) for kind, name in every_key(OldKeys()).items()} == names


def test_a_site_is_the_same_one_by_http_and_by_https() -> None:
    assert re.fullmatch("[0-9a-f]{10}", KEYS.site)
    assert site_hash("http://shop.example") == KEYS.site
    assert len({site_hash(f"https://shop.example{path}") for path in ("", "/a", "/b")}) == 3


def test_equal_ids_are_two_jobs(text: redis.Redis) -> None:
    ours, theirs = RedisJobStore(text, KEYS, slots=1), RedisJobStore(text, OTHERS, slots=1)
    ours.create(Job("job-1", 1, "paid"), due_at=5)
    theirs.create(Job("job-1", 1, "submitted", upsampler_id="u-1"), due_at=7)
    assert (ours.counts(), theirs.counts()) == ({"paid": 1}, {"submitted": 1})
    claimed = ours.claim("job-1", 1, ["paid"], lease_s=12)
    assert claimed and theirs.get("job-1").claim == ""
    assert ours.take_slot(claimed) and theirs.take_slot(theirs.get("job-1"))
    ours.holds.hold("submit", reason="by_admin", detail="", by_admin=True)
    assert theirs.holds.held() == {}
    ours.forget("job-1")
    assert (ours.get("job-1"), ours.counts()) == (None, {})
    assert (theirs.get("job-1").upsampler_id, theirs.due_at("job-1"), theirs.slot_holders()) == ("u-1", 7, ["job-1"])
    assert ours.heartbeats.acquire_interval("reconcile", every_s=60)
    assert theirs.heartbeats.acquire_interval("reconcile", every_s=60)
    assert ours.server.name() != theirs.server.name()


def test_each_shop_gets_its_own_messages_and_figures(text: redis.Redis) -> None:
    ours, theirs = RedisOutbox(text, KEYS), RedisOutbox(text, OTHERS)
    message = {"id": "delivered:job-1:1:", "type": "job.delivered", "data": {"job_id": "job-1"}}
    ours.put("deliver", [message])
    assert (ours.waiting("deliver"), theirs.waiting("deliver")) == (1, 0)
    assert ours.lock("deliver") and theirs.lock("deliver")
    ours.note_away("shop_unavailable", "")
    assert theirs.away() is None
    for keys, times in ((KEYS, 1), (OTHERS, 2)):
        counters = Counters(text, keys)
        for _ in range(times):
            counters.count("job.paid", {})
        counters.flush()
    assert [Counters(text, keys).read() for keys in (KEYS, OTHERS)] == [{"n|job.paid|||": 1}, {"n|job.paid|||": 2}]


def test_workers_take_the_work_of_their_own_shop(client: redis.Redis) -> None:
    ours, theirs = WorkQueue(client, KEYS), WorkQueue(client, OTHERS)
    assert ours.stage("submit", "job-1", 1)
    assert theirs.stage("submit", "job-1", 1)
    assert (ours.depths()["submit"], theirs.depths()["submit"]) == (1, 1)
    assert ours.take() and ours.take() is None
    assert theirs.depths()["submit"] == 1
    for keys in (KEYS, OTHERS):
        (wake_up,) = WakeUpQueue(keys.rq_name("submit"), connection=client).get_jobs()
        assert wake_up.id.startswith(keys.site)
    assert not [
        key
        for key in client.scan_iter("rq:*")
        if not any(s in key.decode() for s in (KEYS.site, OTHERS.site)) and key != b"rq:queues"
    ]  # which names queues, and these name the site


def test_wake_ups_of_before_go_and_what_others_have_put_there_stays(client: redis.Redis) -> None:
    WorkQueue(client, OldKeys()).flush("deliver")  # as version 1.0 did
    WorkQueue(client, OldKeys()).stage("submit", "job-1", 1)
    client.lpush("rq:queue:submit", "another-programs")
    data = json.dumps(["print", None, [], {}])
    fields = {"data": data, "origin": "submit", "status": "queued", "created_at": "2026-01-01T00:00:00Z"}
    client.hset("rq:job:another-programs", mapping=fields)
    client.zadd("rq:failed:deliver", {"long-gone": 1})
    client.sadd("rq:workers:deliver", "rq:worker:dead")
    client.sadd("rq:workers", "rq:worker:dead")
    WorkQueue(client, KEYS).clear_old_queues()
    left = {key.decode() for key in client.scan_iter("rq:*")}
    assert left == {"rq:queue:submit", "rq:job:another-programs", "rq:queues"}
    assert client.smembers("rq:queues") == {b"rq:queue:submit"}
    assert WakeUpQueue("submit", connection=client).get_job_ids() == ["another-programs"]
