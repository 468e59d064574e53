"""small_profile: what a machine below 2 GB of memory gets (one worker, one web process) still does: paid jobs a second,
measured as `throughput` is. What the check of a paid picture of 768 megapixels takes on top of `footprint` is
`verify_png.memory`: the whole process that does nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..bench import Bench
from ..figures import Figure, at_least, figure
from .footprint import PROFILES
from .throughput import sell

JOBS = 80


def run(bench: Bench) -> Iterator[Figure]:
    jobs = bench.size(JOBS, 16)
    with bench.ours.whole.changed(**PROFILES["small"]):
        sell(bench.ours, 16)  # a warm-up
        rates = [sell(bench.ours, jobs)[0] for _ in range(bench.runs)]
    yield figure("small_profile", "jobs/s", rates, at_least(5))
