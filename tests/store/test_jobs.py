"""Contract of the job store: jobs, claims, leases, fences, the schedule."""

from __future__ import annotations

import pytest

from sidecar.core.errors import StaleClaim
from sidecar.core.job import Job
from tests.store.conftest import Memory

ALL = ("paid", "submitting", "submitted", "enlarged")


def message(id: str, text: str = "") -> dict:
    return {"id": id, "type": "job.progress", "data": {"text": text}}


def test_a_job_comes_back_as_it_was_stored(memory: Memory) -> None:
    job = Job("job-1", 3, "submitted", factor=4, title='Sunrise "é" ☀', source_url="https://shop.example/a b.jpg")
    assert memory.store.create(job, due_at=memory.clock() + 5)
    assert (memory.store.get("job-1"), memory.store.due_at("job-1")) == (job, memory.clock() + 5)


def test_an_unknown_job_is_none(memory: Memory) -> None:
    assert memory.store.get("nobody") is None
    assert memory.store.claim("nobody", 1, ALL, lease_s=10) is None
    assert memory.store.change("nobody", 1, (), {"consecutive_failures": 1}) is None


def test_a_repeated_or_older_attempt_changes_nothing(memory: Memory) -> None:
    memory.paid(attempt=2, title="second")
    assert not memory.store.create(Job("job-1", 2, "paid", title="again"), due_at=None)
    assert not memory.store.create(Job("job-1", 1, "paid", title="first"), due_at=None)
    assert memory.store.get("job-1").title == "second"
    assert memory.store.counts() == {"paid": 1}


def test_a_newer_attempt_replaces_the_older_with_all_its_fields(memory: Memory) -> None:
    old = memory.paid(attempt=1, upsampler_id="old-id")
    claimed = memory.store.claim("job-1", 1, ALL, lease_s=10)
    assert memory.store.create(Job("job-1", 2, "paid"), due_at=memory.clock() + 9)
    job = memory.store.get("job-1")
    assert (job.attempt, job.upsampler_id, job.claim) == (2, "", "")
    with pytest.raises(StaleClaim):
        memory.store.advance(claimed, {"state": "submitted"}, due_at=None)
    assert memory.store.claim("job-1", old.attempt, ALL, lease_s=10) is None
    assert memory.store.counts() == {"paid": 1}


def test_only_one_worker_gets_the_claim(memory: Memory) -> None:
    memory.paid()
    first = memory.store.claim("job-1", 1, ALL, lease_s=10)
    assert first is not None and first.claim
    assert memory.store.claim("job-1", 1, ALL, lease_s=10) is None


def test_a_job_in_another_state_is_not_claimed(memory: Memory) -> None:
    memory.paid()
    assert memory.store.claim("job-1", 1, ("submitted", "enlarged"), lease_s=10) is None
    assert memory.store.get("job-1").claim == ""


def test_a_claim_books_the_end_of_its_lease(memory: Memory) -> None:
    memory.paid()
    memory.store.claim("job-1", 1, ALL, lease_s=10)
    assert memory.store.due_at("job-1") == memory.clock() + 10


def test_a_lapsed_lease_passes_on_and_counts_as_a_crash(memory: Memory) -> None:
    memory.paid()
    first = memory.store.claim("job-1", 1, ALL, lease_s=10)
    memory.let_pass(10)
    second = memory.store.claim("job-1", 1, ALL, lease_s=10)
    assert second is not None and second.claim != first.claim
    assert (first.crash_count, second.crash_count) == (0, 1)


@pytest.mark.parametrize(("since", "until", "crashes"), [(-1, 20, 0), (5, 10, 0), (11, 20, 1), (-20, 9, 1)])
def test_a_lease_that_lapses_in_an_outage_is_no_crash(memory: Memory, since: int, until: int, crashes: int) -> None:
    memory.paid()
    now = memory.clock()
    memory.store.claim("job-1", 1, ALL, lease_s=10)
    memory.store.heartbeats.record_outage(since=now + since, until=now + until)
    memory.let_pass(30)
    assert memory.store.claim("job-1", 1, ALL, lease_s=10).crash_count == crashes


