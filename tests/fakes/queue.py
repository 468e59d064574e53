"""RQ in memory: what is queued stays in a list until somebody takes it. `tests/store` holds it to WorkQueue."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from sidecar.adapters.workqueue import MARK_S
from sidecar.core.states import QUEUES
from tests.fakes.clock import Lapsing, SimulatedClock


@dataclass
class Task:
    """A function of `sidecar.tasks` and its arguments, as they come back from JSON."""

    queue: str
    name: str
    args: tuple[Any, ...] = field(default_factory=tuple)
    since: float = field(default=0, compare=False)


_KEPT = ("_marks", "tasks")


class MemoryQueue:
    """Same methods as WorkQueue. `tasks` is the work that waits, oldest first."""

    def __init__(self, clock: SimulatedClock) -> None:
        self._clock = clock
        self._marks = Lapsing(clock)
        self.tasks: list[Task] = []

    def snapshot(self) -> dict[str, Any]:
        """What Redis writes to its disk now and then."""
        return {name: deepcopy(getattr(self, name)) for name in _KEPT}

    def restore(self, snapshot: dict[str, Any]) -> None:
        """What Redis reads when it starts again."""
        for name, part in snapshot.items():
            setattr(self, name, deepcopy(part))

    def flush_all(self) -> None:
        """What FLUSHALL does."""
        self._marks.clear()
        self.tasks.clear()

    def together(self) -> AbstractContextManager[None]:
        """Nothing to save here: what is put inside is put at once."""
        return nullcontext()

    def stage(self, stage: str, job_id: str, attempt: int) -> bool:
        if not self._marks.take(f"{stage}:{job_id}", MARK_S):
            return False
        self._put(stage, "stage", stage, job_id, attempt)
        return True

    def watch(self, jobs: Sequence[tuple[str, int]]) -> None:
        fresh = [[job_id, attempt] for job_id, attempt in jobs if self._marks.take(f"watch:{job_id}", MARK_S)]
        if fresh:
            self._put("watch", "watch_many", fresh)

    def flush(self, lane: str, *, at: float = 0) -> None:
        self._put(lane, "flush", lane)

    def task(self, queue: str, name: str, *args: str | int) -> None:
        self._put(queue, name, *args)

    def begin(self, stage: str, job_id: str) -> None:
        self._marks.drop(f"{stage}:{job_id}")

    def wake(self) -> None:
        """Whoever runs the tasks looks by himself."""

    def clear_old_queues(self) -> None:
        """There is no older version."""

    def workers(self) -> int:
        return 1

    def depths(self) -> dict[str, int]:
        return {stage: sum(task.queue == stage for task in self.tasks) for stage in QUEUES}

    def ages(self) -> dict[str, float]:
        now = self._clock()
        oldest = {queue: min((t.since for t in self.tasks if t.queue == queue), default=now) for queue in QUEUES}
        return {queue: now - since for queue, since in oldest.items()}

    def _put(self, queue: str, name: str, *args: Any) -> None:
        assert queue in QUEUES, f"no worker listens to {queue}"
        if (queue, name, args) not in [(task.queue, task.name, task.args) for task in self.tasks]:  # as a set has it
            self.tasks.append(Task(queue, name, args, since=self._clock()))
