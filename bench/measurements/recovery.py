"""recovery: SIGKILL of the worker with all its children in the middle of a collect, until that job's collect runs
again.

The result trickles (50 kB/s), so that the kill hits it; the process manager's part, starting the worker again
at once, is done here. Back at work is the moment in which the result is asked for again, as the sandbox's bill
has it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

from ..bench import Bench
from ..figures import Figure, at_most, figure, interleaved
from ..systems import Ours


def run(bench: Bench) -> Iterator[Figure]:
    (seconds,) = interleaved(bench.runs, lambda: _kill_and_wait(bench.ours), warm_up=0)
    yield figure("recovery", "s", seconds, at_most(20))


def _kill_and_wait(ours: Ours) -> float:
    downloads = len(_downloads(ours))
    ours.fault({"fault": "result_slow"})
    try:
        payments = ours.payment_stub()
        job_id, _ = payments.pay("customer@shop.example")
        payments.close()
        _wait_for_download(ours, downloads + 1)
    finally:
        ours.fault()
    time.sleep(0.5)
    worker = ours.sidecar.process("worker")
    killed = time.time()
    worker.kill()
    worker.launch()
    again = _wait_for_download(ours, downloads + 2)
    ours.wait_delivered(job_id)
    return again - killed


def _downloads(ours: Ours) -> list[float]:
    """When results were asked for, Unix seconds."""
    bill = ours.sandbox.folder / "sandbox" / "bill.jsonl"
    lines = bill.read_text().splitlines() if bill.exists() else []
    events = (json.loads(line) for line in lines)
    return [event["at"] for event in events if event["event"] == "download"]


def _wait_for_download(ours: Ours, count: int) -> float:
    deadline = time.monotonic() + 60
    while len(found := _downloads(ours)) < count:
        if time.monotonic() > deadline:
            raise TimeoutError("the result was not asked for within 60 s")
        time.sleep(0.05)
    return found[count - 1]
