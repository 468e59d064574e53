"""A broken way to Upsampler loses the answer to every submit: the stage is held before all jobs end in review."""

from __future__ import annotations

from sidecar.core.errors import TemporaryError, UnknownOutcome
from tests.workflow.rig import Rig

LOST = UnknownOutcome("submit_outcome_unknown", "HTTP 502")


def states(rig: Rig) -> list[str]:
    return [rig.row(f"job-{n}").state for n in range(10)]


def test_the_fifth_lost_answer_in_a_row_holds_the_others_back() -> None:
    rig = Rig()
    rig.webhooks = False
    rig.faulty_upsampler.faults["submit"] = LOST
    for n in range(5):
        rig.buy(f"job-{n}")
        rig.let_pass(2)
    assert rig.store.holds.held()["submit"]["reason"] == "submit_outcome_unknown"
    rig.faulty_upsampler.faults["check_key"] = TemporaryError("upsampler_unavailable", "HTTP 502")
    for n in range(5, 10):
        rig.buy(f"job-{n}")
    rig.let_pass(600)
    assert states(rig)[:5] == ["submitting"] * 5
    assert all(state in ("paid", "submitting") for state in states(rig)[5:])
    assert rig.upsampler.accepted == [], "while not even a question is answered, nothing is submitted"
    rig.faulty_upsampler.faults.clear()
    rig.let_pass(3 * 3600)
    assert states(rig) == ["review"] * 5 + ["delivered"] * 5
    assert rig.store.holds.held() == {}


def test_a_lost_answer_now_and_then_holds_nobody() -> None:
    rig = Rig()
    rig.webhooks = False
    for n in range(12):
        if n % 2:
            rig.faulty_upsampler.faults["submit"] = LOST
        rig.buy(f"job-{n}")
        rig.let_pass(2)
        rig.faulty_upsampler.faults.clear()
    assert rig.store.holds.held() == {}
