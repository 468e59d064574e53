"""Redis without an append-only file, as Debian installs it: after a crash it wakes up with an old snapshot, and takes
what is long past for the present. Nothing may be paid for twice because of that."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable, Iterator

import pytest

from tests.chaos.points import Points
from tests.recovery.rig import Rig, one_ending
from tests.testbed.redis_server import RedisServer
from tests.testbed.waiting import wait_for

pytestmark = pytest.mark.second_chance(
    "a worker is frozen at a point: a busy machine may starve another one out of its claim meanwhile"
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with RedisServer(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture(scope="module")
def points(tmp_path_factory: pytest.TempPathFactory) -> Points:
    return Points(tmp_path_factory.mktemp("points"))


@pytest.fixture(scope="module")
def rig(rig_factory: Callable[..., Rig], server: RedisServer, points: Points) -> Rig:
    env = {
        "REDIS_URL": server.url,
        "SMI_CRASH_POINTS": str(points.folder),
        "SMI_WATCH_LIMIT_S": "20",
        "SMI_WORKERS": "1",
    }
    return rig_factory(env=env, processes=("web", "worker", "cron"))


def _snapshot_at(rig: Rig, server: RedisServer, points: Points, point: str, name: str) -> str:
    """Buy a picture; Redis writes its snapshot when the job has come to this point, and the job goes on. Its id."""
    points.arm(point, "STOP")
    job_id = rig.buy(name)
    points.reached(point)
    pid = wait_for(lambda: _stopped(rig), f"a worker stands at {point}")
    with contextlib.closing(server.client()) as client:
        client.save()
    os.kill(pid, signal.SIGCONT)
    return job_id


def _stopped(rig: Rig) -> int | None:
    return next(iter(rig.sidecar.process("worker").stopped()), None)


@contextlib.contextmanager
def _frozen(rig: Rig) -> Iterator[None]:
    """All processes of the sidecar stand still."""
    pids = [pid for name in ("web", "worker", "cron") for pid in rig.sidecar.process(name).pids()]
    try:
        _signal(pids, signal.SIGSTOP)
        yield
    finally:
        _signal(pids, signal.SIGCONT)


def _signal(pids: list[int], number: int) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):  # a child that has ended by itself
            os.kill(pid, number)


# Where the snapshot was taken, and how the job stood when Redis crashed.
@pytest.mark.parametrize("later", ["submitted", "delivered"])
@pytest.mark.parametrize(
    "point", ["flush:deliver:sending", "flush:deliver:answered", "submit:claimed", "submit:stored"]
)
def test_a_job_that_stands_before_its_submit_again_is_not_submitted_again(
    point: str, later: str, rig: Rig, server: RedisServer, points: Points
) -> None:
    rig.faults({"fault": "processing_slow", "params": {"seconds": 3 if later == "submitted" else 0}})
    job_id = _snapshot_at(rig, server, points, point, f"{later}-{point.replace(':', '-')}")
    rig.customer.until(job_id, later)
    server.kill()
    with _frozen(rig):  # else the past would be over before it is looked at
        server.start()
        assert rig.memory(job_id)["state"] in ("paid", "submitting", "submitted")  # it is back
    rig.settled(job_id, timeout=75)
    wait_for(lambda: rig.memory(job_id).get("state", "delivered") == "delivered", "working memory has caught up", 75)
    assert one_ending(rig, job_id) == "delivered"
    assert len(rig.bill(job_id)) == 1


def test_where_nobody_can_know_whether_it_was_submitted_a_person_decides(
    rig: Rig, server: RedisServer, points: Points
) -> None:
    """The submit went out, its answer, the webhook and the memory of it are lost."""
    rig.faults({"fault": "submit_lost"}, {"fault": "webhook_dropped"})
    job_id = _snapshot_at(rig, server, points, "submit:claimed", "nobody-knows")
    wait_for(lambda: rig.bill(job_id), "Upsampler has it")
    server.kill()
    server.start()
    rig.settled(job_id, timeout=75)
    assert one_ending(rig, job_id) == "review"
    assert len(rig.bill(job_id)) == 1
