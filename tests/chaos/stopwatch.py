"""How long after a kill the next work of that kind was done."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import redis

from sidecar.core.stored_names import Keys

PATIENCE_S = 90


class Stopwatch:
    """Measures in threads of its own, while the chaos goes on."""

    def __init__(self, connection: redis.Redis, keys: Keys) -> None:
        self._redis = connection
        self._keys = keys
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self.samples: list[tuple[str, float]] = []

    def until(self, kind: str, works: Callable[[], object]) -> None:
        """Measure from now until `works` answers truthily without raising."""
        began = time.monotonic()

        def measure() -> None:
            while time.monotonic() - began < PATIENCE_S:
                try:
                    if works():
                        break
                except Exception:
                    pass  # that is what "does not work yet" looks like
                time.sleep(0.1)
            self._add(kind, time.monotonic() - began)

        self._go(measure)

    def until_taken_over(self, kind: str, claims: dict[str, str]) -> None:
        """Measure from now until each job that a dead worker had claimed is in other hands."""
        began = time.monotonic()

        def measure() -> None:
            left, leases = dict(claims), {}
            while left and time.monotonic() - began < PATIENCE_S:
                try:
                    rows = self._rows(list(left))
                except redis.RedisError:
                    rows = {}
                for job_id, (claim, lease, known) in rows.items():
                    if claim == left[job_id] and lease == leases.setdefault(job_id, lease):
                        continue
                    if known and claim != left[job_id]:
                        self._add(kind, time.monotonic() - began)
                    if known:  # else working memory was lost: wait until the ledger has brought the job back
                        del left[job_id]  # a lease that moves is a living worker's, and no matter of ours
                time.sleep(0.1)
            for _ in left:
                self._add(kind, time.monotonic() - began)

        if claims:
            self._go(measure)

    def claims(self) -> dict[str, str]:
        """Job -> claim, of all jobs that somebody works on now."""
        return {
            job_id: claim
            for job_id, (claim, _, _) in self._rows(self._redis.zrange(self._keys.due, 0, -1)).items()
            if claim
        }

    def _rows(self, job_ids: list[str]) -> dict[str, tuple[str, str, bool]]:
        with self._redis.pipeline(transaction=False) as pipe:
            for job_id in job_ids:
                pipe.hmget(self._keys.job(job_id), "claim", "lease", "state")
            return {
                job_id: (claim or "", lease or "", state is not None)
                for job_id, (claim, lease, state) in zip(job_ids, pipe.execute(), strict=True)
            }

    def _add(self, kind: str, seconds: float) -> None:
        with self._lock:
            self.samples.append((kind, seconds))

    def _go(self, measure: Callable[[], None]) -> None:
        thread = threading.Thread(target=measure, daemon=True)
        self._threads.append(thread)
        thread.start()

    def finish(self) -> None:
        """Wait for the measurements that are under way."""
        for thread in self._threads:
            thread.join(PATIENCE_S + 10)

    def close(self) -> None:
        self._redis.close()

    def p99(self) -> float:
        """Seconds; 0 when nothing was killed."""
        seconds = sorted(seconds for _, seconds in self.samples)
        return seconds[min(len(seconds) - 1, int(0.99 * len(seconds)))] if seconds else 0.0
