"""Each thread keeps its connection to Redis; nobody ever reads another's answer from it."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest
import redis

from sidecar.adapters.connections import connect, opened


@pytest.fixture
def client(redis_url: str) -> redis.Redis:
    client = connect(redis_url, Path("/nowhere"), decode=True)
    yield client
    client.close()


def test_a_thread_goes_on_with_its_connection(client: redis.Redis) -> None:
    for _ in range(5):
        client.ping()
        with client.pipeline() as pipe:
            pipe.get("a").get("b").execute()
    assert opened(client) == 1


def test_a_second_connection_is_opened_only_while_the_first_is_in_use(client: redis.Redis) -> None:
    with client.pubsub() as listener:
        listener.subscribe("somewhere")
        client.ping()
        client.ping()
        assert opened(client) == 2


def test_threads_at_the_same_time_never_share_one(client: redis.Redis) -> None:
    client.mset({f"key-{number}": number for number in range(8)})
    wrong: list[str] = []

    def ask(number: int) -> None:
        wrong.extend(answer for _ in range(200) if (answer := client.get(f"key-{number}")) != str(number))

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not wrong


def test_the_connection_of_a_thread_that_has_ended_serves_the_next(client: redis.Redis) -> None:
    for _ in range(5):
        thread = threading.Thread(target=client.ping)
        thread.start()
        thread.join(30)
    assert opened(client) == 1


class _Stopped(BaseException):
    pass


@pytest.mark.parametrize("late_ms", [0, 200])
def test_an_answer_that_was_left_unread_is_nobody_elses(
    late_ms: int, client: redis.Redis, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when a piece of work is stopped for its time between a question and its answer, which is still on its way."""
    client.mset({"one": "1", "two": "2"})
    with redis.Redis.from_url(redis_url) as other:
        other.client_pause(late_ms)

    def stopped(*_args: object, **_options: object) -> None:
        raise _Stopped

    with monkeypatch.context() as patch:
        patch.setattr(client, "parse_response", stopped)
        with pytest.raises(_Stopped):
            client.get("one")
    assert client.get("two") == "2"


def test_a_server_that_hung_up_is_called_again(client: redis.Redis, redis_url: str) -> None:
    client.set("kept", "1")
    with redis.Redis.from_url(redis_url) as other:
        other.client_kill_filter(_type="normal", skipme=True)
    assert client.get("kept") == "1"
    assert opened(client) == 2


def test_the_child_of_a_fork_has_connections_of_its_own(client: redis.Redis) -> None:
    client.set("mine", "parent")
    child = os.fork()
    if child == 0:
        try:
            os._exit(0 if client.get("mine") == "parent" and opened(client) == 2 else 1)
        finally:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert client.get("mine") == "parent"
    assert opened(client) == 1


def answers_of_every_kind(client: redis.Redis) -> list[object]:
    client.delete("hash", "set", "line", "new")
    return [
        client.config_get("maxmemory-policy"),
        client.hset("hash", mapping={"a": 1, "b": "ü", "c": b"\xc3\xbc", "d": 2.5}),
        client.hgetall("hash"),
        client.hget("hash", "none"),
        client.zadd("set", {"one": 1, "two": 2.5}),
        client.zrange("set", 0, -1, withscores=True),
        client.set("new", "1", nx=True),
        client.set("new", "1", nx=True),
        client.rpush("line", "x", memoryview(b"y")),
        client.blpop(["line"], timeout=1),
        client.dump("set"),  # bytes, although answers are text
        client.register_script("return {KEYS[1], ARGV[1], 3}")(keys=["k"], args=["ä"]),
        client.exists("hash", "none"),
    ]


def test_commands_and_answers_are_those_of_redis_py(client: redis.Redis, redis_url: str) -> None:
    """Our client sends a command by itself (adapters/commands.py)."""
    with redis.Redis.from_url(redis_url, decode_responses=True, protocol=2) as theirs:
        assert answers_of_every_kind(client) == answers_of_every_kind(theirs)


def test_a_server_that_has_forgotten_a_script_is_told_it_again(client: redis.Redis) -> None:
    script = client.register_script("return ARGV[1]")
    for _ in range(2):
        assert script(args=["a"]) == "a"
        client.script_flush()
    with client.pipeline() as pipe:
        script(args=["b"], client=pipe)
        assert pipe.execute() == ["b"]


def test_what_is_no_argument_is_refused_before_anything_is_sent(client: redis.Redis) -> None:
    with pytest.raises(redis.DataError):
        client.set("key", object())  # type: ignore[arg-type]
    assert client.get("key") is None


def test_a_refused_command_leaves_the_connection_as_it_is(client: redis.Redis) -> None:
    client.set("text", "1")
    for _ in range(3):
        with pytest.raises(redis.ResponseError, match="WRONGTYPE"):
            client.hgetall("text")
    assert client.get("text") == "1"
    assert opened(client) == 1


def test_a_client_of_one_connection_goes_on_with_it(client: redis.Redis) -> None:
    with client.client() as single:
        assert single.client_id() == single.client_id()
