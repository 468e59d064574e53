"""Adapter: how the Redis server itself is: does it answer, what does it evict, what does it survive."""

from __future__ import annotations

import secrets
import socket
import time

import redis

from ...core.errors import TemporaryError
from ...core.stored_names import Keys
from ..connections import opened, write_something
from ..refusals import in_words
from .old_keys import take_over

GENERATION_KEPT_S = 1.0  # a proxy may hide a restart from us; not for longer


class RedisServer:
    """Questions about the server; none of them is about a job."""

    def __init__(self, connection: redis.Redis, keys: Keys):
        self._redis = connection
        self._keys = keys
        self._generation: tuple[str, float | None, float] | None = None

    def ping(self) -> None:
        """A small write: a replica, and a full server, answer a PING. Raises TemporaryError("redis_unavailable")."""
        try:
            write_something(self._redis, self._keys.ping)
        except redis.RedisError as error:
            raise TemporaryError("redis_unavailable", in_words(error)) from error

    def eviction_policy(self) -> str:
        """Redis' maxmemory-policy, "" where the server does not tell."""
        try:
            return self._redis.config_get("maxmemory-policy").get("maxmemory-policy") or ""
        except redis.ResponseError:
            return ""

    def generation(self) -> str:
        """Names the time since Redis last began to remember; a restart may have brought back an old snapshot, and a
        replica that has taken over may lack what was written last. "" where a restart forgets nothing (append-only
        file) and nobody has taken over, and where the server does not tell.

        Asked for before each submit, so it is kept for a second, and no longer than the connections to that server: a
        restart ends them all."""
        at = opened(self._redis)
        kept = self._generation
        if kept and at is not None and kept[1] == at and time.monotonic() < kept[2]:
            return kept[0]
        generation = self._ask_generation()
        # Should the question itself have opened a connection, the next one asks again.
        self._generation = (generation, at, time.monotonic() + GENERATION_KEPT_S)
        return generation

    def _ask_generation(self) -> str:
        try:
            with self._redis.pipeline(transaction=False) as pipe:
                pipe.info("persistence")
                pipe.info("server")
                pipe.info("replication")
                persistence, server, replication = pipe.execute()
        except redis.ResponseError:
            return ""
        if not persistence.get("aof_enabled"):
            return str(server.get("run_id", ""))[:8]
        # A primary that was a replica once keeps the name of the history that it goes on with, until it restarts:
        # https://redis.io/docs/latest/operate/oss_and_stack/management/replication/ ("Replication ID explained")
        before = str(replication.get("master_replid2") or "").strip("0")
        return str(replication.get("master_replid", ""))[:8] if before else ""

    def name(self) -> str:
        """What this sidecar calls itself: made by its first process, kept in Redis, which all its processes share."""
        mine = f"{socket.gethostname()[:60]}-{secrets.token_hex(3)}"
        return (
            mine if self._redis.set(self._keys.name, mine, nx=True) else str(self._redis.get(self._keys.name) or mine)
        )

    def take_over_old_keys(self) -> int:
        """What a version that did not name the site has left; the number of jobs. Safe to repeat."""
        return take_over(self._redis, self._keys)

    def persistence(self) -> str:
        """``append-only file``, ``snapshots``, ``none``, or ``unknown`` where the server does not tell."""
        try:
            config = {**self._redis.config_get("appendonly"), **self._redis.config_get("save")}
        except redis.ResponseError:
            return "unknown"
        if config.get("appendonly") == "yes":
            return "append-only file"
        return "snapshots" if config.get("save") else "none"
