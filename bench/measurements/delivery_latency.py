"""delivery_latency: from Upsampler's webhook until the download link works and the mail is handed over; 1 MB,
nothing else to do.

The sandbox's own webhooks are dropped; when a job is enlarged, this posts the webhook itself, to the address
that the sidecar gave, through nginx. The clock stops when the customer's mail lies in the mailbox and a HEAD of
the link in it was answered 200.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator

import requests

from ..bench import Bench
from ..figures import Figure, Runs, at_most, percentile
from ..systems import Ours

JOBS = 25  # a run
IDLE_S = 0.25  # before each: nothing to do, and no lane is delayed by the delivery before (adapters/store/outbox.py)


def run(bench: Bench) -> Iterator[Figure]:
    ours = bench.ours
    ours.fault({"fault": "webhook_dropped"})
    try:
        _deliver(ours, 2)
        runs = [_deliver(ours, bench.size(JOBS, 3)) for _ in range(bench.runs)]
    finally:
        ours.fault()
    everything = [ms for waits in runs for ms in waits]
    for name, share, limit in (("delivery_latency", 0.5, 120), ("delivery_latency.p99", 0.99, 400)):
        spread = Runs(tuple(percentile(waits, share) for waits in runs)).spread
        yield Figure(name, percentile(everything, share), "ms", len(runs), spread, at_most(limit))


def _deliver(ours: Ours, jobs: int) -> list[float]:
    """Milliseconds of each of `jobs` deliveries, one after the other."""
    bill = ours.sandbox.folder / "sandbox" / "bill.jsonl"
    seen = len(bill.read_text().splitlines()) if bill.exists() else 0
    payments = ours.payment_stub()
    for _ in range(jobs):
        payments.pay("customer@shop.example")
    payments.close()
    webhooks = _enlarged(ours, bill, seen, jobs)
    time.sleep(1)  # what the submits have led to is over
    with requests.Session() as http:
        return [_one(ours, http, webhook) for webhook in webhooks]


def _enlarged(ours: Ours, bill, seen: int, jobs: int) -> list[tuple[str, str]]:
    """(webhook's address, Upsampler's id) of the jobs that the shop knows to be enlarged at Upsampler."""
    deadline = time.monotonic() + 60
    while True:
        events = [json.loads(line) for line in bill.read_text().splitlines()[seen:]] if bill.exists() else []
        finished = {event["id"] for event in events if event["event"] == "finished"}
        found = [(event["webhook"], event["id"]) for event in events if event["event"] == "accepted"]
        if len(found) == jobs and finished >= {id for _, id in found}:
            return found
        if time.monotonic() > deadline:
            raise TimeoutError(f"{len(found)} of {jobs} jobs are enlarged after 60 s")
        time.sleep(0.05)


def _one(ours: Ours, http: requests.Session, webhook: tuple[str, str]) -> float:
    folder = ours.shop.mailbox.folder
    time.sleep(IDLE_S)
    before = set(folder.glob("*.eml"))
    address, id = webhook
    began = time.perf_counter()
    http.post(address, json={"id": id, "status": "SUCCESS"}, timeout=10).raise_for_status()
    while not (new := set(folder.glob("*.eml")) - before):
        if time.perf_counter() - began > 60:
            raise TimeoutError("no mail within 60 s of the webhook")
        time.sleep(0.001)
    mail = new.pop()
    while not (link := re.search(rb"https?://[^\s\"<>]+/smi/download/[^\s\"<>]+", _unfolded(mail.read_bytes()))):
        if time.perf_counter() - began > 60:
            raise RuntimeError("the mail has no download link")
    http.head(link[0].decode().replace("&amp;", "&"), timeout=10).raise_for_status()
    return 1000 * (time.perf_counter() - began)


def _unfolded(mail: bytes) -> bytes:
    """Quoted-printable's soft line ends and its equals signs undone, as far as a link needs it."""
    return mail.replace(b"=\r\n", b"").replace(b"=\n", b"").replace(b"=3D", b"=")
