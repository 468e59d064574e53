"""Upsampler's concurrency limit through the pipeline, and the clock's hand."""

from __future__ import annotations

import pytest

from sidecar.core.job import Job
from sidecar.workflow import scheduler
from sidecar.workflow.view import status_document
from tests.workflow.rig import Rig


def at_upsampler(rig: Rig) -> int:
    return sum(job.status(rig.clock()) in ("IN_QUEUE", "IN_PROGRESS") for job in rig.upsampler.accepted)


def test_no_more_jobs_are_at_upsampler_than_there_are_slots() -> None:
    rig = Rig(slots=3)
    for number in range(12):
        rig.buy(f"job-{number:02}")
    most = 0
    for _ in range(400):
        rig.let_pass(1)
        most = max(most, at_upsampler(rig))
    assert most == 3
    assert all(rig.row(f"job-{number:02}").state == "delivered" for number in range(12))
    assert rig.store.slot_holders() == []


def test_whoever_paid_first_goes_first_and_sees_his_place() -> None:
    rig = Rig(slots=1)
    for number in range(4):
        rig.buy(f"job-{number}")
        rig.clock.advance(1)
    rig.work()
    places = [status_document(rig.ports, rig.job(f"job-{number}"))["position"] for number in range(4)]
    assert places == [None, 1, 2, 3]
    rig.let_pass(400)
    order = [job.image_url.rpartition("/")[2] for job in rig.upsampler.accepted]
    assert order == [f"job-{number}.png" for number in range(4)]


@pytest.mark.parametrize("fault", ["submit_400", "submit_lost", "submit_failed", "processing_stuck", "result_html"])
def test_a_job_that_ends_badly_gives_its_slot_back(fault: str) -> None:
    rig = Rig(slots=1)
    rig.webhooks = False
    rig.upsampler.put_faults({"fault": fault, "match": "job-1"})
    rig.buy("job-1")
    rig.buy("job-2")
    rig.let_pass(3 * 3600)
    assert rig.row("job-2").state == "delivered"
    assert rig.store.slot_holders() == []


def test_work_that_was_queued_and_lost_comes_due_again_within_seconds(rig: Rig) -> None:
    rig.buy()
    rig.let_pass(30)
    rig.webhooks = False
    for _ in range(5):
        rig.queue.tasks.clear()
        scheduler.tick(rig.ports)
        rig.clock.advance(5)
    rig.queue.flush_all()
    rig.let_pass(200)
    assert rig.row().state == "delivered"


@pytest.mark.parametrize(
    "point",
    [
        *("submit:claimed", "watch:claimed", "collect:claimed", "collect:before_rename", "collect:after_rename"),
        *("flush:deliver:answered", "submit:after_post"),
    ],
)
def test_a_dead_workers_job_is_at_work_again_within_20_seconds(rig: Rig, point: str) -> None:
    """The claim lives 12 s; then the scheduler hands the job to somebody else."""
    died_at: list[float] = []
    again_at: list[float] = []

    def die(name: str) -> None:
        if name == point and not died_at:
            died_at.append(rig.clock())
            raise SystemExit
        if died_at and not again_at:
            again_at.append(rig.clock())

    rig.crash_point = die
    unlock = rig.outbox.unlock
    rig.outbox.unlock = lambda lane, token: None if died_at and not again_at else unlock(lane, token)
    rig.buy()
    for _ in range(200):
        try:
            rig.let_pass(1)
        except SystemExit:
            continue
    assert again_at[0] - died_at[0] <= 20
    rig.let_pass(100)
    assert (rig.row().state, rig.mails(), len(rig.upsampler.accepted)) == ("delivered", ["delivered"], 1)


def test_a_job_in_the_timetable_that_nobody_knows_is_dropped(rig: Rig) -> None:
    rig.store.create(Job("ghost", 1, "paid"), due_at=rig.clock())
    rig.store._jobs.pop("ghost")
    rig.tick()
    assert rig.store.all_ids() == []


def test_a_job_that_we_stumble_over_does_not_stop_the_others() -> None:
    rig = Rig()
    rig.buy("job-1")
    rig.shop.buy("job-2")
    rig.store.create(Job("job-0", 1, "paid", previous="{", force=0), due_at=rig.clock())
    rig.store.change("job-0", 1, (), {"state": "enlarged"})
    held = rig.store.holds.held
    calls: list[int] = []

    def stumble() -> dict:
        calls.append(1)
        if len(calls) == 1:
            raise KeyError("a bug")
        return held()

    rig.store.holds.held = stumble
    rig.store.create(Job("job-3", 1, "enlarged"), due_at=rig.clock())
    scheduler.tick(rig.ports)
    assert len(calls) == 2
    assert [fields["stage"] for fields in rig.faults()] == ["timetable"]


def test_when_we_stumble_over_every_job_it_is_not_the_jobs() -> None:
    rig = Rig()
    for number in range(9):
        rig.store.create(Job(f"job-{number}", 1, "enlarged"), due_at=rig.clock())

    def gone() -> dict:
        raise ConnectionError("Redis does not answer")

    rig.store.holds.held = gone
    with pytest.raises(ConnectionError):
        scheduler.tick(rig.ports)
