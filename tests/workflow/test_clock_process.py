"""The clock's process: its heartbeat, it hands out work, and no bug stops it."""

from __future__ import annotations

import dataclasses
import signal
import threading
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import redis

from sidecar.clock import Clock, Reconciliation
from sidecar.core.errors import SidecarError
from sidecar.periodic import run_periodic
from sidecar.services import Services
from sidecar.workflow.ports import Ports
from sidecar.workflow.time_limits import LEASE_S
from tests.workflow.rig import Faulty, Rig


@pytest.fixture(autouse=True)
def signals() -> Iterator[None]:
    """The clock's process sets signal handlers; the tests' process wants its own back."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


class Ticks:
    """A store that ends the clock after some ticks, and stumbles at some of them."""

    def __init__(self, store: Any, ticks: int, stumble_at: set[int]) -> None:
        self._store, self._ticks, self._stumble_at, self.tick = store, ticks, stumble_at, 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def is_busy(self) -> bool:
        self.tick += 1
        if self.tick >= self._ticks:
            signal.raise_signal(signal.SIGTERM)
        if self.tick in self._stumble_at:
            raise ZeroDivisionError("a bug")
        return self._store.is_busy()


class Noted:
    """As Reconciliation, without a thread. `begun`: how often; `is_under_way`: a switch."""

    def __init__(self, ports: Ports | None = None) -> None:
        self.begun, self.is_under_way, self.waited_for = 0, False, 0

    def begin(self) -> None:
        self.begun += 1

    def wait(self, seconds: float) -> None:
        self.waited_for += 1


def run(rig: Rig, ticks: int, stumble_at: set[int]) -> tuple[Ticks, Noted]:
    """The store, and what became of reconciliation."""
    store, noted = Ticks(rig.store, ticks, stumble_at), Noted()
    Clock(services(rig, store=store), lambda ports: noted).start()
    return store, noted


def services(rig: Rig, **parts: Any) -> Services:
    """The rig's ports, with these parts in place of its own."""
    made = Services(rig.settings)
    made.__dict__["ports"] = dataclasses.replace(rig.ports, **parts)
    return made


def test_the_clock_beats_and_begins_what_is_periodic_and_ends_when_asked() -> None:
    rig = Rig()
    _, reconciliation = run(rig, 1, set())
    assert rig.store.heartbeats.is_alive("cron")
    assert [task.name for task in rig.queue.tasks] == ["cleanup"], "a worker has the folder"
    assert (reconciliation.begun, reconciliation.waited_for) == (1, 1)


def test_a_shop_that_does_not_answer_stops_reconciliation_and_not_the_tick() -> None:
    rig, asked, answer = Rig(), threading.Event(), threading.Event()

    class Shop:
        def ask(self, type: str, data: object) -> dict[str, Any]:
            asked.set()
            assert answer.wait(20)
            return {"jobs": [], "next": None}

    reconciliation = Reconciliation(services(rig, shop=Shop()).ports)
    clock = Clock(services(rig), lambda ports: reconciliation)
    clock.tick()
    assert asked.wait(20) and reconciliation.is_under_way
    rig.buy()
    assert clock.tick() is True
    answer.set()
    reconciliation.wait(20)
    assert not reconciliation.is_under_way


def test_a_clock_whose_reconciliation_hangs_leaves_the_turn_to_another_one() -> None:
    rig, mine, other = Rig(), Noted(), Noted()
    clocks = [Clock(services(rig), lambda ports, noted=noted: noted) for noted in (mine, other)]
    clocks[0].tick()
    mine.is_under_way = True
    rig.clock.advance(61)
    for clock in clocks:
        clock.tick()
    assert (mine.begun, other.begun) == (1, 1)


@pytest.mark.parametrize(
    ("error", "event"),
    [
        (SidecarError("shop_unavailable", "x"), "task.failed"),
        (redis.ConnectionError("refused"), "task.failed"),
        (ZeroDivisionError("a bug"), "stage.broke"),
    ],
)
def test_a_periodic_task_that_fails_is_told_and_no_more(error: Exception, event: str) -> None:
    rig, said = Rig(), list[str]()
    shop = Faulty(rig.shop)
    shop.faults["ask"] = error
    run_periodic(services(rig, shop=shop, log=lambda event, *_, **__: said.append(event)).ports, "reconcile")
    assert said == [event]