def test_a_worker_that_wakes_up_late_writes_nothing(memory: Memory) -> None:
    memory.paid()
    first = memory.store.claim("job-1", 1, ALL, lease_s=10)
    memory.let_pass(11)
    second = memory.store.claim("job-1", 1, ALL, lease_s=10)
    with pytest.raises(StaleClaim):
        memory.store.advance(first, {"state": "submitted"}, due_at=None, messages=[message("late")])
    with pytest.raises(StaleClaim):
        memory.store.renew(first, lease_s=10)
    assert memory.store.get("job-1") == second
    assert memory.outbox.ready("deliver", limit=9) == []


def test_a_renewed_lease_does_not_lapse(memory: Memory) -> None:
    memory.paid()
    first = memory.store.claim("job-1", 1, ALL, lease_s=10)
    memory.let_pass(8)
    memory.store.renew(first, lease_s=10)
    memory.let_pass(8)
    assert memory.store.claim("job-1", 1, ALL, lease_s=10) is None
    memory.let_pass(3)
    assert memory.store.claim("job-1", 1, ALL, lease_s=10) is not None


def test_a_renewal_moves_the_lease_and_nothing_else_of_a_job(memory: Memory) -> None:
    memory.paid()
    claimed = memory.store.claim("job-1", 1, ALL, lease_s=10)
    memory.let_pass(8)
    memory.store.renew(claimed, lease_s=10)
    assert memory.store.get("job-1") == claimed.but(updated_at=int(memory.clock()))
    assert memory.store.due_at("job-1") == memory.clock() + 10


def test_an_advance_writes_state_timetable_and_messages_in_one_step(memory: Memory) -> None:
    memory.paid()
    claimed = memory.store.claim("job-1", 1, ALL, lease_s=10)
    due = memory.clock() + 30
    after = memory.store.advance(
        claimed, {"state": "submitted", "upsampler_id": "u-1"}, due_at=due, messages=[message("a"), message("b")]
    )
    assert (after.state, after.upsampler_id, after.claim) == ("submitted", "u-1", "")
    assert memory.store.due_at("job-1") == due
    assert memory.store.get("job-1") == after
    assert [m["id"] for m in memory.outbox.ready("deliver", limit=9)] == ["a", "b"]
    assert memory.store.counts() == {"submitted": 1}


def test_an_advance_may_keep_the_claim_and_then_moves_its_lease(memory: Memory) -> None:
    memory.paid()
    claimed = memory.store.claim("job-1", 1, ALL, lease_s=10)
    memory.let_pass(5)
    kept = memory.store.advance(claimed, {"submit_started_at": 1}, due_at=memory.clock() + 10, release=False)
    memory.let_pass(9)
    assert memory.store.claim("job-1", 1, ALL, lease_s=10) is None
    memory.store.advance(kept, {"state": "submitted"}, due_at=None)


def test_a_field_goes_back_to_its_default(memory: Memory) -> None:
    memory.paid(reason="disk_full", consecutive_failures=3, webhook_upsampler_id="x")
    after = memory.store.change("job-1", 1, ("paid",), {"reason": "", "consecutive_failures": 0})
    assert (after.reason, after.consecutive_failures, after.webhook_upsampler_id) == ("", 0, "x")
    assert memory.store.get("job-1").consecutive_failures == 0


def test_a_change_from_outside_takes_the_claim_away(memory: Memory) -> None:
    memory.paid()
    claimed = memory.store.claim("job-1", 1, ALL, lease_s=10)
    assert memory.store.change("job-1", 1, ("paid",), {"state": "review"}, due_at=None, settled=True)
    with pytest.raises(StaleClaim):
        memory.store.advance(claimed, {"state": "submitted"}, due_at=None)
    assert memory.store.get("job-1").state == "review"


def test_a_change_may_leave_claim_and_lease_alone(memory: Memory) -> None:
    memory.paid(state="submitting")
    claimed = memory.store.claim("job-1", 1, ALL, lease_s=10)
    memory.store.change("job-1", 1, ("submitting",), {"webhook_upsampler_id": "u-9"}, fence=False)
    assert memory.store.due_at("job-1") == memory.clock() + 10
    after = memory.store.advance(claimed, {"state": "submitted"}, due_at=None)
    assert after.webhook_upsampler_id == "u-9", "what came meanwhile is seen"


