"""Adapter, work queue: the workers' heartbeats: name -> Unix seconds of the last one."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import redis

from ...core.stored_names import Keys

HEARTBEAT_S, ALIVE_S = 8, 20  # between two heartbeats, and how long one counts


def workers_alive(connection: redis.Redis, keys: Keys) -> int:
    """How many workers have shown a heartbeat in the last ALIVE_S seconds."""
    return connection.zcount(keys.workers, time.time() - ALIVE_S, "+inf")


@contextmanager
def heartbeat(connection: redis.Redis, keys: Keys, worker: str) -> Iterator[None]:
    """Heartbeats of a worker while the block runs, from a thread of its own: it may be busy with a large file."""
    ended = threading.Event()

    def run() -> None:
        tidied = 0.0
        while True:  # ends: within a heartbeat after the block below
            with suppress(redis.RedisError):  # away for a moment: the next heartbeat tells
                now = time.time()
                connection.zadd(keys.workers, {worker: now})
                if now > tidied + 100 * ALIVE_S:
                    tidied = now
                    connection.zremrangebyscore(keys.workers, "-inf", now - 100 * ALIVE_S)
            if ended.wait(HEARTBEAT_S):
                return

    thread = threading.Thread(target=run, name="heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()  # ends: calls to Redis have a timeout
        with suppress(redis.RedisError):  # then its last heartbeat grows old
            connection.zrem(keys.workers, worker)
