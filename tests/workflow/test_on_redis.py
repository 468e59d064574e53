"""The same pipeline on the real working memory: a few whole lives, so that the double hides nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import redis

from sidecar.adapters.store import RedisJobStore, RedisOutbox
from sidecar.core.errors import TemporaryError
from sidecar.core.messages import site_hash
from sidecar.core.states import LANES
from sidecar.core.stored_names import Keys
from sidecar.workflow import reconcile
from sidecar.workflow.webhook import webhook_received
from tests.fakes.clock import SimulatedClock
from tests.fakes.site import KEYS
from tests.store.conftest import _shorten_lives
from tests.workflow.rig import Rig


class RigOnRedis(Rig):
    """Time passes second by second, for Redis' own clock, too."""

    def __init__(self, client: redis.Redis, keys: Keys = KEYS, **how: int) -> None:
        self.client = client

        def memory(
            clock: SimulatedClock, slots: int, notify_worker: Callable[[str], None]
        ) -> tuple[RedisJobStore, RedisOutbox]:
            store = RedisJobStore(client, keys, slots=slots, clock=clock, notify_worker=notify_worker)
            return store, RedisOutbox(client, keys, clock=clock, notify_worker=notify_worker)

        super().__init__(memory=memory, **how)  # type: ignore[arg-type]

    def work(self, limit: int = 1000) -> int:
        """A lane in its batching delay has its messages flushed when the moment is over."""
        done = 0
        while self.queue.tasks and done < limit:
            if any(self.outbox.batching_delay(lane) for lane in LANES):
                _shorten_lives(self.client, 0.2)
            self.run(self.queue.tasks.pop(0))
            done += 1
        return done

    def let_pass(self, seconds: float, *, step: float = 5, sweeping: bool = False) -> None:
        self.tick()
        for _ in range(round(seconds / step)):
            self.clock.advance(step)
            _shorten_lives(self.client, step)
            self.tick()

    def flush_all(self) -> None:
        self.client.flushall()
        self.queue.flush_all()


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    client = redis.Redis.from_url(redis_url, decode_responses=True)
    yield client
    client.close()


@pytest.fixture
def rig(client: redis.Redis) -> Iterator[RigOnRedis]:
    rig = RigOnRedis(client)
    yield rig
    assert rig.faults() == []


def test_a_job_is_delivered(rig: RigOnRedis) -> None:
    rig.buy(title="Émile ☀")
    rig.let_pass(90)
    job = rig.job()
    assert (rig.row().state, job.state, rig.mails()) == ("delivered", "delivered", ["delivered"])
    assert (job.title, job.out_width, job.credits) == ("Émile ☀", 32, "0.0002")
    assert rig.store.all_ids() == [] and rig.store.counts() == {}


def test_retries_a_second_submission_and_a_bad_result_end_well(rig: RigOnRedis) -> None:
    rig.upsampler.put_faults(
        {"fault": "submit_500", "count": 2},
        {"fault": "processing_failed", "nth": [3]},
        {"fault": "result_corrupt", "count": 1},
    )
    rig.buy()
    rig.let_pass(400)
    assert (rig.row().state, rig.row().submission, len(rig.upsampler.accepted)) == ("delivered", 4, 2)


def test_a_refund_and_a_review_are_settled(rig: RigOnRedis) -> None:
    rig.upsampler.put_faults(
        {"fault": "submit_415", "match": "job-1"},
        {"fault": "submit_lost", "match": "job-2"},
        {"fault": "webhook_dropped"},
    )
    rig.buy("job-1")
    rig.buy("job-2")
    rig.let_pass(1000, step=10)
    assert [rig.row(job_id).state for job_id in ("job-1", "job-2")] == ["refunded", "review"]
    assert rig.job("job-2").submit_started_at and rig.job("job-2").refund_decision == "review"
    rig.upsampler.put_faults()
    assert webhook_received(rig.ports, "job-2", 1, 1, rig.upsampler.accepted[0].id) == "reopened"
    rig.let_pass(60)
    assert (rig.row("job-2").state, rig.mails("job-2")) == ("delivered", ["review", "delivered"])


