"""A job that memory has lost is asked for at the ledger: few at a time, and nobody waits long for a shop that hangs."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from sidecar.core.errors import TemporaryError
from sidecar.web import restore
from sidecar.web.restore import AT_ONCE, restored
from tests.testbed.waiting import wait_for
from tests.web.conftest import Web


class HangingShop:
    """Answers when it is let go."""

    def __init__(self, shop: Any) -> None:
        self._shop, self.go, self.asked = shop, threading.Event(), 0

    def ask(self, type: str, data: dict[str, Any]) -> dict[str, Any]:
        self.asked += 1
        assert self.go.wait(20)
        return self._shop.ask(type, data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._shop, name)


@pytest.fixture
def hanging(web: Web) -> Iterator[HangingShop]:
    shop = HangingShop(web.rig.shop)
    web.serve(shop=shop)
    yield shop
    shop.go.set()
    for _ in range(AT_ONCE):  # the threads that were left behind have ended
        assert restore._brief.places.acquire(timeout=5)
    for _ in range(AT_ONCE):
        restore._brief.places.release()


def test_nobody_waits_longer_than_two_seconds(web: Web, hanging: HangingShop) -> None:
    web.deliver()
    web.rig.flush_all()
    begun = time.monotonic()
    answer = web.client.get("/status/job-1")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "3")
    assert time.monotonic() - begun < 3
    hanging.go.set()
    web.rig.clock.advance(4)
    assert web.client.get("/status/job-1").json["phase"] == "ready"


def test_few_ask_at_a_time_and_the_others_are_told_at_once(web: Web, hanging: HangingShop) -> None:
    ports = web.client.application.extensions["services"].ports
    with ThreadPoolExecutor(AT_ONCE) as waiting:
        held = [waiting.submit(restored, ports, f"job-{n}", wait_s=10) for n in range(AT_ONCE)]
        wait_for(lambda: hanging.asked == AT_ONCE, "all of them ask", 10, every=0.001)
        assert not any(ask.done() for ask in held)
        begun = time.monotonic()
        with pytest.raises(TemporaryError):
            restored(ports, "one-more")
        assert time.monotonic() - begun < 0.5
        assert hanging.asked == AT_ONCE
        hanging.go.set()
        assert [ask.result(30) for ask in held] == [None] * AT_ONCE


def test_a_download_waits_no_longer_either(web: Web, hanging: HangingShop) -> None:
    link = web.deliver()
    web.rig.flush_all()
    answer = web.client.get(link)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "30")


def test_what_the_shop_refuses_is_told_as_ever(web: Web) -> None:
    web.rig.shop.away = TemporaryError("shop_unavailable", "connection refused")
    ports = web.client.application.extensions["services"].ports
    with pytest.raises(TemporaryError, match="refused"):
        restored(ports, "job-1")