def test_the_ledger_is_asked_once_a_minute() -> None:
    rig = Rig()
    sent = []
    for seconds in (0, 59, 2):
        rig.clock.advance(seconds)
        sent.append(run(rig, 1, set())[1].begun)
    assert sent == [1, 0, 1]


def test_a_bug_costs_one_stroke_and_no_more() -> None:
    rig = Rig()
    store, _ = run(rig, 2, {1})
    assert store.tick == 2
    assert rig.store.heartbeats.is_alive("cron"), "the second tick was whole"


class Away(Ticks):
    """Redis is away at some of its ticks; each lasts `lasts` seconds."""

    def __init__(self, rig: Rig, away_at: set[int], lasts: float = 1) -> None:
        super().__init__(rig.store, 0, set())
        self._clock, self._away_at, self._lasts = rig.clock, away_at, lasts

    def is_busy(self) -> bool:
        self.tick += 1
        self._clock.advance(self._lasts)
        if self.tick in self._away_at:
            raise redis.ConnectionError("refused")
        return self._store.is_busy()

    def take_due(self, **how: Any) -> list[str]:
        return self._store.take_due(**how)


@pytest.mark.parametrize(
    ("away_at", "crashes"),
    [(range(3, 20), 0), (range(3, 5), 0), ((), 1), (range(1, 20), 1)],
    ids=["long", "short", "none", "since before the clock"],
)
def test_a_lease_that_lapses_while_redis_is_away_is_no_crash_of_its_job(away_at: Any, crashes: int) -> None:
    """In each case the job's worker is gone. Only a clock that saw the outage begin can excuse it."""
    rig = Rig()
    rig.buy()
    rig.run(rig.queue.tasks.pop(0))
    store = Away(rig, set(away_at))
    clock = Clock(services(rig, store=store), Noted)
    for _ in range(2):
        clock.tick()
    held = rig.store.claim("job-1", 1, ("submitting",), lease_s=LEASE_S)
    assert held and held.crash_count == 0
    for _ in range(20):
        clock.tick()
    again = rig.store.claim("job-1", 1, ("submitting",), lease_s=LEASE_S)
    assert again and again.crash_count == crashes


class Counting:
    """Notes the names of what is asked of a part."""

    def __init__(self, part: Any) -> None:
        self._part, self.asked = part, Counter[str]()

    def __getattr__(self, name: str) -> Any:
        self.asked[name] += 1
        return getattr(self._part, name)


@pytest.mark.parametrize(("bought", "due", "wakes"), [(True, 12, 12), (False, 0, 3)])
def test_without_work_the_clock_does_next_to_nothing(bought: bool, due: int, wakes: int) -> None:
    rig = Rig()
    if bought:
        rig.buy()
    store, queue = Counting(rig.store), Counting(rig.queue)
    clock = Clock(services(rig, store=store, queue=queue), Noted)
    assert [clock._tick() for _ in range(12)] == [bought] * 12
    assert (store.asked["is_busy"], store.asked["take_due"], queue.asked["wake"]) == (12, due, wakes)


def test_an_idle_clock_looks_in_time_for_the_first_poll() -> None:
    rig = Rig()
    pauses = [Clock(Services(dataclasses.replace(rig.settings, first_poll_s=wait)))._idle_s for wait in (0.5, 1.5, 30)]
    assert pauses == [1.0, 1.5, 2.0]


class _DeadCdn:
    def address(self, path: str, *, version: str, name: str) -> str:
        return "https://cdn.example/"

    def probe(self) -> str:
        return "ConnectTimeout"


def test_a_cdn_is_looked_at_four_times_a_minute_and_only_where_there_is_one() -> None:
    for cdn, looks in ((_DeadCdn(), 4), (None, 0)):
        rig, sent = Rig(), 0
        rig.ports = dataclasses.replace(rig.ports, cdn=cdn)
        for _ in range(12):
            rig.queue.tasks.clear()
            run(rig, 1, set())
            sent += [task.name for task in rig.queue.tasks].count("probe_cdn")
            rig.clock.advance(5)
        assert sent == looks
