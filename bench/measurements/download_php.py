"""download_php: a finished file of 60 MB handed out by the shop itself, in PHP: megabytes a second over loopback.

By the bridge's own route, whole and its second half by Range, beside the same file as nginx serves it by itself and
beside the in-request handler's route (PHP, too; it knows no Range); 1 client, and 8 at a time.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from .. import pictures
from ..bench import Bench
from ..figures import Figure, figure, ratio_at_least
from ..systems import Ours
from .download import CLIENTS, MEGABYTES, _case, _sold_by_handler


def run(bench: Bench) -> Iterator[Figure]:
    file = pictures.download_of(MEGABYTES)
    ours, static = _sold_by_shop(bench.ours, file)
    addresses = {"ours": ours, "static": static, "php": _sold_by_handler(bench.baseline, file)}
    cases = {case: _case(bench, addresses, case) for case in ("1 client", f"{CLIENTS} clients", "range")}
    first = cases["1 client"]
    yield figure("download_php", "MB/s", first["ours"], ratio_at_least(0.9), baseline=first["php"])
    many = cases[f"{CLIENTS} clients"]
    yield figure(f"download_php.{CLIENTS} clients", "MB/s", many["ours"], ratio_at_least(0.9), baseline=many["php"])
    for case, rates in cases.items():
        yield figure(f"download_php.beside nginx, {case}", "MB/s", rates["ours"], baseline=rates["static"])


def _sold_by_shop(ours: Ours, file: Path) -> tuple[str, str]:
    """(link at the shop of a delivered job whose file this is, address of the same file as nginx serves it)"""
    payments = ours.payment_stub()
    job_id, _ = payments.pay("customer@shop.example")
    payments.close()
    ours.wait_delivered(job_id)
    row = ours.shop.sql("SELECT path, token FROM wp_smi_bridge_ledger WHERE job_id = %s", job_id)[0]
    shutil.copyfile(file, ours.shop.uploads / "smi-downloads" / row["path"])
    shutil.copyfile(file, ours.shop.uploads / "static.png")
    link = f"{ours.shop.url}/?smi-bridge=download&job={job_id}&token={row['token']}"
    return link, f"{ours.shop.url}/wp-content/uploads/static.png"
