"""The pipeline in a bad world: random order, doubles, losses, deaths, stalls, webhooks, FLUSHALL, every outage.

A schedule is made from its seed alone, so it can be played again: `python -m tests.workflow.simulation SEED` prints its
trace. After the bad times all systems are healthy and 80 hours pass; then the invariants are checked (`check`).
"""

from __future__ import annotations

import random
import sys
from collections import Counter
from collections.abc import Callable
from typing import Any

from sidecar.core.errors import CallerError, ConfigurationError, SidecarError, TemporaryError
from sidecar.core.messages import parse_rfc3339
from sidecar.core.states import LANES, SETTLED
from sidecar.workflow import reconcile, scheduler
from tests.fakes.queue import Task
from tests.fakes.upsampler import Webhook
from tests.workflow.rig import Rig

HOUR = 3600
DRAIN_S = 80 * HOUR


class Killed(BaseException):
    """SIGKILL: nobody catches it, and nothing that the dying worker still tries has an effect."""


class Wrong(AssertionError):
    """An invariant does not hold."""


_COLLABORATORS = ("holds", "heartbeats", "idempotency", "server")  # of the store


class Watched:
    """A part whose every call is a point at which something may happen to the caller, before and after its effect."""

    def __init__(self, part: Any, point: Callable[[], None]) -> None:
        self._part, self._point = part, point

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._part, name)
        if name in _COLLABORATORS:
            return self.__dict__.setdefault(name, Watched(found, self._point))
        if not callable(found):
            return found
        point = self._point

        def call(*args: Any, **kwargs: Any) -> Any:
            point()
            answer = found(*args, **kwargs)
            point()
            return answer

        self.__dict__[name] = call
        return call


_FAULTS = (
    *("submit_500", "submit_503", "submit_429", "submit_401", "submit_402", "submit_413", "submit_415", "submit_400"),
    *("submit_502", "submit_504", "submit_unreadable", "submit_lost", "submit_reset", "submit_hang", "submit_failed"),
    *("processing_failed", "processing_stuck", "processing_slow"),
    *("status_500", "status_429", "status_404", "status_html", "status_hang", "status_reset"),
    *("result_truncated", "result_cut", "result_corrupt", "result_html", "result_empty", "result_404", "result_403"),
    *("result_503", "result_wrong_dimensions", "result_wrong_format", "result_bomb", "result_endless"),
    *("webhook_dropped", "webhook_doubled", "webhook_forged", "webhook_early", "webhook_late", "webhook_reordered"),
    *("webhook_documented", "webhook_event", "webhook_malformed"),
)
_REASONS = ("GPU worker lost", "Image too large", "Unsupported image format", "Could not fetch image", "Cursed")


