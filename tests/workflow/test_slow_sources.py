"""A source that comes slowly costs a thread, no worker and no slot, and is fetched once."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sidecar.adapters.images import ImageInfo
from sidecar.adapters.sources import Source
from sidecar.adapters.transfers import Transfers
from sidecar.core.errors import ConfigurationError, GivenUp, PermanentError, TemporaryError, UnknownOutcome
from sidecar.core.job import Job
from tests.fakes.sources import FakeSources
from tests.fakes.transfers import InstantTransfers
from tests.workflow.rig import Rig

URL = "https://shop.example/photos/job-1.png"


def slow_rig(**how: Any) -> Rig:
    """A rig whose job's source is being looked at by a transfer that goes on alone."""
    rig = Rig(**how)
    rig.sources.far = rig.transfers.slow = True
    rig.buy()
    rig.let_pass(5)
    assert (rig.job().state, rig.transfers.alone(), rig.upsampler.calls) == ("submitting", 1, [])
    return rig


def goes_on(rig: Rig) -> None:
    rig.transfers.finish()
    rig.transfers.slow = False
    rig.work()


def submits(rig: Rig) -> int:
    return sum(1 for call in rig.upsampler.calls if call[0] == "submit")


def test_a_source_elsewhere_that_comes_at_once_is_looked_at_and_nothing_is_kept(rig: Rig) -> None:
    rig.sources.far = True
    rig.buy()
    rig.work()
    assert (rig.job().state, rig.sources.asked) == ("submitted", ["look"])
    assert rig.parts.find_look("job-1", "") is None and rig.files.unfinished == {}


def test_no_worker_waits_and_what_was_seen_is_not_asked_for_again() -> None:
    rig = slow_rig()
    rig.let_pass(5)
    assert rig.transfers.alone() == 1, "its claim lives: nobody begins anew"
    goes_on(rig)
    assert (rig.job().state, rig.sources.asked, submits(rig)) == ("submitted", ["look"], 1)
    assert (rig.job().width, rig.job().height, rig.job().source_format) == (8, 6, "png")


def test_one_whose_first_bytes_do_not_tell_is_fetched_whole_once() -> None:
    rig = Rig(SMI_CHECK_PICTURE="1")
    rig.sources.long_heads.add(URL)
    rig.sources.far = rig.transfers.slow = True
    rig.buy()
    rig.let_pass(5)
    goes_on(rig)
    assert (rig.job().state, rig.sources.asked) == ("submitted", ["look", "from 0"])
    assert rig.parts.find("job-1.source", "") is None, "of no other key"


def test_a_copy_is_made_of_what_was_fetched_for_it() -> None:
    rig = Rig()
    rig.sources.info[URL] = ImageInfo("jpeg", 8, 6, "RGB", orientation=6)
    rig.sources.far = rig.transfers.slow = True
    rig.buy()
    rig.let_pass(5)
    assert rig.transfers.finish() == 1  # the look
    rig.work()
    assert (rig.transfers.alone(), rig.copies.made) == (1, [])
    goes_on(rig)
    assert (rig.job().state, rig.copies.made, rig.sources.asked) == ("submitted", ["job-1"], ["look", "from 0"])


def test_one_that_was_too_slow_goes_on_where_it_was() -> None:
    rig = Rig()
    rig.sources.long_heads.add(URL)
    rig.sources.far = rig.transfers.slow = True
    rig.sources.breaks_at, rig.sources.failure = 20, TemporaryError("fetch_slow", "3 bytes/s")
    rig.buy()
    rig.let_pass(5)
    rig.transfers.finish()
    assert (rig.actions(), submits(rig)) == (["fetch_slow → retry"], 0)
    rig.transfers.slow = False
    rig.let_pass(150)
    assert rig.sources.asked == ["look", "from 0", "look", "from 20"]
    assert submits(rig) == 1 and rig.row().state == "delivered"


def test_one_that_gives_its_place_away_has_not_failed() -> None:
    rig = Rig()
    rig.sources.long_heads.add(URL)
    rig.sources.far = rig.transfers.slow = True
    rig.sources.breaks_at, rig.sources.failure = 20, GivenUp()
    rig.buy()
    rig.let_pass(5)
    goes_on(rig)
    assert (rig.actions(), rig.job().consecutive_failures) == ([], 0)
    rig.let_pass(150)
    assert (rig.row().state, submits(rig), rig.sources.asked[-1]) == ("delivered", 1, "from 20")


def test_without_a_place_a_job_comes_again_and_has_not_failed() -> None:
    rig = Rig()
    rig.sources.far = rig.transfers.slow = rig.transfers.crowded = True
    rig.buy()
    rig.let_pass(120)
    assert (rig.job().state, rig.job().consecutive_failures, rig.actions()) == ("submitting", 0, [])
    rig.transfers.slow = False
    rig.let_pass(150)
    assert (rig.row().state, submits(rig)) == ("delivered", 1)


def test_the_larger_the_crowd_the_longer_its_pauses() -> None:
    """However many there are, their tries cost a worker little of its time."""
    pauses = []
    for crowd in (0, 50, 200, 10_000):
        rig = Rig()
        rig.sources.far = rig.transfers.slow = rig.transfers.crowded = True
        rig.transfers.crowd = crowd
        rig.buy()
        rig.work()
        pauses.append((rig.store.due_at("job-1") or 0) - rig.clock())
    assert pauses[0] == pauses[1] < pauses[2] < pauses[3] <= 450


