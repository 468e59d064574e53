"""Adapter: connections to Redis: the server that REDIS_URL names, else an embedded Valkey in the data folder."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

import redis
from redis.backoff import ExponentialBackoff
from redis.connection import DefaultParser, parse_url
from redis.retry import Retry

from ..core.errors import ConfigurationError
from . import refusals
from .commands import Client, Packer

TIMEOUT_S = 5.0  # for a connection, and for each answer
SOCKET = "valkey.sock"  # the embedded Valkey's, in the data folder
_LONGEST_UNIX_PATH = 107  # bytes: sockaddr_un holds 108, with the 0 behind them


def socket_path(data_dir: Path) -> Path:
    """Where the embedded Valkey listens: in the data folder, the one place that all processes see: a unit may have a
    /tmp of its own. Raises ConfigurationError where the system can't name it."""
    path = data_dir.resolve() / SOCKET
    over = len(os.fsencode(path)) - _LONGEST_UNIX_PATH
    if over > 0:
        raise ConfigurationError(
            "configuration_invalid",
            f"SMI_DATA_DIR, in full {path.parent}, is too long by {over} bytes for the embedded Valkey's socket: "
            "name a shorter one, or a server of your own in REDIS_URL",
        )
    return path


@cache
def _driver() -> redis.DriverInfo:
    """What a connection tells the server of itself: redis-py would look its version up on the disk for each."""
    return redis.DriverInfo()


class _Counted:
    """redis-py calls this for each connection that it opens."""

    def __init__(self) -> None:
        self.opened = 0

    def __call__(self, connection: redis.connection.AbstractConnection) -> None:
        self.opened += 1
        # Not `on_connect`: that pings first, connects anew when the ping is refused, pings first, and so for ever.
        connection.on_connect_check_health(check_health=False)


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

    def release(self, connection: Any) -> None:
        self._checkpid()
        raised = sys.exc_info()[0]  # we are in its `finally`
        if raised and not issubclass(raised, redis.ResponseError):
            connection.disconnect()  # its answer may still be on the way, and would be taken for the next one's
        if raised or not self.owns_connection(connection) or connection.should_reconnect():
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


_OF_ERR: Any = DefaultParser.EXCEPTION_CLASSES["ERR"]


class _Parser(DefaultParser):  # type: ignore[misc, valid-type]  # which parser it is depends on hiredis
    """Takes a server that can't work for us for a fault of the connection, and not of the command."""

    EXCEPTION_CLASSES: dict[str, Any] = {
        **DefaultParser.EXCEPTION_CLASSES,
        **dict.fromkeys(refusals.FAILED_OVER, refusals.FailedOver),
        **dict.fromkeys(refusals.LASTING, refusals.Refused),
        "ERR": {**_OF_ERR, "max number of clients reached": refusals.TooManyClients},
    }


class _Retry(Retry):
    """A few tries with pauses between them. What lasts is not tried again, and neither is a question whose answer has
    not come in time: every wait ends after TIMEOUT_S."""

    def __init__(self) -> None:
        super().__init__(ExponentialBackoff(cap=0.5, base=0.05), 3, (redis.ConnectionError,))

    def call_with_retry(self, do: Callable[[], Any], fail: Callable[..., Any], *args: Any, **more: Any) -> Any:
        def failed(error: Exception, *count: int) -> None:
            fail(error, *count)  # drops the connection
            if refusals.lasts(error):
                raise error

        return super().call_with_retry(do, failed, *args, **more)


def address(url: str, data_dir: Path) -> str:
    """REDIS_URL, or the embedded Valkey's."""
    return url or f"unix://{quote(str(socket_path(data_dir)))}"


def connect(url: str, data_dir: Path, *, decode: bool) -> redis.Redis:
    """A client; opens nothing yet. `decode`: text answers for our store; RQ wants bytes.

    Raises ConfigurationError for an address with an option that can't be used.
    """
    try:
        pool = _OwnPool.from_url(
            address(url, data_dir),
            decode_responses=decode,
            retry=_Retry(),
            socket_timeout=TIMEOUT_S,
            socket_connect_timeout=TIMEOUT_S,
            health_check_interval=30,
            protocol=2,
            parser_class=_Parser,
            command_packer=Packer(),
            redis_connect_func=_Counted(),
            driver_info=_driver(),
        )
        pool.connection_class(**pool.connection_kwargs)  # looks at the options
    except (ValueError, TypeError, redis.RedisError):  # what they say may quote a part of the password
        raise ConfigurationError(
            "configuration_invalid",
            "REDIS_URL has an option (behind the ?) that there is not, or a value it can't have",
        ) from None
    return Client.from_pool(pool)


def write_something(client: redis.Redis, key: str) -> None:
    """Raises redis.RedisError where we could not work."""
    client.set(key, "1", ex=60)


def place(url: str, data_dir: Path) -> str:
    """Where the server is, for people: without user name, password and options."""
    if not url:
        return f"embedded, in {data_dir}"
    parts = parse_url(url)
    if "path" in parts:
        return parts["path"]
    return f"{parts.get('host', 'localhost')}:{parts.get('port', 6379)}/{parts.get('db', 0)}"
