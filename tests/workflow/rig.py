"""The whole pipeline over doubles, in simulated time: what the tests of the workflow turn and look at."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from sidecar.adapters import images, schemas
from sidecar.adapters.files import INCOMING
from sidecar.adapters.parts import Parts
from sidecar.adapters.refusals import AWAY
from sidecar.adapters.upsampler import parse_hint
from sidecar.core.errors import CallerError, StaleClaim
from sidecar.core.job import Job
from sidecar.core.messages import TO_SIDECAR, Message
from sidecar.core.settings import Settings
from sidecar.core.states import LANES
from sidecar.core.tokens import TokenMaker
from sidecar.workflow import cdn, cleanup, inbox, outbox_sender, reconcile, runner, scheduler
from sidecar.workflow.ports import JobStore, Outbox, Ports
from sidecar.workflow.webhook import retry_webhook, webhook_received
from tests.fakes.clock import SimulatedClock
from tests.fakes.fetcher import FakeFetcher, RecordingUpsampler
from tests.fakes.files import MemoryFiles
from tests.fakes.outbox import MemoryOutbox
from tests.fakes.queue import MemoryQueue, Task
from tests.fakes.shop import FakeShop, Row
from tests.fakes.sources import INFO, FakeCopies, FakeSources
from tests.fakes.store import MemoryJobStore
from tests.fakes.transfers import InstantTransfers, MemoryParts
from tests.fakes.upsampler import Webhook

ENV = {
    "SMI_SHOP_URL": "https://shop.example",
    "SMI_SECRET": "whsec_6eCm2wFPrp+RDgdtIEudJKmH0zOwNXXTYavPTykUCGQ=",
    "SMI_UPLOADS_DIR": "/nowhere",
    "SMI_PUBLIC_URL": "https://shop.example/smi",
    "SMI_CHECK_PICTURE": "0",
    "UPSAMPLER_API_KEY": "key",
}
# The functions of `sidecar.tasks` that are queued by name, with the ports in front.
TASKS: dict[str, Callable[..., Any]] = {
    "stage": runner.run_stage,
    "watch_many": runner.run_watch,
    "flush": outbox_sender.run,
    "cleanup": cleanup.run,
    "probe_cdn": cdn.probe,
    "retry_webhook": lambda ports, job_id, attempt, submission, id: retry_webhook(
        ports, job_id, attempt, submission, id or None
    ),
}


Part = TypeVar("Part")


class Wrap(Protocol):
    """Gets each part by name, and gives what the workflow is to see of it."""

    def __call__(self, name: str, part: Part, /) -> Part: ...


class Memory(Protocol):
    """Clock, slots and what notifies a worker -> a job store and its outbox."""

    def __call__(
        self, clock: SimulatedClock, slots: int, notify_worker: Callable[[str], None], /
    ) -> tuple[JobStore, Outbox]: ...


def as_it_is(name: str, part: Part, /) -> Part:
    return part


@dataclass
class LeaseDouble:
    """As LeaseKeeper, without a thread: whoever moves the clock renews what is held, unless its worker is stalled."""

    held: list[Callable[[], object]] = field(default_factory=list)

    @contextmanager
    def keep(self, renew: Callable[[], object]) -> Iterator[None]:
        self.held.append(renew)
        try:
            yield
        finally:
            self.held.remove(renew)

    def renew_all(self) -> None:
        for renew in list(self.held):
            try:
                renew()
            except StaleClaim:
                continue


def in_memory(
    clock: SimulatedClock, slots: int, notify_worker: Callable[[str], None]
) -> tuple[MemoryJobStore, MemoryOutbox]:
    outbox = MemoryOutbox(clock, notify_worker=notify_worker)
    return MemoryJobStore(clock, outbox, slots=slots), outbox


class Faulty:
    """A part of which some methods raise: `faults` by method name, each for as long as it stands there."""

    def __init__(self, part: Any) -> None:
        self._part = part
        self.faults: dict[str, Exception] = {}

    def __getattr__(self, name: str) -> Any:
        if name in self.faults:
            raise self.faults[name]
        return getattr(self._part, name)


class Rig:
    """Build it, `buy`, let time pass. `events` is the log: (event, fields)."""

    def __init__(
        self,
        *,
        seed: int | str = 0,
        slots: int = 0,
        wrap: Wrap = as_it_is,
        files: Any = None,
        memory: Memory = in_memory,
        **env: str,
    ) -> None:
        self.random = random.Random(seed)
        self.clock = SimulatedClock()
        self.settings = Settings.from_env(ENV | {"SMI_UPSAMPLER_CONCURRENCY": str(slots)} | env)
        self.store: Any
        self.outbox: Any
        self.queue = MemoryQueue(self.clock)
        self.store, self.outbox = memory(self.clock, slots, lambda lane: self.ports.queue.flush(lane))
        self.shop = FakeShop(self.clock)
        self.sources, self.copies = FakeSources(), FakeCopies()
        self.upsampler = RecordingUpsampler(now=self.clock, size=(32, 24))
        self.fetcher = FakeFetcher(self.upsampler, self._paid_size)
        self.files: Any = files or MemoryFiles(self.clock)
        self.parts: Any = (
            MemoryParts(self.files)
            if isinstance(self.files, MemoryFiles)
            else Parts(self.files.root / INCOMING, prepare=self.files.prepare)
        )
        self.transfers = InstantTransfers()
        self.leases = LeaseDouble()
        self.tokens = TokenMaker(self.settings.signing_keys, self.settings.site_hash)
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.crash_point: Callable[[str], None] = lambda name: None
        self.webhooks = True
        self.faulty_upsampler = Faulty(self.upsampler)
        self._message_ids = itertools.count(1)
        self.ports = Ports(
            settings=self.settings,
            clock=self.clock,
            random=self.random.random,
            store=wrap("store", self.store),
            outbox=wrap("outbox", self.outbox),
            queue=wrap("queue", self.queue),
            shop=wrap("shop", self.shop),
            upsampler=wrap("upsampler", self.faulty_upsampler),
            fetcher=wrap("fetcher", self.fetcher),
            sources=self.sources,
            copies=self.copies,
            files=wrap("files", self.files),
            parts=self.parts,
            transfers=self.transfers,
            pictures=images,
            tokens=self.tokens,
            leases=self.leases,
            log=lambda event, sentence, **fields: self.events.append((event, fields)),
            memory_outages=AWAY,
            crash_point=lambda name: self.crash_point(name),
        )

    def _paid_size(self, image_url: str) -> tuple[int, int]:
        info, factor = self.sources.info.get(image_url, INFO), 4
        width, height = info.display_size
        return width * factor, height * factor

    # ------------------------------------------------------------------ what happens outside
    def buy(self, job_id: str = "job-1", *, push: bool = True, **info: Any) -> str:
        data = self.shop.buy(job_id, **info)
        if push:
            self.push("job.paid", data)
        return job_id

    def push(self, type: str, data: dict[str, Any]) -> dict[str, Any]:
        """A message from the bridge, behind the door."""
        schemas.check(TO_SIDECAR, type, data)
        message = Message(f"msg_{next(self._message_ids)}", type, data, "")
        if type == "job.paid":
            inbox.paid(self.ports, message)
            return inbox.STORED
        return inbox.handle(self.ports, message)

    def post(self, webhook: Webhook) -> str:
        """A webhook, behind the door (as web/webhooks.py does it)."""
        job_id, attempt, submission = self.tokens.read_webhook(webhook.url.rpartition("/")[2])
        try:
            upsampler_id = parse_hint(webhook.body).upsampler_id
        except CallerError:
            upsampler_id = None
        outcome = webhook_received(self.ports, job_id, attempt, submission, upsampler_id)
        if outcome == "unknown":
            self.queue.task("watch", "retry_webhook", job_id, attempt, submission, upsampler_id or "")
        return outcome

    def flush_all(self) -> None:
        for part in (self.store, self.outbox, self.queue):
            part.flush_all()

    # ------------------------------------------------------------------ work and time
    def run(self, task: Task) -> None:
        TASKS[task.name](self.ports, *task.args)

    def work(self, limit: int = 1000) -> int:
        """Everything that is queued, and what that leads to."""
        done = 0
        while self.queue.tasks and done < limit:
            self.run(self.queue.tasks.pop(0))
            done += 1
        return done

    def tick(self) -> None:
        """What the clock process does, and the work of it."""
        scheduler.tick(self.ports)
        if self.webhooks:
            for webhook in self.upsampler.take_webhooks():
                self.post(webhook)
        self.work()

    def next_event(self) -> float | None:
        """When something is due, as far as one can know."""
        lanes = [getattr(self.outbox, "sent_at", self.outbox.next_at)(lane) for lane in LANES]
        times = [self.store.next_due(), self.upsampler.next_webhook_at() if self.webhooks else None, *lanes]
        return min((at for at in times if at is not None), default=None)

    def let_pass(self, seconds: float, *, sweeping: bool = False) -> None:
        """Time passes; everything that becomes due meanwhile is done, when it is due."""
        end = self.clock() + seconds
        while True:  # ends: each turn moves the clock, on to `end`
            self.tick()
            at = self.next_event()
            if at is None:
                at = end + 1
            elif at <= self.clock():  # it waits for something that is not booked: a paused lane, a lock
                at = self.clock() + 1
            if sweeping:
                at = min(at, self.clock() + 60)
            if at > end:
                break
            self.clock.at = at
            self.leases.renew_all()
            if sweeping:
                reconcile.reconcile(self.ports)
        self.clock.at = end
        self.tick()

    # ------------------------------------------------------------------ what one looks at
    def job(self, job_id: str = "job-1") -> Job:
        job = self.store.get(job_id)
        assert job is not None, f"{job_id} is not in working memory"
        return job

    def row(self, job_id: str = "job-1") -> Row:
        return self.shop.newest(job_id)

    def mails(self, job_id: str = "job-1") -> list[str]:
        return [kind for job, _, kind in self.shop.mails if job == job_id]

    def actions(self, job_id: str = "job-1") -> list[str]:
        """What the recovery table has decided, in order: "reason → action"."""
        failed = [fields for event, fields in self.events if event == "stage.failed" and fields["job_id"] == job_id]
        return [f"{fields['reason']} → {fields['action']}" for fields in failed]

    def faults(self) -> list[dict[str, Any]]:
        """Bugs that were caught and logged: there are none in a sound run."""
        return [fields for event, fields in self.events if event == "stage.broke"]
