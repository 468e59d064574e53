"""The rule "delayed": the sidecar judges as the vectors say, which the bridge's tests read as well."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sidecar.core.job import Job
from sidecar.workflow.recovery.table import TABLE
from sidecar.workflow.view import status_document
from tests.testbed.places import REPOSITORY
from tests.workflow.rig import Rig

CASES = json.loads((REPOSITORY / "tests" / "vectors" / "delayed.json").read_text())["cases"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['state']}: {case['why']}")
def test_a_customer_is_told_that_it_takes_longer(rig: Rig, case: dict[str, Any]) -> None:
    since = int(rig.clock()) - case["stage_s"]
    job = Job("job-1", 1, case["state"], reason=case["reason"] or "", stage_since=since, paid_at=since - 4000)
    assert (status_document(rig.ports, job)["phase"] == "delayed") is case["delayed"]


@pytest.mark.parametrize("case", [case for case in CASES if case["reason"]], ids=lambda case: case["why"])
def test_the_event_of_a_vector_is_what_the_recovery_table_leads_to(case: dict[str, Any]) -> None:
    assert (case["event"] == "held") is (TABLE[case["reason"]].ending == "hold")
