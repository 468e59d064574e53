"""Redis' generation is asked for before each submit: kept for a moment, and never longer than a connection."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest
import redis

from sidecar.adapters.connections import connect
from sidecar.adapters.store import RedisJobStore
from sidecar.adapters.store.server import RedisServer
from tests.fakes.site import KEYS
from tests.testbed.redis_server import RedisServer as RedisServer_
from tests.testbed.waiting import wait_for


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """One entry for each time that the server was asked."""
    asked: list[str] = []
    ask = RedisServer._ask_generation
    monkeypatch.setattr(RedisServer, "_ask_generation", lambda self: asked.append("") or ask(self))
    return asked


def test_it_is_kept_while_the_connection_lasts(redis_url: str, asked: list[str]) -> None:
    client = connect(redis_url, Path("/nowhere"), decode=True)
    store = RedisJobStore(client, KEYS, slots=1)
    store.server.ping()
    assert len({store.server.generation() for _ in range(5)}) == 1
    assert len(asked) == 1
    client.connection_pool.disconnect()  # as a server that restarts does
    store.server.ping()
    store.server.generation()
    store.server.generation()
    assert len(asked) == 2


def test_a_client_that_does_not_count_its_connections_asks_each_time(redis_url: str, asked: list[str]) -> None:
    store = RedisJobStore(redis.Redis.from_url(redis_url, decode_responses=True), KEYS, slots=1)
    store.server.generation()
    store.server.generation()
    assert len(asked) == 2


def test_a_replica_that_has_taken_over_is_another_generation_also_with_an_append_only_file(tmp_path: Path) -> None:
    """It may lack what the primary wrote last: a go that was used, for one."""
    with (
        RedisServer_(tmp_path / "first", aof=True) as first,
        RedisServer_(tmp_path / "second", aof=True) as second,
        closing(second.client()) as client,
    ):
        assert RedisServer(connect(first.url, tmp_path, decode=True), KEYS).generation() == ""
        client.replicaof("127.0.0.1", first.port)
        wait_for(lambda: client.info("replication")["master_link_status"] == "up", "the replica follows", 30)
        client.replicaof("NO", "ONE")
        after = RedisServer(connect(second.url, tmp_path, decode=True), KEYS).generation()
        assert len(after) == 8
        assert RedisServer(connect(second.url, tmp_path, decode=True), KEYS).generation() == after
