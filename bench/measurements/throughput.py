"""throughput: paid jobs a second, end to end, on a real WordPress; two kinds of jobs, against two baselines.

200 jobs with results of 1 MB, paid by 8 payers over 8 connections as fast as the shop takes them.

- Kept: a PNG was bought, so Upsampler's PNG is delivered as it is. JPEG: a JPEG was bought, as in nearly all shops, so
  the PNG is converted.
- Bare: the in-request handler, which looks at the first bytes of a result only, and delivers what it got. Equal work:
  the same handler with our checks and our conversion, by GD (bench/in-request-handler/equal-work.php); it sells a JPEG.
- Pipelined: results come while others pay. The clock runs from the first payment request to the moment in which the
  shop's table says that the last customer has been mailed. Phases: all pay, and only then the webhooks come; the clock
  stands still while Upsampler works.

CPU is that of nginx, php-fpm, MariaDB and, with us, of web, workers, clock and Valkey, until half a second after the
last delivery; the sandbox is Upsampler's and does not count.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import requests

from .. import pictures
from ..bench import Bench
from ..figures import Figure, at_most, figure, interleaved, ratio_at_least, ratio_at_most
from ..processes import cpu_seconds
from ..systems import System

JOBS, PAYERS = 200, 8
SENDERS = 4  # webhooks at a time, as the sandbox sends them
TIMEOUT_S = 120
WEBHOOKS_DROPPED = {"fault": "webhook_dropped"}
SHOPS_OWN = ("nginx", "php-fpm", "mariadb")

Sold = tuple[float, dict[str, float]]  # jobs a second, milliseconds of CPU a job by part of the system


def run(bench: Bench) -> Iterator[Figure]:
    jobs, ours, baseline = bench.size(JOBS, 16), bench.ours, bench.baseline
    photos = {system: system.shop.add_photo(pictures.bought_jpeg()) for system in (ours, baseline)}

    def kept() -> Sold:
        return sell(ours, jobs, suffix=".png")

    def jpeg() -> Sold:
        return sell(ours, jobs, photos[ours], suffix=".jpg")

    def bare() -> Sold:
        return sell(baseline, jobs, suffix=".png")

    def equal() -> Sold:
        baseline.equal_work(True)
        try:
            return sell(baseline, jobs, photos[baseline], suffix=".jpeg")
        finally:
            baseline.equal_work(False)

    runs = dict(zip(("kept", "jpeg", "bare", "equal"), interleaved(bench.runs, kept, jpeg, bare, equal), strict=True))
    yield from _rates(runs)
    alone = [sum(_payments_alone(baseline, jobs).values()) for _ in range(bench.runs)]
    yield from _cpu_figures(runs, alone)
    yield from _phases(bench, jobs, photos[ours])


def _rates(runs: dict[str, list[Sold]]) -> Iterator[Figure]:
    rates = {kind: [rate for rate, _ in sold] for kind, sold in runs.items()}
    yield figure("throughput", "jobs/s", rates["kept"], ratio_at_least(1.2), baseline=rates["bare"])
    yield figure("throughput.jpeg", "jobs/s", rates["jpeg"], ratio_at_least(1.0), baseline=rates["bare"])
    yield figure("throughput.equal_work", "jobs/s", rates["jpeg"], ratio_at_least(2.5), baseline=rates["equal"])


def _cpu_figures(runs: dict[str, list[Sold]], alone: list[float]) -> Iterator[Figure]:
    unit, cpu = "ms CPU/job", {kind: [spent for _, spent in sold] for kind, sold in runs.items()}
    total = {kind: [sum(run.values()) for run in spent] for kind, spent in cpu.items()}
    yield figure("throughput.cpu", unit, total["kept"], ratio_at_most(1.15), baseline=total["bare"])
    yield figure("throughput.cpu_jpeg", unit, total["jpeg"], baseline=total["bare"])
    yield figure("throughput.cpu_equal_work", unit, total["jpeg"], ratio_at_most(0.6), baseline=total["equal"])
    sidecar = [sum(spent for part, spent in run.items() if part not in SHOPS_OWN) for run in cpu["jpeg"]]
    yield figure("throughput.cpu_sidecar jpeg", unit, sidecar, at_most(15))
    yield figure("throughput.cpu payment request alone", unit, alone, note="without any handler: the floor")
    for kind, beside in (("kept", "bare"), ("jpeg", "equal")):
        for part in cpu[kind][0]:
            theirs = [run[part] for run in cpu[beside]] if part in SHOPS_OWN else None
            yield figure(f"throughput.cpu {part} {kind}", unit, [run[part] for run in cpu[kind]], baseline=theirs)


def _phases(bench: Bench, jobs: int, photo: int) -> Iterator[Figure]:
    """Fewer runs: this form is told, and no goal speaks of it."""
    ours, baseline = bench.ours, bench.baseline
    kept, jpeg, bare = interleaved(
        bench.size(3, 1),
        lambda: sell_in_phases(ours, jobs),
        lambda: sell_in_phases(ours, jobs, photo),
        lambda: sell_in_phases(baseline, jobs),
        warm_up=0,
    )
    yield figure("throughput.phases", "jobs/s", kept, baseline=bare)
    yield figure("throughput.phases_jpeg", "jobs/s", jpeg, baseline=bare)


def sell(system: System, jobs: int, photo: int | None = None, suffix: str = "") -> Sold:
    """One pipelined rush of `photo` (the one that is for sale anyhow); `suffix`: what the delivered files must be."""
    before = _last_job(system)
    cpu = _cpu(system)
    began = time.monotonic()
    payers = _payers(system, jobs, photo)
    seconds = wait_delivered(system, before, jobs // PAYERS * PAYERS) - began
    for payer in payers:
        payer.join()  # ends: each payment has a timeout
    time.sleep(0.5)
    spent = {part: 1000 * (seconds_ - cpu[part]) / jobs for part, seconds_ in _cpu(system).items()}
    delivered = "SELECT upscaled_file_path AS file FROM wp_smi_jobs WHERE id > %s"
    if wrong := [row["file"] for row in system.shop.sql(delivered, before) if not row["file"].endswith(suffix)]:
        raise RuntimeError(f"{len(wrong)} results of {jobs} are no {suffix}: {wrong[0]}")
    return jobs / seconds, spent


def sell_in_phases(system: System, jobs: int, photo: int | None = None) -> float:
    """Jobs a second, where the first webhook comes after the last payment."""
    bill = system.sandbox.folder / "sandbox" / "bill.jsonl"
    seen = len(bill.read_bytes().splitlines()) if bill.exists() else 0

    def events(kind: str) -> list[dict]:
        lines = bill.read_bytes().splitlines()[seen:] if bill.exists() else []
        return [event for event in map(json.loads, lines) if event["event"] == kind]

    system.fault(WEBHOOKS_DROPPED)
    try:
        before, began = _last_job(system), time.monotonic()
        for payer in _payers(system, jobs, photo):
            payer.join()  # ends: each payment has a timeout
        _wait(lambda: len(events("accepted")) >= jobs, "all jobs are submitted")
        paid = time.monotonic() - began
        _wait(lambda: len(events("finished")) >= jobs, "all jobs are enlarged")
        began = time.monotonic()
        _send_webhooks((event["webhook"], event["id"], _result(system, event["id"])) for event in events("accepted"))
        return jobs / (paid + wait_delivered(system, before, jobs) - began)
    finally:
        system.fault()


def _result(system: System, upsampler_id: str) -> str:
    return f"{system.sandbox.url}/results/{upsampler_id}.png"


def _send_webhooks(due: Iterable[tuple[str, str, str]]) -> None:
    with requests.Session() as http, ThreadPoolExecutor(SENDERS) as senders:

        def send(webhook: tuple[str, str, str]) -> None:
            address, id, result = webhook
            body: dict[str, Any] = {"id": id, "status": "SUCCESS", "imageUrl": result, "creditCost": 1}
            http.post(address, json=body, timeout=TIMEOUT_S).raise_for_status()

        list(senders.map(send, due))


def _payments_alone(system: System, jobs: int) -> dict[str, float]:
    """Milliseconds of CPU a payment request costs whose event is not fired, by part."""
    cpu = _cpu(system)
    for payer in _payers(system, jobs, None, fire=False):
        payer.join()  # ends: each payment has a timeout
    return {part: 1000 * (seconds - cpu[part]) / jobs for part, seconds in _cpu(system).items()}


def _payers(system: System, jobs: int, photo: int | None, fire: bool = True) -> list[threading.Thread]:
    payers = [threading.Thread(target=pay, args=(system, jobs // PAYERS, fire, photo)) for _ in range(PAYERS)]
    for payer in payers:
        payer.start()
    return payers


def _cpu(system: System) -> dict[str, float]:
    return {part.name: cpu_seconds([part]) for part in system.parts()}


def _last_job(system: System) -> int:
    return system.shop.sql("SELECT COALESCE(MAX(id), 0) AS id FROM wp_smi_jobs")[0]["id"]


def pay(system: System, jobs: int, fire: bool = True, photo: int | None = None) -> None:
    payments = system.payment_stub(photo)
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


def _wait(happened: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + TIMEOUT_S
    while not happened():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {TIMEOUT_S} s")
        time.sleep(0.03)
