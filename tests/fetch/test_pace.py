"""A body has a minimum speed, its deadline follows its size, and a broken download is gone on with."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pytest

from sidecar.adapters.fetch import SafeFetcher
from sidecar.adapters.fetch.pace import Pace, PaceWatch
from sidecar.core.errors import PartRefused, TemporaryError
from tests.fetch.wire_server import Exchange, WireServer

FILE = bytes(range(256)) * 400
LIMITS = {"max_bytes": 1 << 20, "deadline_s": 20}


@dataclass(frozen=True)
class Had:
    """What an earlier try has."""

    bytes: int = 1000
    total: int | None = len(FILE)
    etag: str = '"v1"'


def fetcher(server: WireServer) -> SafeFetcher:
    return SafeFetcher(private_hosts=frozenset({server.host}), read_timeout=5)


# ---------------------------------------------------------------------- speed
class Seconds:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def watch(pace: Pace, pieces: list[tuple[float, int]]) -> None:
    clock = Seconds()
    watching = PaceWatch(pace, clock)
    for now, size in pieces:
        clock.now = now
        watching.came(size)


def test_a_byte_a_second_is_given_up() -> None:
    with pytest.raises(TemporaryError) as caught:
        watch(Pace(16_000), [(float(second), 1) for second in range(1, 200)])
    assert caught.value.code == "fetch_slow"


def test_the_beginning_may_be_slow_and_a_short_gap_is_none() -> None:
    slow_start = [(float(second), 1) for second in range(1, 30)]
    watch(Pace(16_000), [*slow_start, *((31.0 + n, 20_000) for n in range(100))])
    watch(Pace(16_000), [(31.0, 100), (50.0, 500_000), (75.0, 500_000), (100.0, 500_000)])


def test_a_server_that_becomes_slow_is_given_up() -> None:
    quick = [(31.0 + n, 1_000_000) for n in range(60)]
    with pytest.raises(TemporaryError):
        watch(Pace(16_000), [*quick, *((100.0 + n, 10) for n in range(60))])


@pytest.mark.parametrize(("length", "seconds"), [(0, 60), (16_000_000, 1060)])
def test_the_deadline_follows_the_size(length: int, seconds: float) -> None:
    assert Pace(16_000).seconds_for(length) == seconds


# ---------------------------------------------------------------------- resuming
def serve(exchange: Exchange, *, etag: str = '"v1"', honest: bool = True, partial: bool = True) -> None:
    """A server with ranges, of the version `etag`."""
    wanted = re.search(rb"Range: bytes=(\d+)-\r\n", exchange.request)
    version = re.search(rb"If-Range: (\S+)\r\n", exchange.request)
    if wanted and partial and version and version[1].decode() == etag:
        start = int(wanted[1])
        said = start if honest else start + 1
        place = f"Content-Range: bytes {said}-{len(FILE) - 1}/{len(FILE)}"
        exchange.answer("206 Partial Content", FILE[start:], place, f"ETag: {etag}")
    else:
        exchange.answer("200 OK", FILE, f"ETag: {etag}")


def test_the_rest_of_a_file_is_asked_for_by_its_version() -> None:
    with WireServer(serve) as server, fetcher(server).stream(server.url, **LIMITS, begun=Had()) as answer:
        assert (answer.begins_at, answer.content_length, answer.etag) == (1000, len(FILE) - 1000, '"v1"')
        assert b"".join(answer.chunks) == FILE[1000:]


@pytest.mark.parametrize("how", [{"etag": '"v2"'}, {"partial": False}], ids=["another version", "no ranges"])
def test_all_of_it_comes_where_there_is_no_rest(how: dict) -> None:
    with (
        WireServer(lambda exchange: serve(exchange, **how)) as server,
        fetcher(server).stream(server.url, **LIMITS, begun=Had()) as answer,
    ):
        assert answer.begins_at == 0
        assert b"".join(answer.chunks) == FILE


def test_another_part_than_was_asked_for_is_not_taken() -> None:
    with (
        WireServer(lambda exchange: serve(exchange, honest=False)) as server,
        pytest.raises(PartRefused),
        fetcher(server).stream(server.url, **LIMITS, begun=Had()),
    ):
        pass


def test_a_part_that_is_longer_than_the_file_is_not_gone_on_with() -> None:
    with (
        WireServer(lambda exchange: exchange.answer("416 Range Not Satisfiable", b"")) as server,
        pytest.raises(PartRefused),
        fetcher(server).stream(server.url, **LIMITS, begun=Had()),
    ):
        pass


@pytest.mark.parametrize("tag", ['W/"v1"', "v1", '"'])
def test_a_weak_tag_proves_nothing(tag: str) -> None:
    with (
        WireServer(lambda exchange: exchange.answer("200 OK", FILE, f"ETag: {tag}")) as server,
        fetcher(server).stream(server.url, **LIMITS) as answer,
    ):
        assert answer.etag == ""


def test_who_waits_for_a_slow_body_sees_each_piece_of_it() -> None:
    """A chunk of a megabyte is not waited for: who reads notices that it is slow."""

    def drip(exchange: Exchange) -> None:
        exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")
        for byte in b"slow!":
            exchange.server.stopping.wait(0.3)
            exchange.send(bytes([byte]))

    with WireServer(drip) as server, fetcher(server).stream(server.url, **LIMITS, least_bytes_per_s=1) as answer:
        assert len(list(answer.chunks)) >= 2
