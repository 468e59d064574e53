"""Adapter: connections to Redis: the server that REDIS_URL names, else an embedded Valkey in the data folder."""

from __future__ import annotations

import hashlib
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import redis
from redis.backoff import ExponentialBackoff
from redis.retry import Retry

SOCKET = "valkey.sock"
_LONGEST_UNIX_PATH = 100  # sockaddr_un holds 108 bytes


def socket_path(data_dir: Path) -> Path:
    """Where the embedded Valkey listens: in the data folder, or by a short name when that path is too long."""
    path = data_dir.resolve() / SOCKET
    if len(str(path)) < _LONGEST_UNIX_PATH:
        return path
    return Path("/tmp", f"smi-{hashlib.sha256(str(path).encode()).hexdigest()[:16]}.sock")


class _Counted:
    """redis-py calls this for each connection that it opens."""

    def __init__(self) -> None:
        self.opened = 0

    def __call__(self, connection: redis.connection.AbstractConnection) -> None:
        self.opened += 1
        connection.on_connect()


def opened(client: redis.Redis) -> int | None:
    """How many connections this client has opened so far: a server that has restarted is spoken to by a new one.
    None for a client that was not made by `connect`."""
    counted = client.connection_pool.connection_kwargs.get("redis_connect_func")
    return counted.opened if isinstance(counted, _Counted) else None


class _OwnPool(redis.ConnectionPool):
    """Each thread goes on with the connections that it had before.

    The usual lending costs a quarter of a round trip: a lock, counters, and a look whether the server has hung up
    meanwhile. Without that look the command itself finds out, and redis-py sends it again on a new connection.
    """

    def reset(self) -> None:
        """Called at the start, and in the child of a fork."""
        super().reset()
        self._own = threading.local()

    def get_connection(self, *args, **kwargs) -> redis.Connection:
        self._checkpid()
        idle = getattr(self._own, "idle", None)
        return idle.connections.pop() if idle and idle.connections else super().get_connection()

    def release(self, connection: redis.Connection) -> None:
        self._checkpid()
        something_went_wrong = sys.exc_info()[0] is not None  # we are in its `finally`
        if something_went_wrong or not self.owns_connection(connection) or connection.should_reconnect():
            super().release(connection)
            return
        idle = getattr(self._own, "idle", None)
        if idle is None:
            idle = self._own.idle = _Idle(super().release)
        idle.connections.append(connection)


class _Idle:
    """The connections of a thread that it does not use at the moment; the pool gets them when the thread ends."""

    def __init__(self, give_back: Callable[[redis.Connection], None]) -> None:
        self.connections: list[redis.Connection] = []
        self._give_back = give_back

    def __del__(self) -> None:
        for connection in self.connections:
            self._give_back(connection)


def connect(url: str, data_dir: Path, *, decode: bool) -> redis.Redis:
    """A client; opens nothing yet. `decode`: text answers for our store; RQ wants bytes."""
    url = url or f"unix://{socket_path(data_dir)}"
    retry = Retry(ExponentialBackoff(cap=0.5, base=0.05), 3)
    pool = _OwnPool.from_url(
        url,
        decode_responses=decode,
        retry=retry,
        socket_connect_timeout=5,
        health_check_interval=30,
        protocol=2,
        redis_connect_func=_Counted(),
    )
    return redis.Redis.from_pool(pool)