def test_a_shop_that_was_away_gets_everything_in_order(rig: RigOnRedis) -> None:
    rig.buy()
    rig.work()
    rig.shop.away = TemporaryError("shop_unavailable", "connection refused")
    rig.let_pass(600, step=10)
    rig.shop.away = None
    rig.let_pass(400, step=10)
    assert (rig.row().state, rig.row().upsampler_id, rig.mails()) == ("delivered", "fake-000001", ["delivered"])


def test_a_loss_of_memory_is_made_good(rig: RigOnRedis) -> None:
    rig.buy()
    rig.let_pass(20)
    rig.flush_all()
    assert reconcile.reconcile(rig.ports) == {"unfinished": 1, "restored": 1}
    rig.let_pass(90)
    assert (rig.row().state, rig.mails(), len(rig.upsampler.accepted)) == ("delivered", ["delivered"], 1)


def test_a_hold_ends_by_itself(rig: RigOnRedis) -> None:
    rig.upsampler.key_is_right = False
    for number in range(3):
        rig.buy(f"job-{number}")
    rig.let_pass(120)
    assert rig.store.holds.held()["submit"]["reason"] == "upsampler_key_refused"
    rig.upsampler.key_is_right = True
    rig.let_pass(300)
    assert {rig.row(f"job-{number}").state for number in range(3)} == {"delivered"}
    assert rig.store.holds.held() == {}


def test_slots_are_kept_and_given_back(client: redis.Redis) -> None:
    rig = RigOnRedis(client, slots=1)
    for number in range(3):
        rig.buy(f"job-{number}")
        rig.clock.advance(1)
    rig.let_pass(40)
    assert (len(rig.upsampler.accepted), rig.store.position("job-2")) == (1, 2)
    rig.let_pass(400)
    assert {rig.row(f"job-{number}").state for number in range(3)} == {"delivered"}
    assert rig.store.slot_holders() == []


def test_cancel_rerun_erase_and_renew(rig: RigOnRedis) -> None:
    rig.buy()
    rig.let_pass(90)
    renewed = rig.push("job.renew", {"job_id": "job-1", "attempt": 1, "expiry_hours": 48})
    assert rig.job().token == renewed["token"]
    rig.push("job.paid", rig.shop.rerun("job-1"))
    rig.let_pass(60)
    assert (rig.row().attempt, rig.job().attempt, rig.job().state) == (2, 2, "delivered")
    rig.push("job.cancel", rig.shop.stop("job-1"))
    assert (rig.job().state, rig.job().revoked) == ("delivered", 1)
    rig.push("job.erase", {"job_id": "job-1"})
    assert rig.store.get("job-1") is None and rig.files.files == {}
    assert not [key for key in rig.client.scan_iter() if "job-1" in key]


def test_two_shops_on_one_redis_with_equal_ids_do_not_disturb_each_other(client: redis.Redis) -> None:
    """One sells, one refunds; one is stopped by its admin, one is not; one forgets, one does not."""
    ours, theirs = RigOnRedis(client), RigOnRedis(client, Keys(site_hash("https://other.example")))
    theirs.upsampler.put_faults({"fault": "submit_415", "match": "job-1"}, {"fault": "result_corrupt", "count": 1})
    for rig in (ours, theirs):
        for job_id in ("job-1", "job-2"):
            rig.buy(job_id)
    theirs.store.holds.hold("collect", reason="by_admin", detail="", by_admin=True)
    for _ in range(12):
        ours.let_pass(10)
        theirs.let_pass(10)
    assert [ours.row(job_id).state for job_id in ("job-1", "job-2")] == ["delivered", "delivered"]
    ours.push("job.erase", {"job_id": "job-2"})
    theirs.store.holds.resume("collect", by_admin=True)
    for _ in range(12):
        theirs.let_pass(10)
    assert [theirs.row(job_id).state for job_id in ("job-1", "job-2")] == ["refunded", "delivered"]
    assert (ours.mails("job-1"), theirs.mails("job-1")) == (["delivered"], ["refunded"])
    assert [len(rig.upsampler.accepted) for rig in (ours, theirs)] == [2, 1]
    assert (ours.faults(), theirs.faults()) == ([], [])
