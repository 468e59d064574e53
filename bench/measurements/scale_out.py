"""scale_out: jobs a second with 1, 2 and 4 workers, where each job waits for Upsampler.

The sandbox answers a submit after 0.4 s, so a worker mostly waits and the CPUs are not full; the shop is a
stand-in that takes every message at once. Real workers, clock, web, Valkey, sandbox; webhooks, checks on. The
figure is how near 4 workers come to 4 times what 1 does (1.0: linear).
"""

from __future__ import annotations

import shutil
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import requests

from sidecar.core.messages import rfc3339
from sidecar.services import Services
from sidecar.workflow import admission, inbox
from tests.testbed.places import release_port, reserve_port
from tests.testbed.sidecar import Sidecar
from tests.testbed.whole import Sandbox

from .. import pictures
from ..bench import Bench
from ..figures import Figure, at_least, figure, interleaved
from ..shop_stand_in import ShopStandIn
from ..systems import STAND_ALONE

WORKERS = (1, 2, 4)
SUBMIT_S = 0.4
JOBS_A_WORKER = 8


def run(bench: Bench) -> Iterator[Figure]:
    folder, port = bench.new_folder("scale-out"), reserve_port()
    (folder / "uploads").mkdir()
    source, result = pictures.bought()
    shutil.copy(source, folder / "uploads" / "source.png")
    options = ["--canned", str(result), "--instant", "--workers", "8"]
    with Sandbox(folder / "sandbox", port, options) as sandbox, ShopStandIn() as shop:
        hang: dict[str, Any] = {"fault": "submit_hang", "params": {"seconds": SUBMIT_S}}
        requests.put(f"{sandbox.url}/sandbox/faults", json={"rules": [hang]}, timeout=10).raise_for_status()
        systems = [_start(folder, workers, shop, sandbox) for workers in WORKERS]
        try:
            jobs = bench.size(JOBS_A_WORKER, 2)
            rates = interleaved(
                bench.runs,
                *(
                    lambda s=system, n=workers: _rush(s, shop, n * jobs)
                    for system, workers in zip(systems, WORKERS, strict=True)
                ),
            )
        finally:
            for system in systems:
                system.stop()
    release_port(port)
    linear = [four / (WORKERS[-1] * one) for one, four in zip(rates[0], rates[-1], strict=True)]
    yield figure("scale_out", "of linear", linear, at_least(0.9))
    for workers, runs in zip(WORKERS, rates, strict=True):
        yield figure(f"scale_out.workers_{workers}", "jobs/s", runs, baseline=rates[0])


def _start(folder: Path, workers: int, shop: ShopStandIn, sandbox: Sandbox) -> Sidecar:
    port = reserve_port()
    environment = {
        **STAND_ALONE,
        "SMI_SHOP_URL": shop.url,
        "SMI_PUBLIC_URL": f"http://127.0.0.1:{port}",
        "SMI_UPLOADS_DIR": str(folder / "uploads"),
        "UPSAMPLER_URL": f"{sandbox.url}/api/v1",
        "SMI_PRIVATE_HOSTS": sandbox.url.removeprefix("http://"),
        "SMI_WORKERS": str(workers),
        "SMI_WEB_PROCESSES": "1",
    }
    return Sidecar.start(folder / f"sidecar-{workers}", environment, port=port)


def _rush(sidecar: Sidecar, shop: ShopStandIn, jobs: int) -> float:
    """Jobs a second, from the first one's arrival to the last one's delivery."""
    ports = Services.from_env({**sidecar.env, "SMI_LOG_LEVEL": "error"}).ports
    ids = [str(uuid.uuid4()) for _ in range(jobs)]
    began = time.monotonic()
    for job_id in ids:
        admission.begin(ports, _paid(job_id), f"msg_{job_id}", stored=inbox.STORED, asks=inbox.STORED_AND_ASKS)
    while not shop.delivered.issuperset(ids):
        if time.monotonic() - began > 60:
            raise TimeoutError(f"{len(set(ids) - shop.delivered)} of {jobs} jobs are not delivered after 60 s")
        time.sleep(0.01)
    return jobs / (time.monotonic() - began)


def _paid(job_id: str) -> dict:
    return {
        "job_id": job_id,
        "attempt": 1,
        "rerun": False,
        "force": False,
        "factor": 4,
        "source": {"type": "attachment", "url": "http://shop.example/source.png", "path": "source.png"},
        "expiry_hours": 24,
        "paid_at": rfc3339(time.time()),
    }
