"""Nobody answers at Upsampler's address: the job waits and is made, or a person looks; nobody is paid twice for it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.recovery.rig import Rig, one_ending
from tests.testbed.waiting import wait_for

pytestmark = pytest.mark.second_chance("silence is measured in seconds, which a busy machine may take from the answer")


@pytest.fixture
def away(rig: Rig) -> Iterator[None]:
    rig.sandbox.stop()
    yield
    if not rig.sandbox.running:
        rig.sandbox.start()


def _tried(rig: Rig, job_id: str) -> None:
    wait_for(lambda: "upsampler_unavailable" in rig.reasons(job_id), "it was tried", 30)


def test_a_job_that_nobody_answered_for_is_made_when_upsampler_is_back(rig: Rig, away: None) -> None:
    job_id = rig.buy("dead-port")
    _tried(rig, job_id)
    assert rig.ledger(job_id)["state"] in ("paid", "submitting")
    assert rig.inbox(job_id) == []
    rig.sandbox.start()
    rig.hurry(job_id)
    rig.settled(job_id, timeout=60)
    assert one_ending(rig, job_id) == "delivered"
    assert len(rig.bill(job_id)) == 1


def test_when_upsampler_stays_away_a_person_looks_and_no_money_moves(rig: Rig, away: None) -> None:
    job_id = rig.buy("dead-port-for-good")
    _tried(rig, job_id)
    rig.hurry(job_id)
    row = rig.settled(job_id, timeout=60)
    assert (row["state"], row["reason"]) == ("review", "upsampler_unavailable")
    assert one_ending(rig, job_id) == "review"
