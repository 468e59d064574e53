"""Once one job gets through after an outage, the others do not wait for their own late hour."""

from __future__ import annotations

import pytest

from sidecar.workflow.time_limits import OUTAGE_SPREAD_S
from tests.workflow.rig import Rig

JOBS = 5


def away(rig: Rig, seconds: float) -> None:
    """Upsampler answers 503 to everything, for so long; then it is back."""
    rig.upsampler.put_faults({"fault": "submit_503"}, {"fault": "status_500"})
    for number in range(JOBS):
        rig.buy(f"job-{number}")
        rig.let_pass(7)
    rig.let_pass(seconds)
    rig.upsampler.put_faults()


def states(rig: Rig) -> list[str]:
    return [rig.job(f"job-{number}").state for number in range(JOBS)]


def waiting(rig: Rig) -> int:
    return sum(rig.job(f"job-{number}").reason == "upsampler_unavailable" for number in range(JOBS))


@pytest.mark.parametrize("seed", range(4))
def test_when_one_gets_through_the_others_follow_within_seconds(seed: int) -> None:
    rig = Rig(seed=seed)
    away(rig, 150)
    assert waiting(rig) == JOBS
    for _ in range(600):
        rig.let_pass(1)
        if waiting(rig) < JOBS:
            break
    rig.let_pass(OUTAGE_SPREAD_S + 2)
    assert waiting(rig) == 0, states(rig)
    rig.let_pass(200)
    assert states(rig) == ["delivered"] * JOBS
    assert len(rig.upsampler.accepted) == JOBS


def test_they_are_spread_and_do_not_come_all_at_once() -> None:
    rig = Rig()
    away(rig, 150)
    for _ in range(600):
        rig.let_pass(0.5)
        if waiting(rig) < JOBS:
            break
    due = {round(rig.store.due_at(f"job-{n}"), 3) for n in range(JOBS) if rig.job(f"job-{n}").reason}
    assert len(due) > 1 and max(due) <= rig.clock() + OUTAGE_SPREAD_S


def test_while_it_lasts_nobody_is_called(rig: Rig) -> None:
    """The ledger lets a submission through each time: that is no word of Upsampler's."""
    away(rig, 150)
    assert "outage.over" not in [event for event, _ in rig.events]


def test_a_job_that_failed_for_another_reason_keeps_its_hour(rig: Rig) -> None:
    away(rig, 150)
    job = rig.job("job-4")
    rig.store.change("job-4", job.attempt, (), {"reason": "upsampler_rate_limited"}, due_at=rig.clock() + 250)
    until = rig.store.due_at("job-4")
    for _ in range(240):
        rig.let_pass(1)
        if waiting(rig) < JOBS - 1:
            break
    rig.let_pass(2)
    assert (rig.store.due_at("job-4"), rig.job("job-4").reason) == (until, "upsampler_rate_limited")
