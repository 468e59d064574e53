"""Core: names in Redis. All keys are made here, and each names the site, so that shops may share a server; and the
tables of names that differ from the code's (code -> stored), so that an upgrade finds what the version before wrote."""

from __future__ import annotations

from dataclasses import dataclass

# Functions of sidecar/tasks.py, as ready work and periodic tasks name them.
WAKE_UP_S = 10  # a mark that somebody has been woken lives this long: a wake-up may be lost

TASKS = {
    "reconcile": "sweep",
    "retry_webhook": "knock_again",
}

# Attributes of core.job.Job -> fields of the hash `smi:job:<id>`, which Lua scripts name as well. The console's JSON
# has these, too.
JOB_FIELDS = {
    "submit_started_at": "posting",
    "webhook_upsampler_id": "hinted_id",
    "refund_decision": "settle",
    "consecutive_failures": "tries",
    "bad_results": "fetches",
    "resubmissions": "resubmits",
    "crash_count": "crashes",
}

# What happens once in an interval: the first part of the name behind `smi:turn:`.
INTERVALS = {
    "reconcile": "sweep",
    "restore": "recall",
    "restores": "recalls",
}


def stored(table: dict[str, str], name: str) -> str:
    """What the code's `name` is called in Redis; the same where the table does not list it."""
    return table.get(name, name)


def known_as(table: dict[str, str], name: str) -> str:
    """The code's name of what is stored under `name`."""
    return next((ours for ours, theirs in table.items() if theirs == name), name)


@dataclass(frozen=True)
class Keys:
    """The keys of one site. `site`: its hash (core.messages.site_hash). docs/how-it-works.md says what each holds.

    Parameters of functions are what a key says behind its kind; two shops' jobs may have equal ids.
    """

    site: str

    def _of(self, *parts: str) -> str:
        return ":".join(("smi", self.site, *parts))

    # --- jobs
    def job(self, id: str) -> str:
        return self._of("job", id)

    @property
    def due(self) -> str:
        return self._of("due")

    @property
    def states(self) -> str:
        return self._of("states")

    @property
    def slots(self) -> str:
        return self._of("slots")

    @property
    def waiting(self) -> str:
        return self._of("waiting")

    @property
    def hints(self) -> str:
        """What all of the following begin with."""
        return self._of("hint", "")

    def hint(self, id: str, attempt: int | str, submission: int | str) -> str:
        return self._of("hint", id, str(attempt), str(submission))

    # --- messages
    def answer(self, message_id: str) -> str:
        return self._of("answer", message_id)

    def outbox(self, lane: str) -> str:
        return self._of("outbox", lane)

    def outbox_bodies(self, lane: str) -> str:
        return self._of("outbox", lane, "body")

    def outbox_later(self, lane: str) -> str:
        return self._of("outbox", lane, "later")

    def outbox_counter(self, lane: str) -> str:
        return self._of("outbox", lane, "seq")

    def outbox_failures(self, lane: str) -> str:
        return self._of("outbox", lane, "failures")

    def outbox_paused(self, lane: str) -> str:
        return self._of("outbox", lane, "paused")

    def flushing(self, lane: str) -> str:
        return self._of("flushing", lane)

    def wake_up(self, lane: str) -> str:
        return self._of("nudged", lane)

    def batching_delay(self, lane: str) -> str:
        return self._of("rests", lane)

    @property
    def away(self) -> str:
        return self._of("away")

    # --- holds
    @property
    def held(self) -> str:
        return self._of("held")

    @property
    def held_by_admin(self) -> str:
        return self._of("held", "admin")

    def streak(self, stage: str) -> str:
        return self._of("streak", stage)

    def probe(self, stage: str) -> str:
        return self._of("probe", stage)

    # --- the work queue
    def ready(self, queue: str) -> str:
        return self._of("ready", queue)

    def queued(self, queue: str, id: str) -> str:
        return self._of("queued", queue, id)

    def called(self, queue: str) -> str:
        return self._of("called", queue)

    def rq_name(self, name: str) -> str:
        """What RQ calls a queue, a worker or a job of this site. RQ puts words of its own before it."""
        return f"{self.site}-{name}"

    def own_name(self, rq_name: str) -> str:
        """The name that `rq_name` was made of."""
        return rq_name.removeprefix(f"{self.site}-")

    # --- processes
    def alive(self, process: str) -> str:
        return self._of("alive", process)

    @property
    def outage(self) -> str:
        return self._of("outage")

    @property
    def workers(self) -> str:
        return self._of("workers")

    def interval(self, task: str) -> str:
        """`task`: a name of INTERVALS or of a periodic task, and behind a colon what it is about, if it is about one
        thing."""
        kind, *of_what = task.split(":", 1)
        return self._of("turn", stored(INTERVALS, kind), *of_what)

    @property
    def name(self) -> str:
        return self._of("name")

    @property
    def ping(self) -> str:
        return self._of("ping")

    @property
    def metrics(self) -> str:
        return self._of("metrics")

    def instead_of(self, old: str) -> str:
        """What a key of OldKeys is called here."""
        return self._of(*old.split(":")[1:])


class OldKeys(Keys):
    """The keys as version 1.0 named them, when a Redis database was one shop's alone."""

    def __init__(self) -> None:
        super().__init__("")

    def _of(self, *parts: str) -> str:
        return ":".join(("smi", *parts))

    def rq_name(self, name: str) -> str:
        return name
