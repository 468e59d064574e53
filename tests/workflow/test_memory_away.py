"""Working memory goes away in the middle of a stage: no fault of ours, none of the job's, and nothing is done twice."""

from __future__ import annotations

import pytest
import redis

from sidecar.core.job import Job
from sidecar.workflow import scheduler
from sidecar.workflow.time_limits import LEASE_S
from tests.workflow.rig import Faulty, Part, Rig
from tests.workflow.test_slow_results import Server

AWAY = redis.ConnectionError("Connection refused.")


def rig_with_faulty_store() -> tuple[Rig, Faulty]:
    stores: list[Faulty] = []

    def wrap(name: str, part: Part) -> Part:
        if name != "store":
            return part
        stores.append(Faulty(part))
        return stores[0]  # type: ignore[return-value]

    return Rig(wrap=wrap), stores[0]


@pytest.mark.parametrize("for_long", [False, True])
@pytest.mark.parametrize("point", ["submit:claimed", "collect:claimed", "collect:after_rename"])
def test_the_job_waits_and_is_delivered_once(point: str, for_long: bool) -> None:
    """`for_long`: what is asked for after that fails, too, and the claim's lease lapses."""
    rig, store = rig_with_faulty_store()
    struck: list[str] = []

    def once(reached: str) -> None:
        if reached == point and not struck:
            struck.append(reached)
            if for_long:
                store.faults["advance"] = AWAY
            raise AWAY

    rig.crash_point = once
    rig.buy()
    for _ in range(12):
        rig.let_pass(LEASE_S)
        if struck:
            store.faults.clear()
    assert (struck, rig.row().state, rig.mails()) == ([point], "delivered", ["delivered"])
    assert (rig.actions(), rig.faults(), len(rig.upsampler.accepted)) == ([], [], 1)
    levels = {fields["level"] for event, fields in rig.events if event == "stage.memory_away"}
    assert levels == {"warning"}


def test_a_transfer_that_ends_while_memory_is_away_leaves_its_job_to_the_lease() -> None:
    rig, store = rig_with_faulty_store()
    object.__setattr__(rig.ports, "fetcher", Server())
    rig.transfers.slow = True
    rig.buy()
    rig.let_pass(60)
    store.faults["advance"] = AWAY
    rig.transfers.finish()
    store.faults.clear()
    rig.transfers.slow = False
    rig.let_pass(60)
    assert (rig.row().state, rig.actions(), rig.faults()) == ("delivered", [], [])


def test_a_timetable_that_is_carried_out_then_blames_no_job() -> None:
    """The clock, which called for it, says that it waits for Redis."""
    rig, store = rig_with_faulty_store()
    for number in range(3):
        rig.store.create(Job(f"job-{number}", 1, "enlarged"), due_at=rig.clock())
    store.faults["holds"] = AWAY
    with pytest.raises(redis.ConnectionError):
        scheduler.tick(rig.ports)
    assert rig.faults() == []


def test_an_answer_of_the_shop_that_can_not_be_taken_then_comes_again() -> None:
    rig, store = rig_with_faulty_store()
    rig.buy()
    store.faults["change"] = AWAY
    with pytest.raises(redis.ConnectionError):
        rig.work()
    assert rig.faults() == []
    store.faults.clear()
    rig.let_pass(120)
    assert (rig.row().state, rig.mails(), len(rig.upsampler.accepted)) == ("delivered", ["delivered"], 1)
