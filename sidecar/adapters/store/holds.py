"""Adapter: held stages in Redis: those that came by themselves, and an admin's."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import redis

from ...core.stored_names import Keys

LOOK_S = 1.0  # so long a look at the holds is good enough for questions that come with each job
HELD_STAGES = ("submit", "collect")


@dataclass(frozen=True)
class Look:
    """What there was to see, and how long (monotonic seconds) that will do for those who need not know better."""

    until: float
    by_itself: dict[str, str]
    by_admin: dict[str, str]
    streaks: frozenset[str]


NO_LOOK = Look(0, {}, {}, frozenset())


class RedisHolds:
    """Stops a stage for everybody. An admin's hold stands apart, so that no job that got through can end it."""

    def __init__(self, connection: redis.Redis, keys: Keys, clock: Callable[[], float]):
        self._redis = connection
        self._keys = keys
        self._clock = clock
        self._last_look = NO_LOOK

    def hold(self, stage: str, *, reason: str, detail: str, by_admin: bool = False) -> bool:
        """Stop a stage for everybody; True when it was not held before (by an admin, or by itself, respectively)."""
        why = {"reason": reason, "detail": detail, "since": int(self._clock()), "by_admin": by_admin}
        self._last_look = NO_LOOK
        return self._redis.hsetnx(self._held(by_admin), stage, json.dumps(why)) == 1

    def resume(self, stage: str, *, by_admin: bool = False) -> bool:
        """End a hold that came by itself; an admin's word ends any hold. True when there was one."""
        self._last_look = NO_LOOK
        with self._redis.pipeline(transaction=False) as pipe:
            for kind in (False, True)[: 1 + by_admin]:
                pipe.hdel(self._held(kind), stage)
            pipe.delete(self._keys.streak(stage))
            return any(pipe.execute()[:-1])

    def may_resume(self, stage: str) -> bool:
        """Whether `resume` could find something to end. Looked up once a second, since every job that gets through a
        stage asks; at once when there was something as the job's passing was written down (`look_again`)."""
        look = self._look()
        return stage in look.by_itself or stage in look.streaks

    def look_again(self) -> None:
        """There is something that the last look may not have seen."""
        self._last_look = NO_LOOK

    def held_lately(self) -> dict[str, dict[str, Any]]:
        """What `held` said within the last second: for a question that comes with each job and may be a second late."""
        look = self._look()
        return _read(look.by_itself, look.by_admin)

    def lengthen_streak(self, stage: str, *, ttl_s: int) -> int:
        """How often in a row a stage has gone wrong for all; `resume` ends the streak, so does `ttl_s` of peace."""
        self._last_look = NO_LOOK
        with self._redis.pipeline() as pipe:
            pipe.incr(self._keys.streak(stage))
            pipe.expire(self._keys.streak(stage), ttl_s)
            return pipe.execute()[0]

    def held(self) -> dict[str, dict[str, Any]]:
        """Stage -> {"reason", "detail", "since" (Unix seconds), "by_admin"}; an admin's hold hides the other."""
        with self._redis.pipeline(transaction=False) as pipe:
            pipe.hgetall(self._held(False))
            pipe.hgetall(self._held(True))
            return _read(*pipe.execute())

    def _look(self) -> Look:
        look = self._last_look
        if time.monotonic() >= look.until:
            with self._redis.pipeline(transaction=False) as pipe:
                pipe.hgetall(self._held(False))
                pipe.hgetall(self._held(True))
                for stage in HELD_STAGES:
                    pipe.exists(self._keys.streak(stage))
                by_itself, by_admin, *streaks = pipe.execute()
            lasting = frozenset(stage for stage, there in zip(HELD_STAGES, streaks, strict=True) if there)
            look = self._last_look = Look(time.monotonic() + LOOK_S, by_itself, by_admin, lasting)
        return look

    def may_probe(self, stage: str, *, every_s: float) -> bool:
        """While a stage is held: whether the caller is the one who may try again now (one job in `every_s`, whole
        seconds)."""
        return bool(self._redis.set(self._keys.probe(stage), "1", nx=True, ex=max(1, int(every_s))))

    def _held(self, by_admin: bool) -> str:
        return self._keys.held_by_admin if by_admin else self._keys.held


def _read(by_itself: dict[str, str], by_admin: dict[str, str]) -> dict[str, dict[str, Any]]:
    return {stage: json.loads(text) for stage, text in {**by_itself, **by_admin}.items()}
