"""A worker falls asleep (its machine is suspended, its disk hangs), its lease passes to another, and it wakes up late:
it writes nothing that the other has not written, and it is paid for nothing twice."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.chaos.points import Points
from tests.chaos.supervisor import Supervisor
from tests.recovery.rig import Rig, one_ending
from tests.testbed.waiting import wait_for

pytestmark = pytest.mark.second_chance(
    "ten workers are frozen and two must do all the work before they wake up: a busy machine may starve both"
)

# Where it falls asleep -> what the others have made of the job by the time it wakes up, and how it ends.
POINTS = {
    "submit:claimed": ("delivered", "delivered"),
    # The others can't know that it was not sent: a person is asked. The sleeper then sends it, once, and tells.
    "submit:before_post": ("review", "delivered"),
    "submit:after_post": ("delivered", "delivered"),
    "watch:claimed": ("delivered", "delivered"),
    "collect:claimed": ("delivered", "delivered"),
    "collect:before_rename": ("delivered", "delivered"),
    "collect:renaming": ("delivered", "delivered"),
    "collect:after_rename": ("delivered", "delivered"),
    "flush:deliver:sending": ("delivered", "delivered"),
    "flush:deliver:answered": ("delivered", "delivered"),
}


@pytest.fixture(scope="module")
def points(tmp_path_factory: pytest.TempPathFactory) -> Points:
    return Points(tmp_path_factory.mktemp("points"))


@pytest.fixture(scope="module")
def rig(rig_factory: Callable[..., Rig], points: Points) -> Iterator[Rig]:
    """So many workers that enough are awake."""
    rig = rig_factory(
        env={"SMI_CRASH_POINTS": str(points.folder), "SMI_WATCH_LIMIT_S": "8", "SMI_WORKERS": str(len(POINTS) + 2)}
    )
    with Supervisor([rig.sidecar.process("worker")]):
        yield rig


@dataclass(frozen=True)
class Asleep:
    job_id: str
    pid: int


@pytest.fixture(scope="module")
def sleepers(rig: Rig, points: Points) -> Iterator[dict[str, Asleep]]:
    """One after the other falls asleep over a job of its own; the jobs go on meanwhile."""
    pictures = rig.pictures(name.replace(":", "-") for name in POINTS)
    asleep: dict[str, Asleep] = {}
    for point in POINTS:
        points.arm(point, "STOP")
        job_id = rig.customer.buy(pictures[point.replace(":", "-")])
        points.reached(point)
        known = {sleeper.pid for sleeper in asleep.values()}
        pid = wait_for(lambda known=known: _stopped(rig) - known, f"a worker sleeps at {point}").pop()
        asleep[point] = Asleep(job_id, pid)
    yield asleep
    for sleeper in asleep.values():
        if sleeper.pid in _stopped(rig):
            os.kill(sleeper.pid, signal.SIGCONT)


def _stopped(rig: Rig) -> set[int]:
    return set(rig.sidecar.process("worker").stopped())


def _traces(rig: Rig, job_id: str) -> dict[str, Any]:
    """Everything that a worker could have written."""
    files = [path for path in (rig.shop.uploads / "smi-downloads").rglob(f"{job_id}*")]
    return {
        "ledger": rig.ledger(job_id),
        "effects": rig.effects(job_id),
        "mails": len(rig.inbox(job_id)),
        "bill": len(rig.bill(job_id)),
        "files": {path: (path.stat().st_ino, path.stat().st_mtime_ns) for path in files},
        "memory": rig.memory(job_id),
    }


@pytest.mark.parametrize("point", POINTS)
def test_a_worker_that_wakes_up_late_writes_nothing(point: str, rig: Rig, sleepers: dict[str, Asleep]) -> None:
    meanwhile, afterwards = POINTS[point]
    sleeper = sleepers[point]
    assert rig.settled(sleeper.job_id, timeout=60)["state"] == meanwhile
    rig.until_memory(sleeper.job_id, "state", meanwhile)  # the sidecar has heard what the ledger has written
    assert sleeper.pid in _stopped(rig)
    before = _traces(rig, sleeper.job_id)
    _finish(sleeper.pid)
    if afterwards == meanwhile:
        assert _traces(rig, sleeper.job_id) == before
        assert one_ending(rig, sleeper.job_id) == meanwhile
    else:
        rig.customer.until(sleeper.job_id, afterwards)
    assert len(rig.bill(sleeper.job_id)) == 1


def _finish(pid: int) -> None:
    """It wakes up, does what it slept over, and leaves, as it was asked to: then all that it could write is written."""
    os.kill(pid, signal.SIGINT)
    os.kill(pid, signal.SIGCONT)
    wait_for(lambda: not Path(f"/proc/{pid}").exists(), "it has left")
