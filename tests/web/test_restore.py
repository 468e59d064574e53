"""A job that memory has lost is asked for at the ledger: few at a time, and nobody waits long for a shop that hangs."""

from __future__ import annotations

import threading
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
    """Answers when it is let go. `waiting`: how many wait for it now."""

    def __init__(self, shop: Any) -> None:
        self._shop, self.go, self.asked, self.waiting = shop, threading.Event(), 0, 0
        self._counting = threading.Lock()

    def ask(self, type: str, data: dict[str, Any]) -> dict[str, Any]:
        with self._counting:
            self.asked += 1
            self.waiting += 1
        try:
            assert self.go.wait(20)
        finally:
            with self._counting:
                self.waiting -= 1
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
    answer = web.client.get("/status/job-1")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "3")
    assert hanging.waiting, "the shop would have answered"
    assert restore.WAIT_S == 2
    hanging.go.set()
    web.rig.clock.advance(4)
    assert web.client.get("/status/job-1").json["phase"] == "ready"


def test_few_ask_at_a_time_and_the_others_are_told_at_once(web: Web, hanging: HangingShop) -> None:
    ports = web.client.application.extensions["services"].ports
    with ThreadPoolExecutor(AT_ONCE) as waiting:
        held = [waiting.submit(restored, ports, f"job-{n}", wait_s=10) for n in range(AT_ONCE)]
        wait_for(lambda: hanging.asked == AT_ONCE, "all of them ask", 10, every=0.001)
        assert not any(ask.done() for ask in held)
        with pytest.raises(TemporaryError):
            restored(ports, "one-more", wait_s=60)
        assert hanging.waiting == AT_ONCE, "nobody has come to his end meanwhile"
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
