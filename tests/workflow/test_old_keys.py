"""An upgrade from keys that do not name the site: whatever a job is doing at that moment, it ends as it would have."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from inspect import signature
from typing import Any

import pytest
import redis

from sidecar.adapters.store import RedisJobStore, RedisOutbox
from sidecar.adapters.store.old_keys import KINDS, take_over
from sidecar.core.errors import StaleClaim, TemporaryError
from sidecar.core.stored_names import Keys, OldKeys
from tests.fakes.queue import Task
from tests.fakes.site import KEYS
from tests.workflow.test_on_redis import RigOnRedis

FAULTS = (
    {"fault": "submit_415", "match": "job-2"},
    {"fault": "result_corrupt", "match": "job-3", "count": 1},
    {"fault": "submit_lost", "match": "job-4"},
    {"fault": "processing_failed", "match": "job-5", "nth": [5]},
)
ENDS = {"job-1": "delivered", "job-2": "refunded", "job-3": "delivered", "job-4": "delivered", "job-5": "delivered"}
SUBMITS = {"job-1": 1, "job-2": 0, "job-3": 1, "job-4": 1, "job-5": 2}


class Upgraded(RigOnRedis):
    """The program is exchanged before its task number `at` begins; what its queues held is lost with it."""

    def __init__(self, client: redis.Redis, at: int, **how: Any) -> None:
        super().__init__(client, OldKeys(), **how)
        self._left, self._how = at, how
        self.upgraded = False

    def run(self, task: Task) -> None:
        self._left -= 1
        if self._left == 0:
            self.upgrade()
        else:
            super().run(task)

    def upgrade(self) -> None:
        self.upgraded = True

        def notify_worker(lane: str) -> None:
            self.ports.queue.flush(lane)

        more: dict[str, Any] = {"clock": self.clock, "notify_worker": notify_worker}
        self.store = RedisJobStore(self.client, KEYS, slots=self._how.get("slots", 0), **more)
        self.outbox = RedisOutbox(self.client, KEYS, **more)
        self.ports = replace(self.ports, store=self.store, outbox=self.outbox)
        self.queue.flush_all()
        take_over(self.client, KEYS)

    def old_keys(self) -> list[str]:
        return [key for key in self.client.scan_iter() if not key.startswith(f"smi:{KEYS.site}:")]


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_url, decode_responses=True) as client:
        yield client


def _lives(client: redis.Redis, at: int, **how: Any) -> Upgraded:
    rig = Upgraded(client, at, **how)
    rig.upsampler.put_faults(*FAULTS)
    for job_id in ENDS:
        rig.buy(job_id)
    rig.let_pass(400, step=10)
    return rig


@pytest.mark.parametrize(("at", "slots"), [*((at, 0) for at in range(1, 30, 3)), *((at, 2) for at in range(5, 40, 9))])
def test_at_any_moment_of_its_life_a_job_goes_on(client: redis.Redis, at: int, slots: int) -> None:
    rig = _lives(client, at, slots=slots)
    assert {job_id: rig.row(job_id).state for job_id in ENDS} == ENDS
    assert {job_id: rig.mails(job_id) for job_id in ENDS} == {job_id: [state] for job_id, state in ENDS.items()}
    for job_id, submits in SUBMITS.items():
        assert len([job for job in rig.upsampler.accepted if job_id in job.image_url]) == submits
    assert (rig.store.all_ids(), rig.store.counts(), rig.store.slot_holders()) == ([], {}, [])
    assert (rig.old_keys(), rig.faults()) == ([], [])
    assert rig.upgraded


def test_what_the_ledger_does_not_know_comes_over(client: redis.Redis) -> None:
    """An admin's hold, messages that wait for a shop that is away, a webhook's word, answers, figures."""
    rig = Upgraded(client, 0)
    rig.buy("job-1")
    rig.let_pass(35)
    rig.shop.away = TemporaryError("shop_unavailable", "connection refused")
    rig.let_pass(60)
    waiting = [message["id"] for message in rig.outbox.ready("deliver", limit=9)]
    rig.store.holds.hold("submit", reason="by_admin", detail="a look at the bill", by_admin=True)
    rig.store.keep_hint("job-9", 1, 1, "u-9")
    rig.store.idempotency.remember("msg_x", {"status": 200}, ttl_s=60)
    name = rig.store.server.name()
    client.hset("smi:metrics", mapping={"n|job.paid|||": 3, "s|job.paid": 1.5})
    rig.upgrade()
    assert [message["id"] for message in rig.outbox.ready("deliver", limit=9)] == waiting != []
    assert rig.store.holds.held()["submit"]["by_admin"]
    assert rig.store.kept_hint("job-9", 1, 1) == "u-9"
    assert rig.store.idempotency.remembered("msg_x") == {"status": 200}
    assert 0 < client.ttl(KEYS.answer("msg_x")) <= 60
    assert rig.store.server.name() == name
    assert client.hgetall(KEYS.metrics) == {"n|job.paid|||": "3", "s|job.paid": "1.5"}
    assert rig.old_keys() == []


def test_a_process_of_before_that_runs_on_disturbs_nothing(client: redis.Redis) -> None:
    """It makes its keys again; the next look removes them, and what is here already counts."""
    rig = Upgraded(client, 0)
    before, outbox_before = rig.store, rig.outbox
    rig.buy("job-1")
    rig.work()
    held = before.get("job-1")
    rig.upgrade()
    with pytest.raises(StaleClaim):
        before.renew(replace(held, claim="of-before"), lease_s=12)
    before.create(replace(held, state="paid"), due_at=rig.clock())
    outbox_before.put("deliver", [{"id": "late", "type": "admin.notice", "data": {}}])
    assert take_over(client, KEYS) == 0
    assert rig.job().state == held.state != "paid"
    assert [message["id"] for message in rig.outbox.ready("deliver", limit=9)][-1:] == ["late"]
    assert (rig.store.counts(), rig.old_keys()) == ({held.state: 1}, [])


class Meanwhile(redis.Redis):
    """Somebody else writes between two steps of a take-over: when the first transaction is asked for."""

    write: Callable[[], Any]

    def pipeline(self, *args: Any, **how: Any) -> Any:
        self.write()
        return super().pipeline(*args, **how)


def test_what_a_process_of_before_writes_meanwhile_comes_with_the_next_look(client: redis.Redis) -> None:
    """A job and its message that were removed unseen would be an order that the ledger takes for lost at Upsampler."""
    rig = Upgraded(client, 0)
    before, outbox_before = rig.store, rig.outbox
    rig.buy("job-1")
    rig.work()
    job = replace(rig.job("job-1"), job_id="job-2", state="submitted", upsampler_id="u-2")

    def write() -> None:
        before.create(job, due_at=rig.clock() + 7)
        outbox_before.put("deliver", [{"id": "meanwhile", "type": "admin.notice", "data": {}}])
        client.delete("smi:answer:expires")

    client.set("smi:answer:expires", "{}")
    connection = Meanwhile(connection_pool=client.connection_pool)
    connection.write = write
    rig.upgrade()
    client.set("smi:answer:expires", "{}")
    take_over(connection, KEYS)
    assert take_over(client, KEYS) == 1
    assert (rig.job("job-2").upsampler_id, rig.store.due_at("job-2")) == ("u-2", rig.clock() + 7)
    assert "meanwhile" in [message["id"] for message in rig.outbox.ready("deliver", limit=9)]
    assert rig.old_keys() == []


def test_what_has_no_job_any_more_goes(client: redis.Redis) -> None:
    client.zadd("smi:due", {"gone": 1})
    client.sadd("smi:slots", "gone")
    client.set("smi:outbox:deliver:paused", "1")
    assert take_over(client, KEYS) == 0
    assert client.keys() == []


def test_where_nothing_is_old_nothing_is_touched(client: redis.Redis) -> None:
    others = ["other:program", "smi:theirs", "smi:theirs:1", "smi:0123456789:due", "smi:", KEYS.name]
    for key in others:
        client.set(key, "1")
    assert take_over(client, KEYS) == 0
    client.set("smi:ping", "1")
    assert take_over(client, KEYS) == 0
    assert sorted(client.scan_iter()) == sorted(others)


def test_every_kind_of_key_is_known() -> None:
    old = OldKeys()
    made = [getattr(old, name) for name in vars(Keys) if not name.startswith("_") and name != "instead_of"]
    keys = [key if isinstance(key, str) else key(*["x"] * len(signature(key).parameters)) for key in made]
    assert {key.split(":")[1] for key in keys if key.startswith("smi:")} == KINDS