class Simulation:
    """One schedule. `run` plays and checks it; raises Wrong with the seed and the trace."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.rng = random.Random(seed)
        self.trace: list[str] = []
        self.quiet = False  # the bad times are over
        self.calm = self.rng.choice((15, 40, 100, 10**9))  # how many calls may go well between two incidents
        self.fuse = self.rng.randint(1, self.calm)
        self._dead: list[bool] = []  # one entry for each worker that runs, the innermost last
        self.rig = Rig(seed=seed, slots=self.rng.choice((0, 0, 1, 2)), wrap=self._wrap, SMI_MAX_RESULT_MB="1")
        self.rig.crash_point = lambda name: self._point()
        self.by_person: set[str] = set()  # jobs that a person has stopped or given the money back for
        self.jobs = 0
        self.old_webhooks: list[Webhook] = []
        self._rules: list[dict[str, Any]] = []
        if self.rng.random() < 0.3:
            self.rig.store.generation = "generation0"  # this Redis keeps snapshots, no append-only file
        self._snapshot: list[dict[str, Any]] = []
        # Half of the worlds have their sources elsewhere. (Decided apart, so that the others stay what they were.)
        self.rig.sources.far = random.Random(f"sources {seed}").random() < 0.5
        self.rig.sources.etag = ""  # nothing is gone on with: that has tests of its own
        # What the world does, how likely each: every schedule has a character of its own.
        often = {
            self._work: 14,
            self._round: 6,
            self._tick: 3,
            self._webhook: 4,
            self._wait: 6,
            self._outage: self.rng.choice((0, 0, 1, 3)),
            self._heal: 2,
            self._lose_or_double_a_task: self.rng.choice((0, 1, 4)),
            self._reconcile: self.rng.choice((0, 1, 2)),
            self._flush_all: self.rng.choice((0, 0, 0, 1)),
            self._restart_redis: 2 if self.rig.store.generation else 0,
            self._buy: 1,
            self._person: self.rng.choice((0, 0, 1, 2)),
            self._faults: self.rng.choice((0, 1)),
            self._transfers: 4 if self.rig.sources.far else 0,
        }
        self._acts = [act for act, weight in often.items() for _ in range(weight)]
        self._most_wait = self.rng.choice((60, 1000, 4 * HOUR))

    # ------------------------------------------------------------------ playing
    def run(self) -> None:
        self.begin()
        for _ in range(self.rng.randint(10, 50)):
            self.rng.choice(self._acts)()
        self.end()

    def begin(self) -> None:
        self._faults()
        self._buy()

    def end(self) -> None:
        try:
            self._drain()
            self.check()
        except Wrong as wrong:
            raise Wrong(f"seed {self.seed}: {wrong}\n" + "\n".join(self.trace[-60:])) from None

    def act(self, name: str, dice: int) -> None:
        """One act of the world, chosen by somebody else; `dice` decides all that is left to chance in it."""
        self.rng.seed(dice)
        getattr(self, f"_{name}")()

    def _note(self, text: str) -> None:
        self.trace.append(f"{self.rig.clock() - 1_795_341_600:10.1f} {'  ' * len(self._dead)}{text}")

    def _as_worker(self, what: str, do: Callable[[], object]) -> bool:
        """Do something that may be killed at any point; False when it was."""
        self._note(what)
        self._dead.append(False)
        try:
            do()
        except Killed:
            self._dead.pop()
            self._note("† killed")
            return False
        except SidecarError as error:  # as a worker's log would have it: RQ notes the failure, nothing else happens
            self._dead.pop()
            self._note(f"! {error}")
            return False
        self._dead.pop()
        return True

    def _wrap(self, name: str, part: Any) -> Any:
        return Watched(part, self._point)

    def _point(self) -> None:
        """Between any two effects of a worker."""
        if not self._dead:
            return
        if self._dead[-1]:
            raise Killed
        if self.quiet:
            return
        self.fuse -= 1
        if self.fuse <= 0:
            self.fuse = self.rng.randint(1, self.calm)
            self._incident()

    def _incident(self) -> None:
        kind = self.rng.random()
        if kind < 0.45:
            self._dead[-1] = True
            raise Killed
        if len(self._dead) > 2:
            return
        if kind < 0.7:
            self._note("… stalls")
            self.rig.clock.advance(self.rng.choice((13, 30, 1000)))
            self._round()  # its claim has lapsed: somebody takes over
        elif kind < 0.75:
            self._flush_all()
        for _ in range(self.rng.randint(1, 6)):
            self.rng.choice(self._acts)()
        self._note("… goes on")

    # ------------------------------------------------------------------ what happens in the world
    def _work(self) -> None:
        tasks = self.rig.queue.tasks
        if tasks:
            task = tasks.pop(self.rng.randrange(len(tasks)))
            self._run(task)

    def _run(self, task: Task) -> bool:
        return self._as_worker(f"{task.name}{task.args}", lambda: self.rig.run(task))

    def _tick(self) -> None:
        self._as_worker("tick", lambda: scheduler.tick(self.rig.ports))

    def _round(self) -> None:
        """A tick and all the work that there is, in any order."""
        self._tick()
        for _ in range(len(self.rig.queue.tasks)):
            self._work()

    def _reconcile(self) -> None:
        self._as_worker("reconcile", lambda: reconcile.reconcile(self.rig.ports))

    def _wait(self) -> None:
        most = 200 if self._dead else self._most_wait  # a worker that stalls does not stall for hours
        self.rig.clock.advance(self.rng.choice((0.1, 1, 5, 16, 31, 61, self.rng.uniform(0, most))))

    def _webhook(self) -> None:
        due = self.rig.upsampler.take_webhooks()
        self.rng.shuffle(due)
        if not due and self.old_webhooks and self.rng.random() < 0.5:
            due = [self.rng.choice(self.old_webhooks)]  # it comes once more
        for webhook in due:
            self.old_webhooks.append(webhook)
            if self.rng.random() < 0.3:
                continue  # lost on the way
            if self.rng.random() < 0.1:
                webhook = Webhook(webhook.at, webhook.url, b'{"id": "forged-1", "status": "FAILED"}', "forged-1")
            self._as_worker(f"webhook {webhook.body[:60]!r}", lambda webhook=webhook: self.rig.post(webhook))

    def _transfers(self) -> None:
        """What is fetched comes slowly from now on, or fast; a transfer that goes on alone ends, or dies."""
        transfers = self.rig.transfers
        kind = self.rng.randrange(4)
        if kind == 0 or not transfers.waiting:
            transfers.slow = not transfers.slow
            self._note("bytes come slowly" if transfers.slow else "bytes come fast")
            return
        ends = transfers.waiting.pop(self.rng.randrange(len(transfers.waiting)))
        if kind > 1:
            self._as_worker("a transfer ends", ends)
        else:
            self._note("† a transfer's process is killed")

    def _lose_or_double_a_task(self) -> None:
        tasks = self.rig.queue.tasks
        if tasks:
            task = self.rng.choice(tasks)
            if self.rng.random() < 0.5:
                self._note(f"lost: {task.name}{task.args}")
                tasks.remove(task)
            else:
                tasks.append(task)

    def _flush_all(self) -> None:
        self._note("FLUSHALL")
        self.rig.flush_all()
        if not self._dead and self.rng.random() < 0.5:  # the bridge says once more what it thinks was not heard
            for job_id in list(self.rig.shop.rows):
                self._push("job.paid", self.rig.shop.paid_data(job_id))

    def _restart_redis(self) -> None:
        """Redis comes back with what it last wrote to its disk, as another generation."""
        parts = (self.rig.store, self.rig.outbox, self.rig.queue)
        if not self._snapshot or self.rng.random() < 0.5:
            self._note("Redis writes a snapshot")
            self._snapshot = [part.snapshot() for part in parts]
            return
        self._note("Redis comes back with an old snapshot")
        for part, old in zip(parts, self._snapshot, strict=True):
            part.restore(old)
        self.rig.store.generation = f"generation{self.rng.randrange(10**6)}"

    def _outage(self) -> None:
        rig, rng = self.rig, self.rng
        kind = rng.randrange(8)
        self._note(f"outage {kind}")
        if kind == 0:
            rig.shop.away = TemporaryError("shop_unavailable", "connection refused")
        elif kind == 1:
            rig.shop.answers_lost = rng.randint(1, 3)
        elif kind == 2:
            rig.shop.failing = rng.randint(1, 4)
        elif kind == 3:
            rig.shop.refunding = rng.choice(("fails", "dies"))
        elif kind == 4:
            rig.upsampler.away = True
        elif kind == 5:
            rig.upsampler.key_is_right = False
        elif kind == 6:
            rig.upsampler.credits = 0
        else:
            rig.files.broken = ConfigurationError("disk_full", "no space left")

    def _heal(self) -> None:
        rig = self.rig
        rig.shop.away, rig.shop.answers_lost, rig.shop.failing, rig.shop.refunding = None, 0, 0, "works"
        rig.upsampler.away, rig.upsampler.key_is_right, rig.upsampler.credits = False, True, 1e6
        rig.files.broken = None

    def _faults(self) -> None:
        rules = []
        for _ in range(self.rng.choice((0, 1, 2, 3, 4))):
            fault = self.rng.choice(_FAULTS)
            rule: dict[str, Any] = {"fault": fault, "probability": self.rng.choice((0.3, 1.0))}
            if fault == "processing_failed":
                rule["params"] = {"text": self.rng.choice(_REASONS)}
            if self.rng.random() < 0.6:
                rule["count"] = self.rng.randint(1, 4)
            rules.append(rule)
        self._note(f"faults {[rule['fault'] for rule in rules]}")
        self._rules = rules
        self.rig.upsampler.put_faults(*rules, seed=self.seed)

    def _push(self, type: str, data: dict[str, Any]) -> None:
        """The bridge tells the sidecar; it may be lost, and it may come twice."""
        if self.rng.random() < 0.2:
            self._note(f"push {type} is lost")
            return
        for _ in range(self.rng.choice((1, 1, 2))):
            self._as_worker(f"push {type} {data['attempt']}", lambda: self.rig.push(type, data))

    def _buy(self) -> None:
        if self.jobs < 3:
            self.jobs += 1
            job_id = f"job-{self.jobs}"
            if self.rng.random() < 0.1:
                self.rig.shop.buy(job_id, in_ledger=False)
            else:
                self._push("job.paid", self.rig.shop.buy(job_id))

    def _person(self) -> None:
        """An admin, or the payment provider."""
        shop, rng = self.rig.shop, self.rng
        job_id = f"job-{rng.randint(1, self.jobs)}"
        if job_id not in shop.rows:
            return
        kind = rng.randrange(6)
        try:
            if kind == 0:
                self._push("job.paid", shop.rerun(job_id, force=rng.random() < 0.3))
            elif kind == 1:
                self.by_person.add(job_id)
                self._push("job.cancel", shop.stop(job_id))
            elif kind == 2:
                self.by_person.add(job_id)
                self._push("job.cancel", shop.refunded_elsewhere(job_id))
            elif kind == 3:
                self._as_worker("hold", lambda: self.rig.push("hold", {"stage": "submit", "held": rng.random() < 0.5}))
            elif kind == 4:
                renew = {"job_id": job_id, "attempt": shop.newest(job_id).attempt, "expiry_hours": 24}
                self._as_worker("renew", lambda: self.rig.push("job.renew", renew))
            else:
                self._push("job.paid", shop.paid_data(job_id))
        except CallerError:
            return

    # ------------------------------------------------------------------ the good times
    def _drain(self) -> None:
        """All systems of ours are healthy (Upsampler may go on failing jobs); whatever is due is done when it is due,
        until nothing is left or 80 hours are over."""
        rig, clock = self.rig, self.rig.clock
        self._note("— all is well from here —")
        self.quiet = True
        self._heal()
        rig.transfers.slow = False
        while rig.transfers.waiting:
            self._as_worker("a transfer ends", rig.transfers.waiting.pop())
        kept = [rule for rule in self._rules if rule["fault"] not in ("submit_401", "submit_402")]
        rig.upsampler.put_faults(*(kept if self.rng.random() < 0.7 else ()), seed=self.seed)
        self._as_worker(
            "resume", lambda: [rig.push("hold", {"stage": s, "held": False}) for s in ("submit", "collect")]
        )
        end, next_reconcile = clock() + DRAIN_S, clock()
        while clock() < end:
            self._tick()
            for webhook in rig.upsampler.take_webhooks():
                self._as_worker("webhook", lambda webhook=webhook: rig.post(webhook))
            if clock() >= next_reconcile:
                self._reconcile()
                next_reconcile = clock() + 60
            while rig.queue.tasks:
                self._run(rig.queue.tasks.pop(0))
            if self._at_rest():
                return
            now = clock()
            later = [at for at in (rig.next_event(), next_reconcile) if at is not None and at > now]
            clock.at = min(later, default=now + 1)

    def _at_rest(self) -> bool:
        rig = self.rig
        if rig.store.is_busy():
            return False
        return all(job_id in rig.shop.rows and rig.shop.newest(job_id).settled for job_id in rig.shop.bought)

    # ------------------------------------------------------------------ the invariants
    def check(self) -> None:
        rig = self.rig
        self._need(not rig.faults(), f"bugs were caught: {rig.faults()[:2]}")
        self._need(self._at_rest(), f"not at rest after 80 hours: {self._unrest()}")
        self._need(not rig.store.slot_holders(), f"slots are lost: {rig.store.slot_holders()}")
        self._check_bill()
        for job_id in rig.shop.bought:
            self._check_effects(job_id)
            self._check_memory(job_id)
            row = rig.shop.newest(job_id)
            if row.state == "delivered" and not row.revoked:
                self._check_delivery(job_id)

    def _need(self, truth: object, complaint: str) -> None:
        if not truth:
            raise Wrong(complaint)

    def _unrest(self) -> str:
        rig = self.rig
        rows = [f"{row[-1].job_id}: ledger {row[-1].state}" for row in rig.shop.rows.values()]
        jobs = [f"{id}: memory {job.state}" for id, job in rig.store.get_many(rig.store.all_ids()).items()]
        waiting = [m["id"] for lane in LANES for m in rig.outbox.ready(lane, limit=9)]
        return f"{rows} {jobs} {waiting}"

    def _check_bill(self) -> None:
        """Each accepted submission was let through by the ledger, once, and each but the first of an attempt was
        decided by the recovery table."""
        rig = self.rig
        accepted = Counter(rig.tokens.read_webhook(job.webhook.rpartition("/")[2]) for job in rig.upsampler.accepted)
        self._need(set(accepted) <= set(rig.shop.let_through), f"not let through: {accepted} {rig.shop.let_through}")
        self._need(max(Counter(rig.shop.let_through).values(), default=0) <= 1, "the ledger let one through twice")
        self._need(max(accepted.values(), default=0) <= 1, f"a submission was paid twice: {accepted}")
        attempts = Counter((job_id, attempt) for job_id, attempt, _ in accepted)
        decided = Counter(
            (fields["job_id"], fields["attempt"])
            for event, fields in rig.events
            if event == "stage.failed" and fields["action"] in ("resubmit", "compress")
        )
        for key, paid in attempts.items():
            self._need(paid <= 1 + decided[key], f"{key} was paid {paid} times, decided {decided[key]} times")
            self._need(paid <= 3, f"{key} was paid {paid} times")

    def _check_effects(self, job_id: str) -> None:
        rig = self.rig
        mails = Counter((attempt, kind) for job, attempt, kind in rig.shop.mails if job == job_id)
        self._need(max(mails.values(), default=0) <= 1, f"{job_id} got a mail twice: {mails}")
        self._need(rig.shop.refunds.count(job_id) <= 1, f"{job_id} was refunded twice")
        for row in rig.shop.rows[job_id]:
            delivered = (row.attempt, "delivered") in mails
            if row.state == "refunded" and job_id not in self.by_person:
                self._need(not delivered, f"{job_id} got its file and its money back in attempt {row.attempt}")
            if row.state == "delivered":
                self._need(delivered, f"{job_id} was delivered without a mail")
            self._need(row.state in SETTLED or row is not rig.shop.rows[job_id][-1], f"{job_id} has no ending")

    def _check_memory(self, job_id: str) -> None:
        """What working memory still knows is what the ledger says, also where the shop's word about it was lost."""
        job, row = self.rig.store.get(job_id), self.rig.shop.newest(job_id)
        if job is not None:
            same = (job.attempt, job.state) == (row.attempt, row.state)
            stopped = job_id in self.by_person
            self._need(same or stopped, f"{job_id}: memory {job.attempt} {job.state}, ledger {row.attempt} {row.state}")

    def _check_delivery(self, job_id: str) -> None:
        rig, row = self.rig, self.rig.shop.newest(job_id)
        delivery = row.delivery
        self._need(delivery is not None, f"{job_id} was delivered without a file")
        name = delivery["path"]
        self._need(rig.files.size(name) == delivery["bytes"], f"{job_id}: {name} is missing or of another size")
        self._need(rig.files.sha256(name) == delivery["sha256"], f"{job_id}: {name} is another file")
        mailed_at = rig.shop.effects[job_id, row.attempt, "mail:delivered"][0]
        grant = rig.tokens.read_download(delivery["token"], now=mailed_at)
        self._need((grant.job_id, grant.attempt) == (job_id, row.attempt), f"{job_id}: the link opens {grant}")
        lives = parse_rfc3339(delivery["expires_at"]) - mailed_at
        self._need(lives > 0.85 * 24 * HOUR, f"{job_id}: the mailed link lives {lives / HOUR:.1f} of 24 hours")


def main(arguments: list[str]) -> int:
    """Play the schedules with the given seeds and print their traces."""
    for seed in map(int, arguments):
        simulation = Simulation(seed)
        try:
            simulation.run()
        finally:
            print("\n".join(simulation.trace))
            for rows in simulation.rig.shop.rows.values():
                for row in rows:
                    print(row)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
