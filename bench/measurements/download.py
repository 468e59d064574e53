"""download: a finished file of 60 MB to the customer; megabytes a second over loopback.

By its link through nginx (X-Accel-Redirect), by its link from the sidecar without a web server before it, the
same file served by nginx as a static file, and by the in-request handler's route (PHP, in chunks); 1 client, 8
clients at a time, and the second half of the file by Range (which the in-request handler does not know). The
figure is the worst ratio to nginx' static file.
"""

from __future__ import annotations

import os
import secrets
import shutil
import time
from collections.abc import Callable, Iterator

from sidecar.core.job import Job
from sidecar.core.tokens import DownloadGrant
from sidecar.services import Services
from tests.testbed.places import reserve_port
from tests.testbed.sidecar import Sidecar

from .. import pictures
from ..bench import Bench
from ..figures import Figure, figure, interleaved, ratio_at_least
from ..http_load import request, rush
from ..systems import Baseline, Ours

MEGABYTES, CLIENTS = 60, 8
# Downloads of each client in one run. A single one needs many: on which CPUs the kernel puts sender and receiver makes
# more of a difference than all that is compared here.
EACH_OF_ONE, EACH_OF_MANY = 48, 4
RANGE = {"Range": f"bytes={MEGABYTES * 500_000}-"}


def run(bench: Bench) -> Iterator[Figure]:
    ours, baseline = bench.ours, bench.baseline
    file, port = pictures.download_of(MEGABYTES), reserve_port()
    os.sync()  # gigabytes of the measurements before: else the kernel writes them while we measure
    link, static = _delivered(ours, file)
    environment = {**ours.sidecar.env, "SMI_DOWNLOAD_MODE": "stream"}
    with Sidecar.start(bench.new_folder("stream"), environment, ("web",), port=port) as plain:
        addresses = {
            "nginx": link,
            "stream": link.replace(f"{ours.shop.url}/smi", plain.url),
            "static": static,
            "php": _sold_by_handler(baseline, file),
        }
        results = {case: _case(bench, addresses, case) for case in ("1 client", f"{CLIENTS} clients", "range")}
    yield from _figures(results)


def _figures(results: dict[str, dict[str, list[float]]]) -> Iterator[Figure]:
    def worst(way: str, against: str) -> str:
        cases = [case for case in results if against in results[case]]
        return min(cases, key=lambda case: _ratio(results[case][way], results[case][against]))

    for name, way, against, least in (
        ("download", "nginx", "static", 0.9),
        ("download.stream", "stream", "static", 0.75),
        ("download.php", "nginx", "php", 2.5),
    ):
        case = worst(way, against)
        rates = results[case]
        note = f"worst case: {case}"
        yield figure(name, "MB/s", rates[way], ratio_at_least(least), baseline=rates[against], note=note)
    for case, rates in results.items():
        for way in ("nginx", "stream"):
            yield figure(f"download.{way} {case}", "MB/s", rates[way], baseline=rates["static"])


def _ratio(ours: list[float], theirs: list[float]) -> float:
    return sorted(a / b for a, b in zip(ours, theirs, strict=True))[len(ours) // 2]


def _case(bench: Bench, addresses: dict[str, str], case: str) -> dict[str, list[float]]:
    clients = CLIENTS if case.startswith(str(CLIENTS)) else 1
    each = bench.size(EACH_OF_ONE if clients == 1 else EACH_OF_MANY, 1)
    headers, share, expected = (RANGE, 0.5, 206) if case == "range" else ({}, 1.0, 200)
    ways = {way: url for way, url in addresses.items() if not (case == "range" and way == "php")}

    def fetch(url: str) -> Callable[[], float]:
        def rate() -> float:
            seconds, _ = rush(url, [[request("GET", url, headers)] * each for _ in range(clients)], expected)
            return clients * each * MEGABYTES * share / seconds

        return rate

    runs = interleaved(bench.runs, *(fetch(url) for url in ways.values()))
    return dict(zip(ways, runs, strict=True))


def _delivered(ours: Ours, file) -> tuple[str, str]:
    """(link of a delivered job whose file this is, address of the same file as nginx serves it by itself)"""
    ports = Services.from_env(ours.sidecar.env).ports
    job_id, now = f"download-{secrets.token_hex(4)}", int(time.time())
    name = ports.files.name(job_id, 4, "png", now)
    ports.files.path(name).parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(file, ports.files.path(name))
    static = ours.shop.uploads / f"static-{job_id}.png"
    os.link(ports.files.path(name), static)  # two copies lie in memory differently, and differ in speed
    token = ports.tokens.download(DownloadGrant(job_id, 1, now + 3600))
    job = Job(
        job_id,
        1,
        "delivered",
        factor=4,
        path=name,
        bytes=file.stat().st_size,
        sha256="0" * 64,
        format="png",
        token=token,
        expires_at=now + 3600,
    )
    ports.store.create(job, due_at=None, settled=True)
    return f"{ours.shop.url}/smi/download/{token}", f"{ours.shop.url}/wp-content/uploads/{static.name}"


def _sold_by_handler(baseline: Baseline, file) -> str:
    """The link of a job of the in-request handler whose file this is."""
    payments = baseline.payment_stub()
    job_id, _ = payments.pay("customer@shop.example")
    payments.close()
    baseline.wait_delivered(job_id)
    row = baseline.shop.sql("SELECT download_token, upscaled_file_path FROM wp_smi_jobs WHERE job_id = %s", job_id)[0]
    shutil.copyfile(file, row["upscaled_file_path"])
    return f"{baseline.shop.url}/wp-json/in-request/v1/download/{row['download_token']}"
