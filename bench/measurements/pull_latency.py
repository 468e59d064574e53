"""pull_latency: from the payment until Upsampler has the job, with a sidecar that nobody can reach (SMI_BIND=none,
SMI_STORAGE=rest), beside one that the shop pushes to; and what the visits cost the shop while nothing goes on.

Customers come one after the other: each opens a checkout, takes its time, and pays.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from pathlib import Path

from ..bench import Bench
from ..figures import Figure, Runs, at_most, percentile
from ..processes import cpu_seconds
from ..systems import Ours

CUSTOMERS = 25
AT_THE_CHECKOUT_S = (2, 25)
BETWEEN_S = 3
IDLE_S = 90


def run(bench: Bench) -> Iterator[Figure]:
    pulled = bench.pulled
    idle = {"pulled": _idle_hour(bench, pulled), "pushed": _idle_hour(bench, bench.ours)}
    waits = [_buy(pulled, random.uniform(*AT_THE_CHECKOUT_S)) for _ in range(bench.size(CUSTOMERS, 2))]
    pushed = [_buy(bench.ours, 0) for _ in range(bench.size(CUSTOMERS, 2))]
    for name, share, limit in (("pull_latency", 0.5, 3000), ("pull_latency.p95", 0.95, 15000)):
        beside = percentile(pushed, share)
        spread = Runs(tuple(waits)).spread if share == 0.5 else 0.0
        yield Figure(name, percentile(waits, share), "ms", len(waits), spread, at_most(limit), baseline=beside)
    yield Figure("pull_latency.idle", idle["pulled"], "CPU s/h", 1, 0.0, None, baseline=idle["pushed"])


def _buy(system: Ours, thinking_s: float) -> float:
    """Milliseconds from the payment's request until the sandbox has the job."""
    time.sleep(BETWEEN_S)
    bill = system.sandbox.folder / "sandbox" / "bill.jsonl"
    system.shop.sql(
        "INSERT INTO wp_smi_jobs (job_id, image_url, resolution, email, post_id, status, payment_status, created_at) "
        "VALUES ('checkout', '', '4x', '', 0, 'awaiting_payment', 'pending', NOW())"
    )
    time.sleep(thinking_s)
    before, payments = _accepted(bill), system.payment_stub()
    began = time.perf_counter()
    system.shop.sql("DELETE FROM wp_smi_jobs WHERE job_id = 'checkout'")
    job_id, _ = payments.pay("customer@shop.example")
    while _accepted(bill) == before:
        if time.perf_counter() - began > 90:
            raise TimeoutError(f"{job_id} was not submitted within 90 s")
        time.sleep(0.005)
    waited = 1000 * (time.perf_counter() - began)
    payments.close()
    system.wait_delivered(job_id)
    return waited


def _accepted(bill: Path) -> int:
    return bill.read_text().count('"accepted"') if bill.exists() else 0


def _idle_hour(bench: Bench, system: Ours) -> float:
    """CPU seconds of nginx, PHP and database in an hour in which nobody buys."""
    parts = [system.shop.nginx, system.shop.php_fpm, system.shop.mariadb]
    time.sleep(bench.size(20, 1))
    began, cpu = time.monotonic(), cpu_seconds(parts)
    time.sleep(bench.size(IDLE_S, 3))
    return (cpu_seconds(parts) - cpu) / (time.monotonic() - began) * 3600
