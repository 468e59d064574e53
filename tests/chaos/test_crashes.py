"""SIGKILL at every step boundary: nothing is lost, nothing happens twice, and work goes on within 20 seconds.

A claim lives for 12 seconds without a heartbeat, the clock ticks every second: that is how soon a dead worker's job
is in other hands. The points are struck one after the other while earlier victims still recover.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from tests.chaos.points import Points, in_the_code
from tests.chaos.stopwatch import Stopwatch
from tests.chaos.supervisor import Supervisor
from tests.recovery.cases import fault
from tests.recovery.rig import Rig, one_ending
from tests.testbed.waiting import wait_for

pytestmark = pytest.mark.second_chance(
    "processes are killed and their claims lapse after seconds: a busy machine may starve a bystander out of its own"
)

BACK_AT_WORK_S = 20
ROUNDS = int(os.environ.get("SMI_CRASH_ROUNDS", "1"))


@dataclass(frozen=True)
class Expected:
    ending: str = "delivered"
    submits: int = 1
    rules: tuple[dict, ...] = ()


_SPEAKS_OF_A_REFUND = Expected("refunded", 0, (fault("submit_415"),))

POINTS: dict[str, Expected] = {
    "paid:stored": Expected(),
    "paid:claiming": Expected(),
    "tick:taken": Expected(rules=(fault("webhook_dropped"),)),  # so that it is polled
    "flush:deliver:sending": Expected(),
    "flush:deliver:answered": Expected(),
    "flush:deliver:acted": Expected(),
    "submit:claimed": Expected(),
    "submit:after_post": Expected(),  # the webhook brings the id
    "submit:stored": Expected(),
    "watch:claimed": Expected(),
    "watch:stored": Expected(),
    "collect:claimed": Expected(),
    "collect:before_rename": Expected(),
    "collect:renaming": Expected(),
    "collect:after_rename": Expected(),
    "collect:stored": Expected(),
    "failure:stored": _SPEAKS_OF_A_REFUND,
    "flush:settle:sending": _SPEAKS_OF_A_REFUND,
    "flush:settle:answered": _SPEAKS_OF_A_REFUND,
    "flush:settle:acted": _SPEAKS_OF_A_REFUND,
    # It was written down that we are about to ask; whether we did, nobody knows. The last one, so that it is its own.
    "submit:before_post": Expected("review", 0),
}


@pytest.fixture(scope="module")
def points(tmp_path_factory: pytest.TempPathFactory) -> Points:
    return Points(tmp_path_factory.mktemp("points"))


@pytest.fixture(scope="module")
def rig(rig_factory: Callable[..., Rig], points: Points) -> Iterator[Rig]:
    env = {"SMI_CRASH_POINTS": str(points.folder), "SMI_WATCH_LIMIT_S": "15", "SMI_WORKERS": "3"}
    rig = rig_factory(env=env)
    with Supervisor([rig.sidecar.process(name) for name in ("web", "worker", "cron")]):
        yield rig


@pytest.fixture(scope="module")
def watch(rig: Rig) -> Iterator[Stopwatch]:
    watch = Stopwatch(rig.redis, rig.keys)
    yield watch
    watch.finish()


def _door_is_open(rig: Rig) -> None:
    """The web process that died last is back, and the bridge's pause after that is over: a payment is pushed at once,
    and need not wait for the next reconciliation."""
    wait_for(lambda: requests.get(f"{rig.sidecar.url}/healthz", timeout=5).ok, "the web process is back")
    allowed = "$circuit = SmiBridge\\Wire\\Circuit_Breaker::read(); return 0 === $circuit['failures'] || time() >= $circuit['until'];"  # noqa: E501
    wait_for(lambda: rig.shop.php_json(allowed), "the bridge pushes again")


@pytest.fixture(scope="module")
def victims(rig: Rig, points: Points, watch: Stopwatch) -> dict[str, list[str]]:
    """Point -> jobs that were bought to be struck there."""
    jobs: dict[str, list[str]] = {point: [] for point in POINTS}
    names = {(point, number): f"{point.replace(':', '-')}-{number}" for point in POINTS for number in range(ROUNDS)}
    pictures = rig.pictures(names.values())
    rules = [{**rule, "match": f"/{name}."} for (point, _), name in names.items() for rule in POINTS[point].rules]
    rig.faults(*rules)
    for (point, _), name in names.items():
        if point == "submit:before_post":
            for job_id in (job_id for known in jobs.values() for job_id in known):
                rig.settled(job_id, timeout=60)
        _door_is_open(rig)
        points.arm(point)
        jobs[point].append(rig.customer.buy(pictures[name]))
        points.reached(point)
        watch.until_taken_over(point, watch.claims())
    return jobs


@pytest.mark.parametrize("point", POINTS)
def test_a_process_that_is_killed_here_loses_nothing_and_does_nothing_twice(
    point: str, rig: Rig, victims: dict[str, list[str]]
) -> None:
    for job_id in victims[point]:
        rig.settled(job_id, timeout=60)
        assert one_ending(rig, job_id) == POINTS[point].ending
        assert len(rig.bill(job_id)) == POINTS[point].submits


def test_the_jobs_of_the_dead_are_in_other_hands_within_20_seconds(
    rig: Rig, victims: dict[str, list[str]], watch: Stopwatch
) -> None:
    watch.finish()
    late = [(point, seconds) for point, seconds in watch.samples if seconds > BACK_AT_WORK_S]
    assert late == []
    struck = {point for point, _ in watch.samples}
    assert {"submit:claimed", "watch:claimed", "collect:claimed", "collect:renaming"} <= struck


def test_no_file_is_left_half_or_without_an_owner(rig: Rig, victims: dict[str, list[str]]) -> None:
    jobs = [job_id for known in victims.values() for job_id in known]
    for job_id in jobs:
        rig.settled(job_id, timeout=60)
    wait_for(lambda: rig.leftovers() == [], "temp files are gone")
    files = [path.name[:36] for path in (rig.shop.uploads / "smi-downloads").glob("[0-9]*/*/*.jpg")]
    # Of the whole shop: when the victims were given a second chance, the files of the first have their owners, too.
    delivered = rig.shop.sql("SELECT DISTINCT job_id FROM wp_smi_bridge_ledger WHERE state = 'delivered'")
    assert sorted(files) == sorted(row["job_id"] for row in delivered)
    assert {row["job_id"] for row in delivered} >= {job for job in jobs if rig.ledger(job)["state"] == "delivered"}


def test_every_point_of_the_code_is_struck() -> None:
    """Those of the mailbox need a sidecar without a web process: tests/e2e/test_pull_mode.py strikes them."""
    elsewhere = {"mailbox:collected", "mailbox:done"}
    assert set(POINTS) | elsewhere == in_the_code()


def test_a_process_without_crash_points_asks_for_none(tmp_path: Path) -> None:
    from sidecar.services import _crash_points

    (tmp_path / "here").write_text("KILL")
    _crash_points("")("here")
    assert (tmp_path / "here").exists()
