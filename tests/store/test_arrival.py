"""Contract of a job's arrival: answered before, created, on its way, all in one."""

from __future__ import annotations

from typing import Any

import pytest

from sidecar.core.job import Job, NextStep
from tests.store.conftest import Memory

ANSWER = {"body": "digest", "answer": {"stored": True}, "status": 200}
ASKS = {"body": "digest", "answer": {"stored": True, "asks": True}, "status": 200}
MESSAGE = {"id": "submitting:job-1:1:1", "type": "job.submitting", "data": {"claim": "c-1"}}


def arrive(memory: Memory, job: Job | None = None, *, id: str = "msg_1", slots: bool = False, **how: Any) -> Any:
    next_step = NextStep("submit", {"submit_claim": "c-1"}, MESSAGE, memory.clock() + 60, ASKS)
    return (memory.store if slots else memory.unlimited).arrive(
        job or Job("job-1", 1, "paid", factor=4),
        due_at=memory.clock() + 15,
        message_id=id,
        answer=ANSWER,
        ttl_s=60,
        **{"next_step": next_step} | how,
    )


def test_a_job_is_on_its_way_at_once(memory: Memory) -> None:
    assert arrive(memory) == ("started", None)
    job = memory.unlimited.get("job-1")
    assert (job.state, job.factor, job.submit_claim) == ("paid", 4, "c-1")
    assert memory.unlimited.due_at("job-1") == memory.clock() + 60
    assert memory.outbox.ready("deliver", limit=9) == [MESSAGE]
    assert (memory.notified, memory.unlimited.counts()) == (["deliver"], {"paid": 1})
    assert memory.unlimited.idempotency.remembered("msg_1") == ASKS


def test_a_repeated_message_changes_nothing_and_gets_its_answer(memory: Memory) -> None:
    arrive(memory)
    memory.outbox.done("deliver", [MESSAGE])
    assert arrive(memory, Job("job-2", 1, "paid")) == ("answered", ASKS)
    assert memory.unlimited.get("job-2") is None
    assert memory.outbox.waiting("deliver") == 0


def test_an_answer_fades_and_the_job_is_known_all_the_same(memory: Memory) -> None:
    arrive(memory)
    memory.let_pass(61)
    assert arrive(memory) == ("known", None)


@pytest.mark.parametrize("attempt", [1, 2])
def test_a_known_attempt_or_a_newer_one_stays_as_it_is(memory: Memory, attempt: int) -> None:
    memory.unlimited.create(Job("job-1", attempt, "submitted"), due_at=memory.clock())
    assert arrive(memory) == ("known", None)
    assert (memory.unlimited.get("job-1").state, memory.outbox.waiting("deliver")) == ("submitted", 0)
    assert memory.unlimited.idempotency.remembered("msg_1") == ANSWER


def test_a_newer_attempt_takes_the_place_of_a_settled_one(memory: Memory) -> None:
    memory.unlimited.create(Job("job-1", 1, "delivered", path="a.jpg"), due_at=None)
    memory.unlimited.change("job-1", 1, (), {}, due_at=None, settled=True)
    assert arrive(memory, Job("job-1", 2, "paid")) == ("started", None)
    memory.let_pass(100_000)
    job = memory.unlimited.get("job-1")
    assert (job.attempt, job.path) == (2, "")


@pytest.mark.parametrize("by_admin", [False, True])
def test_before_a_held_stage_a_job_waits(memory: Memory, by_admin: bool) -> None:
    memory.unlimited.holds.hold("submit", reason="upsampler_key_refused", detail="", by_admin=by_admin)
    assert arrive(memory) == ("waits", None)
    job = memory.unlimited.get("job-1")
    assert (job.submit_claim, memory.unlimited.due_at("job-1")) == ("", memory.clock() + 15)
    assert (memory.outbox.waiting("deliver"), memory.notified) == (0, [])


def test_another_stage_that_is_held_is_not_in_the_way(memory: Memory) -> None:
    memory.unlimited.holds.hold("collect", reason="disk_full", detail="")
    assert arrive(memory) == ("started", None)


def test_where_jobs_stand_in_line_for_upsampler_a_job_waits(memory: Memory) -> None:
    assert arrive(memory, slots=True) == ("waits", None)


def test_a_job_that_may_not_go_on_waits(memory: Memory) -> None:
    assert arrive(memory, next_step=None) == ("waits", None)
