"""A real Redis with the options that matter to us."""

from pathlib import Path

import pytest
import redis

from tests.testbed.redis_server import RedisServer


@pytest.mark.parametrize("round", [1, 2])
def test_each_test_gets_an_empty_redis(redis_url: str, round: int) -> None:
    with redis.Redis.from_url(redis_url) as client:
        assert client.dbsize() == 0
        client.set("left", "behind")


def test_with_aof_what_was_written_survives_a_kill(tmp_path: Path) -> None:
    with RedisServer(tmp_path, aof=True, fsync="always") as server:
        with redis.Redis.from_url(server.url) as client:
            client.set("kept", "yes")
        server.kill()
        server.start()
        with redis.Redis.from_url(server.url) as client:
            assert client.get("kept") == b"yes"


def test_a_full_redis_refuses_to_write_and_forgets_nothing(tmp_path: Path) -> None:
    with RedisServer(tmp_path, maxmemory="3mb") as server, redis.Redis.from_url(server.url) as client:
        with pytest.raises(redis.exceptions.OutOfMemoryError):
            for number in range(1000):
                client.set(f"key:{number}", b"x" * 10_000)
        assert client.exists("key:0")
