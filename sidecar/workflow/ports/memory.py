"""Workflow, port: working memory: jobs, claims, the schedule, holds, heartbeats, kept answers.

All of it is kept and lost together; what is lost comes back from the ledger (workflow/reconcile.py). Times are Unix
seconds, durations end in `_s` and are seconds. When the server is away, its library's error passes through: the entry
points answer 503, and what comes due again is done again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Protocol

from ...core.job import Job, NextStep

_ANYTHING: Mapping[str, Any] = MappingProxyType({})


class Holds(Protocol):
    """Stages that are stopped for everybody. An admin's hold stands apart: only an admin ends it."""

    def hold(self, stage: str, *, reason: str, detail: str, by_admin: bool = False) -> bool:
        """True when the stage was not held before (by an admin, or by itself, respectively)."""

    def resume(self, stage: str, *, by_admin: bool = False) -> bool:
        """End a hold that came by itself, and the streak; an admin's word ends any hold. True when there was one."""

    def held(self) -> dict[str, dict[str, Any]]:
        """Stage -> {"reason", "detail", "since" (Unix seconds), "by_admin"}."""

    def held_lately(self) -> dict[str, dict[str, Any]]:
        """What `held` said within the last second."""

    def may_resume(self, stage: str) -> bool:
        """Whether `resume` could find something to end; may be a second late, unless `advance` has noticed it."""

    def lengthen_streak(self, stage: str, *, ttl_s: int) -> int:
        """How often in a row the stage has gone wrong for all; `ttl_s` of peace end the streak."""

    def may_probe(self, stage: str, *, every_s: float) -> bool:
        """While a stage is held: True for one caller in `every_s`."""


class Heartbeats(Protocol):
    """Who is alive, and what happens once in an interval over all machines."""

    def record(self, who: str, *, ttl_s: int = 15) -> None:
        """It is alive, and believed to be for `ttl_s` seconds."""

    def is_alive(self, who: str) -> bool:
        """Whether it has recorded that within its time."""

    def record_outage(self, *, since: float, until: float) -> None:
        """From when until when nobody could renew anything: a lease that lapsed then is no crash of its holder."""

    def acquire_interval(self, task: str, *, every_s: float) -> bool:
        """True for one caller in `every_s`."""

    def release_interval(self, task: str) -> bool:
        """End an interval early. False: none was running."""

    def is_any_running(self, tasks: Collection[str]) -> bool:
        """Whether the interval of one of these tasks runs."""


class Idempotency(Protocol):
    """Answers by message id, so that a repeated message gets the same one."""

    def remembered(self, message_id: str) -> dict[str, Any] | None:
        """The answer that was given, None: to none, or too long ago."""

    def remember(self, message_id: str, answer: dict[str, Any], *, ttl_s: int) -> bool:
        """False when one is there already."""


class MemoryServer(Protocol):
    """The server behind working memory."""

    def ping(self) -> None:
        """Raises TemporaryError("redis_unavailable")."""

    def eviction_policy(self) -> str:
        """Redis' maxmemory-policy, "" where the server does not tell."""

    def persistence(self) -> str:
        """``append-only file``, ``snapshots``, ``none`` or ``unknown``."""

    def name(self) -> str:
        """What this sidecar calls itself, the same in all its processes."""

    def take_over_old_keys(self) -> int:
        """What an older version called otherwise becomes ours; the number of jobs. Safe to repeat."""

    def generation(self) -> str:
        """Names the time since the server last began to remember; "" where a restart forgets nothing."""


