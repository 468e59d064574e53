"""Adapter: heartbeats of single processes in Redis, and what happens once in an interval over all machines."""

from __future__ import annotations

from collections.abc import Callable

import redis

from ...core.stored_names import INTERVALS, stored

OUTAGE = "smi:outage"
OUTAGE_KEPT_S = 3600  # longer than what came due in an outage waits for a worker


class RedisHeartbeats:
    """`smi:alive:<process>` and `smi:turn:<task>`: marks that expire. `smi:outage`: when nobody could set any."""

    def __init__(self, connection: redis.Redis, clock: Callable[[], float]):
        self._redis = connection
        self._clock = clock

    def record(self, who: str, *, ttl_s: int = 15) -> None:
        self._redis.set(f"smi:alive:{who}", int(self._clock()), ex=ttl_s)

    def is_alive(self, who: str) -> bool:
        return self._redis.exists(f"smi:alive:{who}") == 1

    def record_outage(self, *, since: float, until: float) -> None:
        with self._redis.pipeline() as pipe:
            pipe.hset(OUTAGE, mapping={"since": since, "until": until})
            pipe.expire(OUTAGE, OUTAGE_KEPT_S)
            pipe.execute()

    def acquire_interval(self, task: str, *, every_s: float) -> bool:
        """True for one caller in `every_s` seconds, over all machines."""
        return bool(self._redis.set(_turn(task), "1", nx=True, px=int(every_s * 1000)))

    def release_interval(self, task: str) -> bool:
        """End an interval early. False: none was running."""
        return self._redis.delete(_turn(task)) == 1


def _turn(task: str) -> str:
    kind, _, of_what = task.partition(":")
    return f"smi:turn:{stored(INTERVALS, kind)}:{of_what}" if of_what else f"smi:turn:{stored(INTERVALS, kind)}"
