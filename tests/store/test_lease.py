"""The thread that renews claims."""

from __future__ import annotations

import signal
import threading

import pytest

from sidecar.adapters.lease import LeaseKeeper
from sidecar.core.errors import StaleClaim
from tests.testbed.waiting import wait_for

SOON = 10  # seconds within which something must have happened


def test_a_claim_is_renewed_again_and_again_while_the_block_runs() -> None:
    renewals = threading.Semaphore(0)
    with LeaseKeeper(every_s=0.02).keep(renewals.release):
        assert all(renewals.acquire(timeout=SOON) for _ in range(3))


def test_nothing_is_renewed_after_the_block() -> None:
    keeper, calls, renewals = LeaseKeeper(every_s=0.02), [], threading.Semaphore(0)
    with keeper.keep(lambda: calls.append("first")):
        pass
    with keeper.keep(renewals.release):
        assert all(renewals.acquire(timeout=SOON) for _ in range(3))
    assert calls == []


def test_a_keeper_that_has_slept_wakes_up_for_the_next_claim() -> None:
    keeper = LeaseKeeper(every_s=0.02)
    for _ in range(2):
        renewed = threading.Event()
        with keeper.keep(renewed.set):
            assert renewed.wait(SOON)
        wait_for(lambda: keeper._parked, "the thread is parked", 10)


def test_one_thread_serves_all_blocks() -> None:
    keeper, before = LeaseKeeper(every_s=0.02), set(threading.enumerate())
    for _ in range(20):
        with keeper.keep(lambda: None):
            assert len(set(threading.enumerate()) - before) == 1


def test_a_lost_claim_is_not_asked_for_again_and_does_not_disturb_others() -> None:
    keeper, asked, others = LeaseKeeper(every_s=0.02), [], threading.Semaphore(0)

    def lost() -> None:
        asked.append(1)
        raise StaleClaim("job-1")

    with keeper.keep(lost), keeper.keep(others.release):
        assert all(others.acquire(timeout=SOON) for _ in range(4))
    assert asked == [1]


def test_a_fault_on_the_way_is_tried_again() -> None:
    renewals = threading.Semaphore(0)

    def away() -> None:
        renewals.release()
        raise ConnectionError("Redis is away for a moment")

    with LeaseKeeper(every_s=0.02).keep(away):
        assert all(renewals.acquire(timeout=SOON) for _ in range(3))


def test_the_fault_of_a_block_passes_through() -> None:
    with pytest.raises(ValueError, match="mine"), LeaseKeeper().keep(lambda: None):
        raise ValueError("mine")


def test_a_claim_whose_block_is_left_while_it_is_renewed_is_not_renewed_again() -> None:
    """The worker's time is up while it waits for the renewal: an alarm raises there."""

    class TimeIsUp(Exception):
        pass

    def up(*_: object) -> None:
        go_on.set()
        raise TimeIsUp

    keeper, calls, begun, go_on = LeaseKeeper(every_s=0.02), [], threading.Event(), threading.Event()

    def renew() -> None:
        calls.append(1)
        begun.set()
        assert go_on.wait(SOON)

    before = signal.signal(signal.SIGALRM, up)
    try:
        with pytest.raises(TimeIsUp), keeper.keep(renew):
            assert begun.wait(SOON)
            signal.setitimer(signal.ITIMER_REAL, 0.2)  # in which the block is left, and waits for the renewal
    finally:
        signal.signal(signal.SIGALRM, before)
    others = threading.Semaphore(0)
    with keeper.keep(others.release):
        assert all(others.acquire(timeout=SOON) for _ in range(3))
    assert calls == [1]