@pytest.mark.parametrize(
    ("failure", "ending"), [(PermanentError("source_gone", ""), "refunded"), (TemporaryError("fetch_failed", ""), "")]
)
def test_what_befalls_it_meanwhile_is_what_the_table_says(failure: Any, ending: str) -> None:
    rig = slow_rig()
    rig.sources.faults[URL] = failure
    rig.transfers.finish()
    rig.transfers.slow = False
    del rig.sources.faults[URL]
    rig.let_pass(150)
    assert rig.row().state == (ending or "delivered") and submits(rig) == (0 if ending else 1)


def test_a_process_that_dies_with_its_transfer_leaves_the_job_to_another() -> None:
    rig = slow_rig()
    rig.transfers.waiting.clear()
    rig.leases.held.clear()
    rig.transfers.slow = False
    rig.let_pass(150)
    assert (rig.row().state, submits(rig), rig.job().crash_count) == ("delivered", 1, 0)


def test_a_look_that_can_not_be_kept_is_ours_to_fix() -> None:
    rig = slow_rig()
    rig.files.broken = ConfigurationError("disk_full", "no space")
    rig.transfers.finish()
    assert rig.actions() == ["disk_full → hold"]


def test_a_transfer_whose_job_was_stopped_changes_nothing() -> None:
    rig = slow_rig()
    rig.shop.stop("job-1")
    rig.push("job.cancel", {"job_id": "job-1", "attempt": 1, "reason": "stopped"})
    goes_on(rig)
    rig.let_pass(150)
    assert (rig.row().state, submits(rig)) == ("review", 0)


def test_a_lost_answer_is_never_taken_for_a_transfer_that_was_given_up() -> None:
    """The order itself is placed by the worker, after all bytes have come."""
    rig = slow_rig()
    rig.faulty_upsampler.faults["submit"] = UnknownOutcome("submit_outcome_unknown", "the answer was lost")
    goes_on(rig)
    assert rig.actions() == ["submit_outcome_unknown → wait"] and rig.job().submit_started_at


# ---------------------------------------------------------------------- Upsampler's slots
def test_what_waits_for_its_source_keeps_nobody_from_upsampler() -> None:
    rig = slow_rig(slots=1)
    rig.sources.far = rig.transfers.slow = False
    rig.buy("job-2")
    rig.work()
    assert rig.job("job-2").state == "submitted"


def test_whose_source_has_come_waits_for_a_slot_again() -> None:
    rig = slow_rig(slots=1)
    rig.sources.far = rig.transfers.slow = False
    rig.buy("job-2")
    rig.work()
    rig.sources.far = True
    rig.transfers.finish()
    rig.work()
    assert (rig.job().state, rig.store.position("job-1"), submits(rig)) == ("submitting", 1, 1)
    rig.let_pass(300)
    assert [rig.row(name).state for name in ("job-1", "job-2")] == ["delivered", "delivered"]
    assert submits(rig) == 2 and rig.store.slot_holders() == []


class OtherHands(InstantTransfers):
    """A transfer has ended, and another worker has gone on with its job, before its own worker does anything more."""

    others_work: Callable[[], object]

    def run(self, name: str, work: Callable[[Any], Any], ended: Callable[[Any, Any], None]) -> tuple[bool, Any]:
        self.slow = True
        outcome = super().run(name, work, ended)
        self.finish()
        self.others_work()
        return outcome


def test_the_slot_of_a_job_that_another_has_brought_to_upsampler_meanwhile_is_kept() -> None:
    rig = Rig(slots=1)
    rig.sources.far = True
    transfers = OtherHands()
    transfers.others_work = rig.work
    rig.ports = dataclasses.replace(rig.ports, transfers=transfers)
    rig.buy()
    rig.work()
    assert (rig.job().state, rig.store.slot_holders()) == ("submitted", ["job-1"])


# ---------------------------------------------------------------------- threads
class Dripping(FakeSources):
    """Those of the jobs in `drips` come when they are let go."""

    def __init__(self, *drips: str) -> None:
        super().__init__(far=True)
        self.drips, self.go_on = drips, threading.Event()

    def local_path(self, job: Job) -> Path | None:
        return None if job.job_id in self.drips else self.here(job)

    def inspect(self, job: Job, transfer: Any = None) -> Source | None:
        if job.job_id in self.drips:
            transfer.reads_from(lambda: None)
            assert self.go_on.wait(30)
        return super().inspect(job, transfer)


def test_however_many_drip_one_worker_submits_the_others(rig: Rig) -> None:
    """One worker, and more dripping sources than there are places for transfers: fails by its time, were one waited
    for."""
    drips = [f"drip-{number}" for number in range(12)]
    sources, threads = Dripping(*drips), Transfers(most=4)
    rig.ports = dataclasses.replace(rig.ports, sources=sources, transfers=threads)
    for name in (*drips, "job-1"):
        rig.buy(name)
    rig.work()
    assert rig.job("job-1").state == "submitted" and not sources.go_on.is_set()
    assert {rig.job(name).state for name in drips} == {"submitting"}
    sources.go_on.set()
    threads.close(wait_s=20)
