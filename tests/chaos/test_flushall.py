"""FLUSHALL at every step boundary: the ledger knows what was bought, ordered and delivered, and brings it back."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

import pytest

from tests.chaos.points import Points
from tests.recovery.cases import fault
from tests.recovery.rig import Rig, one_ending
from tests.testbed.waiting import wait_for

pytestmark = pytest.mark.second_chance(
    "a worker is frozen at a point: a busy machine may starve another one out of its claim meanwhile"
)

NO_WEBHOOK = (fault("webhook_dropped"),)
REFUSED = (fault("submit_415"),)

# Where a worker stands when working memory is emptied -> the job's ending, Upsampler's bills, and the faults meanwhile.
POINTS = {
    # The ledger lets a submission through, and nobody remembers to whom: it may have been sent.
    "flush:deliver:sending": ("review", 0, NO_WEBHOOK),
    "flush:deliver:answered": ("review", 0, NO_WEBHOOK),
    "submit:claimed": ("review", 0, NO_WEBHOOK),
    "submit:before_post": ("delivered", 1, NO_WEBHOOK),
    "submit:after_post": ("delivered", 1, NO_WEBHOOK),
    "submit:stored": ("delivered", 1, ()),  # the ledger has not been told; the webhook brings the id
    "watch:claimed": ("delivered", 1, NO_WEBHOOK),
    "watch:stored": ("delivered", 1, NO_WEBHOOK),
    "collect:claimed": ("delivered", 1, ()),
    "collect:before_rename": ("delivered", 1, ()),
    "collect:renaming": ("delivered", 1, ()),
    "collect:after_rename": ("delivered", 1, ()),
    "collect:stored": ("delivered", 1, ()),
    # The ledger has not heard that the submit was refused: for all it knows, it may have been accepted.
    "failure:stored": ("review", 0, REFUSED),
    "flush:settle:sending": ("refunded", 0, REFUSED),  # it was on its way
    "flush:settle:answered": ("refunded", 0, REFUSED),
}


@pytest.fixture(scope="module")
def points(tmp_path_factory: pytest.TempPathFactory) -> Points:
    return Points(tmp_path_factory.mktemp("points"))


@pytest.fixture(scope="module")
def rig(rig_factory: Callable[..., Rig], points: Points) -> Rig:
    return rig_factory(env={"SMI_CRASH_POINTS": str(points.folder), "SMI_FIRST_POLL_S": "1"})


def _stopped(rig: Rig) -> int | None:
    return next(iter(rig.sidecar.process("worker").stopped()), None)


@pytest.mark.parametrize("point", POINTS)
def test_a_job_whose_working_memory_is_lost_here_is_brought_back(point: str, rig: Rig, points: Points) -> None:
    ending, submits, rules = POINTS[point]
    rig.faults(*rules)
    points.arm(point, "STOP")
    job_id = rig.buy(f"flushed-{point.replace(':', '-')}")
    points.reached(point)
    pid = wait_for(lambda: _stopped(rig), f"a worker stands at {point}")
    rig.redis.flushall()
    os.kill(pid, signal.SIGCONT)
    rig.settled(job_id, timeout=60)
    assert len(rig.bill(job_id)) == submits
    assert one_ending(rig, job_id) == ending


def test_a_settled_job_is_still_shown_and_downloaded_after_a_loss(rig: Rig) -> None:
    rig.faults()
    job_id = rig.buy("settled")
    rig.settled(job_id)
    rig.redis.flushall()
    document = rig.customer.status(job_id)
    assert document["phase"] == "ready"
    assert rig.shop.http.get(document["download_url"], timeout=10).status_code == 200
    assert one_ending(rig, job_id) == "delivered"
