"""How quiet the machine is: the same piece of work, again and again, between the measurements."""

from __future__ import annotations

import hashlib
import os
import time

from .figures import Figure, Runs

_BLOCK = b"smi" * 4096


class Noise:
    """Collects how long some 20 ms of hashing take."""

    def __init__(self) -> None:
        self._ms: list[float] = []

    def sample(self, times: int = 5) -> None:
        for _ in range(times):
            began = time.perf_counter()
            for _ in range(2000):
                hashlib.sha256(_BLOCK).digest()
            self._ms.append(1000 * (time.perf_counter() - began))

    def figure(self) -> Figure:
        runs = Runs(tuple(self._ms))
        return Figure("machine_noise", runs.median, "ms", len(self._ms), runs.spread)

    def caption(self) -> str:
        runs = Runs(tuple(self._ms))
        load = os.getloadavg()[0]
        return (
            f"{os.cpu_count()} CPUs. Noise: the same hashing took {min(runs.values):.1f} to {max(runs.values):.1f} ms "
            f"over the run (spread {runs.spread:.0%}). Load at the end: {load:.1f}. "
            "spread = (largest - smallest) / median of the runs; ratios are medians over interleaved pairs."
        )
