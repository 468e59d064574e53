"""throughput: paid jobs a second, end to end.

200 jobs with results of 1 MB (PNG bought, PNG delivered: nobody converts), paid by 8 payers over 8 connections
as fast as the shop takes them, on a real WordPress. The clock runs from the first payment request to the moment
in which the shop's table says that the last customer has been mailed. CPU is that of nginx, php-fpm, MariaDB
and, with us, of web, workers, clock and Valkey, until half a second after the last delivery; the sandbox is
Upsampler's and does not count.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

from ..bench import Bench
from ..figures import Figure, figure, interleaved, ratio_at_least, ratio_at_most
from ..processes import cpu_seconds
from ..systems import System

JOBS, PAYERS = 200, 8
TIMEOUT_S = 120


def run(bench: Bench) -> Iterator[Figure]:
    jobs = bench.size(JOBS, 16)
    results = interleaved(bench.runs, lambda: sell(bench.ours, jobs), lambda: sell(bench.baseline, jobs))
    (our_rate, our_cpu), (their_rate, their_cpu) = (zip(*kind, strict=True) for kind in results)
    yield figure("throughput", "jobs/s", our_rate, ratio_at_least(1.5), baseline=their_rate)
    ours, theirs = ([sum(run.values()) for run in cpu] for cpu in (our_cpu, their_cpu))
    yield figure("throughput.cpu", "ms CPU/job", ours, ratio_at_most(1.0), baseline=theirs)
    alone = [sum(_payments_alone(bench.baseline, jobs).values()) for _ in range(bench.runs)]
    yield figure("throughput.cpu payment request alone", "ms CPU/job", alone, note="without any handler: the floor")
    for part in our_cpu[0]:
        beside = [run[part] for run in their_cpu] if part in their_cpu[0] else None
        yield figure(f"throughput.cpu {part}", "ms CPU/job", [run[part] for run in our_cpu], baseline=beside)


def sell(system: System, jobs: int) -> tuple[float, dict[str, float]]:
    """(jobs a second, milliseconds of CPU a job by part of the system) of one rush."""
    before = system.shop.sql("SELECT COALESCE(MAX(id), 0) AS id FROM wp_smi_jobs")[0]["id"]
    cpu = _cpu(system)
    began = time.monotonic()
    payers = [threading.Thread(target=pay, args=(system, jobs // PAYERS)) for _ in range(PAYERS)]
    for payer in payers:
        payer.start()
    seconds = wait_delivered(system, before, jobs // PAYERS * PAYERS) - began
    for payer in payers:
        payer.join()
    time.sleep(0.5)
    spent = {part: 1000 * (seconds_ - cpu[part]) / jobs for part, seconds_ in _cpu(system).items()}
    return jobs / seconds, spent


def _payments_alone(system: System, jobs: int) -> dict[str, float]:
    """Milliseconds of CPU a payment request costs whose event is not fired, by part."""
    cpu = _cpu(system)
    payers = [threading.Thread(target=pay, args=(system, jobs // PAYERS, False)) for _ in range(PAYERS)]
    for payer in payers:
        payer.start()
    for payer in payers:
        payer.join()
    return {part: 1000 * (seconds - cpu[part]) / jobs for part, seconds in _cpu(system).items()}


def _cpu(system: System) -> dict[str, float]:
    return {part.name: cpu_seconds([part]) for part in system.parts()}


def pay(system: System, jobs: int, fire: bool = True) -> None:
    payments = system.payment_stub()
    for _ in range(jobs):
        payments.pay("customer@shop.example", fire=fire)
    payments.close()


def wait_delivered(system: System, after_id: int, jobs: int, timeout_s: float = TIMEOUT_S) -> float:
    """When all jobs above `after_id` were delivered and mailed (monotonic seconds)."""
    deadline = time.monotonic() + timeout_s
    with system.shop.mariadb.connect() as connection, connection.cursor() as cursor:
        while time.monotonic() < deadline:
            cursor.execute("SELECT COUNT(*) AS n FROM wp_smi_jobs WHERE id > %s AND email_sent = 1", (after_id,))
            if cursor.fetchone()["n"] >= jobs:
                return time.monotonic()
            time.sleep(0.03)
        cursor.execute("SELECT status, COUNT(*) AS n FROM wp_smi_jobs WHERE id > %s GROUP BY status", (after_id,))
        raise RuntimeError(f"not all of {jobs} jobs were delivered within {timeout_s} s: {cursor.fetchall()}")
