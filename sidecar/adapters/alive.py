"""Adapter: workers' heartbeats in Redis, `smi:workers`: name -> Unix seconds of the last one."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import redis

BEAT_S, ALIVE_S = 4, 15  # between two signs, and how long one counts


def living(connection: redis.Redis) -> int:
    """How many workers have shown a sign lately."""
    return connection.zcount("smi:workers", time.time() - ALIVE_S, "+inf")


@contextmanager
def alive(connection: redis.Redis, worker: str) -> Iterator[None]:
    """Signs of life of a worker while the block runs, from a thread of its own: it may be busy with a large file."""
    ended = threading.Event()

    def beat() -> None:
        while True:
            with suppress(redis.RedisError):  # away for a moment: the next beat tells
                now = time.time()
                connection.zadd("smi:workers", {worker: now})
                connection.zremrangebyscore("smi:workers", "-inf", now - 100 * ALIVE_S)
            if ended.wait(BEAT_S):
                return

    thread = threading.Thread(target=beat, name="alive", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        with suppress(redis.RedisError):  # then its last beat grows old
            connection.zrem("smi:workers", worker)
