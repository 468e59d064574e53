"""Contract of the job store: Upsampler's concurrency limit (two slots here), the line before it, held stages."""

from __future__ import annotations

import time

import redis

from sidecar.adapters.store import RedisJobStore
from sidecar.core.job import Job
from tests.fakes.site import KEYS
from tests.store.conftest import SLOTS, Memory


def test_without_a_limit_everybody_goes(memory: Memory) -> None:
    jobs = [memory.paid(f"job-{n}") for n in range(5)]
    assert all(memory.unlimited.take_slot(job) for job in jobs)
    assert memory.unlimited.free_slot("job-0") == []
    assert memory.unlimited.slot_holders() == []


def test_no_more_jobs_go_than_there_are_slots(memory: Memory) -> None:
    jobs = [memory.paid(f"job-{n}", paid_at=n) for n in range(5)]
    assert [memory.store.take_slot(job) for job in jobs] == [True, True, False, False, False]
    assert sorted(memory.store.slot_holders()) == ["job-0", "job-1"]
    assert [memory.store.position(f"job-{n}") for n in range(5)] == [None, None, 1, 2, 3]


def test_a_holder_may_ask_again(memory: Memory) -> None:
    jobs = [memory.paid(f"job-{n}") for n in range(3)]
    assert [memory.store.take_slot(job) for job in jobs] == [True, True, False]
    assert memory.store.take_slot(jobs[0])
    assert len(memory.store.slot_holders()) == SLOTS


def test_the_oldest_payment_goes_first_however_late_it_lines_up(memory: Memory) -> None:
    jobs = {n: memory.paid(f"job-{n}", paid_at=1000 - n) for n in range(4)}
    for n in range(4):
        memory.store.take_slot(jobs[n])
    assert memory.store.position("job-3") == 1
    assert memory.store.free_slot("job-0") == ["job-3"]
    assert memory.store.take_slot(jobs[3])
    assert not memory.store.take_slot(jobs[2])


def test_whoever_is_called_up_is_due_at_once(memory: Memory) -> None:
    jobs = [memory.paid(f"job-{n}", paid_at=n) for n in range(3)]
    for job in jobs:
        memory.store.take_slot(job)
        memory.store.change(job.job_id, 1, (), {}, due_at=memory.clock() + 1000)
    memory.let_pass(10)
    memory.store.free_slot("job-1")
    assert memory.store.take_due(limit=9, rebook_s=15) == ["job-2"]


def test_a_slot_is_not_taken_from_whoever_goes_on_with_the_job_already(memory: Memory) -> None:
    """Who has left a job to others is late with its slot."""
    job = memory.paid("job-1")
    memory.store.change("job-1", 1, (), {"state": "submitting"}, due_at=memory.clock())
    left = memory.store.claim("job-1", 1, ("submitting",), lease_s=12)
    assert left and memory.store.take_slot(job)
    memory.store.free_slot("job-1", left=left)
    assert memory.store.slot_holders() == [], "its own claim lives"
    memory.store.take_slot(job)
    memory.store.advance(left, {}, due_at=memory.clock())
    memory.store.free_slot("job-1", left=left)
    assert memory.store.slot_holders() == [], "nobody has come"
    memory.store.take_slot(job)
    other = memory.store.claim("job-1", 1, ("submitting",), lease_s=12)
    assert other and memory.store.free_slot("job-1", left=left) == []
    assert memory.store.slot_holders() == ["job-1"], "another has come"
    memory.store.advance(other, {"state": "submitted"}, due_at=memory.clock())
    assert memory.store.free_slot("job-1", left=left) == []
    assert memory.store.slot_holders() == ["job-1"], "Upsampler has it"


def test_a_slot_that_is_free_is_not_kept_from_a_newcomer_by_a_short_line(memory: Memory) -> None:
    jobs = [memory.paid(f"job-{n}", paid_at=n) for n in range(4)]
    for job in jobs[:3]:
        memory.store.take_slot(job)
    memory.store.forget("job-0")
    memory.store.forget("job-1")
    assert memory.store.take_slot(jobs[3]), "two are free, one waits: there is room for both"


def test_leaving_the_line_lets_the_next_one_up(memory: Memory) -> None:
    jobs = [memory.paid(f"job-{n}", paid_at=n) for n in range(4)]
    for job in jobs:
        memory.store.take_slot(job)
    assert memory.store.free_slot("job-2") == []
    assert memory.store.position("job-3") == 1


def test_a_job_that_is_at_upsampler_already_counts_even_beyond_the_limit(memory: Memory) -> None:
    for n in range(3):
        memory.store.occupy_slot(f"job-{n}")
    assert not memory.store.take_slot(memory.paid("job-9"))
    assert memory.store.free_slot("job-0") == []
    assert memory.store.free_slot("job-1") == ["job-9"]


def test_a_hold_is_new_once(memory: Memory) -> None:
    assert memory.store.holds.held() == {}
    assert memory.store.holds.hold("submit", reason="upsampler_key_refused", detail="HTTP 401")
    assert not memory.store.holds.hold("submit", reason="upsampler_key_refused", detail="HTTP 401 again")
    since = int(memory.clock())
    expected = {"reason": "upsampler_key_refused", "detail": "HTTP 401", "since": since, "by_admin": False}
    assert memory.store.holds.held() == {"submit": expected}


