"""One table of states for both programs: what each row says, and that nobody says it elsewhere."""

from __future__ import annotations

import json

import pytest

from sidecar.core.states import GIVING_UP, LANES, SCHEMAS, STAGES
from tests.testbed.places import REPOSITORY
from tests.ui.languages import of_catalogues

TABLE = json.loads((SCHEMAS / "states.json").read_text())["states"]


@pytest.mark.parametrize("state", TABLE)
def test_each_state_says_what_customer_and_admin_see(state: str) -> None:
    row = TABLE[state]
    assert row["stage"] in ((None,) if row["settled"] else (*STAGES, *LANES))
    assert row["tone"] in ("busy", "good", "warn", "bad", "calm")
    assert isinstance(row["poll_s"], int) and 1 <= row["poll_s"] <= 300


def test_every_label_can_be_translated() -> None:
    translatable = {words for _, words in of_catalogues()}
    assert {row["label"] for row in TABLE.values()} <= translatable


def test_every_phase_of_a_state_stands_in_the_contract() -> None:
    named = (REPOSITORY / "docs" / "contract.md").read_text().split("`phase` one of `")[1].split("`")[0].split(", ")
    assert {row["phase"] for row in TABLE.values()} == set(named) - {"delayed", "expired"}


def test_the_customers_view_has_words_for_every_phase() -> None:
    view = json.loads((SCHEMAS / "view.json").read_text())["phases"]
    phases = {row["phase"] for row in TABLE.values()} | set(json.loads((SCHEMAS / "states.json").read_text())["phases"])
    assert phases | {"confirming", "unknown"} == set(view)
    assert all(set(words) == {"title", "lead", "note"} for words in view.values())


def test_the_events_that_give_a_submission_up_are_events_of_the_history() -> None:
    events = json.loads((SCHEMAS / "history.json").read_text())["events"]
    assert GIVING_UP and set(events) >= GIVING_UP
