"""A resolver that never answers costs a few seconds and a few threads, and nobody takes it for a lost answer."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from sidecar.adapters.fetch import SafeFetcher
from sidecar.adapters.fetch.bounded import BoundedPool
from sidecar.adapters.fetch.names import Lookups, dial
from sidecar.adapters.upsampler import UpsamplerClient
from sidecar.core.errors import TemporaryError

SOON = 0.2


class Silent:
    """A C library whose resolver does not answer before it is told to."""

    def __init__(self) -> None:
        self.answer, self.asked = threading.Event(), []

    def __call__(self, host: str, port: int) -> list[str]:
        self.asked.append(host)
        assert self.answer.wait(30)
        return ["192.0.2.1"]


@pytest.fixture
def silent() -> Iterator[Silent]:
    silent = Silent()
    yield silent
    silent.answer.set()


def test_an_answer_is_handed_on() -> None:
    assert Lookups(lambda host, port: [host, str(port)])("shop.example", 80) == ["shop.example", "80"]


def test_a_failure_is_raised() -> None:
    def unknown(host: str, port: int) -> list[str]:
        raise socket.gaierror(socket.EAI_NONAME, "no such name")

    with pytest.raises(socket.gaierror, match="no such name"):
        Lookups(unknown)("shop.example", 80)


def test_an_answer_that_does_not_come_is_not_waited_for(silent: Silent) -> None:
    lookups = Lookups(silent, within_s=SOON)
    for _ in range(3):
        with pytest.raises(socket.gaierror, match="no answer within"):
            lookups("shop.example", 80)
    assert silent.asked == ["shop.example"], "one thread for one name"


def test_it_is_heeded_when_it_comes_late(silent: Silent) -> None:
    lookups = Lookups(silent, within_s=SOON)
    with pytest.raises(socket.gaierror):
        lookups("shop.example", 80)
    silent.answer.set()
    patient = Lookups(silent, within_s=20)
    assert patient("shop.example", 80) == ["192.0.2.1"]


def test_so_many_names_and_no_more_are_waited_for(silent: Silent) -> None:
    lookups = Lookups(silent, within_s=0.01, most=4)
    for number in range(20):
        with pytest.raises(socket.gaierror):
            lookups(f"host-{number}.example", 80)
    assert len(silent.asked) == 4


def test_an_address_is_no_name(silent: Silent) -> None:
    """It is answered in the thread that asks: a name's look-up runs in another."""
    silent.answer.set()
    looked_up_in = []

    def lookup(host: str, port: int) -> list[str]:
        looked_up_in.append(threading.current_thread())
        return silent(host, port)

    for address in ("127.0.0.1", "::1", "shop.example"):
        Lookups(lookup)(address, 80)
    assert [thread is threading.current_thread() for thread in looked_up_in] == [True, True, False]


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize(
    "ask",
    [
        lambda url, names: SafeFetcher(resolver=names).head_bytes(url, 10),
        lambda url, names: _streamed(SafeFetcher(resolver=names), url),
        lambda url, names: UpsamplerClient(base_url=url, api_key="k", resolver=names).status("1"),
        lambda url, names: UpsamplerClient(base_url=url, api_key="k", resolver=names).submit(
            image_url="https://shop.example/x.jpg", factor=4, webhook_url=None
        ),
    ],
    ids=["head", "stream", "status", "submit"],
)
def test_whoever_asks_the_network_for_something_ends_in_time(
    silent: Silent, scheme: str, ask: Callable[[str, Lookups], object]
) -> None:
    """And a submit knows that nothing was sent: this is no UnknownOutcome."""
    with pytest.raises(TemporaryError) as caught:
        ask(f"{scheme}://silent.example", Lookups(silent, within_s=SOON))
    assert caught.value.code in ("fetch_failed", "upsampler_unavailable") and "no answer within" in caught.value.detail


# ---------------------------------------------------------------------- several addresses
def test_all_addresses_of_a_name_share_the_time_for_one() -> None:
    shares: list[float] = []

    def silent(address: tuple[str, int], timeout: float, **_: object) -> socket.socket:
        shares.append(timeout)
        time.sleep(timeout)
        raise TimeoutError

    with pytest.raises(TimeoutError):
        dial([f"192.0.2.{n}" for n in range(1, 9)], 80, 0.4, [], silent)
    assert sum(shares) <= 0.4 and max(shares) < 0.06, shares


def test_an_address_that_is_silent_leaves_time_for_the_next_one() -> None:
    here = socket.create_server(("127.0.0.1", 0))

    def first_is_silent(address: tuple[str, int], timeout: float, **how: Any) -> socket.socket:
        if address[0] != "127.0.0.1":
            time.sleep(timeout)
            raise TimeoutError
        return socket.create_connection(address, timeout)

    with here, dial(["192.0.2.1", "127.0.0.1"], here.getsockname()[1], 1.5, [], first_is_silent) as sock:
        assert sock.gettimeout() == 1.5, "what is sent has the time that sending has"


def test_a_fetch_connects_for_no_longer_than_it_has_left(black_hole: int) -> None:
    fetcher = SafeFetcher(
        private_hosts=frozenset({f"many.example:{black_hole}"}),
        connect_timeout=60,
        resolver=lambda host, port: ["127.0.0.1"] * 12,
    )
    failures: list[BaseException] = []

    def fetch() -> None:
        try:
            fetcher.head_bytes(f"http://many.example:{black_hole}/", 10, deadline_s=0.3)
        except TemporaryError as error:
            failures.append(error)

    thread = threading.Thread(target=fetch, daemon=True)
    thread.start()
    thread.join(20)
    assert [error.code for error in failures] == ["fetch_failed"]


@pytest.fixture
def black_hole() -> Iterator[int]:
    """A port that answers no attempt to connect: its queue is full."""
    with socket.socket() as full, ExitStack() as queue:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for _ in range(4):
            waiting = queue.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(full.getsockname())
        yield full.getsockname()[1]


def _streamed(fetcher: SafeFetcher, url: str) -> None:
    with fetcher.stream(url, max_bytes=10, deadline_s=20):
        raise AssertionError("nobody is there")


def test_the_shops_door_ends_in_time(silent: Silent) -> None:
    pool = BoundedPool(connect_s=5, whole_s=5, most_bytes=10, resolver=Lookups(silent, within_s=SOON))
    with pytest.raises(Exception, match="no answer within"):
        pool.request("GET", "http://silent.example/", {})
