"""An Upsampler in memory and in simulated time, with the methods of UpsamplerClient and the faults of the sandbox.

It shares the sandbox's fault table, job and JSON, and reads its own answers with the client's parsers, so it can't
drift from either; `tests/upsampler/test_contract.py` holds it to the same contract as the real client.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sidecar.adapters.upsampler import Submission, UpsamplerStatus
from sidecar.adapters.upsampler.verdict import http_error
from sidecar.adapters.upsampler.wire import parse_status, parse_submission, valid_id
from sidecar.core.errors import (
    ConfigurationError,
    PermanentError,
    SidecarError,
    TemporaryError,
    UnknownOutcome,
)
from sidecar.sandbox.answers import result_urls, status_answer, submit_answer
from sidecar.sandbox.enlarge import credits_for
from sidecar.sandbox.faults import FaultBoard, Rule, Strike
from sidecar.sandbox.job import Job
from sidecar.sandbox.webhooks import due_webhooks

BASE_URL = "https://results.example"
_ACCEPTED_BUT_UNANSWERED = ("submit_lost", "submit_hang", "submit_502", "submit_504", "submit_unreadable")


@dataclass(frozen=True)
class Webhook:
    """A webhook that would be posted to `url` at the simulated time `at`."""

    at: float
    url: str
    body: bytes
    upsampler_id: str


class FakeUpsampler:
    """`now` gives the simulated time in seconds; `delay` is how long a job takes.

    `accepted` is the bill: one Job for each submit that was accepted, whether or not its answer arrived.
    """

    def __init__(
        self,
        *,
        now: Callable[[], float],
        delay: float = 60.0,
        size: tuple[int, int] = (4000, 3000),
        webhook: str = "live",
    ):
        self.now = now
        self.delay = delay
        self.size = size
        self.webhook_shape = webhook
        self.credits = 1e6
        self.key_is_right = True
        self.away = False  # connections are refused
        self.faults = FaultBoard()
        self.accepted: list[Job] = []
        self.calls: list[tuple[str, str]] = []  # ("submit", imageUrl) and ("status", id), refused ones included
        self._numbers = itertools.count(1)
        self._webhooks: list[Webhook] = []

    def put_faults(self, *rules: dict, seed: object = 0) -> None:
        """The same rules as `PUT /sandbox/faults`; replaces those in force."""
        self.faults.replace([Rule.parse(rule) for rule in rules], seed)

    def submit(self, *, image_url: str, factor: int, webhook_url: str | None) -> Submission:
        """As UpsamplerClient.submit."""
        number = next(self._numbers)
        again = 1 + sum(call == ("submit", image_url) for call in self.calls)
        self.calls.append(("submit", image_url))
        self._check_door()
        strikes = self.faults.strikes("submit", image_url=image_url, number=number, again=again, occasion=1)
        strike = strikes[0] if strikes else Strike("", {})
        if strike.name == "submit_reset":
            raise _lost()
        if strike.name and strike.name not in (*_ACCEPTED_BUT_UNANSWERED, "submit_failed"):
            raise _http(strike, submit=True)
        width, height = self.size
        price = credits_for("precise-upscale", width, height)
        if price > self.credits:
            raise ConfigurationError("upsampler_credits_exhausted", "HTTP 402")
        self.credits -= price
        job = self._accept(image_url, factor, webhook_url, number, again, price, strike)
        if strike.name in _ACCEPTED_BUT_UNANSWERED:
            raise _lost()
        failed = job.error if strike.name == "submit_failed" else None
        submission = parse_submission(submit_answer(job, "live", failed=failed))
        assert submission is not None
        return submission

    def status(self, upsampler_id: str) -> UpsamplerStatus:
        """As UpsamplerClient.status."""
        self.calls.append(("status", upsampler_id))
        if valid_id(upsampler_id) is None:
            raise PermanentError("upsampler_unknown_job", "not an id that Upsampler gives out")
        self._check_door()
        job = self.job(upsampler_id)
        if job is None:
            raise PermanentError("upsampler_unknown_job", "HTTP 404")
        strikes = self._strikes("status", job)
        strike = strikes[0] if strikes else Strike("", {})
        if strike.name in ("status_hang", "status_drip", "status_reset"):
            raise TemporaryError("upsampler_unavailable", "no answer")
        if strike.name == "status_html":
            raise TemporaryError("upsampler_bad_answer", "HTTP 200 without the promised status object")
        if strike.name:
            raise _http(strike, submit=False)
        answer = parse_status(upsampler_id, status_answer(job, self.now(), BASE_URL, "live"))
        assert answer is not None
        return answer

    def check_key(self) -> None:
        """As UpsamplerClient.check_key."""
        self._check_door()

    def close(self) -> None:
        """As UpsamplerClient.close."""

    def job(self, upsampler_id: str) -> Job | None:
        """The accepted job with this id."""
        return next((job for job in self.accepted if job.id == upsampler_id), None)

    def take_webhooks(self) -> list[Webhook]:
        """The webhooks whose time has come, oldest first; each is given out once."""
        due = [webhook for webhook in self._webhooks if webhook.at <= self.now()]
        self._webhooks = [webhook for webhook in self._webhooks if webhook.at > self.now()]
        return sorted(due, key=lambda webhook: webhook.at)

    def next_webhook_at(self) -> float | None:
        """When the next webhook is due, None if there is none: where a simulated clock may jump to."""
        return min((webhook.at for webhook in self._webhooks), default=None)

    def _accept(
        self,
        image_url: str,
        factor: int,
        webhook_url: str | None,
        number: int,
        again: int,
        price: float,
        strike: Strike,
    ) -> Job:
        now = self.now()
        job = Job(
            id=f"fake-{number:06d}",
            number=number,
            again=again,
            image_url=image_url,
            factor=factor,
            mode="precise-upscale",
            webhook=webhook_url,
            credits=price,
            accepted_at=now,
            ready_at=now + self.delay,
            width=self.size[0],
            height=self.size[1],
        )
        webhook_strikes = self._strikes("webhook", job)
        for hit in self._strikes("processing", job):
            if hit.name == "processing_failed":
                job.error = str(hit.params["text"])
            elif hit.name == "processing_stuck":
                job.ready_at = None
            elif job.ready_at is not None:
                job.ready_at += float(hit.params["seconds"])
        if strike.name == "submit_failed":
            job.error, job.ready_at = str(strike.params["text"]), now
        if any(hit.name == "webhook_early" for hit in webhook_strikes):
            job.ready_at = now
        job.result = None if job.error else Path(f"{job.id}.png")  # nothing lies there: the URL takes its suffix
        self.accepted.append(job)
        if job.ready_at is not None and webhook_url is not None:
            late, bodies = due_webhooks(job, webhook_strikes, job.ready_at, BASE_URL, self.webhook_shape)
            self._webhooks += [Webhook(job.ready_at + late, webhook_url, body, job.id) for body in bodies]
        return job

    def _strikes(self, phase: str, job: Job) -> list[Strike]:
        return self.faults.strikes(
            phase, image_url=job.image_url, number=job.number, again=job.again, occasion=job.next_occasion(phase)
        )

    def _check_door(self) -> None:
        if self.away:
            raise TemporaryError("upsampler_unavailable", "no answer: connection refused")
        if not self.key_is_right:
            raise ConfigurationError("upsampler_key_refused", "HTTP 401")


def result_url(job: Job) -> str:
    """The address of a job's full-quality result."""
    return result_urls(job, BASE_URL)[0]


def _lost() -> UnknownOutcome:
    return UnknownOutcome("submit_outcome_unknown", "sent, but the answer was lost")


def _http(strike: Strike, *, submit: bool) -> SidecarError:
    status = int(strike.name.rpartition("_")[2])
    wait = strike.params.get("wait")
    body = {"error": strike.params.get("text", f"HTTP {status}")}
    return http_error(status, body, submit=submit, wait=None if wait is None else str(wait))
