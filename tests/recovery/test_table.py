"""The recovery table on real parts: all cases are bought at once, each with a fault of its own, and each must end.

Each job's waits are cut short (`Rig.hurry`), so that ten retries with their backoff fit into seconds.
"""

from __future__ import annotations

import pytest

from tests.recovery.cases import CASES
from tests.recovery.rig import Rig, one_ending
from tests.testbed.waiting import wait_for


@pytest.fixture(scope="module")
def bought(rig: Rig) -> dict[str, str]:
    """Case -> job id."""
    rig.faults(*(rule for name, case in CASES.items() for rule in case.aimed(name)))
    pictures = rig.pictures(CASES)
    job_ids = rig.buy_many({name: pictures[name] for name, case in CASES.items() if case.buy is None})
    rig.hurry(*job_ids.values())
    for name, case in CASES.items():
        if case.buy is not None:
            job_ids[name] = case.buy(rig, name, pictures[name])
            rig.hurry(job_ids[name])
    return job_ids


@pytest.mark.parametrize("name", CASES)
def test_the_job_has_the_ending_that_the_table_gives_it(name: str, rig: Rig, bought: dict[str, str]) -> None:
    case, job_id = CASES[name], bought[name]
    rig.settled(job_id, timeout=60)
    assert (one_ending(rig, job_id), len(rig.bill(job_id))) == (case.ending, case.submits), rig.history(job_id)
    assert case.code in rig.reasons(job_id) or not case.code


def test_nothing_is_left_lying_about(rig: Rig, bought: dict[str, str]) -> None:
    for job_id in bought.values():
        rig.settled(job_id)
    wait_for(lambda: rig.leftovers() == [], "temp files are gone")
    assert [line for line in rig.shop.complaints("smi-bridge") if " event=" not in line] == []  # but our own log


def test_the_customer_of_a_job_in_review_is_told_once_and_sees_it_on_the_page(rig: Rig, bought: dict[str, str]) -> None:
    rig.settled(bought["silent"])
    mail = rig.customer.mail(bought["silent"])
    assert "looking" in mail.text
    assert rig.customer.status(bought["silent"])["phase"] == "in_review"


def test_the_apology_names_the_reason_and_the_money(rig: Rig, bought: dict[str, str]) -> None:
    rig.settled(bought["source-415"])
    mail = rig.customer.mail(bought["source-415"])
    amount = rig.customer.row(bought["source-415"])["refund_amount"]
    assert f"{amount:.2f}" in mail.text
    assert "refund" in mail.text.lower()
    assert rig.customer.status(bought["source-415"])["phase"] == "refunded"
