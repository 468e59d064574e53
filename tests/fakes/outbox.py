"""The outbox in memory and simulated time; tests/store holds it to the same contract as RedisOutbox."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Sequence
from copy import deepcopy
from typing import Any

from sidecar.adapters.store.outbox import LEFT_S, LOCK_MS, dump
from sidecar.core.stored_names import WAKE_UP_S
from tests.fakes.clock import Lapsing, SimulatedClock

_KEPT = ("_lapsing", "_bodies", "_later", "_alone", "_failures", "_away")


class MemoryOutbox:
    """Same methods as RedisOutbox."""

    def __init__(self, clock: SimulatedClock, *, notify_worker: Callable[[str], None] = lambda lane: None) -> None:
        self._clock = clock
        self.notify_worker = notify_worker
        self._lapsing = Lapsing(clock)
        self._bodies: dict[str, dict[str, str]] = {}  # lane -> id -> JSON, in the order of arrival
        self._later: dict[str, dict[str, float]] = {}
        self._alone: dict[str, dict[str, float]] = {}  # goes along with others, and alone not before
        self._failures: dict[str, int] = {}
        self._away: dict[str, Any] = {}

    def snapshot(self) -> dict[str, Any]:
        """What Redis writes to its disk now and then."""
        return {name: deepcopy(getattr(self, name)) for name in _KEPT}

    def restore(self, snapshot: dict[str, Any]) -> None:
        """What Redis reads when it starts again."""
        for name, part in snapshot.items():
            setattr(self, name, deepcopy(part))

    def flush_all(self) -> None:
        """What FLUSHALL does."""
        self._lapsing.clear()
        for part in (self._bodies, self._later, self._alone, self._failures, self._away):
            part.clear()

    def put(self, lane: str, messages: Sequence[dict[str, Any]], *, along_s: float | None = None) -> None:
        for message in messages:
            self._bodies.setdefault(lane, {})[message["id"]] = dump(message)
            if along_s is not None:
                self._alone.setdefault(lane, {})[message["id"]] = self._clock() + along_s
        if messages and along_s is None:
            self.wake_up(lane)

    def ready(self, lane: str, *, limit: int) -> list[dict[str, Any]]:
        now, later = self._clock(), self._later.get(lane, {})
        ready = [id for id in self._bodies.get(lane, {}) if later.get(id, 0) <= now][:limit]
        if all(self._alone.get(lane, {}).get(id, 0) > now for id in ready):
            return []
        return [json.loads(self._bodies[lane][id]) for id in ready]

    def done(self, lane: str, messages: Sequence[dict[str, Any]]) -> None:
        bodies = self._bodies.get(lane, {})
        self.drop(lane, [message["id"] for message in messages if bodies.get(message["id"]) == dump(message)])

    def drop(self, lane: str, ids: Sequence[str]) -> None:
        for id in ids:
            self._bodies.get(lane, {}).pop(id, None)
            self._later.get(lane, {}).pop(id, None)
            self._alone.get(lane, {}).pop(id, None)

    def defer(self, lane: str, ids: Sequence[str], *, until: float) -> None:
        for id in ids:
            if id in self._bodies.get(lane, {}):
                self._later.setdefault(lane, {})[id] = until
                self._alone.get(lane, {}).pop(id, None)

    def next_at(self, lane: str) -> float | None:
        bodies, now = self._bodies.get(lane, {}), self._clock()
        waits = (*self._later.get(lane, {}).values(), *self._alone.get(lane, {}).values())
        later = [at for at in waits if at > now]
        if not bodies:
            return None
        return min(later) if len(later) >= len(bodies) else now

    def sent_at(self, lane: str) -> float | None:
        """When a sender may come: where a simulated clock may jump to. Not a method of the real one."""
        at = self.next_at(lane)
        return None if at is None else max(at, self._lapsing.ends(f"paused:{lane}"))

    def waiting(self, lane: str) -> int:
        return len(self._bodies.get(lane, {}))

    def lock(self, lane: str) -> str | None:
        token = secrets.token_hex(6)
        return token if self._lapsing.take(f"flushing:{lane}", LOCK_MS / 1000, token) else None

    def renew_lock(self, lane: str, token: str) -> bool:
        if self._lapsing.get(f"flushing:{lane}") != token:
            return False
        self._lapsing.put(f"flushing:{lane}", LOCK_MS / 1000, token)
        return True

    def unlock(self, lane: str, token: str) -> bool:
        if self._lapsing.get(f"flushing:{lane}") != token:
            return False
        self._lapsing.drop(f"flushing:{lane}")
        called = self._lapsing.get(f"woken:{lane}") is not None
        return called and self._lapsing.get(f"paused:{lane}") is None

    def leave_to_sender(self, lane: str) -> None:
        if self._lapsing.get(f"woken:{lane}") is not None:
            self._lapsing.put(f"woken:{lane}", LEFT_S)

    def failures(self, lane: str) -> int:
        return self._failures.get(lane, 0)

    def count_failure(self, lane: str) -> int:
        self._failures[lane] = self.failures(lane) + 1
        return self._failures[lane]

    def clear_failures(self, lane: str) -> None:
        self._failures.pop(lane, None)
        self.note_reached()

    def note_away(self, reason: str, detail: str) -> None:
        self._away = {"reason": reason, "detail": detail, "since": self._away.get("since", self._clock())}

    def note_reached(self) -> None:
        self._away = {}

    def away(self) -> dict[str, Any] | None:
        return self._away or None

    def pause(self, lane: str, *, seconds: float) -> None:
        self._lapsing.put(f"paused:{lane}", seconds)

    def wake_up(self, lane: str) -> None:
        if self._lapsing.get(f"paused:{lane}") is None and self._lapsing.take(f"woken:{lane}", WAKE_UP_S):
            self.notify_worker(lane)

    def begin_flush(self, lane: str) -> None:
        self._lapsing.drop(f"woken:{lane}")

    def begin_batching_delay(self, lane: str, messages: int) -> None:
        pass

    def batching_delay(self, lane: str) -> float:
        """Never: time stands still while work is done, so a delay would not end."""
        return 0.0
