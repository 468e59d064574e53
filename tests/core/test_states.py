"""One table of states for both programs: what each row says, and that nobody says it elsewhere."""

from __future__ import annotations

import json
import re

import pytest

from sidecar.core.states import LANES, SCHEMAS, STAGES
from tests.testbed.places import REPOSITORY

TABLE = json.loads((SCHEMAS / "states.json").read_text())["states"]
BRIDGE = REPOSITORY / "wp-bridge-plugin" / "includes"


@pytest.mark.parametrize("state", TABLE)
def test_each_state_says_what_customer_and_admin_see(state: str) -> None:
    row = TABLE[state]
    assert row["stage"] in ((None,) if row["settled"] else (*STAGES, *LANES))
    assert row["tone"] in ("busy", "good", "warn", "bad", "calm")
    assert isinstance(row["poll_s"], int) and 1 <= row["poll_s"] <= 300


def test_the_bridge_can_translate_each_label() -> None:
    source = (BRIDGE / "core" / "labels" / "class-job-labels.php").read_text()
    translated = dict(re.findall(r"'([a-z]+)' +=> __\( '([^']+)', 'smi-bridge' \)", source.split("function event(")[0]))
    assert {state: translated[state] for state in TABLE} == {state: row["label"] for state, row in TABLE.items()}


def test_every_phase_of_a_state_stands_in_the_contract() -> None:
    named = (REPOSITORY / "docs" / "contract.md").read_text().split("`phase` one of `")[1].split("`")[0].split(", ")
    assert {row["phase"] for row in TABLE.values()} == set(named) - {"delayed", "expired"}
