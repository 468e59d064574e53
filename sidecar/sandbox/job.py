"""Sandbox: one job of the stand-in, and its state as a function of time."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from sidecar.sandbox.faults import Strike

QUEUED_SHARE = 0.2  # of a job's delay is spent in the queue


@dataclass(eq=False)
class Job:
    """Times are Unix seconds. `ready_at` is when it may finish at the earliest; None means never."""

    id: str
    number: int  # 1 for the first submit that this sandbox ever accepted or refused
    again: int  # 1 for the first submit of this imageUrl
    image_url: str
    factor: float
    mode: str
    webhook: str | None
    credits: float
    accepted_at: float
    ready_at: float | None
    width: int
    height: int
    result: Path | None = None
    error: str | None = None
    finished_at: float | None = None
    awaits: set[str] = field(default_factory=lambda: {"work", "answer"})  # what must happen before it may end
    webhook_strikes: list[Strike] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)  # how often each phase has come up, for the faults

    def status(self, now: float) -> str:
        """IN_QUEUE, IN_PROGRESS, SUCCESS or FAILED."""
        if self.ready_at is not None and now >= self.ready_at:
            if self.error is not None:
                return "FAILED"
            if self.result is not None:
                return "SUCCESS"
        if self.ready_at is not None and now < self.accepted_at + QUEUED_SHARE * (self.ready_at - self.accepted_at):
            return "IN_QUEUE"
        return "IN_PROGRESS"

    def ended_at(self) -> float:
        """When it ended, for the life of its URLs."""
        return max(self.finished_at or 0.0, self.ready_at or 0.0)

    def next_occasion(self, phase: str) -> int:
        """1, 2, 3 … for the first, second, third time that `phase` comes up for this job."""
        self.counts[phase] = self.counts.get(phase, 0) + 1
        return self.counts[phase]
