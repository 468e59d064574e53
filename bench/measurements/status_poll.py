"""status_poll: CPU of one poll by a customer's page whose state has not changed (304).

To the sidecar behind nginx, with the ETag of the last answer; CPU of nginx, web and Valkey. The baseline is the
shop's own poll through WordPress (`smi/v1/job-status/<id>`); CPU of nginx, php-fpm and MariaDB. One kept
connection each.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import requests

from ..bench import Bench
from ..figures import Figure, at_most, figure, interleaved, ratio_at_least
from ..http_load import Connection, request
from ..processes import cpu_seconds

POLLS, POLLS_OF_WORDPRESS = 1500, 150


def run(bench: Bench) -> Iterator[Figure]:
    ours, baseline = bench.ours, bench.baseline
    ours_id, theirs_id = (_sold(system) for system in (ours, baseline))
    url = f"{ours.shop.url}/smi/status/{ours_id}"
    etag = requests.get(url, timeout=10).headers["ETag"]
    ask = request("GET", url, {"If-None-Match": etag})
    ask_wordpress = request("GET", f"{baseline.shop.url}/wp-json/smi/v1/job-status/{theirs_id}")
    parts = [ours.shop.nginx, ours.sidecar.process("web"), ours.sidecar.process("store")]
    polls, wordpress = interleaved(
        bench.runs,
        lambda: _cost(ours.shop.url, ask, 304, bench.size(POLLS, 100), parts),
        lambda: _cost(baseline.shop.url, ask_wordpress, 200, bench.size(POLLS_OF_WORDPRESS, 20), baseline.parts()),
    )
    yield figure("status_poll", "ms CPU", polls, at_most(2))
    yield figure("status_poll.ratio", "ms CPU", polls, ratio_at_least(8), baseline=wordpress, speed_up=True)


def _sold(system) -> str:
    """A job that is delivered, whose state does not change any more."""
    payments = system.payment_stub()
    job_id, _ = payments.pay("customer@shop.example")
    payments.close()
    system.wait_delivered(job_id)
    return job_id


def _cost(url: str, ask: bytes, expected: int, polls: int, parts) -> float:
    """Milliseconds of CPU a poll."""
    connection = Connection(url)
    before = cpu_seconds(parts)
    for _ in range(polls):
        status, _ = connection.exchange(ask)
        if status != expected:
            raise RuntimeError(f"a poll was answered {status}, expected {expected}")
    time.sleep(0.05)
    connection.close()
    return 1000 * (cpu_seconds(parts) - before) / polls
