"""Transfers and parts: the contract of the real ones and of their doubles, and what only threads and disks can show."""

from __future__ import annotations

import gc
import os
import resource
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from sidecar.adapters import transfers as adapter
from sidecar.adapters.files import INCOMING, ResultFiles
from sidecar.adapters.parts import Parts
from sidecar.adapters.transfers import Transfer, Transfers
from sidecar.core.errors import ConfigurationError, Crowded, GivenUp, TemporaryError
from sidecar.core.pictures import ImageInfo
from tests.fakes.files import MemoryFiles
from tests.fakes.transfers import InstantTransfers, MemoryParts


@pytest.fixture
def threads() -> Iterator[Transfers]:
    transfers = Transfers(most=2)
    yield transfers
    transfers.close()


@pytest.fixture(params=["threads", "instant"])
def any_transfers(request: pytest.FixtureRequest) -> Any:
    return Transfers(most=2) if request.param == "threads" else InstantTransfers()


def never(*_: object) -> None:
    raise AssertionError("nobody is to be told")


class Slow:
    """Work that goes on until it is let go."""

    def __init__(self) -> None:
        self.go_on = threading.Event()
        self.ended = threading.Event()
        self.ends: list[tuple[Any, Any]] = []

    def work(self, transfer: Transfer) -> str:
        transfer.reads_from(self.go_on.set)
        assert self.go_on.wait(20)
        transfer.check()
        return "brought"

    def note_end(self, failure: Any, result: Any) -> None:
        self.ends.append((failure, result))
        self.ended.set()


# ---------------------------------------------------------------------- the contract
def test_what_comes_at_once_is_handed_over(any_transfers: Any) -> None:
    assert any_transfers.run("a", lambda transfer: "brought", never) == (True, "brought")
    assert any_transfers.alone() == 0


def test_what_fails_at_once_is_raised(any_transfers: Any) -> None:
    def fail(transfer: Transfer) -> None:
        raise TemporaryError("fetch_failed", "x")

    with pytest.raises(TemporaryError):
        any_transfers.run("a", fail, never)


@pytest.mark.parametrize("failure", [None, TemporaryError("fetch_failed", "x")])
def test_what_takes_long_goes_on_alone_and_tells_its_end(any_transfers: Any, failure: Exception | None) -> None:
    slow = Slow()

    def work(transfer: Transfer) -> str:
        if isinstance(any_transfers, Transfers):
            slow.go_on.wait(20)
        if failure:
            raise failure
        return "brought"

    if isinstance(any_transfers, InstantTransfers):
        any_transfers.slow = True
    assert any_transfers.run("a", work, slow.note_end) == (False, None)
    assert (any_transfers.alone(), slow.ends) == (1, [])
    slow.go_on.set()
    if isinstance(any_transfers, InstantTransfers):
        any_transfers.finish()
    assert slow.ended.wait(20)
    assert slow.ends == [(failure, None if failure else "brought")]


# ---------------------------------------------------------------------- threads
@pytest.mark.parametrize("slow", [False, True])
def test_what_a_failed_transfer_held_is_free_as_soon_as_its_failure_is_told(slow: bool, threads: Transfers) -> None:
    """A megabyte of a result: it must not wait for Python's search for cycles, which comes rarely."""
    held: list[weakref.ref[Slow]] = []
    left, told = threading.Event(), threading.Event()

    def fail(transfer: Transfer) -> None:
        megabyte = Slow()
        held.append(weakref.ref(megabyte))
        weakref.finalize(megabyte, told.set)
        assert not slow or left.wait(20)
        raise TemporaryError("fetch_failed", "x")

    gc.disable()
    try:
        with suppress(TemporaryError):
            threads.run("a", fail, lambda failure, result: None)
        left.set()
        assert told.wait(20) and held[0]() is None
    finally:
        gc.enable()


def test_a_worker_waits_less_the_more_go_on_alone(threads: Transfers) -> None:
    slow = [Slow(), Slow()]
    waited = []
    for name, each in zip("ab", slow, strict=True):
        began = time.monotonic()
        assert threads.run(name, each.work, each.note_end) == (False, None)
        waited.append(time.monotonic() - began)
    assert waited[1] < waited[0] < 10 * adapter.PATIENCE_S
    for each in slow:
        each.go_on.set()


