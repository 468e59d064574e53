"""The double of the bridge keeps the contract of the door."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from sidecar.core.errors import ConfigurationError, TemporaryError
from tests.fakes.clock import SimulatedClock
from tests.fakes.shop import FakeShop
from tests.fakes.shop_contract import ShopContract


class InMemory:
    """The double as a `ShopUnderTest`."""

    _numbers = itertools.count(1)

    def __init__(self) -> None:
        self.clock = SimulatedClock()
        self.door = self.fake = FakeShop(self.clock)

    def pay(self, *, in_ledger: bool = True) -> str:
        job_id = f"job-{next(self._numbers)}"
        self.fake.buy(job_id, in_ledger=in_ledger)
        return job_id

    def rerun(self, job_id: str, *, force: bool = False) -> None:
        self.fake.rerun(job_id, force=force)

    def stop(self, job_id: str) -> None:
        self.fake.stop(job_id)

    def refunded_elsewhere(self, job_id: str) -> None:
        self.fake.refunded_elsewhere(job_id)

    def refunding(self, mode: str) -> None:
        self.fake.refunding = mode

    def mails(self, job_id: str) -> list[str]:
        return [kind for job, _, kind in self.fake.mails if job == job_id]

    def refunds(self, job_id: str) -> int:
        return self.fake.refunds.count(job_id)

    def now(self) -> float:
        return self.clock()


class TestFakeShop(ShopContract):
    @pytest.fixture
    def shop(self) -> InMemory:
        return InMemory()


@pytest.fixture
def shop() -> InMemory:
    return InMemory()


def failed(job_id: str) -> dict[str, Any]:
    data = {"job_id": job_id, "attempt": 1, "reason": "source_gone", "detail": "", "refund": "yes"}
    return {"id": "f", "type": "job.failed", "data": data}


def test_a_shop_that_is_away_takes_nothing(shop: InMemory) -> None:
    job_id = shop.pay()
    shop.fake.away = TemporaryError("shop_unavailable", "connection refused")
    with pytest.raises(TemporaryError):
        shop.door.send([failed(job_id)])
    assert shop.fake.newest(job_id).state == "paid"


def test_a_lost_answer_has_had_its_effect(shop: InMemory) -> None:
    job_id = shop.pay()
    shop.fake.answers_lost = 1
    with pytest.raises(TemporaryError):
        shop.door.send([failed(job_id)])
    assert shop.refunds(job_id) == 1
    assert shop.door.send([failed(job_id)])[0]["data"]["outcome"] == "refunded"
    assert shop.refunds(job_id) == 1


def test_a_refund_in_which_php_dies_is_due_after_some_minutes_and_never_repeated(shop: InMemory) -> None:
    job_id = shop.pay()
    shop.fake.refunding = "dies"
    with pytest.raises(TemporaryError):
        shop.door.send([failed(job_id)])
    shop.fake.refunding = "works"
    assert shop.door.send([failed(job_id)])[0]["status"] == "failed"
    shop.clock.advance(301)
    assert shop.door.send([failed(job_id)])[0]["data"] == {"outcome": "review", "refund_due": True}
    assert shop.refunds(job_id) == 0


def test_a_batch_of_the_wrong_form_is_refused_as_a_whole(shop: InMemory) -> None:
    with pytest.raises(ConfigurationError) as caught:
        shop.door.send([{"id": "x" * 65, "type": "status", "data": {}}])
    assert caught.value.code == "shop_refused_message"