def test_a_change_from_a_state_that_has_passed_does_nothing(memory: Memory) -> None:
    memory.paid(state="stored")
    refused = memory.store.change(
        "job-1", 1, ("paid", "submitting"), {"consecutive_failures": 9}, due_at=None, messages=[message("x")]
    )
    assert refused is None
    assert memory.store.get("job-1").consecutive_failures == 0
    assert memory.store.due_at("job-1") == memory.clock()
    assert memory.outbox.waiting("deliver") == 0


def test_a_change_by_one_who_has_read_something_else_does_nothing(memory: Memory) -> None:
    memory.paid(submit_claim="mine", consecutive_failures=2)
    unread = {"submit_claim": ""}
    assert (
        memory.store.change("job-1", 1, ("paid",), {"consecutive_failures": 9}, expect=unread, messages=[message("x")])
        is None
    )
    assert (memory.store.get("job-1").consecutive_failures, memory.outbox.waiting("deliver")) == (2, 0)
    read = {"submit_claim": "mine", "consecutive_failures": 2, "webhook_upsampler_id": ""}
    assert (
        memory.store.change("job-1", 1, ("paid",), {"consecutive_failures": 9}, expect=read, messages=[message("x")])
        is not None
    )
    assert (memory.store.get("job-1").consecutive_failures, memory.outbox.waiting("deliver")) == (9, 1)


def test_a_change_in_a_superseded_attempt_does_nothing(memory: Memory) -> None:
    memory.paid(attempt=2)
    assert memory.store.change("job-1", 1, (), {"state": "review"}, due_at=None) is None
    assert memory.store.get("job-1").state == "paid"


def test_a_settled_job_leaves_after_a_day_and_an_open_one_never(memory: Memory) -> None:
    memory.paid("done", state="stored")
    memory.paid("open")
    memory.store.change("done", 1, (), {"state": "delivered"}, due_at=None, settled=True)
    memory.let_pass(86399)
    assert memory.store.get("done") is not None
    memory.let_pass(2)
    assert memory.store.get("done") is None
    assert memory.store.get("open") is not None


def test_a_reopened_job_stays(memory: Memory) -> None:
    memory.paid(state="review")
    memory.store.change("job-1", 1, (), {}, due_at=None, settled=True)
    memory.store.change("job-1", 1, ("review",), {"state": "submitted"}, due_at=memory.clock())
    memory.let_pass(90000)
    assert memory.store.get("job-1").state == "submitted"


def test_counts_are_of_unsettled_jobs_only(memory: Memory) -> None:
    memory.paid("a")
    memory.paid("b")
    memory.paid("c", state="stored")
    memory.store.change("c", 1, (), {"state": "delivered"}, due_at=None, settled=True)
    assert memory.store.counts() == {"paid": 2}
    memory.store.forget("a")
    memory.store.forget("a")
    assert memory.store.counts() == {"paid": 1}


def test_several_jobs_are_read_at_once(memory: Memory) -> None:
    memory.paid("a")
    memory.paid("b")
    assert {id: job.state for id, job in memory.store.get_many(["a", "x", "b"]).items()} == {"a": "paid", "b": "paid"}
    assert memory.store.get_many([]) == {}
    assert memory.store.versions(["a", "x", "b"]) == {"a": (1, "paid"), "b": (1, "paid")}
    assert memory.store.versions([]) == {}


def test_what_is_due_is_taken_once_and_booked_again(memory: Memory) -> None:
    for number, wait in enumerate((0, 5, 50)):
        memory.store.create(Job(f"job-{number}", 1, "paid"), due_at=memory.clock() + wait)
    memory.let_pass(6)
    assert memory.store.take_due(limit=10, rebook_s=15) == ["job-0", "job-1"]
    assert memory.store.take_due(limit=10, rebook_s=15) == []
    memory.let_pass(15)
    assert sorted(memory.store.take_due(limit=10, rebook_s=15)) == ["job-0", "job-1"]


