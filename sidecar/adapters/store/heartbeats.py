"""Adapter: heartbeats of single processes in Redis, and what happens once in an interval over all machines."""

from __future__ import annotations

from collections.abc import Callable, Collection

import redis

from ...core.stored_names import Keys

OUTAGE_KEPT_S = 3600  # longer than what came due in an outage waits for a worker


class RedisHeartbeats:
    """Marks that expire: of processes, of tasks that one of them has taken, and when nobody could set any."""

    def __init__(self, connection: redis.Redis, keys: Keys, clock: Callable[[], float]):
        self._redis = connection
        self._keys = keys
        self._clock = clock

    def record(self, who: str, *, ttl_s: int = 15) -> None:
        self._redis.set(self._keys.alive(who), int(self._clock()), ex=ttl_s)

    def is_alive(self, who: str) -> bool:
        return self._redis.exists(self._keys.alive(who)) == 1

    def record_outage(self, *, since: float, until: float) -> None:
        with self._redis.pipeline() as pipe:
            pipe.hset(self._keys.outage, mapping={"since": since, "until": until})
            pipe.expire(self._keys.outage, OUTAGE_KEPT_S)
            pipe.execute()

    def acquire_interval(self, task: str, *, every_s: float) -> bool:
        """True for one caller in `every_s` seconds, over all machines."""
        return bool(self._redis.set(self._keys.interval(task), "1", nx=True, px=int(every_s * 1000)))

    def release_interval(self, task: str) -> bool:
        """End an interval early. False: none was running."""
        return self._redis.delete(self._keys.interval(task)) == 1

    def is_any_running(self, tasks: Collection[str]) -> bool:
        """Whether the interval of one of these tasks runs."""
        return bool(self._redis.exists(*map(self._keys.interval, tasks)))
