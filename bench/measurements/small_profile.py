"""small_profile: what a machine below 2 GB of memory gets (one worker, one web process) still does: paid jobs a second,
measured as `throughput` is, and what a job costs that one worker: more than 200 ms of CPU, and five a second were out
of reach on any machine. What the check of a paid picture of 768 megapixels takes on top of `footprint` is
`verify_png.memory`: the whole process that does nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..bench import Bench
from ..figures import Figure, at_least, at_most, figure
from .footprint import PROFILES
from .throughput import sell

JOBS = 40


def run(bench: Bench) -> Iterator[Figure]:
    jobs = bench.size(JOBS, 16)
    with bench.ours.whole.changed(**PROFILES["small"]):
        sell(bench.ours, 16)  # a warm-up
        sold = [sell(bench.ours, jobs) for _ in range(bench.runs)]
    yield figure("small_profile", "jobs/s", [rate for rate, _ in sold], at_least(5))
    yield figure("small_profile.cpu worker", "ms CPU/job", [cpu["worker"] for _, cpu in sold], at_most(200))
    ours = ("web", "worker", "cron", "store")
    yield figure("small_profile.cpu", "ms CPU/job", [sum(cpu[name] for name in ours) for _, cpu in sold])