def test_a_worker_stays_while_what_has_come_is_checked_however_long_that_takes() -> None:
    threads = Transfers(most=2, patience_s=0.4)  # a busy machine begins a thread sooner

    def work(transfer: Transfer) -> str:
        with transfer.at_work():
            while transfer.age < 0.6:  # ends: with the age
                time.sleep(0.01)
        return "checked"

    assert threads.run("a", work, never) == (True, "checked")


def test_the_time_between_two_checks_counts_as_waiting() -> None:
    threads, slow = Transfers(most=2, patience_s=0.05), Slow()

    def work(transfer: Transfer) -> str:
        while not slow.go_on.wait(0.002):
            with transfer.at_work():
                pass
        return "brought"

    assert threads.run("a", work, slow.note_end) == (False, None)
    slow.go_on.set()
    assert slow.ended.wait(20)


def test_a_long_check_that_is_faster_than_the_network_is_no_reason_to_leave() -> None:
    """A large file from a quick server waits for longer than a moment in all, and works for longer still."""
    now = 0.0
    transfer = Transfer(clock=lambda: now)
    for _ in range(100):
        now += 0.01
        with transfer.at_work():
            now += 0.02
    assert transfer.waited_longer < -0.9
    now += 2
    assert transfer.waited_longer > adapter.PATIENCE_S


def test_what_is_new_finds_a_place_however_many_are_slow() -> None:
    """Three times as many as there are places: each new one costs a worker its patience and gets a place."""
    threads = Transfers(most=4, patience_s=0.01)
    drips = [Slow() for _ in range(12)]
    for at, drip in enumerate(drips):
        assert threads.run(f"drip {at}", drip.work, drip.note_end) == (False, None)
    quick = Slow()
    assert threads.run("quick", quick.work, quick.note_end) == (False, None)
    late = [Slow() for _ in range(3)]
    for at, drip in enumerate(late):
        assert threads.run(f"late {at}", drip.work, drip.note_end) == (False, None)
    assert quick.ends == [], "older ones have given their places up, not the one that has hardly begun"
    quick.go_on.set()
    assert quick.ended.wait(20) and quick.ends == [(None, "brought")]
    assert all(drip.ended.wait(20) for drip in drips[:9]), "their threads have ended"
    assert threads.turned_away() == 0
    threads.close()


def test_what_is_known_to_be_slow_costs_no_patience_and_keeps_its_turn() -> None:
    threads = Transfers(most=4)
    drips = [Slow() for _ in range(5)]
    for at, drip in enumerate(drips):
        assert threads.run(f"drip {at}", drip.work, drip.note_end) == (False, None)
        threads.close()
    for at, drip in enumerate(drips[:3]):
        drip.go_on.clear()
        drip.ended.clear()
        assert threads.run(f"drip {at}", drip.work, drip.note_end) == (False, None)
    with pytest.raises(Crowded) as crowded:
        threads.run("drip 3", drips[3].work, never)
    assert crowded.value.slow and (threads.alone(), threads.turned_away()) == (3, 1)
    news = [Slow(), Slow()]
    for at, new in enumerate(news):
        assert threads.run(f"new {at}", new.work, new.note_end) == (False, None)
    assert news[0].ended.wait(20), "the new ones share what is left"
    assert [drip.ended.is_set() for drip in drips[:3]] == [False] * 3
    threads.close()


def test_the_slowest_gives_its_place_away_when_its_turn_is_over() -> None:
    threads = Transfers(most=2, turn_s=0)
    slowest, faster, third = Slow(), Slow(), Slow()

    def work(transfer: Transfer) -> str:
        transfer.came(1_000_000_000)
        return faster.work(transfer)

    threads.run("third", third.work, third.note_end)
    threads.close()
    third.go_on.clear()
    third.ended.clear()
    threads.run("slowest", slowest.work, slowest.note_end)
    threads.run("faster", work, faster.note_end)
    assert threads.run("third", third.work, third.note_end) == (False, None)
    assert slowest.ended.wait(20) and isinstance(slowest.ends[0][0], GivenUp)
    assert faster.ends == []
    threads.close()


