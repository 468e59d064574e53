"""WordPress is away: messages wait, nothing is lost, nobody is told twice."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, contextmanager

import pytest

from tests.recovery.rig import Rig, one_ending
from tests.testbed.process import Process
from tests.testbed.waiting import wait_for

pytestmark = pytest.mark.second_chance(
    "parts of the shop are killed and started: a busy machine may stretch their start beyond the outbox's patience"
)

AT_UPSAMPLER = {"fault": "processing_slow", "params": {"seconds": 1}}


def _waiting(rig: Rig) -> int:
    return rig.redis.zcard(rig.keys.outbox("deliver"))


@contextmanager
def _dead(process: Process):
    process.kill()
    yield
    process.start()


@contextmanager
def _maintenance(rig: Rig):
    """As during an update: every page answers 503."""
    note = rig.shop.root / ".maintenance"
    note.write_text("<?php $upgrading = time();")
    yield
    note.unlink()


OUTAGES: dict[str, Callable[[Rig], AbstractContextManager[None]]] = {
    "php-fpm": lambda rig: _dead(rig.shop.php_fpm),
    "MariaDB": lambda rig: _dead(rig.shop.mariadb),
    "nginx": lambda rig: _dead(rig.shop.nginx),
    "maintenance": _maintenance,
}


@pytest.mark.parametrize("outage", OUTAGES)
def test_the_message_of_a_finished_picture_waits_until_the_shop_is_back(rig: Rig, outage: str) -> None:
    rig.faults(AT_UPSAMPLER)
    job_id = rig.buy(f"away-{outage.lower()}")
    rig.customer.until(job_id, "submitted")
    with OUTAGES[outage](rig):
        wait_for(lambda: _waiting(rig) and rig.memory(job_id).get("state") == "stored", "the message waits", 20)
    rig.settled(job_id, timeout=40)
    assert one_ending(rig, job_id) == "delivered"
    assert len(rig.bill(job_id)) == 1
    wait_for(lambda: _waiting(rig) == 0, "all messages are taken", 20)


def test_a_refund_waits_until_the_shop_is_back_and_is_made_once(rig: Rig) -> None:
    rig.faults({**AT_UPSAMPLER, "match": "/away-refund."}, {"fault": "processing_failed", "match": "/away-refund."})
    job_id = rig.buy("away-refund")
    rig.hurry(job_id)
    wait_for(
        lambda: rig.ledger(job_id)["submission"] == 2 and rig.ledger(job_id)["state"] == "submitted",
        "submitted again",
        30,
    )
    with _dead(rig.shop.php_fpm):
        wait_for(lambda: rig.memory(job_id).get("state") == "refunding", "the refund is ordered", 20)
    rig.settled(job_id, timeout=60)
    assert one_ending(rig, job_id) == "refunded"


def test_a_shop_that_dies_over_the_answer_has_done_it_once(rig: Rig) -> None:
    """PHP is killed again and again while it takes messages: each was committed or not, and none is done twice."""
    rig.faults(AT_UPSAMPLER)
    job_ids = [rig.buy(f"dies-{number}") for number in range(6)]
    for _ in range(5):
        wait_for(lambda: _waiting(rig), "messages wait", 20)
        rig.shop.php_fpm.restart()
    for job_id in job_ids:
        rig.settled(job_id, timeout=40)
        assert one_ending(rig, job_id) == "delivered"
        assert len(rig.bill(job_id)) == 1
