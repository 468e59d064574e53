"""A Redis that is up and refuses: web, workers and clock wait, say why, and go on by themselves. No restart."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest
import redis
import requests

from sidecar.core.messages import new_secret
from tests.testbed.places import REPOSITORY
from tests.testbed.redis_server import RedisServer
from tests.testbed.refusing_redis import RefusingRedis
from tests.testbed.sidecar import Sidecar
from tests.testbed.waiting import wait_for

pytestmark = pytest.mark.xdist_group("redis-refuses")
NAMES = ("web", "worker", "cron")
LOADING = "LOADING Redis is loading the dataset in memory"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with RedisServer(tmp_path_factory.mktemp("redis"), aof=True) as server:
        yield server


@pytest.fixture(scope="module")
def sidecar(server: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sidecar]:
    """Started while Redis is loading."""
    folder = tmp_path_factory.mktemp("sidecar")
    env = {
        "SMI_SHOP_URL": "http://127.0.0.1:9",
        "SMI_SECRET": new_secret(),
        "SMI_UPLOADS_DIR": str(folder),
        "UPSAMPLER_API_KEY": "none",
        "UPSAMPLER_URL": "http://127.0.0.1:9",
        "REDIS_URL": server.url,
        "SMI_WORKERS": "2",
        "SMI_WEB_PROCESSES": "1",
    }
    server.stop()
    with RefusingRedis(LOADING, port=server.port) as loading:
        sidecar = Sidecar.start(folder, env, NAMES)
        wait_for(lambda: "waits for Redis" in sidecar.log("cron"), "the clock waits")
        wait_for(lambda: sidecar.log("worker").count("waits for Redis") == 2, "both workers wait")
        assert "loading" in _faults(sidecar)["redis"]
        assert loading.connections < 200
    server.start()
    try:
        wait_for(lambda: not _faults(sidecar), "all goes on")
        yield sidecar
    finally:
        sidecar.stop()


def _faults(sidecar: Sidecar) -> dict[str, str]:
    return requests.get(f"{sidecar.url}/readyz", timeout=20).json()["faults"]


def _pids(sidecar: Sidecar) -> dict[str, int]:
    return {name: sidecar.process(name).pid for name in NAMES if sidecar.process(name).running}


_STATES: dict[str, tuple[Callable[[redis.Redis], object], Callable[[redis.Redis], object], str]] = {
    "full": (
        lambda admin: admin.config_set("maxmemory", 1),
        lambda admin: admin.config_set("maxmemory", 0),
        "maxmemory",
    ),
    "replica": (
        lambda admin: admin.execute_command("REPLICAOF", "127.0.0.1", "1"),
        lambda admin: admin.execute_command("REPLICAOF", "NO", "ONE"),
        "replica",
    ),
    "password": (
        lambda admin: admin.config_set("requirepass", "swordfish"),
        lambda admin: admin.config_set("requirepass", ""),
        "password",
    ),
    "clients": (
        lambda admin: admin.config_set("maxclients", 1),
        lambda admin: admin.config_set("maxclients", 10000),
        "maxclients",
    ),
}


@pytest.mark.timeout(120)
@pytest.mark.parametrize("state", _STATES)
def test_nothing_has_to_be_restarted(state: str, sidecar: Sidecar, server: RedisServer) -> None:
    refuse, allow, words = _STATES[state]
    before = _pids(sidecar)
    assert set(before) == set(NAMES)
    said = {name: len(sidecar.log(name)) for name in NAMES}
    with server.client() as admin:
        refuse(admin)
        try:
            admin.client_kill_filter(_type="normal", skipme=True)
            wait_for(lambda: words in _faults(sidecar).get("redis", ""), "the web process says why")
            wait_for(lambda: words in sidecar.log("cron")[said["cron"] :], "the clock says why")
            doctor = subprocess.run(
                [sys.executable, "-m", "sidecar", "doctor"],
                cwd=REPOSITORY,
                env=sidecar.env,
                capture_output=True,
                text=True,
                timeout=60,
            )
        finally:
            allow(admin)
    assert doctor.stderr == ""
    assert "Traceback" not in doctor.stdout
    assert [line for line in doctor.stdout.splitlines() if line.startswith("FAIL  Redis: ") and words in line]
    assert len(doctor.stdout.splitlines()) < 40
    wait_for(lambda: not _faults(sidecar), "all goes on", 30)
    assert _pids(sidecar) == before


@pytest.mark.parametrize("command", ["doctor", "web"])
def test_a_faulty_address_is_told_in_words_without_its_password(command: str, sidecar: Sidecar) -> None:
    """Settings reads it; the options are looked at by the client. Both before anything is started."""
    ended = subprocess.run(
        [sys.executable, "-m", "sidecar", command],
        cwd=REPOSITORY,
        env={**sidecar.env, "REDIS_URL": "redis://:hunter2@127.0.0.1:6379/0?no_such_option=swordfish"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.returncode == 2
    assert "REDIS_URL" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert not any(word in ended.stderr + ended.stdout for word in ("hunter2", "swordfish", "no_such_option"))
