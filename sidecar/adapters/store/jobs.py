"""Adapter: jobs, claims and the schedule in Redis. Decides nothing: it compares, sets, and says what it found."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import redis

from ...core.errors import StaleClaim
from ...core.job import DEFAULTS, Job, NextStep
from ...core.states import SETTLED
from ...core.stored_names import JOB_FIELDS, WAKE_UP_S, Keys, stored
from . import scripts
from .ages import RedisAges
from .heartbeats import RedisHeartbeats
from .holds import RedisHolds
from .idempotency import RedisIdempotency
from .outbox import dump, written_keys
from .server import RedisServer

HINT_TTL_S = 86400  # a webhook for a job that is not here is remembered for a day
SETTLED_TTL_S = 86400  # a settled job stays as a cache for status pages and downloads; the ledger has it for good

_ANYTHING: Mapping[str, Any] = MappingProxyType({})


class RedisJobStore:
    """Working memory. Safe for any number of processes and machines.

    Terms: a *claim* names the worker that owns the current step of a job; its *lease* says until when, and is also
    the job's entry in the schedule. A living worker pushes it on; a lapsed lease is how a dead one is noticed.
    """

    def __init__(
        self,
        connection: redis.Redis,
        keys: Keys,
        *,
        slots: int = 0,
        clock: Callable[[], float] = time.time,
        notify_worker: Callable[[str], None] = lambda lane: None,
    ):
        """`notify_worker`: brings a sender to a lane of the outbox, when a change has put the first message since the
        last flush began."""
        self._redis = connection
        self._keys = keys
        self._slots = slots
        self._clock = clock
        self._notify_worker = notify_worker
        self.holds = RedisHolds(connection, keys, clock)
        self.heartbeats = RedisHeartbeats(connection, keys, clock)
        self.idempotency = RedisIdempotency(connection, keys)
        self.server = RedisServer(connection, keys)
        ages = RedisAges(connection, keys, clock)
        self.oldest, self.is_busy = ages.oldest, ages.is_busy
        register = connection.register_script
        self._create, self._arrive, self._claim, self._update, self._renew = (
            register(s) for s in (scripts.CREATE, scripts.ARRIVE, scripts.CLAIM, scripts.UPDATE, scripts.RENEW)
        )
        self._take_due, self._take_slot, self._free_slot, self._versions = (
            register(s) for s in (scripts.TAKE_DUE, scripts.TAKE_SLOT, scripts.FREE_SLOT, scripts.VERSIONS)
        )

    # ------------------------------------------------------------------ jobs
    def create(self, job: Job, *, due_at: float | None, settled: bool = False) -> bool:
        """Remember a job; False when this attempt or a newer one is there already (nothing changes then)."""
        flat = [text for pair in job.to_fields().items() for text in pair]
        args = [job.job_id, job.attempt, _number(due_at), SETTLED_TTL_S if settled else "", *flat]
        return self._create(keys=[self._keys.job(job.job_id), self._keys.due, self._keys.states], args=args) == 1

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
        """What `remember`, `create` and a first `change` do, in one round trip: a shop in a rush waits for us.

        1. The message was answered before: nothing changes, its answer comes back. 2. The job is created, unless this
        attempt or a newer one is there. 3. It goes on to `next_step`, unless there is something in its way.

        Returns ("answered", the kept answer) | ("known", None) | ("waits", None) | ("started", None).
        """
        of = self._keys
        keys = [of.answer(message_id), of.job(job.job_id), of.due, of.states, of.held, of.held_by_admin]
        fields = _listed(job.to_fields())
        args: list[Any] = [json.dumps(answer), ttl_s, job.job_id, job.attempt, due_at, WAKE_UP_S, fields]
        if next_step and not self._slots:
            message = next_step.message
            changes = {stored(JOB_FIELDS, name): value for name, value in next_step.changes.items()}
            kept = json.dumps(next_step.answer)
            args += [next_step.stage, next_step.due_at, message["id"], dump(message), _listed(changes), kept]
        outcome, *rest = self._arrive(keys=[*keys, *written_keys(self._keys, lane)], args=args)
        if outcome == "started" and rest[0]:
            self._notify_worker(lane)
        return outcome, json.loads(rest[0]) if outcome == "answered" else None

    def get(self, job_id: str) -> Job | None:
        raw: Any = self._redis.hgetall(self._keys.job(job_id))
        return Job.from_fields(raw) if raw else None

    def get_many(self, job_ids: Sequence[str]) -> dict[str, Job]:
        """The known ones among `job_ids`."""
        with self._redis.pipeline(transaction=False) as pipe:
            for job_id in job_ids:
                pipe.hgetall(self._keys.job(job_id))
            return {raw["job_id"]: Job.from_fields(raw) for raw in pipe.execute() if raw}

    def versions(self, job_ids: Sequence[str]) -> dict[str, tuple[int, str]]:
        """Attempt and state of the known ones among `job_ids`: for reconciliation, which looks at all of them."""
        found = iter(self._versions(keys=[self._keys.job(job_id) for job_id in job_ids]))
        pairs = zip(job_ids, found, found, strict=True)
        return {job_id: (int(attempt), state) for job_id, attempt, state in pairs if attempt}

    def claim(self, job_id: str, attempt: int, states: Iterable[str], *, lease_s: float) -> Job | None:
        """Own the next step of a job, or None: unknown, superseded, in another state, or owned by a living worker."""
        now, claim = self._clock(), secrets.token_hex(6)
        answer = self._claim(
            keys=[self._keys.job(job_id), self._keys.due, self._keys.outage],
            args=[job_id, attempt, now, now + lease_s, claim, *states],
        )
        return None if isinstance(answer, str) else Job.from_fields(_pairs(answer))

    def renew(self, job: Job, *, lease_s: float) -> None:
        """Push the lease on; raises StaleClaim when the job has passed to another claim."""
        keys, now = [self._keys.job(job.job_id), self._keys.due], self._clock()
        if not self._renew(keys=keys, args=[job.job_id, job.attempt, job.claim, now + lease_s, int(now)]):
            raise StaleClaim(job.job_id)

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
        held = (job.job_id, job.attempt, job.claim)
        after = self._write(*held, (), {}, changes, due_at, release, settled, messages, lane, passes)
        if after is None:
            raise StaleClaim(job.job_id)
        return after

    def change(
        self,
        job_id: str,
        attempt: int,
        states: Iterable[str],
        changes: dict[str, Any],
        *,
        due_at: float | None | str = "=",
        expect: Mapping[str, Any] = _ANYTHING,
        fence: bool = True,
        settled: bool | None = False,
        messages: Sequence[dict[str, Any]] = (),
        lane: str = "deliver",
    ) -> Job | None:
        """Change a job from outside its claim if it is in one of `states` (empty: any); None when it is not.

        `expect`: fields that must still say what the caller has read, or nothing is written (None).
        `fence`: whoever holds the claim loses it and will write nothing more.
        `settled`: the job is forgotten after a while; None leaves that as it is.
        """
        named = (job_id, attempt, "")
        return self._write(*named, tuple(states), expect, changes, due_at, fence, settled, messages, lane)

    def _write(
        self, job_id, attempt, claim, states, expect, changes, due_at, release, settled, messages, lane, passes=""
    ) -> Job | None:
        changes = {**changes, "updated_at": int(self._clock())}
        sent = [part for message in messages for part in (message["id"], dump(message))]
        written = [self._keys.job(job_id), self._keys.due, self._keys.states, *written_keys(self._keys, lane)]
        answer = self._update(
            keys=[*written, self._keys.held, self._keys.streak(passes)] if passes else written,
            args=[
                job_id,
                attempt,
                claim,
                f",{','.join(states)}," if states else "",
                "" if release else "=",
                due_at if due_at == "=" else _number(due_at),
                "=" if settled is None else SETTLED_TTL_S if settled else "",
                WAKE_UP_S,
                _listed(_as_kept(expect)) if expect else "",
                _listed(_as_kept(changes)),
                *sent,
            ],
        )
        if isinstance(answer, str):
            return None
        notify, fields, is_held = answer
        if is_held:
            self.holds.look_again()
        if notify:
            self._notify_worker(lane)
        return Job.from_fields(_pairs(fields))

    def forget(self, job_id: str) -> None:
        """Erase a job from working memory."""
        with self._redis.pipeline() as pipe:
            pipe.hget(self._keys.job(job_id), "state")
            pipe.delete(self._keys.job(job_id))
            pipe.zrem(self._keys.due, job_id)
            pipe.srem(self._keys.slots, job_id)
            pipe.zrem(self._keys.waiting, job_id)
            state, *_ = pipe.execute()
        if state:
            self._redis.hincrby(self._keys.states, state, -1)

    # ------------------------------------------------------------------ schedule
    def take_due(self, *, limit: int, rebook_s: float) -> list[str]:
        """Ids that are due now; each is booked again `rebook_s` later in case nobody acts on it."""
        now = self._clock()
        return self._take_due(keys=[self._keys.due], args=[now, now + rebook_s, limit])

    def due_at(self, job_id: str) -> float | None:
        """When the scheduler looks at a job next (Unix seconds); None: never."""
        return self._redis.zscore(self._keys.due, job_id)

    def counts(self) -> dict[str, int]:
        """Jobs in each unsettled state. Settled ones leave working memory by themselves: the ledger counts them."""
        counted: Any = self._redis.hgetall(self._keys.states)
        return {state: int(n) for state, n in counted.items() if state not in SETTLED and int(n) > 0}

    def all_ids(self) -> list[str]:
        """Every job in the schedule, in no order."""
        return [member for member, _ in self._redis.zscan_iter(self._keys.due, count=1000)]

    # ------------------------------------------------------------------ Upsampler's concurrency
    def take_slot(self, job: Job) -> bool:
        """Whether the job may go to Upsampler now; else it waits for a slot, oldest payment first."""
        if self._slots == 0:
            return True
        args: list[Any] = [job.job_id, self._slots, job.paid_at or self._clock()]
        return self._take_slot(keys=[self._keys.slots, self._keys.waiting], args=args) == 1

    def free_slot(self, job_id: str, *, left: Job | None = None) -> list[str]:
        """Give the slot back; the ids that have been called up in its place are due at once. `left`: the job as the
        caller had it, who has left it to come again: nothing changes if it has come already."""
        if self._slots == 0:
            return []
        keys = [self._keys.slots, self._keys.waiting, self._keys.due]
        args: list[Any] = [job_id, self._slots, self._clock()]
        if left:
            keys.append(self._keys.job(job_id))
            args.append(left.claim)
        return self._free_slot(keys=keys, args=args)

    def occupy_slot(self, job_id: str) -> None:
        """Count a job that is at Upsampler already (brought back from the ledger), even beyond the limit."""
        if self._slots:
            self._redis.sadd(self._keys.slots, job_id)

    def slot_holders(self) -> list[str]:
        return [str(holder) for holder in self._redis.smembers(self._keys.slots)] if self._slots else []

    def position(self, job_id: str) -> int | None:
        """Place among those who wait for a slot, from 1; None when not among them."""
        rank: Any = self._redis.zrank(self._keys.waiting, job_id)
        return None if rank is None else rank + 1

    # ------------------------------------------------------------------ webhooks of jobs that are not here (yet)
    def keep_hint(self, job_id: str, attempt: int, submission: int, upsampler_id: str) -> None:
        """Remember for a day what a webhook said about a submission of a job that we do not know."""
        self._redis.set(self._keys.hint(job_id, attempt, submission), upsampler_id, ex=HINT_TTL_S)

    def kept_hint(self, job_id: str, attempt: int, submission: int) -> str:
        return str(self._redis.get(self._keys.hint(job_id, attempt, submission)) or "")


def _number(value: float | None) -> float | str:
    return "" if value is None else value


def _as_kept(fields: Mapping[str, Any]) -> dict[str, str]:
    """Under their stored names. A field that has its default is not kept: '' stands for that."""
    return {stored(JOB_FIELDS, name): "" if value == DEFAULTS[name] else str(value) for name, value in fields.items()}


def _listed(fields: Mapping[str, str]) -> str:
    return json.dumps([part for pair in fields.items() for part in pair])


def _pairs(flat: list[str]) -> dict[str, str]:
    return dict(zip(flat[::2], flat[1::2], strict=True))
