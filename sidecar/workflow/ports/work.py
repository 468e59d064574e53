"""Workflow, port: work that waits: the outbox of messages to the shop, the work queue, leases, and the log."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol


class Outbox(Protocol):
    """Messages {"id", "type", "data"} to the shop, by lane, in the order of their arrival. One sender a lane."""

    def put(self, lane: str, messages: Sequence[dict[str, Any]], *, along_s: float | None = None) -> None:
        """An id that waits already keeps its place and gets the new body. `along_s`: wakes nobody, and goes alone
        after so many seconds."""

    def ready(self, lane: str, *, limit: int) -> list[dict[str, Any]]:
        """What may go now; it stays until `done`."""

    def done(self, lane: str, messages: Sequence[dict[str, Any]]) -> None:
        """Remove messages as they were sent; one that was replaced meanwhile stays."""

    def drop(self, lane: str, ids: Sequence[str]) -> None:
        """Remove messages whatever they say now."""

    def defer(self, lane: str, ids: Sequence[str], *, until: float) -> None:
        """Not before `until` (Unix seconds)."""

    def next_at(self, lane: str) -> float | None:
        """When a message may go at the earliest (Unix seconds; in the past: now); None: the lane is empty."""

    def waiting(self, lane: str) -> int:
        """How many messages wait, those that may not go yet among them."""

    def lock(self, lane: str) -> str | None:
        """A token for the right to flush a lane for 12 s; None while another has it."""

    def renew_lock(self, lane: str, token: str) -> bool:
        """False when it has passed to another."""

    def unlock(self, lane: str, token: str) -> bool:
        """Give the right back; nothing happens when it has passed to another. Whether a sender has been called since
        this flush began, and the lane is not paused: he may have come, and left again."""

    def leave_to_sender(self, lane: str) -> None:
        """Another has the right: he sees to what comes meanwhile, and nobody else is called for it. Should he die,
        somebody is called again within some seconds."""

    def count_failure(self, lane: str) -> int:
        """How often in a row the shop was away."""

    def clear_failures(self, lane: str) -> None:
        """The shop has answered: the next failure is the first again, and the shop is not away any more."""

    def note_away(self, reason: str, detail: str) -> None:
        """The shop did not take a message: why; since when, the outbox knows."""

    def note_reached(self) -> None:
        """The shop has taken a message: it is not away any more."""

    def away(self) -> dict[str, Any] | None:
        """{"reason", "detail", "since" (Unix seconds)} while the shop does not take our messages."""

    def pause(self, lane: str, *, seconds: float) -> None:
        """The whole lane waits for so many seconds."""

    def wake_up(self, lane: str) -> None:
        """Bring a sender, unless one is called already or the lane is paused."""

    def begin_flush(self, lane: str) -> None:
        """From now on whoever puts a message brings a sender again."""

    def begin_batching_delay(self, lane: str, messages: int) -> None:
        """The lane waits, as long as befits a flush of so many messages."""

    def batching_delay(self, lane: str) -> float:
        """Seconds until the next flush may begin; 0: now."""


class WorkQueue(Protocol):
    """Work for the workers, by queue (a stage or a lane). Holds no truth: what it loses comes due again."""

    def stage(self, stage: str, job_id: str, attempt: int) -> bool:
        """Queue a stage of a job; False when it stands there already."""

    def watch(self, jobs: Sequence[tuple[str, int]]) -> None:
        """Queue polls of many jobs (id, attempt) as one piece of work."""

    def flush(self, lane: str, *, at: float = 0) -> None:
        """Queue the sending of a lane; `at`: not before (Unix seconds)."""

    def task(self, queue: str, name: str, *args: str | int) -> None:
        """Queue another function of `sidecar.tasks`, by name."""

    def begin(self, stage: str, job_id: str) -> None:
        """The work begins: its like may be queued again."""

    def together(self) -> AbstractContextManager[None]:
        """What this thread puts inside the block goes at its end, in one round trip."""

    def wake(self) -> None:
        """Wake workers for work that nobody was woken for."""

    def depths(self) -> dict[str, int]:
        """Pieces of work that wait, by queue."""

    def ages(self) -> dict[str, float]:
        """Seconds that the oldest piece of work that may go has been waiting, by queue; 0 where none is."""

    def workers(self) -> int:
        """How many workers are alive."""

    def clear_old_queues(self) -> None:
        """Remove what an older version called otherwise."""


class LeaseKeeper(Protocol):
    """Keeps leases alive while their holder works."""

    def keep(self, renew: Callable[[], object]) -> AbstractContextManager[None]:
        """While the block runs, `renew` is called every few seconds, until it raises StaleClaim."""


class Log(Protocol):
    """The log, and with it the counters of /metrics."""

    def __call__(self, event: str, sentence: str, **fields: Any) -> None:
        """`event`: stable dotted name, which is counted; `sentence`: for people; `level` is one of the fields."""
