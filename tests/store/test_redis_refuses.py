"""A Redis that is up and refuses is told in words at once, and survived: by a new connection, or by waiting."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from sidecar.adapters.connections import TIMEOUT_S, connect, opened, place
from sidecar.adapters.refusals import in_words
from sidecar.adapters.store import RedisJobStore
from sidecar.adapters.store.server import RedisServer as Server
from sidecar.core.errors import ConfigurationError, TemporaryError
from tests.fakes.site import KEYS
from tests.testbed.redis_server import RedisServer
from tests.testbed.refusing_redis import RefusingRedis

NOWHERE = Path("/nowhere")
REPLICA = "READONLY You can't write against a read only replica."
FAILED_OVER = {
    REPLICA: "replica",
    "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.": "lost its primary",
    "CLUSTERDOWN The cluster is down": "cluster",
    "TRYAGAIN Multiple keys request during rehashing of slot": "cluster",
}
LASTING = {
    "LOADING Redis is loading the dataset in memory": "loading",
    "NOAUTH Authentication required.": "password",
    "WRONGPASS invalid username-password pair or user is disabled.": "password",
    "OOM command not allowed when used memory > 'maxmemory'.": "maxmemory",
    "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk.": "disk",
    "NOREPLICAS Not enough good replicas to write.": "replicas",
    "BUSY Redis is busy running a script.": "script",
}


@pytest.mark.parametrize(("answer", "words"), LASTING.items(), ids=[answer.split()[0] for answer in LASTING])
def test_what_lasts_is_told_at_once_and_not_asked_again(answer: str, words: str) -> None:
    with RefusingRedis(answer) as server, pytest.raises(redis.ConnectionError) as caught:
        connect(server.url, NOWHERE, decode=True).set("a", "1")
    assert words in in_words(caught.value)
    assert server.connections <= 2, "without a pause, which comes before a third one"


def test_too_many_clients_are_no_reason_for_more_connections() -> None:
    server = RefusingRedis("ERR max number of clients reached", at_the_door=True)
    with server, pytest.raises(redis.ConnectionError) as caught:
        connect(server.url, NOWHERE, decode=True).set("a", "1")
    assert "maxclients" in in_words(caught.value)
    assert server.connections <= 2


@pytest.mark.parametrize("answer", FAILED_OVER, ids=[answer.split()[0] for answer in FAILED_OVER])
def test_after_a_failover_the_next_connection_reaches_the_new_primary(answer: str) -> None:
    with RefusingRedis(answer, "OK") as server:
        client = connect(server.url, NOWHERE, decode=True)
        assert client.set("a", "1") is True
        assert opened(client) == server.connections == 2


@pytest.mark.parametrize(("answer", "words"), FAILED_OVER.items(), ids=[answer.split()[0] for answer in FAILED_OVER])
def test_a_failover_that_does_not_end_is_told(answer: str, words: str) -> None:
    with RefusingRedis(answer) as server, pytest.raises(redis.ConnectionError) as caught:
        connect(server.url, NOWHERE, decode=True).set("a", "1")
    assert words in in_words(caught.value)
    assert server.connections <= 5


def test_a_pipeline_that_meets_a_replica_is_sent_again_to_the_primary() -> None:
    server = RefusingRedis(REPLICA, "OK")
    with server, connect(server.url, NOWHERE, decode=True).pipeline(transaction=False) as pipe:
        pipe.set("a", "1")
        pipe.set("b", "2")
        assert pipe.execute() == [True, True]


@pytest.fixture
def replica(redis_server: RedisServer) -> Iterator[str]:
    """A real server that was made a replica of nobody's."""
    with redis_server.client() as client:
        client.execute_command("REPLICAOF", "127.0.0.1", "1")
        yield redis_server.url
        client.execute_command("REPLICAOF", "NO", "ONE")


def test_a_replica_answers_a_ping_and_is_not_healthy(replica: str) -> None:
    client = connect(replica, NOWHERE, decode=True)
    assert client.ping()
    with pytest.raises(TemporaryError, match="replica"):
        Server(client, KEYS).ping()


def test_a_full_server_answers_a_ping_and_is_not_healthy(redis_server: RedisServer) -> None:
    with redis_server.client() as admin:
        admin.config_set("maxmemory", 1)
        try:
            with pytest.raises(TemporaryError, match="maxmemory"):
                RedisJobStore(connect(redis_server.url, NOWHERE, decode=True), KEYS, slots=1).server.ping()
        finally:
            admin.config_set("maxmemory", 0)


def test_a_server_that_never_answers_is_given_up_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = connect(f"redis://127.0.0.1:{listener.getsockname()[1]}/0", NOWHERE, decode=True)
        client.connection_pool.connection_kwargs["socket_timeout"] = 0.2  # instead of TIMEOUT_S
        with pytest.raises(redis.TimeoutError) as caught:
            client.set("a", "1")
        listener.settimeout(0)
        listener.accept()[0].close()
        with pytest.raises(BlockingIOError):
            listener.accept()
    assert in_words(caught.value) == "Redis does not answer in time"
    assert TIMEOUT_S <= 5


@pytest.mark.parametrize("options", ["secret_option=1", "socket_timeout=secret", "db=secret"])
def test_an_option_that_there_is_not_is_a_fault_of_the_configuration(options: str) -> None:
    with pytest.raises(ConfigurationError, match="REDIS_URL") as caught:
        connect(f"redis://user:hunter2@127.0.0.1:6379/0?{options}", NOWHERE, decode=True)
    assert "hunter2" not in caught.value.detail
    assert "secret" not in caught.value.detail


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://user:hunter2@10.0.0.4:6380/2", "10.0.0.4:6380/2"),
        ("rediss://redis.example/?password=hunter2", "redis.example:6379/0"),
        ("unix://:hunter2@/run/redis.sock?db=1", "/run/redis.sock"),
        ("", "embedded, in /nowhere"),
    ],
)
def test_the_place_of_the_server_is_shown_without_its_password(url: str, shown: str) -> None:
    assert place(url, NOWHERE) == shown


@pytest.mark.parametrize("folder", ["plain", "50%25 off", "a#b?c=d"])
def test_the_embedded_servers_socket_may_lie_in_any_folder(folder: str, tmp_path: Path) -> None:
    client = connect("", tmp_path / folder, decode=True)
    assert client.connection_pool.connection_kwargs["path"] == str((tmp_path / folder).resolve() / "valkey.sock")
