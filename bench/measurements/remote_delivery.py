"""remote_delivery: a finished file through the shop's door, on a host with posts of 8 MB, 128 MB of memory and 30 s.

1 MB and 1 GB: seconds over loopback, CPU of PHP for each megabyte, the most memory that PHP has held in a request (its
own figure, which `memory_limit` counts), and the most that the sidecar has held.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path

from sidecar.core.messages import new_secret
from tests.testbed.far import HOST_INI, HOST_MOST_BODY
from tests.testbed.shop import DEMO_SHOP, Shop
from tests.testbed.whole import BRIDGE

from .. import pictures
from ..bench import Bench
from ..figures import Figure, at_most, figure
from ..processes import cpu_seconds, run_subprocess

SIZES = {"1MB": 1, "1GB": 1000}
_PEAK = """<?php
register_shutdown_function( function () {
	if ( strpos( $_SERVER['REQUEST_URI'] ?? '', 'smi-bridge/v1' ) ) {
		file_put_contents( '%s', memory_get_peak_usage( true ) . "\\n", FILE_APPEND );
	}
} );
"""
_OPEN = (
    "INSERT INTO wp_smi_bridge_ledger (job_id, attempt, state, submission, created_at, updated_at, deadline_at) "
    "VALUES (%s, 1, 'submitted', 1, UTC_TIMESTAMP(), UTC_TIMESTAMP(), DATE_ADD(UTC_TIMESTAMP(), INTERVAL 1 HOUR))"
)


def run(bench: Bench) -> Iterator[Figure]:
    secret = new_secret()
    constants = {"SMI_BRIDGE_SIDECAR_URL": "http://127.0.0.1:9", "SMI_BRIDGE_SECRET": secret}
    with Shop.start(
        bench.new_folder("remote") / "site",
        plugins=(DEMO_SHOP, BRIDGE),
        constants=constants,
        ini=HOST_INI,
        most_body=HOST_MOST_BODY,
        progress=bench.say,
    ) as shop:
        peaks = shop.folder / "peaks"
        (shop.root / "wp-content" / "mu-plugins" / "peak.php").write_text(_PEAK % peaks)
        for name, megabytes in SIZES.items():
            megabytes = min(megabytes, bench.size(1000, 20))
            times = bench.runs if megabytes == 1 else 1
            runs = [_upload(shop, secret, pictures.download_of(megabytes), peaks) for _ in range(times + (times > 1))]
            yield from _figures(name, megabytes, runs[-times:])


def _figures(name: str, megabytes: int, runs: list[tuple[float, ...]]) -> Iterator[Figure]:
    seconds, php_cpu, php_peak, sidecar_peak, chunks = (list(values) for values in zip(*runs, strict=True))
    first = "remote_delivery" if name == "1GB" else f"remote_delivery.{name}"
    note = f"{chunks[0]:.0f} chunks"
    yield figure(first, "s", seconds, note=note)
    yield figure(f"remote_delivery.{name} php_cpu", "ms CPU/MB", [cpu * 1000 / megabytes for cpu in php_cpu])
    yield figure(f"remote_delivery.{name} php_memory", "MB", php_peak, at_most(64))
    yield figure(f"remote_delivery.{name} memory", "MB", sidecar_peak, at_most(96))


def _upload(shop: Shop, secret: str, file: Path, peaks: Path) -> tuple[float, ...]:
    """(seconds, CPU seconds of PHP, peak MB of PHP, peak MB of the sidecar, chunks)"""
    job_id = f"remote-{secrets.token_hex(4)}"
    shop.sql(_OPEN, job_id)
    peaks.unlink(missing_ok=True)
    before = cpu_seconds([shop.php_fpm])
    words = run_subprocess("bench.subprocesses.upload", shop.url, secret, job_id, str(file))
    used = cpu_seconds([shop.php_fpm]) - before
    seconds, _, peak, chunks = map(float, words)
    (stored,) = (shop.uploads / "smi-downloads").glob(f"*/*/{job_id}*")
    if stored.stat().st_size != file.stat().st_size:
        raise RuntimeError(f"{stored} has {stored.stat().st_size} bytes")
    stored.unlink()
    return seconds, used, max(map(int, peaks.read_text().split())) / 1e6, peak, chunks
