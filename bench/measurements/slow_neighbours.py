"""slow_neighbours: paid jobs a second while the results of others drip.

200 jobs as in throughput, on a real WordPress. The first 20 results that are fetched come at ten bytes a second; the
clock stops when 180 customers have been mailed. The baseline is a rush of 180 with no slow result among them. Between
two runs the slow ones are waited for, so that each begins with nothing on the way.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

from ..bench import Bench
from ..figures import Figure, figure, interleaved, ratio_at_least
from ..systems import System
from .throughput import PAYERS, pay, wait_delivered

SHARE = 0.1  # of the results drip
JOBS = 200
SETTLE_S = 300  # the slow ones are given up after a minute, and are tried again


def run(bench: Bench) -> Iterator[Figure]:
    jobs = bench.size(JOBS, 40)
    slow = round(jobs * SHARE)
    runs = min(bench.runs, 3)
    beside, alone = interleaved(
        runs, lambda: rush(bench.ours, jobs, slow), lambda: rush(bench.ours, jobs - slow, 0), warm_up=0
    )
    yield figure("slow_neighbours", "jobs/s", beside, ratio_at_least(0.8), baseline=alone)


def rush(system: System, jobs: int, slow: int) -> float:
    """Quick jobs a second."""
    before = system.shop.sql("SELECT COALESCE(MAX(id), 0) AS id FROM wp_smi_jobs")[0]["id"]
    system.fault(*([{"fault": "result_slow", "count": slow, "params": {"rate": 1}}] if slow else []))
    began = time.monotonic()
    shares = [jobs // PAYERS + (payer < jobs % PAYERS) for payer in range(PAYERS)]
    payers = [threading.Thread(target=pay, args=(system, share)) for share in shares]
    for payer in payers:
        payer.start()
    seconds = wait_delivered(system, before, jobs - slow) - began
    for payer in payers:
        payer.join()  # ends: each payment has a timeout
    system.fault()
    wait_delivered(system, before, jobs, timeout_s=SETTLE_S)
    return (jobs - slow) / seconds
