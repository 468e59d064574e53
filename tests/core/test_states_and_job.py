"""The table of states, and the job's form in a Redis hash."""

from __future__ import annotations

from dataclasses import fields

import pytest

from sidecar.core.job import DEFAULTS, Job
from sidecar.core.states import LABELS, MOVED_BY, QUEUES, SETTLED, STATES
from sidecar.core.stored_names import JOB_FIELDS
from tests.fakes.steps import may_go


def test_a_job_ends_in_three_ways_and_no_other() -> None:
    assert {"delivered", "refunded", "review"} == SETTLED


def test_every_state_is_labelled_and_every_open_one_has_a_stage_that_moves_it_on() -> None:
    assert set(LABELS) == set(STATES)
    assert set(MOVED_BY) == set(STATES) - SETTLED
    assert set(MOVED_BY.values()) <= set(QUEUES)


@pytest.mark.parametrize("state", sorted(set(STATES) - SETTLED))
def test_an_ending_can_be_reached_from_every_open_state(state: str) -> None:
    assert may_go(state, "review")
    assert may_go(state, "refunding") or state == "refunding"


def test_a_refund_is_final() -> None:
    assert [state for state in STATES if may_go("refunded", state)] == ["refunded"]


def test_staying_is_always_allowed_and_an_unknown_state_never() -> None:
    assert all(may_go(state, state) for state in STATES)
    assert not may_go("paid", "lost")


def test_a_delivered_job_goes_nowhere_but_to_its_refund() -> None:
    assert {state for state in STATES if may_go("delivered", state)} == {"delivered", "refunding", "refunded"}


def test_a_job_with_every_field_set_survives_the_hash() -> None:
    values = {f.name: {"int": 7, "str": f"text of {f.name}"}[f.type] for f in fields(Job)}
    job = Job(**values)
    assert Job.from_fields(job.to_fields()) == job


def test_a_hash_holds_only_what_differs_from_the_defaults() -> None:
    assert Job("j", 1, "paid").to_fields() == {"job_id": "j", "attempt": "1", "state": "paid"}
    assert Job.from_fields({"job_id": "j", "attempt": "1", "state": "paid"}) == Job("j", 1, "paid")


def test_an_upgrade_finds_what_the_version_before_wrote() -> None:
    """The hash of a job in 1.0.0, at each field whose name in the code has changed since."""
    old = {"posting": "5", "hinted_id": "u-1", "settle": "review", "tries": "2", "fetches": "3", "resubmits": "1"}
    old |= {"job_id": "j", "attempt": "1", "state": "submitting", "crashes": "4"}
    job = Job.from_fields(old)
    assert (job.submit_started_at, job.webhook_upsampler_id, job.refund_decision) == (5, "u-1", "review")
    assert (job.consecutive_failures, job.bad_results, job.resubmissions, job.crash_count) == (2, 3, 1, 4)
    assert job.to_fields() == old


def test_stored_names_are_those_of_fields_and_stay_single() -> None:
    names = {f.name for f in fields(Job)}
    assert set(JOB_FIELDS) <= names
    assert not names & set(JOB_FIELDS.values())


def test_a_field_that_this_version_does_not_know_is_passed_over() -> None:
    assert (
        Job.from_fields({"job_id": "j", "attempt": "1", "state": "paid", "of_tomorrow": "x", "lease": "5"}).attempt == 1
    )


def test_every_field_but_the_three_names_has_a_default() -> None:
    assert [name for name, default in DEFAULTS.items() if not isinstance(default, (int, float, str))] == [
        "job_id",
        "attempt",
        "state",
    ]


def test_a_job_with_some_fields_changed_is_another_and_keeps_the_rest() -> None:
    job = Job("j", 1, "paid", factor=4)
    assert job.but(state="submitted", width=3) == Job("j", 1, "submitted", factor=4, width=3)
    assert (job.state, job.width) == ("paid", 0)
    with pytest.raises(TypeError):
        job.but(colour="blue")


@pytest.mark.parametrize("missing", ["job_id", "attempt", "state"])
def test_what_has_no_id_attempt_or_state_is_no_job(missing: str) -> None:
    fields = {"job_id": "j", "attempt": "1", "state": "paid"}
    del fields[missing]
    with pytest.raises(TypeError):
        Job.from_fields(fields)
