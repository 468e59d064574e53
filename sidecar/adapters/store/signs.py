"""Adapter: what fades by itself in Redis: answers to messages, hints for jobs not here, signs of generation, turns."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import redis

from ...core.errors import TemporaryError
from ...core.stored_names import INTERVALS, stored
from ..connections import opened

HINT_TTL_S = 86400
GENERATION_KEPT_S = 1.0  # a proxy may hide a restart from us; not for longer


class RedisSigns:
    """The part of the job store that remembers for a while, and that knows how Redis itself is."""

    _redis: redis.Redis
    _clock: Callable[[], float]

    # ------------------------------------------------------------------ answers to repeated messages
    def remembered(self, message_id: str) -> dict[str, Any] | None:
        text = self._redis.get(f"smi:answer:{message_id}")
        return json.loads(text) if text else None

    def remember(self, message_id: str, answer: dict[str, Any], *, ttl_s: int) -> bool:
        """Keep an answer; False when one is there already."""
        return bool(self._redis.set(f"smi:answer:{message_id}", json.dumps(answer), nx=True, ex=ttl_s))

    # ------------------------------------------------------------------ hints for jobs that are not here (yet)
    def keep_hint(self, job_id: str, attempt: int, submission: int, upsampler_id: str) -> None:
        """Remember for a day what a webhook said about a submission of a job that we do not know."""
        self._redis.set(f"smi:hint:{job_id}:{attempt}:{submission}", upsampler_id, ex=HINT_TTL_S)

    def kept_hint(self, job_id: str, attempt: int, submission: int) -> str:
        return self._redis.get(f"smi:hint:{job_id}:{attempt}:{submission}") or ""

    # ------------------------------------------------------------------ signs of generation
    def beat(self, who: str, *, ttl_s: int = 15) -> None:
        self._redis.set(f"smi:alive:{who}", int(self._clock()), ex=ttl_s)

    def alive(self, who: str) -> bool:
        return self._redis.exists(f"smi:alive:{who}") == 1

    def acquire_interval(self, task: str, *, every_s: float) -> bool:
        """True for one caller in `every_s` seconds, over all machines."""
        kind, _, of_what = task.partition(":")
        name = f"{stored(INTERVALS, kind)}:{of_what}" if of_what else stored(INTERVALS, kind)
        return bool(self._redis.set(f"smi:turn:{name}", "1", nx=True, px=int(every_s * 1000)))

    def ping(self) -> None:
        """Raises TemporaryError("redis_unavailable")."""
        try:
            self._redis.ping()
        except redis.RedisError as error:
            raise TemporaryError("redis_unavailable", str(error)) from error

    def eviction_policy(self) -> str:
        """Redis' maxmemory-policy, "" where the server does not tell."""
        try:
            return self._redis.config_get("maxmemory-policy").get("maxmemory-policy", "")
        except redis.ResponseError:
            return ""

    def redis_generation(self) -> str:
        """Names the time since Redis last began to remember; a restart may have brought back an old snapshot. "" where
        a restart forgets nothing (append-only file), and where the server does not tell.

        Asked for before each submit, so it is kept for a second, and no longer than the connections to that server: a
        restart ends them all."""
        at = opened(self._redis)
        kept = getattr(self, "_generation", None)
        if kept and at is not None and kept[1] == at and time.monotonic() < kept[2]:
            return kept[0]
        generation = self._ask_generation()
        # Should the question itself have opened a connection, the next one asks again.
        self._generation = (generation, at, time.monotonic() + GENERATION_KEPT_S)
        return generation

    def _ask_generation(self) -> str:
        try:
            with self._redis.pipeline(transaction=False) as pipe:
                pipe.info("persistence").info("server")
                persistence, server = pipe.execute()
        except redis.ResponseError:
            return ""
        return "" if persistence.get("aof_enabled") else str(server.get("run_id", ""))[:8]

    def persistence(self) -> str:
        """``append-only file``, ``snapshots``, ``none``, or ``unknown`` where the server does not tell."""
        try:
            config = {**self._redis.config_get("appendonly"), **self._redis.config_get("save")}
        except redis.ResponseError:
            return "unknown"
        if config.get("appendonly") == "yes":
            return "append-only file"
        return "snapshots" if config.get("save") else "none"
