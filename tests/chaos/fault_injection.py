"""Fault injection: what is killed, frozen, flushed or taken away, and how a supervisor puts it right a moment later."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import requests

from tests.chaos.dripping_proxy import DrippingProxy
from tests.chaos.stopwatch import Stopwatch
from tests.testbed.far import Far
from tests.testbed.process import Process, limit_files
from tests.testbed.redis_server import RedisServer
from tests.testbed.sidecar import SidecarProcess, commands
from tests.testbed.waiting import wait_for
from tests.testbed.whole import Whole
from tests.testbed.wire import Trouble, refusal

FROZEN_S = 16  # longer than a lease


class FaultInjection:
    """One fault at a time; each method is one kind, blocks until the supervisor has done his part."""

    def __init__(
        self, whole: Whole, redis: RedisServer, proxy: DrippingProxy | None, watch: Stopwatch, chance: random.Random
    ) -> None:
        self._whole, self._redis, self._watch, self._chance = whole, redis, watch, chance
        self._proxy = proxy
        self._sidecar, self._shop = whole.sidecar, whole.shop
        self._names = [name for name in ("web", "worker", "cron") if whole.sidecar.process(name).running]
        self._later: list[threading.Timer] = []
        self._deck: list[str] = []
        self._bad = False  # the way to the shop
        self.kinds: dict[str, tuple[Callable[[], None], int]] = {  # name -> (fault, how often)
            "all workers": (self.all_workers, 3),
            "a worker": (self.one_worker, 4),
            "the workers' parent": (self.workers_parent, 1),
            "a worker sleeps": (self.frozen_worker, 1),
            "cron": (lambda: self._kill(self._sidecar.process("cron"), "cron", self._cron_works(time.time())), 2),
            "Redis": (lambda: self._kill(redis, "redis", self._redis_works), 2),
            "FLUSHALL": (self.flush, 1),
            "php-fpm": (lambda: self._kill(self._shop.php_fpm, "shop", self._shop_works), 1),
            "a PHP process": (lambda: self._kill_child(self._shop.php_fpm, "shop", self._shop_works), 4),
            "MariaDB": (lambda: self._kill(self._shop.mariadb, "shop", self._shop_works), 1),
            "nginx": (lambda: self._kill(self._shop.nginx, "shop", self._shop_works), 1),
            "Upsampler": (lambda: self._kill(whole.sandbox, "upsampler", whole.sandbox.is_ready), 1),
            "disk full": (self.disk_full, 1),
            "folder lost": (self.folder_lost, 1),
        }
        if whole.sidecar.process("web").running:
            self.kinds["web"] = (lambda: self._kill(self._sidecar.process("web"), "web", self._web_works), 2)
            self.kinds["a web process"] = (
                lambda: self._kill_child(self._sidecar.process("web"), "web", self._web_works),
                2,
            )
        else:  # whatever comes, the clock has fetched it
            self.kinds["the clock sleeps"] = (self.frozen_clock, 3)
            self.kinds["a second clock"] = (self.second_clock, 3)
        if proxy:
            self.kinds["the shop drips"] = (lambda: self.drip("door"), 2)
            self.kinds["sources drip"] = (lambda: self.drip("source"), 2)
        if isinstance(whole, Far) and whole.way:
            self.kinds["the way to the shop"] = (self.bad_way, 6)

    def strike(self) -> str:
        """The next fault of a shuffled deck, so that a long enough run sees each kind; returns its name."""
        if not self._deck:
            self._deck = [name for name, (_, often) in self.kinds.items() for _ in range(often)]
            self._chance.shuffle(self._deck)
        name = self._deck.pop()
        self.kinds[name][0]()
        return name

    def heal(self) -> None:
        """Everything runs again, and nothing is in its way."""
        if self._proxy:
            self._proxy.rates.clear()
        for timer in self._later:
            timer.join(30)
        self._restore_folder()
        self._good_way()
        processes = [self._sidecar.process(name) for name in self._names]
        for part in (
            self._redis,
            self._shop.mariadb,
            self._shop.php_fpm,
            self._shop.nginx,
            self._whole.sandbox,
            *processes,
        ):
            if not part.running:
                part.launch()
            part.wait_ready()

    # --- workers
    def all_workers(self) -> None:
        process = self._sidecar.process("worker")
        claims = self._claims()
        process.kill()
        self._watch.until_taken_over("worker", claims)
        self._a_moment()
        process.launch()

    def one_worker(self) -> None:
        claims = self._claims()
        if victim := self._child(self._sidecar.process("worker")):
            os.kill(victim, signal.SIGKILL)  # the pool puts another one in its place
            self._watch.until_taken_over("worker", claims)

    def workers_parent(self) -> None:
        """The workers are orphans now; the supervisor starts a second pool beside them."""
        process = self._sidecar.process("worker")
        process.signal(signal.SIGKILL)
        wait_for(lambda: not process.running, "the killed parent has gone", 30)  # a busy kernel takes its time
        self._a_moment()
        process.launch()

    def frozen_worker(self) -> None:
        """It wakes up after its lease has passed to another, and must write nothing more of that."""
        claims = self._claims()
        if victim := self._child(self._sidecar.process("worker")):
            self._put_to_sleep(victim, FROZEN_S)
            self._watch.until_taken_over("worker", claims)

    # --- the clock that fetches what waits in the shop's mailbox
    def frozen_clock(self) -> None:
        """Perhaps with messages in its hands, which wait in the mailbox meanwhile and may be stopped or renewed."""
        cron = self._sidecar.process("cron")
        if cron.running:
            self._put_to_sleep(cron.pid, self._chance.uniform(1, FROZEN_S))

    def second_clock(self) -> None:
        """Both fetch the same messages, then this one is killed, perhaps with some in its hands."""
        line = commands()["cron"]
        folder = self._whole.folder / "second-clock"
        clock = SidecarProcess("cron", line, folder, self._sidecar.env, entered=self._sidecar.entered)
        clock.launch()
        time.sleep(self._chance.uniform(2, 8))
        clock.kill()

    def _put_to_sleep(self, pid: int, seconds: float) -> None:
        os.kill(pid, signal.SIGSTOP)

        def wake() -> None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)

        timer = threading.Timer(seconds, wake)
        self._later.append(timer)
        timer.start()

    # --- memory and disk
    def flush(self) -> None:
        self._redis.flush()
        self._watch.until("cron", self._cron_works(time.time()))

    def disk_full(self) -> None:
        """No worker may write past the first kilobyte of a file. (A full disk, as far as one process can see it.)"""
        workers = self._sidecar.process("worker").pids()
        limit_files(workers, 1024)
        time.sleep(self._chance.uniform(1, 4))
        limit_files(workers)

    def folder_lost(self) -> None:
        """The downloads folder is not there for some seconds, and can't be made: as when a volume is not mounted."""
        folder = self._folder()
        if folder.is_dir():
            folder.rename(self._put_by())
            folder.write_text("")
            time.sleep(self._chance.uniform(1, 4))
            self._restore_folder()

    def _restore_folder(self) -> None:
        if self._put_by().is_dir():
            if self._folder().is_dir():
                shutil.copytree(self._folder(), self._put_by(), dirs_exist_ok=True)
                shutil.rmtree(self._folder())
            self._folder().unlink(missing_ok=True)
            self._put_by().rename(self._folder())

    def _folder(self) -> Path:
        return self._shop.uploads / "smi-downloads"

    def _put_by(self) -> Path:
        return self._whole.folder / "smi-downloads-put-by"

    # --- the network
    def drip(self, kind: str) -> None:
        """Answers of the shop's door, or files, come at some bytes a second for some seconds."""
        assert self._proxy
        self._proxy.rates[kind] = self._chance.choice((2, 50, 1000))
        time.sleep(self._chance.uniform(2, 8))
        self._proxy.rates.pop(kind, None)

    def bad_way(self) -> None:
        """For some seconds a proxy refuses, cuts, or loses every other request, and its answers, or lets them drip."""
        assert isinstance(self._whole, Far) and self._whole.way
        troubles = [refusal(413), refusal(502), refusal(504), Trouble(body=700), Trouble(reply=30), Trouble(reply=0)]
        rate = self._chance.choice((2, 50, 1000))
        drip = Trouble(rate=lambda: rate if self._bad else None)
        troubles += [drip, drip]
        self._bad = True
        self._whole.way.trouble = lambda head: self._chance.choice([None] * len(troubles) + troubles)
        time.sleep(self._chance.uniform(1, 5))
        self._good_way()

    def _good_way(self) -> None:
        if isinstance(self._whole, Far) and self._whole.way:
            self._whole.way.trouble = lambda head: None
        self._bad = False

    # --- any process
    def _kill(self, process: Process, kind: str, works: Callable[[], object]) -> None:
        process.kill()
        self._watch.until(kind, works)
        self._a_moment()
        process.launch()
        process.wait_ready()

    def _kill_child(self, process: Process, kind: str, works: Callable[[], object]) -> None:
        if victim := self._child(process):
            os.kill(victim, signal.SIGKILL)
            self._watch.until(kind, works)

    def _child(self, process: Process) -> int | None:
        children = process.pids()[1:]
        return self._chance.choice(children) if children else None

    def _a_moment(self) -> None:
        """A supervisor's reaction."""
        time.sleep(self._chance.uniform(0.1, 1.5))

    def _claims(self) -> dict[str, str]:
        return self._watch.claims()

    # --- signs of work
    def _web_works(self) -> bool:
        return requests.get(f"{self._sidecar.url}/healthz", timeout=5).ok

    def _shop_works(self) -> bool:
        """PHP and database: an answer that needs both. (No such job is a good answer.)"""
        route = "/wp-json/smi-bridge/v1/status/00000000-0000-4000-8000-000000000000"
        return requests.get(f"{self._shop.url}{route}", timeout=5).status_code == 404

    def _redis_works(self) -> bool:
        return self._redis.is_ready()

    def _cron_works(self, since: float) -> Callable[[], bool]:
        def works() -> bool:
            client = self._redis.client()
            with contextlib.closing(client):
                return int(client.get(self._sidecar.keys.alive("cron")) or 0) > since

        return works