def test_no_more_than_the_limit_is_taken_oldest_first(memory: Memory) -> None:
    for number in range(4):
        memory.store.create(Job(f"job-{number}", 1, "paid"), due_at=memory.clock() - number)
    assert memory.store.take_due(limit=2, rebook_s=15) == ["job-3", "job-2"]


def test_a_job_without_a_date_is_not_in_the_timetable(memory: Memory) -> None:
    memory.paid()
    memory.store.change("job-1", 1, (), {"state": "delivered"}, due_at=None, settled=True)
    assert memory.store.all_ids() == []
    memory.let_pass(100000)
    assert memory.store.take_due(limit=9, rebook_s=1) == []


def test_a_forgotten_job_is_nowhere(memory: Memory) -> None:
    memory.paid()
    memory.store.take_slot(memory.store.get("job-1"))
    memory.store.forget("job-1")
    assert memory.store.get("job-1") is None
    assert memory.store.all_ids() == memory.store.slot_holders() == []


def test_an_answer_is_kept_once_and_for_its_time(memory: Memory) -> None:
    assert memory.store.idempotency.remembered("msg_1") is None
    assert memory.store.idempotency.remember("msg_1", {"status": 200}, ttl_s=60)
    assert not memory.store.idempotency.remember("msg_1", {"status": 404}, ttl_s=60)
    assert memory.store.idempotency.remembered("msg_1") == {"status": 200}
    memory.let_pass(61)
    assert memory.store.idempotency.remembered("msg_1") is None


def test_a_hint_is_kept_for_its_submission_for_a_day(memory: Memory) -> None:
    memory.store.keep_hint("job-1", 1, 2, "u-1")
    assert memory.store.kept_hint("job-1", 1, 2) == "u-1"
    assert memory.store.kept_hint("job-1", 1, 1) == memory.store.kept_hint("job-1", 2, 2) == ""
    memory.let_pass(86401)
    assert memory.store.kept_hint("job-1", 1, 2) == ""


def test_a_heartbeat_fades(memory: Memory) -> None:
    assert not memory.store.heartbeats.is_alive("cron")
    memory.store.heartbeats.record("cron")
    assert memory.store.heartbeats.is_alive("cron")
    memory.let_pass(16)
    assert not memory.store.heartbeats.is_alive("cron")


def test_an_interval_is_acquired_by_one_caller_in_its_time(memory: Memory) -> None:
    assert [memory.store.heartbeats.acquire_interval("reconcile", every_s=60) for _ in range(3)] == [True, False, False]
    assert memory.store.heartbeats.acquire_interval("cleanup", every_s=60)
    memory.let_pass(61)
    assert memory.store.heartbeats.acquire_interval("reconcile", every_s=60)


def test_it_is_told_whether_any_of_some_intervals_runs(memory: Memory) -> None:
    beats = memory.store.heartbeats
    assert not beats.is_any_running(["a", "b"])
    beats.acquire_interval("b", every_s=60)
    assert beats.is_any_running(["a", "b"]) and not beats.is_any_running(["a"])
    beats.release_interval("b")
    assert not beats.is_any_running(["a", "b"])


def test_the_oldest_unsettled_job_of_each_state_is_known(memory: Memory) -> None:
    for number, age in enumerate((10, 70, 40)):
        memory.paid(f"job-{number}", state="enlarged", stage_since=int(memory.clock() - age))
    memory.paid("job-3", stage_since=int(memory.clock() - 5))
    assert {state: round(age) for state, age in memory.store.oldest().items()} == {"enlarged": 70, "paid": 5}


def test_a_store_is_busy_with_an_unsettled_job_or_a_waiting_message(memory: Memory) -> None:
    assert not memory.store.is_busy()
    memory.outbox.put("settle", [{"id": "m", "type": "admin.notice", "data": {}}])
    assert memory.store.is_busy()
    memory.outbox.drop("settle", ["m"])
    assert not memory.store.is_busy()
    memory.paid()
    assert memory.store.is_busy()
