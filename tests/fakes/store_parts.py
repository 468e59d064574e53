"""The collaborators of the memory store: holds, heartbeats, answers, and the server that never fails."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any, Protocol

from tests.fakes.clock import Lapsing, SimulatedClock


class Memory(Protocol):
    """What they share with the store: all of it is kept and lost together."""

    clock: SimulatedClock
    lapsing: Lapsing
    held: dict[bool, dict[str, str]]
    generation: str


class MemoryHolds:
    """Same methods as RedisHolds."""

    def __init__(self, store: Memory) -> None:
        self._store = store

    def hold(self, stage: str, *, reason: str, detail: str, by_admin: bool = False) -> bool:
        if stage in self._store.held[by_admin]:
            return False
        why = {"reason": reason, "detail": detail, "since": int(self._store.clock()), "by_admin": by_admin}
        self._store.held[by_admin][stage] = json.dumps(why)
        return True

    def resume(self, stage: str, *, by_admin: bool = False) -> bool:
        ended = [self._store.held[kind].pop(stage, None) for kind in (False, True)[: 1 + by_admin]]
        self._store.lapsing.drop(f"streak:{stage}")
        return any(ended)

    def lengthen_streak(self, stage: str, *, ttl_s: int) -> int:
        length = int(str(self._store.lapsing.get(f"streak:{stage}") or 0)) + 1
        self._store.lapsing.put(f"streak:{stage}", ttl_s, str(length))
        return length

    def held(self) -> dict[str, dict[str, Any]]:
        return {
            stage: json.loads(text) for stage, text in {**self._store.held[False], **self._store.held[True]}.items()
        }

    def held_lately(self) -> dict[str, dict[str, Any]]:
        return self.held()

    def may_resume(self, stage: str) -> bool:
        return stage in self._store.held[False] or self._store.lapsing.get(f"streak:{stage}") is not None

    def may_probe(self, stage: str, *, every_s: float) -> bool:
        return self._store.lapsing.take(f"probe:{stage}", max(1, int(every_s)))


class MemoryHeartbeats:
    """Same methods as RedisHeartbeats."""

    def __init__(self, store: Memory) -> None:
        self._store = store

    def record(self, who: str, *, ttl_s: int = 15) -> None:
        self._store.lapsing.put(f"alive:{who}", ttl_s)

    def is_alive(self, who: str) -> bool:
        return self._store.lapsing.get(f"alive:{who}") is not None

    def record_outage(self, *, since: float, until: float) -> None:
        self._store.lapsing.put("outage", 3600, f"{since} {until}")

    def lapsed_in_outage(self, lease: float) -> bool:
        """What the script asks that claims."""
        since, until = map(float, str(self._store.lapsing.get("outage") or "0 -1").split())
        return since <= lease <= until

    def acquire_interval(self, task: str, *, every_s: float) -> bool:
        return self._store.lapsing.take(f"turn:{task}", every_s)

    def release_interval(self, task: str) -> bool:
        running = self._store.lapsing.get(f"turn:{task}") is not None
        self._store.lapsing.drop(f"turn:{task}")
        return running

    def is_any_running(self, tasks: Collection[str]) -> bool:
        return any(self._store.lapsing.get(f"turn:{task}") is not None for task in tasks)


class MemoryIdempotency:
    """Same methods as RedisIdempotency."""

    def __init__(self, store: Memory) -> None:
        self._store = store

    def remembered(self, message_id: str) -> dict[str, Any] | None:
        text = self._store.lapsing.get(f"answer:{message_id}")
        return json.loads(str(text)) if text else None

    def remember(self, message_id: str, answer: dict[str, Any], *, ttl_s: int) -> bool:
        return self._store.lapsing.take(f"answer:{message_id}", ttl_s, json.dumps(answer))


class MemoryServer:
    """Same methods as RedisServer."""

    def __init__(self, store: Memory) -> None:
        self._store = store

    def ping(self) -> None:
        """Always there."""

    def eviction_policy(self) -> str:
        return "noeviction"

    def take_over_old_keys(self) -> int:
        return 0

    def generation(self) -> str:
        return self._store.generation

    def name(self) -> str:
        return "memory-1"

    def persistence(self) -> str:
        return "append-only file"
