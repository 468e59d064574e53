"""The rule "delayed": the sidecar judges as the vectors say, which the bridge's tests read as well."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sidecar.core.job import Job
from sidecar.core.reasons import HOLDS
from sidecar.core.states import PHASES
from sidecar.workflow.recovery.table import TABLE
from sidecar.workflow.view import is_delayed, status_document
from tests.testbed.places import REPOSITORY
from tests.workflow.rig import Rig

VECTORS = json.loads((REPOSITORY / "tests" / "vectors" / "delayed.json").read_text())
CASES = VECTORS["cases"]
LOOK_S = 5


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['state']}: {case['why']}")
def test_a_customer_is_told_that_it_takes_longer(rig: Rig, case: dict[str, Any]) -> None:
    since = int(rig.clock()) - case["stage_s"]
    job = Job("job-1", 1, case["state"], reason=case["reason"] or "", stage_since=since, paid_at=since - 4000)
    assert (status_document(rig.ports, job)["phase"] == "delayed") is case["delayed"]


def test_the_reasons_that_hold_a_stage_are_those_of_the_recovery_table() -> None:
    by_table = {code for code, row in TABLE.items() if row.ending == "hold"}
    assert HOLDS - {"held_by_admin"} == by_table


@pytest.mark.parametrize("step", VECTORS["steps"], ids=lambda step: f"{step['from']} to {step['to']}")
def test_the_time_begins_anew_with_the_phase(step: dict[str, Any]) -> None:
    assert (PHASES[step["from"]] != PHASES[step["to"]]) is step["anew"]


def asked_at_wordpress(rig: Rig) -> str:
    """The phase that the bridge would give: its rule, over the row that the messages have made."""
    row = rig.row()
    held, stage_s = row.reason in HOLDS, int(rig.clock() - row.stage_since)
    late = is_delayed(row.state, held=held, failed=bool(row.reason), stage_s=stage_s)
    return "delayed" if late else PHASES[row.state]


def both(rig: Rig, seconds: int) -> list[tuple[str, str]]:
    """What the customer is told by the sidecar and by the bridge, at each look."""
    told = []
    for _ in range(0, seconds, LOOK_S):
        rig.let_pass(LOOK_S)
        told.append((status_document(rig.ports, rig.job())["phase"], asked_at_wordpress(rig)))
    return told


def disagreements(told: list[tuple[str, str]]) -> list[tuple[int, str, str]]:
    """Looks at which they differ, but for a single one: the news of a step goes along with other messages."""
    differ = [(at * LOOK_S, *said) for at, said in enumerate(told) if said[0] != said[1]]
    at = {when for when, *_ in differ}
    return [line for line in differ if line[0] - LOOK_S in at]


def test_both_tell_at_once_that_the_account_is_empty(rig: Rig) -> None:
    """Upsampler itself refuses the submit: the submission is given up, and the stage is held."""
    rig.upsampler.credits = 0
    rig.buy()
    told = both(rig, 300)
    assert ("delayed", "delayed") == told[1] == told[-1]
    assert disagreements(told) == []


def test_tries_that_fail_again_and_again_do_not_make_the_time_begin_anew(rig: Rig) -> None:
    rig.upsampler.put_faults({"fault": "submit_503"})
    rig.buy()
    told = both(rig, 420)
    assert told[2][0] == "queued" and ("delayed", "delayed") in told
    assert set(told[told.index(("delayed", "delayed")) :]) == {("delayed", "delayed")}
    assert disagreements(told) == []


def test_a_job_that_is_submitted_once_more_waits_as_a_new_one_does(rig: Rig) -> None:
    """Upsampler gives up late, and is away when it is asked once more."""
    rig.upsampler.put_faults({"fault": "processing_failed"})
    rig.upsampler.delay = 400
    rig.buy()
    told = both(rig, 390)
    rig.upsampler.put_faults({"fault": "submit_503"}, {"fault": "processing_failed"})
    told += both(rig, 300)
    assert rig.job().resubmissions == 1, rig.actions()
    assert ("queued", "queued") in told[78:] and told[-1] == ("delayed", "delayed")
    assert disagreements(told) == []


def test_a_failure_that_has_passed_is_over_for_both(rig: Rig) -> None:
    rig.webhooks = False
    rig.upsampler.delay = 600
    rig.buy()
    told = both(rig, 60)
    rig.upsampler.put_faults({"fault": "status_500"})
    while not rig.row().reason and len(told) < 60:
        told += both(rig, LOOK_S)
    rig.upsampler.put_faults()
    told += both(rig, 400)
    assert rig.actions(), "a poll has failed"
    assert told[-1] == ("enlarging", "enlarging")
    assert disagreements(told) == []


@pytest.mark.parametrize("slots", [0, 1])
def test_whoever_buys_behind_an_admins_hold_is_told_by_both_and_once(slots: int) -> None:
    rig = Rig(slots=slots)
    rig.store.holds.hold("submit", reason="held_by_admin", detail="", by_admin=True)
    rig.buy("first")
    rig.buy()
    told = both(rig, 600)
    assert set(told[2:]) == {("delayed", "delayed")}
    assert rig.shop.requests <= 2, "the news does not go at each try"
    rig.store.holds.resume("submit", by_admin=True)
    rig.let_pass(300)
    assert (rig.job().state, rig.row().reason, rig.faults()) == ("delivered", None, [])


def test_a_result_behind_a_held_stage_is_told_as_late_by_both(rig: Rig) -> None:
    rig.buy()
    rig.let_pass(20)
    rig.store.holds.hold("collect", reason="held_by_admin", detail="", by_admin=True)
    told = both(rig, 300)
    assert told[-1] == ("delayed", "delayed")
    assert disagreements(told) == []
    rig.store.holds.resume("collect", by_admin=True)
    rig.let_pass(100)
    assert rig.job().state == "delivered"
