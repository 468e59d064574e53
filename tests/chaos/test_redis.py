"""Redis is away, restarted, full, emptied, or wakes up with yesterday's memory: it is working memory, not the truth."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis
import requests

from tests.chaos.points import Points
from tests.chaos.supervisor import Supervisor
from tests.recovery.rig import Rig, one_ending
from tests.testbed.customer import download_link
from tests.testbed.redis_server import RedisServer
from tests.testbed.waiting import wait_for

pytestmark = pytest.mark.second_chance(
    "workers are frozen while Redis is away: a busy machine may starve others out of their claims meanwhile"
)

OUTAGE_S = 30
AT_UPSAMPLER = {"fault": "processing_slow", "params": {"seconds": 2}}


@pytest.fixture(scope="module")
def points(tmp_path_factory: pytest.TempPathFactory) -> Points:
    return Points(tmp_path_factory.mktemp("points"))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with RedisServer(tmp_path_factory.mktemp("redis"), aof=True) as server:
        yield server


@pytest.fixture(scope="module")
def rig(rig_factory: Callable[..., Rig], server: RedisServer, points: Points) -> Iterator[Rig]:
    env = {"REDIS_URL": server.url, "SMI_CRASH_POINTS": str(points.folder), "SMI_WATCH_LIMIT_S": "20"}
    yield rig_factory(env=env, processes=("web", "worker", "cron"))


@pytest.fixture(autouse=True)
def _all_well_afterwards(rig: Rig, server: RedisServer) -> Iterator[None]:
    rig.faults(AT_UPSAMPLER)
    yield
    if not server.running:
        server.start()


def _delivered(rig: Rig, *job_ids: str, timeout: float = 45) -> None:
    for job_id in job_ids:
        rig.settled(job_id, timeout=timeout)
        assert one_ending(rig, job_id) == "delivered"
        assert len(rig.bill(job_id)) == 1


def test_every_process_survives_an_outage_of_half_a_minute(rig: Rig, server: RedisServer) -> None:
    before = rig.buy("outage-before")
    rig.customer.until(before, "submitted")
    pids = {name: rig.sidecar.process(name).pid for name in ("web", "worker", "cron")}
    server.kill()
    during = rig.buy("outage-during")
    ended = time.monotonic() + OUTAGE_S
    wait_for(lambda: time.monotonic() > ended, "the outage is over", OUTAGE_S + 1)
    server.start()
    _delivered(rig, before)
    _delivered(rig, during, timeout=75)  # the push was refused; reconciliation finds it within a minute
    assert {name: rig.sidecar.process(name).pid for name in pids} == pids
    assert all(rig.sidecar.process(name).running for name in pids)


def test_a_restart_in_the_middle_of_everything_loses_nothing(rig: Rig, server: RedisServer) -> None:
    job_ids = [rig.buy(f"restart-{number}") for number in range(4)]
    for _ in range(3):
        server.kill()
        server.start()
    _delivered(rig, *job_ids, timeout=75)


# Where a worker stands when Redis goes away, until it is back.
_BOUNDARIES = ("submit:claimed", "submit:after_post", "watch:claimed", "collect:before_rename", "collect:after_rename")
_BOUNDARIES += ("flush:deliver:answered", "flush:deliver:acted")


@pytest.mark.parametrize("point", _BOUNDARIES)
def test_a_stage_that_ends_while_redis_is_away_is_done_once(
    point: str, rig: Rig, server: RedisServer, points: Points
) -> None:
    points.arm(point, "STOP")
    job_id = rig.buy(f"away-{point.replace(':', '-')}")
    points.reached(point)
    pid = wait_for(lambda: _stopped(rig), f"a worker stands at {point}")
    server.kill()
    os.kill(pid, signal.SIGCONT)
    wait_for(lambda: not Path(f"/proc/{pid}").exists() or not _stopped(rig), "it goes on")
    ended = time.monotonic() + 3
    wait_for(lambda: time.monotonic() > ended, "it has noticed", 4)
    server.start()
    _delivered(rig, job_id)


def _stopped(rig: Rig) -> int | None:
    return next(iter(rig.sidecar.process("worker").stopped()), None)


def test_a_full_redis_stops_the_work_and_loses_nothing(rig: Rig, server: RedisServer) -> None:
    sold = rig.buy("full-sold")
    _delivered(rig, sold)
    link = download_link(rig.customer.mail(sold))
    before = rig.buy("full-before")
    rig.customer.until(before, "submitted")
    with contextlib.closing(server.client()) as client:
        client.config_set("maxmemory", 1)  # every command that would need memory is refused
        try:
            during = rig.buy("full-during")
            with pytest.raises(redis.ResponseError):
                client.set("anything", "more")
            assert requests.get(link, timeout=10).status_code == 200, "whoever has paid gets his file"
            wait_for(lambda: "maxmemory" in rig.sidecar.log("cron"), "the clock notices", 20)
        finally:
            client.config_set("maxmemory", 0)
    _delivered(rig, before, during, timeout=75)
    assert rig.ledger(sold)["downloaded_at"] is None, "it could not be noted"
    assert requests.get(link, timeout=10).status_code == 200
    wait_for(lambda: rig.ledger(sold)["downloaded_at"], "the next download is noted")


def test_a_supervised_worker_that_was_killed_with_redis_is_back(rig: Rig, server: RedisServer) -> None:
    with Supervisor([rig.sidecar.process(name) for name in ("worker", "cron")]):
        rig.faults(AT_UPSAMPLER)
        job_id = rig.buy("both")
        rig.customer.until(job_id, "submitted")
        server.kill()
        rig.sidecar.process("worker").signal(signal.SIGKILL)
        rig.sidecar.process("cron").signal(signal.SIGKILL)
        server.start()
        _delivered(rig, job_id)


def test_an_orphaned_worker_finishes_and_leaves(rig: Rig) -> None:
    """Whoever kills the pool alone leaves its workers behind: they must not go on for ever, unknown to everybody."""
    worker = rig.sidecar.process("worker")
    orphans = worker.pids()[1:]
    worker.signal(signal.SIGKILL)
    wait_for(lambda: not worker.running, "the pool is dead")
    rig.sidecar.launch(["worker"])
    wait_for(lambda: not any(Path(f"/proc/{pid}").exists() for pid in orphans), "the orphans have left")
    rig.faults(AT_UPSAMPLER)
    _delivered(rig, rig.buy("after-the-orphans"))
