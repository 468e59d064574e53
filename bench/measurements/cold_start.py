"""cold_start: from the start of the process until `web` answers /healthz, and until `worker` has taken its first
job.

Valkey runs already; the first job waits in the queue when the worker is started. Both are started as the
Procfile says.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import requests

from sidecar.core.errors import TemporaryError
from sidecar.services import Services
from tests.testbed.sidecar import Sidecar

from ..bench import Bench
from ..figures import Figure, at_most, figure, interleaved
from ..systems import STAND_ALONE


def run(bench: Bench) -> Iterator[Figure]:
    folder = bench.new_folder("cold-start")
    environment = {**STAND_ALONE, "SMI_UPLOADS_DIR": str(folder)}
    with Sidecar(folder, environment) as sidecar:
        sidecar.process("store").start()
        ports = Services.from_env(sidecar.env).ports
        _wait_until(lambda: _answers(ports.store))
        queue = ports.queue
        web, worker = interleaved(bench.runs, lambda: _web(sidecar), lambda: _worker(sidecar, queue))
    yield figure("cold_start", "s", web, at_most(1.0))
    yield figure("cold_start.worker", "s", worker, at_most(1.5))


def _web(sidecar: Sidecar) -> float:
    process = sidecar.process("web")
    began = time.monotonic()
    process.launch()
    while True:
        try:
            requests.get(f"{sidecar.url}/healthz", timeout=5).raise_for_status()
        except requests.ConnectionError:
            time.sleep(0.005)
        else:
            break
    seconds = time.monotonic() - began
    process.stop()
    return seconds


def _worker(sidecar: Sidecar, queue) -> float:
    process = sidecar.process("worker")
    _wait_until(lambda: queue.workers() == 0)
    queue.stage("submit", "a-job-that-nobody-knows", 1)
    began = time.monotonic()
    process.launch()
    _wait_until(lambda: queue.depths()["submit"] == 0)
    seconds = time.monotonic() - began
    process.stop()
    return seconds


def _answers(store) -> bool:
    try:
        store.server.ping()
    except TemporaryError:
        return False
    return True


def _wait_until(reached, timeout: float = 30) -> None:
    deadline = time.monotonic() + timeout
    while not reached():
        if time.monotonic() > deadline:
            raise TimeoutError("the worker has not taken its job")
        time.sleep(0.005)
