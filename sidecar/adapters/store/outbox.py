"""Adapter: messages that wait for the shop. One flusher a lane, so that order holds and requests are shared."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Sequence
from typing import Any

import redis

from . import scripts

LOCK_MS = 12_000


class RedisOutbox:
    """Lanes of messages: `deliver` for what is quick in WordPress, `settle` for refunds, which wait for the bank."""

    def __init__(self, connection: redis.Redis, *, clock: Callable[[], float] = time.time):
        self._redis = connection
        self._clock = clock
        self._keep = connection.register_script(scripts.KEEP_LOCK)

    def put(self, lane: str, messages: Sequence[dict[str, Any]]) -> None:
        """Add messages {"id", "type", "data"}; one whose id waits already replaces its body and keeps its place."""
        with self._redis.pipeline() as pipe:
            for message in messages:
                pipe.zadd(f"smi:outbox:{lane}", {message["id"]: self._clock()}, nx=True)
                pipe.hset(f"smi:outbox:{lane}:body", message["id"], json.dumps(message, separators=(",", ":")))
            pipe.execute()

    def ready(self, lane: str, *, limit: int) -> list[dict[str, Any]]:
        """Up to `limit` messages whose time has come, oldest first. They stay until `done`."""
        ids = self._redis.zrangebyscore(f"smi:outbox:{lane}", "-inf", self._clock(), start=0, num=limit)
        if not ids:
            return []
        bodies = self._redis.hmget(f"smi:outbox:{lane}:body", ids)
        return [json.loads(body) for body in bodies if body]

    def done(self, lane: str, ids: Sequence[str]) -> None:
        if ids:
            with self._redis.pipeline() as pipe:
                pipe.zrem(f"smi:outbox:{lane}", *ids)
                pipe.hdel(f"smi:outbox:{lane}:body", *ids)
                pipe.execute()

    def defer(self, lane: str, ids: Sequence[str], *, until: float) -> None:
        """Not before `until`, whoever asks."""
        if ids:
            self._redis.zadd(f"smi:outbox:{lane}", dict.fromkeys(ids, until), xx=True)

    def next_at(self, lane: str) -> float | None:
        """When the first message may go, or None when the lane is empty."""
        first = self._redis.zrange(f"smi:outbox:{lane}", 0, 0, withscores=True)
        return first[0][1] if first else None

    def waiting(self, lane: str) -> int:
        return self._redis.zcard(f"smi:outbox:{lane}")

    # ------------------------------------------------------------------ one flusher at a time
    def lock(self, lane: str) -> str | None:
        """The right to flush a lane for 12 s (renew it), or None while another has it."""
        token = secrets.token_hex(6)
        return token if self._redis.set(f"smi:flushing:{lane}", token, nx=True, px=LOCK_MS) else None

    def renew_lock(self, lane: str, token: str) -> bool:
        return self._keep(keys=[f"smi:flushing:{lane}"], args=[token, LOCK_MS]) == 1

    def unlock(self, lane: str, token: str) -> None:
        self._keep(keys=[f"smi:flushing:{lane}"], args=[token, 0])

    # ------------------------------------------------------------------ how long the shop has been away
    def failures(self, lane: str) -> int:
        return int(self._redis.get(f"smi:outbox:{lane}:failures") or 0)

    def count_failure(self, lane: str) -> int:
        return self._redis.incr(f"smi:outbox:{lane}:failures")

    def clear_failures(self, lane: str) -> None:
        self._redis.delete(f"smi:outbox:{lane}:failures")

    def pause(self, lane: str, *, seconds: float) -> None:
        """The whole lane rests: the shop is away, and asking once is enough."""
        self._redis.set(f"smi:outbox:{lane}:paused", "1", px=max(1, int(seconds * 1000)))

    def paused(self, lane: str) -> bool:
        return self._redis.exists(f"smi:outbox:{lane}:paused") == 1

    # ------------------------------------------------------------------ one nudge is enough
    def nudge(self, lane: str) -> bool:
        """True for the first caller since the last flush began: he enqueues it, the others need not."""
        return bool(self._redis.set(f"smi:nudged:{lane}", "1", nx=True, ex=10))

    def begin_flush(self, lane: str) -> None:
        self._redis.delete(f"smi:nudged:{lane}")