class JobStore(Protocol):
    """Jobs of which something is still to be done, and settled ones for a day.

    A *claim* names the worker that owns the current step of a job; its *lease* says until when, and is the job's entry
    in the schedule. Whoever loses the claim can write nothing more.
    """

    @property
    def holds(self) -> Holds: ...
    @property
    def heartbeats(self) -> Heartbeats: ...
    @property
    def idempotency(self) -> Idempotency: ...
    @property
    def server(self) -> MemoryServer: ...

    # ------------------------------------------------------------------ jobs
    def create(self, job: Job, *, due_at: float | None, settled: bool = False) -> bool:
        """False when this attempt or a newer one is there already. `due_at` None: never; `settled`: kept for a day."""

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
        """A job by a message, in one instant: the answer is kept for `ttl_s`, the job created, and moved on to
        `next_step`, if there is one and nothing in its way; its message then goes into `lane`, and its answer is kept.

        ("answered", the kept answer): the message is a repeat | ("known", None): the attempt, or a newer one, is there
        | ("waits", None): created, due at `due_at` | ("started", None).
        """

    def get(self, job_id: str) -> Job | None:
        """Its newest attempt; None: unknown, or settled more than a day ago."""

    def get_many(self, job_ids: Sequence[str]) -> dict[str, Job]:
        """The known ones of these jobs, by id."""

    def versions(self, job_ids: Sequence[str]) -> dict[str, tuple[int, str]]:
        """Attempt and state of the known ones."""

    def claim(self, job_id: str, attempt: int, states: Iterable[str], *, lease_s: float) -> Job | None:
        """Own the next step for `lease_s`; None: unknown, superseded, in another state, or owned by a living worker."""

    def renew(self, job: Job, *, lease_s: float) -> None:
        """Push the lease on, to `lease_s` from now. Raises StaleClaim."""

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
        """What the owner of the claim has found, with its messages to the shop, in one instant. Returns the job as it
        is then.

        `due_at` None: never. `release`: the claim is given up. `settled`: the job is kept for a day. `passes`: the
        stage that the job has passed; `holds.may_resume` sees what stands in it then. Raises StaleClaim, and then
        nothing was written.
        """

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
        """As `advance`, from outside the claim, if the job is in one of `states` (empty: any) and `expect` holds, else
        None.

        `due_at` "=": as it was. `fence`: whoever holds the claim loses it. `settled` None: as it was.
        """

    def forget(self, job_id: str) -> None:
        """Remove all that working memory knows of it. Safe to repeat."""

    # ------------------------------------------------------------------ schedule
    def take_due(self, *, limit: int, rebook_s: float) -> list[str]:
        """Ids that are due; each is booked again `rebook_s` later, should nobody act on it."""

    def due_at(self, job_id: str) -> float | None:
        """When the scheduler looks at it next (Unix seconds); None: never."""

    def is_busy(self) -> bool:
        """Whether a job is unsettled or a message waits: else nothing can come due."""

    def counts(self) -> dict[str, int]:
        """Jobs in each state that is not settled."""

    def oldest(self) -> dict[str, float]:
        """Seconds since the oldest job of each such state came into it."""

    def all_ids(self) -> list[str]:
        """Every job in the schedule."""

    # ------------------------------------------------------------------ Upsampler's slots
    def take_slot(self, job: Job) -> bool:
        """Whether the job may go to Upsampler now; else it waits for a slot, oldest payment first. Safe to repeat."""

    def free_slot(self, job_id: str, *, left: Job | None = None) -> list[str]:
        """The ids that are called up in its place, due at once. `left`: the job as the caller had it, who has left it
        to come again: nothing changes if it has come already."""

    def occupy_slot(self, job_id: str) -> None:
        """Count a job that is at Upsampler already, even beyond the limit."""

    def slot_holders(self) -> list[str]:
        """Ids of the jobs that count as being at Upsampler."""

    def position(self, job_id: str) -> int | None:
        """Place among those who wait for a slot, from 1; None when not among them."""

    # ------------------------------------------------------------------ webhooks of jobs that are not here (yet)
    def keep_hint(self, job_id: str, attempt: int, submission: int, upsampler_id: str) -> None:
        """Keep a webhook's word about a submit that we do not know (yet)."""

    def kept_hint(self, job_id: str, attempt: int, submission: int) -> str:
        """Upsampler's id, "" when there is none."""
