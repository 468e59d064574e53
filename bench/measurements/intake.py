"""intake: signed messages (`job.paid`, about 1 KB, each another job) that the sidecar's door accepts a second.

8 clients on 8 kept connections against gunicorn with its usual configuration (3 processes of 4 threads), with
Valkey, without workers: signature, repeat, schema, working memory, schedule, the message to the shop, the wake-up
to the workers, the kept answer. The baseline is a Flask hello world behind the same gunicorn configuration,
asked with the same bytes, in the same run. Clients and servers share the CPUs in both.
"""

from __future__ import annotations

import sys
import time
import uuid
from collections.abc import Iterator, Sequence

import requests

from sidecar.core.messages import TO_SIDECAR, Signer, decode_secret, rfc3339
from sidecar.core.settings import described
from tests.testbed.places import REPOSITORY, release_port, reserve_port
from tests.testbed.process import Process
from tests.testbed.sidecar import Sidecar

from ..bench import Bench
from ..figures import Figure, at_most, figure, interleaved, percentile, ratio_at_least
from ..http_load import request, rush
from ..systems import STAND_ALONE

CLIENTS, EACH = 8, 250
SITE = "http://shop.example"


class Hello(Process):
    """The hello world behind gunicorn, as `sidecar web` starts it."""

    def __init__(self, folder, port: int) -> None:
        super().__init__("hello", folder)
        self.working_folder = REPOSITORY
        self.url = f"http://127.0.0.1:{port}"
        self._port = port

    def command(self) -> Sequence[str]:
        line = [sys.executable, "-m", "gunicorn", "--config", "python:sidecar.web.gunicorn_conf"]
        line += ["--bind", f"127.0.0.1:{self._port}"]
        for option, name in (("--workers", "SMI_WEB_PROCESSES"), ("--threads", "SMI_WEB_THREADS")):
            line += [option, next(str(item["default"]) for item in described() if item["name"] == name)]
        return [*line, "bench.subprocesses.hello:app"]

    def is_ready(self) -> bool:
        try:
            return requests.post(f"{self.url}/messages", timeout=5).ok
        except requests.RequestException:
            return False


def run(bench: Bench) -> Iterator[Figure]:
    folder, port = bench.new_folder("intake"), reserve_port()
    environment = {**STAND_ALONE, "SMI_UPLOADS_DIR": str(folder), "SMI_LOG_LEVEL": "info"}
    with Sidecar.start(folder, environment, ("store", "web")) as sidecar, Hello(folder, port) as hello:
        signer = Signer(decode_secret(environment["SMI_SECRET"]), direction=TO_SIDECAR, site=SITE)
        each = bench.size(EACH, 20)

        def accept() -> tuple[float, float]:
            return _rate(f"{sidecar.url}/messages", _messages(signer, f"{sidecar.url}/messages", each))

        def greet() -> tuple[float, float]:
            return _rate(f"{hello.url}/messages", _messages(signer, f"{hello.url}/messages", each))

        ours, bare = interleaved(bench.runs, accept, greet)
    release_port(port)
    rates, p99 = zip(*ours, strict=True)
    bare_rates, bare_p99 = zip(*bare, strict=True)
    yield figure("intake", "messages/s", rates, ratio_at_least(0.40), baseline=bare_rates)
    yield figure("intake.p99", "ms", p99, at_most(10), baseline=bare_p99)


def _rate(url: str, requests: list[list[bytes]]) -> tuple[float, float]:
    """(requests a second, 99th percentile in ms)"""
    seconds, waits = rush(url, requests)
    return len(waits) / seconds, 1000 * percentile(waits, 0.99)


def _messages(signer: Signer, url: str, each: int) -> list[list[bytes]]:
    """Made beforehand, `each` for each client."""

    def message() -> bytes:
        job_id = str(uuid.uuid4())
        data = {
            "job_id": job_id,
            "attempt": 1,
            "rerun": False,
            "force": False,
            "factor": 4,
            "source": {
                "type": "attachment",
                "url": f"{SITE}/wp-content/uploads/2026/11/{job_id}-{'evening-over-the-hills-' * 12}.jpg",
                "path": f"2026/11/{job_id}.jpg",
            },
            "width": 800,
            "height": 600,
            "expiry_hours": 24,
            "title": "Evening over the hills",
            "paid_at": rfc3339(time.time()),
            "previous": None,
        }
        body, headers = signer.seal("job.paid", data, now=time.time())
        return request("POST", url, headers, body)

    return [[message() for _ in range(each)] for _ in range(CLIENTS)]