def test_those_that_do_not_notice_that_they_are_given_up_are_no_more_than_there_are_places() -> None:
    threads, deaf = Transfers(most=2, patience_s=0.01), threading.Event()
    begun = []

    def work(transfer: Transfer) -> None:
        begun.append(transfer)
        assert deaf.wait(20)

    for at in range(4):
        assert threads.run(f"deaf {at}", work, lambda *_: None) == (False, None)
    with pytest.raises(Crowded) as crowded:
        threads.run("another", work, never)
    assert not crowded.value.slow, "it was never tried"
    assert (threads.alone(), len(begun)) == (4, 4), "it has cost no thread"
    deaf.set()
    threads.close()


def test_the_end_of_its_connection_is_no_failure_of_who_is_given_up(threads: Transfers) -> None:
    slow = Slow()

    def work(transfer: Transfer) -> None:
        transfer.reads_from(slow.go_on.set)
        assert slow.go_on.wait(20)
        raise TemporaryError("fetch_failed", "the socket was shut down")

    threads.run("a", work, slow.note_end)
    threads.close()
    assert isinstance(slow.ends[0][0], GivenUp)


def test_at_the_end_of_the_process_all_give_up(threads: Transfers) -> None:
    slow = Slow()
    threads.run("a", slow.work, slow.note_end)
    threads.close()
    assert isinstance(slow.ends[0][0], GivenUp)


# ---------------------------------------------------------------------- parts
@pytest.fixture(params=["disk", "memory"])
def kept(
    request: pytest.FixtureRequest, tmp_path: Path
) -> tuple[Any, Callable[[bytes], Path], Callable[[Path], bytes]]:
    """Parts, what makes a temp file of some bytes, and what reads one."""
    if request.param == "disk":
        files: Any = ResultFiles(tmp_path)
        parts = Parts(tmp_path / INCOMING, prepare=files.prepare)
        return parts, lambda data: _temp(files, data), Path.read_bytes
    files = MemoryFiles()
    return MemoryParts(files), lambda data: _temp(files, data), lambda path: files.unfinished[path]


def _temp(files: Any, data: bytes) -> Path:
    incoming = files.incoming("job-1", "claim")
    incoming.write(data)
    incoming.close()
    return incoming.path


def test_a_part_is_found_again_by_what_it_is_a_part_of(kept: Any) -> None:
    parts, temp, _ = kept
    parts.keep(temp(b"begin"), "job-1", key="a", total=9, etag='"v1"', complete=False)
    found = parts.find("job-1", "a")
    assert (found.bytes, found.total, found.etag, found.complete, found.resumable) == (5, 9, '"v1"', False, True)
    assert parts.find("job-1", "b") is None and parts.find("job-2", "a") is None


@pytest.mark.parametrize(("total", "etag", "complete"), [(None, '"v1"', False), (9, "", False), (5, '"v1"', True)])
def test_only_a_beginning_of_a_known_version_is_gone_on_with(
    kept: Any, total: int | None, etag: str, complete: bool
) -> None:
    parts, temp, _ = kept
    parts.keep(temp(b"begin"), "job-1", key="a", total=total, etag=etag, complete=complete)
    assert not parts.find("job-1", "a").resumable


def test_a_part_grows_from_any_byte_on_and_is_cut(kept: Any) -> None:
    parts, temp, read = kept
    parts.keep(temp(b"beginning"), "job-1", key="a", total=20, etag='"v1"', complete=False)
    path = parts.take(parts.find("job-1", "a"), temp(b""))
    assert parts.find("job-1", "a") is None, "it is in one pair of hands"
    assert list(parts.grow(path, 5, iter([b" of", b" all"]))) == [3, 4]
    assert b"".join(parts.chunks(path)) == b"begin of all"
    parts.cut(path, 8)
    assert read(path) == b"begin of"


@pytest.mark.parametrize("size", [1, 100_000], ids=["what a buffer would take", "more than that"])
def test_a_part_that_grows_beyond_the_disk_says_that_it_is_full(tmp_path: Path, size: int) -> None:
    path = tmp_path / "job-1.part"
    path.write_bytes(b"x" * 65_536)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (65_536, hard))
    try:
        with pytest.raises(ConfigurationError) as caught:
            list(Parts(tmp_path).grow(path, 65_536, iter([b"y" * size])))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert caught.value.code == "disk_full"


