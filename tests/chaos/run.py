"""One run: start everything, sell, strike, heal, wait until all is settled, check."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import pymysql
import redis
import requests

from tests.chaos import fault_mix
from tests.chaos.admin import Admin
from tests.chaos.customers import Customers
from tests.chaos.dripping_proxy import DrippingProxy
from tests.chaos.fault_injection import FaultInjection
from tests.chaos.forged_webhooks import ForgedWebhooks
from tests.chaos.invariants import SETTLED, Books, Findings
from tests.chaos.stopwatch import Stopwatch
from tests.testbed.far import Far
from tests.testbed.photos import photo
from tests.testbed.redis_server import RedisServer
from tests.testbed.shop import DEMO_SHOP
from tests.testbed.whole import BRIDGE, Whole

PAYMENT_STUB = Path(__file__).resolve().parent / "payment_stub"
SIZE = 96, 72  # pixels of a source: what is tried is the handling, not the enlarging
MOST_OPEN = 60  # jobs on their way at the same time
PACE_S = 0.35  # seconds from one customer to the next
CUT_OFF_S = 300  # after this long the bridge calls an effect without an end unknown


# Where the sidecar is: beside the shop; on a machine of its own, files go through the shop's door; there, and nobody
# reaches it: it comes to the shop's mailbox.
Mode = Literal["local", "remote", "pull"]
MODES: tuple[Mode, ...] = get_args(Mode)


@dataclass(frozen=True)
class Plan:
    """How rough it gets. `calm_s`: seconds between two faults, about. `outages`: troubles that last. `sell_s`: seconds
    that the selling takes at least."""

    jobs: int
    seed: int
    calm_s: float = 3.0
    outages: bool = True
    sell_s: float = 20.0
    settle_s: float = 300.0
    mode: Mode = "local"

    @property
    def pace_s(self) -> float:
        """Seconds from one customer to the next."""
        return max(PACE_S, self.sell_s / self.jobs)


@dataclass
class Progress:
    """For the screen, renewed twice a second."""

    bought: int = 0
    settled: int = 0
    states: dict[str, int] | None = None
    faults: int = 0
    news: str = ""


@dataclass(frozen=True)
class Outcome:
    findings: Findings
    samples: list[tuple[str, float]]
    p99: float
    faults: Counter[str]
    seconds: float


def run(plan: Plan, folder: Path, show: Callable[[Progress], None] = lambda progress: None) -> Outcome:
    """The whole run in `folder`, which is left behind for the curious."""
    began = time.monotonic()
    with _started(folder, plan.mode) as (whole, server, proxy):
        chaos = Chaos(plan, whole, server, proxy, show)
        try:
            chaos.sell_and_strike()
            chaos.heal_and_wait()
            books = Books(whole, chaos.tokens, plan.jobs, chaos.original, chaos.admin)
            findings = books.check()
        finally:
            chaos.end()
    watch = chaos.watch
    return Outcome(findings, watch.samples, watch.p99(), chaos.struck, time.monotonic() - began)


@contextmanager
def _started(folder: Path, mode: Mode) -> Iterator[tuple[Whole, RedisServer, DrippingProxy | None]]:
    """Beside the shop, the sidecar speaks to it through a proxy, by which also some pictures lie elsewhere. One on a
    machine of its own has a way to the shop that fails by itself, and all pictures lie elsewhere."""
    folder.mkdir(parents=True, exist_ok=True)
    env = {"SMI_FIRST_POLL_S": "1", "SMI_WATCH_LIMIT_S": "12", "SMI_LOG_FORMAT": "json"}
    beside = mode == "local"
    if mode == "pull":
        env["SMI_BIND"] = "none"
    with RedisServer(folder / "redis", aof=True) as server, DrippingProxy() if beside else nullcontext() as proxy:
        settings = {**env, "REDIS_URL": server.url}
        whole = (Whole if beside else Far).start(
            folder / "whole",
            plugins=(DEMO_SHOP, BRIDGE, PAYMENT_STUB),
            env={**settings, "SMI_SHOP_ADDRESS": proxy.url} if proxy else settings,
            private_hosts=[f"127.0.0.1:{proxy.port}"] if proxy else [],
            sandbox=["--delay", "0.3"],
            processes=("worker", "cron") if mode == "pull" else ("web", "worker", "cron"),
        )
        with whole:
            if proxy:
                proxy.upstream = int(whole.shop.url.rpartition(":")[2])
            yield whole, server, proxy


class Chaos:
    """The parts of a run."""

    def __init__(
        self,
        plan: Plan,
        whole: Whole,
        server: RedisServer,
        proxy: DrippingProxy | None,
        show: Callable[[Progress], None],
    ) -> None:
        self.plan, self.whole = plan, whole
        self.chance = random.Random(plan.seed)
        self.tokens = whole.sidecar.tokens
        self.watch = Stopwatch(redis.Redis(port=server.port, decode_responses=True), whole.sidecar.keys)
        self.faults = FaultInjection(whole, server, proxy, self.watch, random.Random(self.chance.random()))
        self.struck: Counter[str] = Counter()
        if proxy:
            whole.shop.option("smi_chaos_elsewhere", proxy.url)
        self.original = photo(whole.folder / "original.jpg", *SIZE, seed=plan.seed)
        self.customers = Customers(whole.shop, self._pictures(), plan.jobs, random.Random(self.chance.random()))
        self.progress = Progress()
        self._show = show
        self._ended, self._done = threading.Event(), threading.Event()
        self._forged_webhooks = ForgedWebhooks(whole, self.tokens, random.Random(self.chance.random()), self._ended)
        self.admin = Admin(whole, random.Random(self.chance.random()), self._ended)
        self._counter = threading.Thread(target=self._count, daemon=True)

    def _pictures(self) -> list[int]:
        """Forty pictures; one of them is a text, one has vanished, ten lie elsewhere as far as the sidecar knows."""
        names = [f"p{number}" for number in range(28)] + [f"elsewhere{number}" for number in range(10)]
        names += ["text", "vanished"]
        ids = self.whole.shop.php_json(
            f"$ids = array(); foreach ( explode( ' ', '{' '.join(names)}' ) as $name ) {{"
            f"  $file = wp_upload_dir()['path'] . \"/$name.jpg\"; copy( '{self.original}', $file );"
            "  $id = wp_insert_attachment( array( 'post_title' => $name, 'post_mime_type' => 'image/jpeg' ), $file );"
            f"  $facts = array( 'width' => {SIZE[0]}, 'height' => {SIZE[1]} );"
            "  $facts['file'] = _wp_relative_upload_path( $file );"
            "  wp_update_attachment_metadata( $id, $facts ); $ids[] = $id; } return $ids;"
        )
        uploads = self.whole.shop.uploads
        next(uploads.glob("*/*/text.jpg")).write_text("This is no picture.\n")
        next(uploads.glob("*/*/vanished.jpg")).unlink()
        return ids

    # --- the rough part
    def sell_and_strike(self) -> None:
        self._counter.start()
        self._forged_webhooks.start()
        self.admin.start()
        began = time.monotonic()

        def may_buy() -> bool:
            bought = self.customers.bought
            on_time = time.monotonic() - began >= bought * self.plan.pace_s
            return on_time and bought - self.progress.settled < MOST_OPEN

        sellers = self.customers.queue_up(may_buy)
        next_mix = next_fault = 0.0
        while any(seller.is_alive() for seller in sellers):
            now = time.monotonic()
            if now >= next_mix:
                self._change_fault_mix()
                next_mix = now + self.chance.uniform(6, 14)
            if now >= next_fault:
                self.progress.news = name = self.faults.strike()
                self.struck[name] += 1
                self.progress.faults += 1
                next_fault = time.monotonic() + self.chance.expovariate(1 / self.plan.calm_s)
            time.sleep(0.1)

    def _change_fault_mix(self) -> None:
        rules = fault_mix.usual(self.chance)
        if self.plan.outages and self.chance.random() < 0.1:
            name = self.chance.choice(list(fault_mix.OUTAGES))
            self.struck[f"outage: {name}"] += 1
            self.progress.news = name
            rules = [*fault_mix.OUTAGES[name], *rules]
        self._set_rules(rules)
        mode = self.chance.choice(fault_mix.REFUND_MODES)
        try:
            self._set_refund_mode(mode)
        except pymysql.err.Error:
            self.progress.news = "the refund mode could not be changed: MariaDB is down"

    def _set_rules(self, rules: list[dict]) -> None:
        body = {"rules": rules, "seed": self.chance.random()}
        answer = requests.put(f"{self.whole.sandbox.url}/sandbox/faults", json=body, timeout=10)
        answer.raise_for_status()

    def _set_refund_mode(self, mode: str) -> None:
        self.whole.shop.sql(
            "UPDATE wp_options SET option_value = %s WHERE option_name = 'smi_demo_shop_refund_mode'", mode
        )

    # --- the calm
    def heal_and_wait(self) -> None:
        """Everything runs, nothing is in its way: now each job must find its ending."""
        self._ended.set()
        self._forged_webhooks.join(30)
        self.faults.heal()
        self.admin.join(90)
        self.admin.resume_all()
        self._set_rules([])
        self._set_refund_mode("ok")
        self.watch.finish()
        deadline = time.monotonic() + self.plan.settle_s
        while self.progress.settled < self.plan.jobs and time.monotonic() < deadline:
            self.progress.news = "all is well again; waiting for the last ones"
            self._let_cut_off_effects_age()
            time.sleep(0.5)
        self.admin.renew_all()
        self.whole.shop.php("do_action('smi_bridge_follow_up');")  # as WP-Cron does every ten minutes
        self._wait_for_mails()
        self._wait_for_the_mailbox(deadline)

    def _let_cut_off_effects_age(self) -> None:
        """PHP was killed in some effects. Nobody works on an effect for ten seconds: let the rest of the five minutes
        pass, after which the bridge says that nobody knows."""
        self.whole.shop.sql(
            "UPDATE wp_smi_bridge_effects SET claimed_at = claimed_at - INTERVAL %s SECOND "
            "WHERE done_at IS NULL AND claimed_at BETWEEN UTC_TIMESTAMP() - INTERVAL %s SECOND "
            "AND UTC_TIMESTAMP() - INTERVAL 10 SECOND",
            CUT_OFF_S,
            CUT_OFF_S,
        )

    def _wait_for_mails(self) -> None:
        """The mail follows the ending at once: until no new effect has begun or ended for two seconds."""
        seen, since = None, time.monotonic()
        while time.monotonic() - since < 2:
            now = self.whole.shop.sql("SELECT COUNT(*) AS n, COUNT(done_at) AS done FROM wp_smi_bridge_effects")
            if now != seen:
                seen, since = now, time.monotonic()
            time.sleep(0.2)

    def _wait_for_the_mailbox(self, deadline: float) -> None:
        """A sidecar that nobody can reach comes every 15 s at least."""
        waiting = "SELECT COUNT(*) AS n FROM wp_smi_bridge_mailbox"
        while self.whole.shop.sql(waiting)[0]["n"] and time.monotonic() < deadline:
            time.sleep(0.5)

    def _count(self) -> None:
        """Keeps `progress` up to date."""
        while not self._done.wait(0.5):
            try:
                rows = self.whole.shop.sql("SELECT state, COUNT(*) AS n FROM wp_smi_bridge_ledger GROUP BY state")
            except pymysql.err.Error:
                continue  # MariaDB is down at the moment
            self.progress.states = {row["state"]: row["n"] for row in rows}
            self.progress.settled = sum(row["n"] for row in rows if row["state"] in SETTLED)
            self.progress.bought = self.customers.bought
            self._show(self.progress)

    def end(self) -> None:
        self._ended.set()
        self._done.set()
        self._counter.join(30)
        self.watch.finish()
        self.watch.close()
