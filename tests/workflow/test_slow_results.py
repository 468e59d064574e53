"""A result that comes slowly costs a thread and no worker, and is gone on with where it was broken off."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from sidecar.adapters.fetch import FetchResponse, SafeFetcher
from sidecar.adapters.transfers import Transfer, Transfers
from sidecar.core.errors import ConfigurationError, Crowded, GivenUp, PartRefused, TemporaryError
from tests.fakes.fetcher import endless, png
from tests.fetch.wire_server import WireServer
from tests.workflow.rig import Faulty, Rig

DATA = png(32, 24)


class Server:
    """A fetcher whose one result has an ETag; `breaks_at`: after so many bytes it fails with `failure`, once."""

    def __init__(self) -> None:
        self.etag = '"v1"'
        self.no_end = False
        self.heeds_if_range = True
        self.data = DATA
        self.breaks_at: int | None = None
        self.failure: Exception = TemporaryError("fetch_slow", "3 bytes/s")
        self.as_it_breaks: Callable[[], object] = lambda: None
        self.sent: list[tuple[int, int]] = []

    @contextmanager
    def stream(self, url: str, *, max_bytes: int, begun: Any = None, **how: Any) -> Iterator[FetchResponse]:
        if self.no_end:
            yield FetchResponse(200, None, endless(self.data, max_bytes))
            return
        if begun and not self.heeds_if_range and (begun.etag, begun.total) != (self.etag, len(self.data)):
            raise PartRefused("fetch_failed", "as the real one, of a part of another version")
        start = begun.bytes if begun and begun.etag == self.etag and begun.total == len(self.data) else 0
        yield FetchResponse(200, len(self.data) - start, self._chunks(start), start, self.etag)

    def _chunks(self, start: int) -> Iterator[bytes]:
        end, self.breaks_at = self.breaks_at, None
        self.sent.append((start, (end or len(self.data)) - start))
        yield self.data[start:end]
        if end is not None:
            self.as_it_breaks()
            raise self.failure


def slow_rig(**env: str) -> tuple[Rig, Server]:
    """A rig at whose job a transfer is going on alone."""
    rig, server = Rig(**env), Server()
    rig.ports = dataclasses.replace(rig.ports, fetcher=server)
    rig.transfers.slow = True
    rig.buy()
    rig.let_pass(60)
    assert (rig.job().state, rig.transfers.alone()) == ("enlarged", 1)
    return rig, server


def test_no_worker_waits_and_the_result_is_checked_from_the_disk() -> None:
    rig, server = slow_rig()
    rig.let_pass(5)
    assert rig.transfers.alone() == 1, "its claim lives: nobody begins anew"
    rig.transfers.finish()
    rig.transfers.slow = False
    rig.work()
    assert (rig.row().state, server.sent) == ("delivered", [(0, len(DATA))])
    assert rig.parts.find("job-1", "") is None and rig.files.unfinished == {}


def test_a_download_that_was_too_slow_goes_on_where_it_was() -> None:
    rig, server = slow_rig()
    server.breaks_at = 30
    rig.transfers.finish()
    assert rig.actions() == ["fetch_slow → retry"]
    rig.transfers.slow = False
    rig.let_pass(60)
    assert (rig.row().state, server.sent) == ("delivered", [(0, 30), (30, len(DATA) - 30)])


def test_another_version_of_the_file_is_fetched_from_its_beginning() -> None:
    rig, server = slow_rig()
    server.breaks_at = 30
    rig.transfers.finish()
    server.etag, server.data = '"v2"', DATA
    rig.transfers.slow = False
    rig.let_pass(60)
    assert (rig.row().state, server.sent[-1]) == ("delivered", (0, len(DATA)))


def test_another_version_is_fetched_also_from_a_server_that_sends_parts_of_it_unasked() -> None:
    """It looks at Range and not at If-Range: each try with what we have would fail, until a person is asked."""
    rig, server = slow_rig()
    server.breaks_at = 30
    rig.transfers.finish()
    server.etag, server.heeds_if_range = '"v2"', False
    rig.transfers.slow = False
    rig.let_pass(60)
    assert (rig.row().state, server.sent[-1]) == ("delivered", (0, len(DATA)))
    assert rig.actions() == ["fetch_slow → retry", "fetch_failed → retry"]


def test_a_part_that_is_at_fault_is_not_gone_on_with() -> None:
    """The beginning is of another file than the rest, whatever the server says: found out by the check."""
    rig, server = slow_rig()
    server.breaks_at, server.data = 40, DATA[:20] + bytes(20) + DATA[40:]
    rig.transfers.finish()
    server.data = DATA
    rig.transfers.slow = False
    rig.let_pass(300)
    assert rig.row().state == "delivered"
    assert "result_corrupt → refetch" in rig.actions() and server.sent[-1] == (0, len(DATA))


def test_a_disk_that_is_full_as_a_download_breaks_leaves_no_file_open() -> None:
    """What was held in memory does not fit any more."""
    rig, server = slow_rig()
    server.breaks_at = 30
    server.as_it_breaks = lambda: setattr(rig.files, "broken", ConfigurationError("disk_full", "no space"))
    rig.transfers.finish()
    assert rig.files.unfinished == {}
    rig.files.broken, rig.transfers.slow = None, False
    rig.let_pass(600)
    assert rig.row().state == "delivered"


def test_a_disk_that_is_full_in_the_moment_in_which_the_worker_leaves_holds_the_stage() -> None:
    rig, server = Rig(), Server()
    parts = Faulty(rig.ports.parts)
    parts.faults["keep"] = ConfigurationError("disk_full", "no space")
    rig.ports = dataclasses.replace(rig.ports, fetcher=server, parts=parts)
    rig.transfers.slow = rig.transfers.just_done = True
    rig.buy()
    rig.let_pass(60)
    assert rig.transfers.finish() == 1
    assert (rig.actions(), rig.job().crash_count) == (["disk_full → hold"], 0)
    parts.faults.clear()
    rig.transfers.slow = False
    rig.let_pass(300)
    assert rig.row().state == "delivered"


def test_one_that_gives_its_place_away_has_not_failed() -> None:
    rig, server = slow_rig()
    server.breaks_at, server.failure = 30, GivenUp()
    rig.transfers.finish()
    assert (rig.actions(), rig.job().consecutive_failures) == ([], 0)
    rig.transfers.slow = False
    rig.let_pass(30)
    assert (rig.row().state, server.sent[-1]) == ("delivered", (30, len(DATA) - 30))


def test_without_a_place_a_job_comes_again_and_has_not_failed() -> None:
    rig = Rig()
    rig.transfers.slow = rig.transfers.crowded = True
    rig.buy()
    rig.let_pass(120)
    assert (rig.job().state, rig.job().consecutive_failures, rig.actions()) == ("enlarged", 0, [])
    rig.transfers.slow = False
    rig.let_pass(30)
    assert rig.row().state == "delivered"


def test_a_transfer_whose_job_was_stopped_changes_nothing() -> None:
    rig, _ = slow_rig()
    rig.shop.stop("job-1")
    rig.push("job.cancel", {"job_id": "job-1", "attempt": 1, "reason": "stopped"})
    rig.transfers.finish()
    rig.transfers.slow = False
    rig.let_pass(60)
    assert (rig.row().state, rig.mails()) == ("review", rig.mails()) and "delivered" not in rig.mails()


_NO_END = {
    "result_corrupt": DATA,
    "result_not_an_image": b"<!doctype html>" + bytes(999),
}


@pytest.mark.parametrize("slow", [False, True])
@pytest.mark.parametrize("code", _NO_END)
def test_a_body_without_an_end_is_judged_alike_however_it_came(slow: bool, code: str) -> None:
    """The check says what is wrong with it: what it costs does not depend on how busy the worker was."""
    rig, server = Rig(SMI_MAX_RESULT_MB="4"), Server()
    server.no_end, server.data = True, _NO_END[code]
    rig.ports = dataclasses.replace(rig.ports, fetcher=server)
    rig.transfers.slow = slow
    rig.buy()
    for _ in range(240):
        rig.let_pass(5)
        rig.transfers.finish()
    assert rig.actions()[:3] == [f"{code} → refetch", f"{code} → refetch", f"{code} → resubmit"]
    assert rig.row().state == "review"


def test_however_many_servers_say_nothing_their_threads_have_a_bound() -> None:
    """The real fetcher and real threads: 60 results of servers that accept and are silent, at two places."""
    silent = WireServer(lambda exchange: exchange.server.stopping.wait(60))
    transfers = Transfers(most=2, patience_s=0.01)
    with silent as server:
        fetcher = SafeFetcher(private_hosts=frozenset({server.host}), read_timeout=60)

        def work(transfer: Transfer) -> None:
            with fetcher.stream(server.url, max_bytes=10, deadline_s=60, watched=transfer.reads_from):
                raise AssertionError("nothing has come")

        most = 0
        for at in range(60):
            with suppress(Crowded):
                transfers.run(f"result {at}", work, lambda *_: None)
            most = max(most, sum(thread.name == "transfer" for thread in threading.enumerate()))
        assert most <= 2 + 2 + 1, "places, those that were given up, and the one that a worker waits for"
        transfers.close()