def test_what_is_dropped_is_gone(kept: Any) -> None:
    parts, temp, _ = kept
    parts.keep(temp(b"x"), "job-1", key="a", total=1, etag="", complete=True)
    parts.drop("job-1")
    assert parts.find("job-1", "a") is None
    parts.drop("job-1")


def test_what_was_seen_of_a_source_is_kept_also_where_nothing_was_ever_written(kept: Any) -> None:
    """The folder is made by the first download; a source elsewhere may be looked at before."""
    parts, info = kept[0], ImageInfo("png", 32, 24, "RGB", 8, False, False)
    parts.keep_look("job-1", "a", info, 1000)
    assert (parts.find_look("job-1", "a"), parts.find_look("job-1", "b")) == ((info, 1000), None)
    parts.drop("job-1")
    assert parts.find_look("job-1", "a") is None


def test_a_part_whose_description_is_damaged_is_none(tmp_path: Path) -> None:
    files, parts = ResultFiles(tmp_path), Parts(tmp_path / INCOMING)
    parts.keep(_temp(files, b"begin"), "job-1", key="a", total=9, etag='"v1"', complete=False)
    (tmp_path / INCOMING / "job-1.kept").write_bytes(b"another")
    assert parts.find("job-1", "a") is None
    (tmp_path / INCOMING / "job-1.kept.json").write_text("{")
    assert parts.find("job-1", "a") is None


def test_a_claims_temps_go_and_the_part_stays(tmp_path: Path) -> None:
    files, parts = ResultFiles(tmp_path), Parts(tmp_path / INCOMING)
    parts.keep(_temp(files, b"begin"), "job-1", key="a", total=9, etag='"v1"', complete=False)
    _temp(files, b"left by a dead worker")
    files.discard_temps("job-1")
    assert sorted(path.name for path in files.temps()) == ["job-1.kept", "job-1.kept.json"]


def test_a_full_disk_is_ours_to_fix(tmp_path: Path) -> None:
    files, parts = ResultFiles(tmp_path), Parts(tmp_path / "elsewhere")
    with pytest.raises(ConfigurationError):
        parts.keep(_temp(files, b"x"), "job-1", key="a", total=1, etag="", complete=True)


def test_a_part_that_is_lent_stays_with_what_is_known_of_it(kept: Any) -> None:
    parts, temp, read = kept
    facts = {"format": "png", "bytes": 1}
    parts.keep(temp(b"x"), "job-1", key="a", total=1, etag="", complete=True, facts=facts)
    for claim in ("c1", "c2"):
        path = parts.lend(parts.find("job-1", "a"), temp(b"").with_name(f"job-1.{claim}.finished"))
        assert (read(path), parts.find("job-1", "a").facts) == (b"x", facts)
    parts.keep(path, "job-1", key="a", total=1, etag="", complete=True, facts=facts)
    assert read(parts.take(parts.find("job-1", "a"), temp(b""))) == b"x"


def test_where_a_disk_has_no_links_a_part_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files, parts = ResultFiles(tmp_path), Parts(tmp_path / INCOMING)
    parts.keep(_temp(files, b"x"), "job-1", key="a", total=1, etag="", complete=True)

    def refuse(*paths: Path) -> None:
        raise PermissionError("no links here")

    monkeypatch.setattr(os, "link", refuse)
    path = parts.lend(parts.find("job-1", "a"), files.temp_path("job-1", "c2", "part"))
    assert path.read_bytes() == b"x" and parts.find("job-1", "a") is None


def test_what_is_kept_again_is_young_again(tmp_path: Path) -> None:
    files, parts = ResultFiles(tmp_path), Parts(tmp_path / INCOMING)
    temp = _temp(files, b"x")
    os.utime(temp, (0, 0))
    parts.keep(temp, "job-1", key="a", total=1, etag="", complete=True)
    assert parts.find("job-1", "a").path.stat().st_mtime > 0