def test_a_hold_ends_once(memory: Memory) -> None:
    memory.store.holds.hold("collect", reason="disk_full", detail="")
    assert not memory.store.holds.resume("submit")
    assert memory.store.holds.resume("collect")
    assert not memory.store.holds.resume("collect")
    assert memory.store.holds.held() == {}


def test_a_hold_by_an_admin_is_not_ended_by_a_job_that_passed(memory: Memory) -> None:
    memory.store.holds.hold("submit", reason="upsampler_key_refused", detail="")
    assert memory.store.holds.hold("submit", reason="held_by_admin", detail="", by_admin=True)
    assert memory.store.holds.held()["submit"]["by_admin"]
    assert memory.store.holds.resume("submit")
    assert memory.store.holds.held()["submit"]["reason"] == "held_by_admin"


def test_an_admin_ends_any_hold(memory: Memory) -> None:
    memory.store.holds.hold("submit", reason="upsampler_key_refused", detail="")
    memory.store.holds.hold("submit", reason="held_by_admin", detail="", by_admin=True)
    assert memory.store.holds.resume("submit", by_admin=True)
    assert memory.store.holds.held() == {}


def test_one_job_at_a_time_may_probe_a_held_stage(memory: Memory) -> None:
    assert [memory.store.holds.may_probe("submit", every_s=30) for _ in range(3)] == [True, False, False]
    assert memory.store.holds.may_probe("collect", every_s=30)
    memory.let_pass(31)
    assert memory.store.holds.may_probe("submit", every_s=30)


def test_a_streak_grows_until_somebody_gets_through_or_time_passes(memory: Memory) -> None:
    assert [memory.store.holds.lengthen_streak("submit", ttl_s=60) for _ in range(3)] == [1, 2, 3]
    assert memory.store.holds.lengthen_streak("collect", ttl_s=60) == 1
    assert not memory.store.holds.resume("submit"), "a streak is no hold"
    assert memory.store.holds.lengthen_streak("submit", ttl_s=60) == 1
    memory.let_pass(61)
    assert memory.store.holds.lengthen_streak("submit", ttl_s=60) == 1


def test_whoever_asks_with_each_job_sees_his_own_hold_at_once(memory: Memory) -> None:
    assert memory.store.holds.held_lately() == {}
    memory.store.holds.hold("submit", reason="credits_exhausted", detail="")
    assert memory.store.holds.held_lately()["submit"]["reason"] == "credits_exhausted"
    memory.store.holds.hold("submit", reason="held_by_admin", detail="", by_admin=True)
    assert memory.store.holds.held_lately() == memory.store.holds.held(), "an admin's hold hides the other"
    memory.store.holds.resume("submit", by_admin=True)
    assert memory.store.holds.held_lately() == {}


def test_a_hold_that_another_process_has_begun_is_seen_within_moments(redis_url: str) -> None:
    with redis.Redis.from_url(redis_url, decode_responses=True) as client:
        ours, theirs = RedisJobStore(client, KEYS), RedisJobStore(client, KEYS)
        assert ours.holds.held_lately() == {}
        theirs.holds.hold("collect", reason="disk_full", detail="")
        until = time.monotonic() + 5
        while not ours.holds.held_lately() and time.monotonic() < until:
            time.sleep(0.05)
        assert ours.holds.held_lately()["collect"]["reason"] == "disk_full"


def test_a_job_that_passed_looks_whether_there_is_anything_to_end(memory: Memory) -> None:
    """Whoever has begun a hold or a streak himself sees it at once, though he has looked a moment before."""
    assert not memory.store.holds.may_resume("submit")
    memory.store.holds.lengthen_streak("submit", ttl_s=60)
    assert memory.store.holds.may_resume("submit")
    assert not memory.store.holds.may_resume("collect")
    memory.store.holds.hold("collect", reason="disk_full", detail="", by_admin=True)
    assert not memory.store.holds.may_resume("collect"), "an admin's hold does not end by itself"
    memory.store.holds.hold("collect", reason="disk_full", detail="")
    assert memory.store.holds.may_resume("collect")


def test_a_job_that_has_passed_sees_what_began_since_the_last_look(redis_url: str) -> None:
    """Another process has begun the hold, or the streak, a moment ago; this job may be the last one for long."""
    with redis.Redis.from_url(redis_url, decode_responses=True) as client:
        ours, theirs = RedisJobStore(client, KEYS), RedisJobStore(client, KEYS)
        for at, begin in enumerate(
            (
                lambda: theirs.holds.hold("collect", reason="disk_full", detail=""),
                lambda: theirs.holds.lengthen_streak("collect", ttl_s=60),
            )
        ):
            assert ours.create(Job(f"job-{at}", 1, "paid"), due_at=0)
            assert not ours.holds.may_resume("collect"), "the look that will do for a second"
            begin()
            job = ours.claim(f"job-{at}", 1, ("paid",), lease_s=30)
            ours.advance(job, {}, due_at=None, passes="collect")
            assert ours.holds.may_resume("collect")
            ours.holds.resume("collect")
            assert not ours.holds.may_resume("collect")
