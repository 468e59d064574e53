"""Sandbox: sends the webhooks of a job, with the faults that were asked for."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import urllib3

from sidecar.sandbox.answers import webhook_body
from sidecar.sandbox.bill import Bill
from sidecar.sandbox.clock import Clock
from sidecar.sandbox.faults import Strike
from sidecar.sandbox.job import Job

_SHAPES = {"webhook_documented": "documented", "webhook_event": "event"}


def due_webhooks(job: Job, strikes: list[Strike], now: float, base_url: str, shape: str) -> tuple[float, list[bytes]]:
    """(seconds to wait, bodies to send) for a job that has just ended. Pure."""
    struck = {strike.name: strike.params for strike in strikes}
    if job.webhook is None or shape == "none" or "webhook_dropped" in struck:
        return 0.0, []
    shape = next((_SHAPES[name] for name in struck if name in _SHAPES), shape)
    body = json.dumps(webhook_body(job, now, base_url, shape)).encode()
    if "webhook_malformed" in struck:
        body = b"\xff{not json"
    bodies = [body] * int(struck.get("webhook_doubled", {}).get("times", 1))
    if "webhook_forged" in struck:
        bodies.insert(0, json.dumps({"id": job.id, "status": "FAILED", "error": "forged"}).encode())
    if "webhook_reordered" in struck:
        bodies.append(json.dumps({"id": job.id, "status": "IN_PROGRESS"}).encode())
    return float(struck.get("webhook_late", {}).get("seconds", 0)), bodies


class Webhooks:
    """A webhook is tried once and never repeated: who depends on it has no right to."""

    def __init__(self, clock: Clock, bill: Bill, http: urllib3.PoolManager, base_url: Callable[[], str], shape: str):
        self._clock = clock
        self._bill = bill
        self._http = http
        self._base_url = base_url
        self._shape = shape
        self._senders = ThreadPoolExecutor(4, thread_name_prefix="sandbox-webhook")

    def send(self, job: Job, strikes: list[Strike], *, wait: bool = False) -> None:
        """Sends what is due for a job that has just ended; returns at once, or with `wait` when it is sent."""
        now = self._clock.now()
        late, bodies = due_webhooks(job, strikes, now, self._base_url(), self._shape)
        if not bodies:
            return
        if wait:
            self._post(job, bodies)
        elif late:
            self._clock.at(now + late, lambda: self._later(job, bodies))
        else:
            self._senders.submit(self._post, job, bodies)

    def _later(self, job: Job, bodies: list[bytes]) -> None:
        self._senders.submit(self._post, job, bodies)

    def stop(self) -> None:
        """Drops what has not been sent."""
        self._senders.shutdown(wait=True, cancel_futures=True)

    def _post(self, job: Job, bodies: list[bytes]) -> None:
        for body in bodies:
            outcome: int | str
            try:
                answer = self._http.request(
                    "POST", job.webhook or "", body=body, headers={"Content-Type": "application/json"}, timeout=10,
                    retries=False, redirect=False,
                )  # fmt: skip
                outcome = answer.status
            except urllib3.exceptions.HTTPError as error:
                outcome = type(error).__name__
            self._bill.write("webhook", job.id, at=round(self._clock.now(), 3), outcome=outcome)
