"""Entry point: the clock, as a process: the scheduler's tick every second, and periodic tasks beside it.

The tick runs here and not in a worker: when all workers are busy with large files, the clock must not stop. What needs
the folder of files is a worker's. Reconciliation asks the shop, which may not answer, each minute: it runs in a thread
of this process and holds up neither the tick nor a worker. Two clocks, on two machines, do no harm: the store lets one
of them act.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Mapping
from types import MappingProxyType

import redis

from .adapters import logs
from .adapters.refusals import in_words
from .periodic import run_periodic
from .pull import Pull
from .services import Services
from .workflow import lateness, scheduler
from .workflow.ports import Ports
from .workflow.time_limits import CDN_PROBE_S, LEASE_S

TICK_S, IDLE_TICK_S = 1.0, 2.0  # between two ticks, and while there is no work
IDLE_TICKS = 4  # without work, one tick of so many is a whole one
END_S = 5  # so long a reconciliation that is under way may go on when the process is asked to end
EVERY_S: Mapping[str, float] = MappingProxyType({"cleanup": 3600, "probe_cdn": CDN_PROBE_S})
RECONCILE_S = 60


class Reconciliation:
    """The one that is under way in this process, if any."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._thread: threading.Thread | None = None

    @property
    def is_under_way(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def begin(self) -> None:
        self._thread = threading.Thread(target=run_periodic, args=(self._ports, "reconcile"), daemon=True)
        self._thread.start()

    def wait(self, seconds: float) -> None:
        """For its end, and no longer than that; whatever it has not reached, the next one reaches."""
        if self._thread is not None:
            self._thread.join(seconds)


class Clock:
    """While there is no work, a tick is one look whether there is any, every other second: new work comes to a worker
    by itself, and is due here later, a first poll for one. What has nothing to do with jobs is done at every fourth
    look.
    """

    def __init__(self, services: Services, reconciliation: Callable[[Ports], Reconciliation] = Reconciliation):
        self._ports = services.ports
        self._reconciliation = reconciliation(services.ports)
        self._tasks = [task for task in EVERY_S if task != "probe_cdn" or services.ports.cdn]
        self._looked_for_old_keys = False
        self._ended = threading.Event()
        self._reported = ""
        self._idle_ticks = 0
        self._idle_s = max(TICK_S, min(IDLE_TICK_S, services.settings.first_poll_s))
        self._ask_again: dict[str, float] = {}
        self._pull = Pull(services) if services.settings.pulls else None
        self._reached_at = 0.0  # when working memory last answered

    def start(self) -> None:
        """Tick until SIGTERM or SIGINT."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._ended.set())
        if self._pull:
            self._pull.start(self._ended)
        while not self._ended.is_set():
            began = time.monotonic()
            pause = TICK_S if self.tick() else self._idle_s
            self._ended.wait(max(0.05, pause - (time.monotonic() - began)))
        self._reconciliation.wait(END_S)

    def tick(self) -> bool:
        """One second's work; raises nothing. Whether the next one is to come in a second, too."""
        try:
            busy = self._tick()
            self._reported = ""
            return busy
        except redis.RedisError as error:
            self._idle_ticks = 0
            self._report(in_words(error))
        except Exception:  # one missed tick is harmless, a dead clock stops every job
            self._idle_ticks = 0
            logs.log("stage.broke", "A fault of ours.", stage="timetable", exc_info=True)
        return True

    def _report(self, why: str) -> None:
        """Once, until it is something else or over."""
        if why != self._reported:
            logs.log("clock.redis", "The clock waits for Redis.", level="warning", detail=why)
        self._reported = why

    def _record_outage(self) -> None:
        """Before work is handed out. A clock that was started in an outage does not know when it began: what has taken
        all processes down, memory and all, may have been a job."""
        now = self._ports.clock()
        if self._reported and self._reached_at:
            # So long a lease lives that was renewed just before.
            until = max(now, self._reached_at + LEASE_S + IDLE_TICK_S)
            self._ports.store.heartbeats.record_outage(since=self._reached_at, until=until)
        self._reached_at = now

    def _tick(self) -> bool:
        """Whether there is work. Without any, only the wake-up of a periodic task can have been lost."""
        if not self._looked_for_old_keys:
            self._take_over_old_keys()
        busy = self._ports.store.is_busy()
        self._record_outage()
        self._idle_ticks = 0 if busy else self._idle_ticks + 1
        if not busy and self._idle_ticks % IDLE_TICKS != 1:
            return False
        if busy:
            scheduler.tick(self._ports)
        self._ports.queue.wake()
        self._ports.store.heartbeats.record("cron")
        if not self._reconciliation.is_under_way and self._is_its_turn("reconcile", RECONCILE_S):
            self._reconciliation.begin()
        for task in self._tasks:
            if self._is_its_turn(task, EVERY_S[task]):
                self._ports.queue.task("watch", task)
                self._looked_for_old_keys &= task != "cleanup"  # processes of before may have run on for a while
        if self._is_its_turn("lateness", 60):
            lateness.report(self._ports)
        return busy

    def _is_its_turn(self, task: str, every_s: float) -> bool:
        """Over all machines. Each question is a command: only for the ledger it comes at once that memory was lost."""
        now = self._ports.clock()
        if 0 < self._ask_again.get(task, 0) - now <= every_s:  # else the machine's clock was put right
            return False
        self._ask_again[task] = now + (0 if task == "reconcile" else every_s / 4)
        return self._ports.store.heartbeats.acquire_interval(task, every_s=every_s)

    def _take_over_old_keys(self) -> None:
        """Before all else: reconciliation must find what was under way before an upgrade."""
        moved = self._ports.store.server.take_over_old_keys()
        self._ports.queue.clear_old_queues()
        self._looked_for_old_keys = True
        if moved:
            logs.log("clock.old_keys", "Jobs that an older version had under way go on.", jobs=moved)


def run_clock(services: Services) -> None:
    """Until SIGTERM or SIGINT."""
    Clock(services).start()
