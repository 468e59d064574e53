"""Working memory without Redis, in simulated time; tests/store holds it to the same contract as RedisJobStore."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import MISSING, fields
from types import MappingProxyType
from typing import Any

from sidecar.adapters.store.jobs import SETTLED_TTL_S
from sidecar.core.errors import StaleClaim
from sidecar.core.job import Job, NextStep
from sidecar.core.states import LANES, SETTLED
from tests.fakes.clock import Lapsing, SimulatedClock
from tests.fakes.outbox import MemoryOutbox
from tests.fakes.store_parts import MemoryHeartbeats, MemoryHolds, MemoryIdempotency, MemoryServer

_TYPES: dict[str, Any] = {f.name: {"int": int, "str": str}[str(f.type)] for f in fields(Job)}
_OPTIONAL = {f.name for f in fields(Job) if f.default is not MISSING}


def changed(job: Job, changes: dict[str, Any]) -> Job:
    """`dataclasses.replace`, which is slow, for a dataclass without a `__post_init__`."""
    copy = object.__new__(Job)
    copy.__dict__.update(job.__dict__)
    copy.__dict__.update(changes)
    return copy


def _checked(changes: dict[str, Any]) -> dict[str, Any]:
    """Redis stores text: what would come back as something else is a fault that must not hide here."""
    for name, value in changes.items():
        if not isinstance(value, _TYPES[name]) or isinstance(value, bool):
            raise TypeError(f"{name}={value!r} would not come back from Redis as it went in")
    return changes


_KEPT = ("lapsing", "_jobs", "_leases", "_ends", "_due", "_holders", "_line", "held")


class MemoryJobStore:
    """Same methods as RedisJobStore. `outbox` takes the messages that are written together with a change."""

    def __init__(self, clock: SimulatedClock, outbox: MemoryOutbox, *, slots: int = 0) -> None:
        self.clock = clock
        self._outbox = outbox
        self._slots = slots
        self.holds = MemoryHolds(self)
        self.heartbeats = MemoryHeartbeats(self)
        self.idempotency = MemoryIdempotency(self)
        self.server = MemoryServer(self)
        self.generation = ""  # what `generation` says
        self.lapsing = Lapsing(clock)
        self._jobs: dict[str, Job] = {}
        self._leases: dict[str, float] = {}
        self._ends: dict[str, float] = {}  # when a settled job leaves
        self._due: dict[str, float] = {}
        self._holders: set[str] = set()
        self._line: dict[str, float] = {}
        self.held: dict[bool, dict[str, str]] = {False: {}, True: {}}

    def snapshot(self) -> dict[str, Any]:
        """What Redis writes to its disk now and then."""
        return {name: deepcopy(getattr(self, name)) for name in _KEPT}

    def restore(self, snapshot: dict[str, Any]) -> None:
        """What Redis reads when it starts again."""
        for name, part in snapshot.items():
            setattr(self, name, deepcopy(part))

    def flush_all(self) -> None:
        """What FLUSHALL does to the store (the outbox has its own)."""
        self.lapsing.clear()
        self._holders.clear()
        parts: list[dict[str, Any]] = [self._jobs, self._leases, self._ends, self._due, self._line, *self.held.values()]
        for part in parts:
            part.clear()

    # ------------------------------------------------------------------ jobs
    def _known(self, job_id: str) -> Job | None:
        if self._ends.get(job_id, float("inf")) <= self.clock():
            self._jobs.pop(job_id, None)
            self._ends.pop(job_id)
        return self._jobs.get(job_id)

    def create(self, job: Job, *, due_at: float | None, settled: bool = False) -> bool:
        known = self._known(job.job_id)
        if known and known.attempt >= job.attempt:
            return False
        _checked(job.__dict__)
        self._jobs[job.job_id] = job
        self._leases.pop(job.job_id, None)
        self._book(job.job_id, due_at)
        self._live(job.job_id, settled)
        return True

    def arrive(
        self,
        job: Job,
        *,
        due_at: float,
        next_step: NextStep | None,
        message_id: str,
        answer: dict[str, Any],
        ttl_s: int,
        lane: str = "deliver",
    ) -> tuple[str, dict[str, Any] | None]:
        if before := self.idempotency.remembered(message_id):
            return "answered", before
        waits = next_step is None or self._slots or next_step.stage in self.holds.held()
        created = self.create(job, due_at=due_at)
        kept = next_step.answer if created and next_step and not waits else answer
        self.idempotency.remember(message_id, kept, ttl_s=ttl_s)
        if not created:
            return "known", None
        if next_step is None or waits:
            return "waits", None
        self.change(
            job.job_id,
            job.attempt,
            (),
            next_step.changes,
            due_at=next_step.due_at,
            messages=[next_step.message],
            lane=lane,
        )
        return "started", None

    def get(self, job_id: str) -> Job | None:
        return self._known(job_id)

    def get_many(self, job_ids: Sequence[str]) -> dict[str, Job]:
        found = {job_id: self._known(job_id) for job_id in job_ids}
        return {job_id: job for job_id, job in found.items() if job}

    def versions(self, job_ids: Sequence[str]) -> dict[str, tuple[int, str]]:
        return {job_id: (job.attempt, job.state) for job_id, job in self.get_many(job_ids).items()}

    def claim(self, job_id: str, attempt: int, states: Iterable[str], *, lease_s: float) -> Job | None:
        job, now = self._known(job_id), self.clock()
        if job is None or job.attempt != attempt or job.state not in tuple(states):
            return None
        changes: dict[str, Any] = {"claim": secrets.token_hex(6)}
        if job.claim:
            lease = self._leases.get(job_id, 0)
            if lease > now:
                return None
            changes["crash_count"] = job.crash_count + (not self.heartbeats.lapsed_in_outage(lease))
        self._jobs[job_id] = changed(job, changes)
        self._leases[job_id] = self._due[job_id] = now + lease_s
        return self.get(job_id)

    def renew(self, job: Job, *, lease_s: float) -> None:
        self.advance(job, {}, due_at=self.clock() + lease_s, release=False)

    def advance(
        self,
        job: Job,
        changes: dict[str, Any],
        *,
        due_at: float | None,
        release: bool = True,
        settled: bool = False,
        messages: Sequence[dict[str, Any]] = (),
        lane: str = "deliver",
        passes: str = "",
    ) -> Job:
        known = self._known(job.job_id)
        if known is None or known.attempt != job.attempt or known.claim != job.claim:
            raise StaleClaim(job.job_id)
        return self._write(known, changes, due_at, release, settled, messages, lane)

    def change(
        self,
        job_id: str,
        attempt: int,
        states: Iterable[str],
        changes: dict[str, Any],
        *,
        due_at: float | None | str = "=",
        expect: Mapping[str, Any] = MappingProxyType({}),
        fence: bool = True,
        settled: bool | None = False,
        messages: Sequence[dict[str, Any]] = (),
        lane: str = "deliver",
    ) -> Job | None:
        known, states = self._known(job_id), tuple(states)
        if known is None or known.attempt != attempt or (states and known.state not in states):
            return None
        if any(getattr(known, name) != value for name, value in expect.items()):
            return None
        return self._write(known, changes, due_at, fence, settled, messages, lane)

    def _write(self, known, changes, due_at, release, settled, messages, lane) -> Job:
        job_id = known.job_id
        changes = {**_checked(changes), "updated_at": int(self.clock())}
        if release:
            changes["claim"] = ""
            self._leases.pop(job_id, None)
        elif known.claim and due_at != "=":
            self._leases[job_id] = due_at
        self._jobs[job_id] = changed(known, changes)
        if due_at != "=":
            self._book(job_id, due_at)
        if settled is not None:
            self._live(job_id, settled)
        after = self._jobs[job_id]
        self._outbox.put(lane, messages)  # last: it notifies a worker, and whoever dies there has written all of it
        return after

    def due_at(self, job_id: str) -> float | None:
        return self._due.get(job_id)

    def _book(self, job_id: str, due_at: float | None) -> None:
        if due_at is None:
            self._due.pop(job_id, None)
        else:
            self._due[job_id] = due_at

    def _live(self, job_id: str, settled: bool) -> None:
        self._ends.pop(job_id, None)
        if settled:
            self._ends[job_id] = self.clock() + SETTLED_TTL_S

    def forget(self, job_id: str) -> None:
        for part in (self._jobs, self._leases, self._ends, self._due, self._line):
            part.pop(job_id, None)
        self._holders.discard(job_id)

    # ------------------------------------------------------------------ schedule
    def take_due(self, *, limit: int, rebook_s: float) -> list[str]:
        now = self.clock()
        due = sorted((at, job_id) for job_id, at in self._due.items() if at <= now)
        ids = [job_id for _, job_id in due[:limit]]
        self._due |= dict.fromkeys(ids, now + rebook_s)
        return ids

    def is_busy(self) -> bool:
        return bool(self._due) or any(self._outbox.waiting(lane) for lane in LANES)

    def counts(self) -> dict[str, int]:
        counts: dict[str, int] = {}
        for job in self._jobs.values():
            if job.state not in SETTLED:
                counts[job.state] = counts.get(job.state, 0) + 1
        return counts

    def oldest(self) -> dict[str, float]:
        oldest: dict[str, float] = {}
        for job in self._jobs.values():
            if job.state not in SETTLED and job.stage_since and job.job_id in self._due:
                oldest[job.state] = max(oldest.get(job.state, 0.0), self.clock() - job.stage_since)
        return oldest

    def all_ids(self) -> list[str]:
        return list(self._due)

    def next_due(self) -> float | None:
        """When the scheduler has something to do: where a simulated clock may jump to. Not a method of the real one."""
        return min(self._due.values(), default=None)

    # ------------------------------------------------------------------ Upsampler's concurrency
    def take_slot(self, job: Job) -> bool:
        if self._slots == 0 or job.job_id in self._holders:
            return True
        free = self._slots - len(self._holders)
        line = self._in_line()
        if free > 0 and (not line or line[0] == job.job_id or len(line) < free):
            self._holders.add(job.job_id)
            self._line.pop(job.job_id, None)
            return True
        self._line.setdefault(job.job_id, job.paid_at or self.clock())
        return False

    def free_slot(self, job_id: str, *, left: Job | None = None) -> list[str]:
        if self._slots == 0:
            return []
        if left:
            now = self.get(job_id)
            if now is None or now.state != "submitting" or now.claim not in ("", left.claim):
                return []
        self._holders.discard(job_id)
        self._line.pop(job_id, None)
        called = self._in_line()[: max(0, self._slots - len(self._holders))]
        for next_id in called:
            self._line.pop(next_id)
            self._holders.add(next_id)
            self._due[next_id] = self.clock()
        return called

    def occupy_slot(self, job_id: str) -> None:
        if self._slots:
            self._holders.add(job_id)

    def slot_holders(self) -> list[str]:
        return sorted(self._holders)

    def position(self, job_id: str) -> int | None:
        line = self._in_line()
        return line.index(job_id) + 1 if job_id in line else None

    def _in_line(self) -> list[str]:
        return [job_id for _, job_id in sorted((at, job_id) for job_id, at in self._line.items())]

    # ------------------------------------------------------------------ webhooks of jobs that are not here (yet)
    def keep_hint(self, job_id: str, attempt: int, submission: int, upsampler_id: str) -> None:
        self.lapsing.put(f"hint:{job_id}:{attempt}:{submission}", SETTLED_TTL_S, upsampler_id)

    def kept_hint(self, job_id: str, attempt: int, submission: int) -> str:
        return str(self.lapsing.get(f"hint:{job_id}:{attempt}:{submission}") or "")
