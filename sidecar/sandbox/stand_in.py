"""Sandbox: the stand-in itself: takes orders, works on them, knows their state. Knows nothing of sockets."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import urllib3

from sidecar.sandbox.bill import Bill
from sidecar.sandbox.clock import Clock
from sidecar.sandbox.enlarge import Refused, credits_for, enlarge, fetch_source, source_size
from sidecar.sandbox.faults import FaultBoard, Strike
from sidecar.sandbox.job import Job
from sidecar.sandbox.options import SandboxOptions
from sidecar.sandbox.webhooks import Webhooks

MODES = {"precise-upscale": 16, "smart-upscale": 4, "dynamic-upscale": 4}  # mode → largest factor


class StandIn:
    """All state of one sandbox: in memory, and in its folder (bill and results), from which a restart takes it up."""

    def __init__(self, options: SandboxOptions, now: Callable[[], float] = time.time):
        options.folder.mkdir(parents=True, exist_ok=True)
        self.options = options
        self.base_url = options.public_url.rstrip("/")
        self.faults = FaultBoard()
        self.bill = Bill(options.folder)
        self.credits = options.credits
        self.results = options.folder / "results"
        self.results.mkdir(exist_ok=True)
        self._jobs: dict[str, Job] = {}
        self._number = 0
        self._again: dict[str, int] = {}
        self._lock = threading.Lock()
        self._http = urllib3.PoolManager(maxsize=16)
        self.clock = Clock(now)
        self._webhooks = Webhooks(self.clock, self.bill, self._http, lambda: self.base_url, options.webhook)
        self._workers = ThreadPoolExecutor(options.workers, thread_name_prefix="sandbox-enlarge")
        if options.canned is not None:
            self._canned_size = source_size(options.canned.read_bytes())
        self._take_up()

    def job(self, job_id: str) -> Job | None:
        """The job with this id, None if there is none."""
        return self._jobs.get(job_id)

    def number(self, image_url: str) -> tuple[int, int]:
        """(number of this submit, number among those of this imageUrl); counts one up."""
        with self._lock:
            self._number += 1
            self._again[image_url] = self._again.get(image_url, 0) + 1
            return self._number, self._again[image_url]

    def strikes(self, phase: str, job: Job) -> list[Strike]:
        """The faults that hit `job` in `phase` now."""
        return self.faults.strikes(
            phase,
            image_url=job.image_url,
            number=job.number,
            again=job.again,
            occasion=job.next_occasion(phase),
        )

    def accept(
        self,
        *,
        mode: str,
        image_url: str,
        factor: float,
        webhook: str | None,
        number: int,
        again: int,
        failed: str | None = None,
    ) -> Job:
        """Takes an order: looks at the source, charges, writes the bill, begins. `number`, `again`: of
        `StandIn.number`.

        Raises Refused: 402 when the credits do not suffice, 413 for too large an output, and as `fetch_source` and
        `source_size`. `failed`: the words of a job that is accepted and has failed already.
        """
        source = None
        if self.options.canned is None:
            source = fetch_source(self._http, image_url)
            width, height = (round(side * factor) for side in source_size(source))
        else:
            width, height = self._canned_size
        if width * height > self.options.max_output_mp * 1e6:
            raise Refused(413, f"Image too large: the output exceeds {self.options.max_output_mp:g} megapixels")
        price = credits_for(mode, width, height)
        now = self.clock.now()
        job = Job(
            id=uuid.uuid4().hex,
            number=number,
            again=again,
            image_url=image_url,
            factor=factor,
            mode=mode,
            webhook=webhook,
            credits=price,
            accepted_at=now,
            ready_at=now + self.options.delay,
            width=width,
            height=height,
        )
        with self._lock:
            if price > self.credits:
                raise Refused(402, "Insufficient credits")
            self.credits -= price
            self._jobs[job.id] = job
        self.bill.write(
            "accepted",
            job.id,
            at=round(now, 3),
            imageUrl=image_url,
            factor=factor,
            mode=mode,
            webhook=webhook,
            credits=price,
            number=number,
            again=again,
            width=width,
            height=height,
        )
        self._apply_faults(job, failed)
        if source is None:
            job.result = self.options.canned
        if source is None or job.error is not None or job.ready_at is None:
            job.awaits.discard("work")
        elif any(strike.name == "webhook_early" for strike in job.webhook_strikes):
            self._work(job, source)
        else:
            self._workers.submit(self._work, job, source)
        if any(strike.name == "webhook_early" for strike in job.webhook_strikes):
            job.ready_at = self.clock.now()
            job.awaits.clear()
            self._end(job, wait=True)
        return job

    def answered(self, job: Job) -> None:
        """The submit has been answered (or never will be): from now on the webhook may go out."""
        self._step(job, "answer")

    def _apply_faults(self, job: Job, failed: str | None) -> None:
        job.webhook_strikes = self.strikes("webhook", job)
        for strike in self.strikes("processing", job):
            if strike.name == "processing_failed":
                job.error = str(strike.params["text"])
            elif strike.name == "processing_stuck":
                job.ready_at = None
            elif job.ready_at is not None:
                job.ready_at += float(strike.params["seconds"])
        if failed is not None:
            job.error, job.ready_at = failed, job.accepted_at

    def _work(self, job: Job, source: bytes) -> None:
        path = self.results / f"{job.id}.png"
        try:
            enlarge(source, job.width, job.height, path)
            job.result = path
        except Refused as refused:
            job.error = refused.words
        self._step(job, "work")

    def _step(self, job: Job, done: str) -> None:
        """One thing less to wait for; after the last one the end is due."""
        with self._lock:
            if done not in job.awaits:
                return
            job.awaits.discard(done)
            due = None if job.awaits else job.ready_at
        if due is not None:
            self.clock.at(due, lambda: self._end(job))

    def _end(self, job: Job, *, wait: bool = False) -> None:
        now = self.clock.now()
        job.finished_at = now
        self.bill.write("finished", job.id, at=round(now, 3), status=job.status(now), error=job.error)
        self._webhooks.send(job, job.webhook_strikes, wait=wait)

    def _take_up(self) -> None:
        """Reads the bill of an earlier run: its jobs are known again, unfinished ones are worked on again."""
        for event in self.bill.events():
            if event["event"] == "accepted":
                job = Job(
                    id=event["id"],
                    number=event["number"],
                    again=event["again"],
                    image_url=event["imageUrl"],
                    factor=event["factor"],
                    mode=event["mode"],
                    webhook=event["webhook"],
                    credits=event["credits"],
                    accepted_at=event["at"],
                    ready_at=event["at"] + self.options.delay,
                    width=event["width"],
                    height=event["height"],
                    awaits={"work"},
                )
                self._jobs[job.id] = job
                self._number = max(self._number, job.number)
                self._again[job.image_url] = max(self._again.get(job.image_url, 0), job.again)
                self.credits -= job.credits
            elif event["event"] == "finished":
                job = self._jobs[event["id"]]
                job.finished_at = job.ready_at = event["at"]
                job.error = event["error"]
                job.awaits.clear()
                if job.error is None:
                    job.result = self.options.canned or self.results / f"{job.id}.png"
        for job in self._jobs.values():
            if job.finished_at is None:
                self._workers.submit(self._work_again, job)

    def _work_again(self, job: Job) -> None:
        if self.options.canned is not None:
            job.result = self.options.canned
            self._step(job, "work")
            return
        try:
            self._work(job, fetch_source(self._http, job.image_url))
        except Refused as refused:
            job.error = refused.words
            self._step(job, "work")

    def stop(self) -> None:
        """Stops all threads and closes the bill; what was not finished is taken up at the next start."""
        self.clock.stop()
        self._workers.shutdown(wait=True, cancel_futures=True)
        self._webhooks.stop()
        self.bill.close()
        self._http.clear()
