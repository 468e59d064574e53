"""A moment without room for a thread costs what was tried in it, and nothing that comes later."""

from __future__ import annotations

import socket
import threading
from pathlib import Path

import pytest
import redis

from sidecar.adapters.fetch import SafeFetcher
from sidecar.adapters.fetch import deadline as deadlines
from sidecar.adapters.fetch.deadline import Deadline
from sidecar.adapters.fetch.names import Lookups
from sidecar.adapters.files import ResultFiles
from sidecar.adapters.images.strips import Strips
from sidecar.adapters.lease import LeaseKeeper
from sidecar.adapters.metrics import Counters
from sidecar.adapters.transfers import Transfers
from sidecar.adapters.upsampler import UpsamplerClient
from sidecar.core.errors import Crowded, TemporaryError
from sidecar.core.pictures import ImageInfo
from sidecar.workflow.brief_wait import BriefWait
from tests.fakes.site import KEYS
from tests.testbed.threads import none_left


@pytest.fixture
def unwatched(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a process that has not fetched anything yet. The thread of the old watch goes on with its own."""
    monkeypatch.setattr(deadlines, "_watch", deadlines._Watch())


def never(*_: object) -> None:
    raise AssertionError("nobody is to be told")


def test_none_is_left_in_the_block_only() -> None:
    with none_left(), pytest.raises(RuntimeError):
        threading.Thread(target=never).start()
    thread = threading.Thread(target=lambda: None)
    thread.start()
    thread.join(10)


def test_a_name_is_looked_up_again() -> None:
    lookups = Lookups(lambda host, port: ["192.0.2.1"], within_s=10)
    with none_left(), pytest.raises(socket.gaierror):
        lookups("shop.example", 80)
    assert lookups("shop.example", 80) == ["192.0.2.1"]


def test_a_transfer_comes_again_and_leaves_no_place_taken() -> None:
    transfers = Transfers(most=1)
    for _ in range(3):
        with none_left(), pytest.raises(Crowded):
            transfers.run("a", never, never)
    assert transfers.run("a", lambda transfer: "brought", never) == (True, "brought")
    assert not transfers._running


def test_a_question_at_the_ledger_may_be_asked_again() -> None:
    brief = BriefWait("test", at_once=1, code="shop_unavailable", busy="busy")
    with none_left(), pytest.raises(TemporaryError, match="thread"):
        brief.ask(never, wait_s=10)
    assert brief.ask(lambda: 1, wait_s=10) == 1


def test_deadlines_are_kept_afterwards(unwatched: None) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        with none_left(), pytest.raises(OSError, match="thread"):
            Deadline(60).guard(ours)
        ours.settimeout(20)
        Deadline(0.1).guard(ours)
        assert ours.recv(1) == b"", "shut down by the deadline"


def test_a_submit_without_a_deadline_is_not_sent(unwatched: None) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        client = UpsamplerClient(base_url=f"http://127.0.0.1:{server.getsockname()[1]}", api_key="k")
        with none_left(), pytest.raises(TemporaryError) as caught:
            client.submit(image_url="https://shop.example/a.jpg", factor=4, webhook_url=None)
        server.settimeout(20)
        connection, _ = server.accept()
        with connection:
            connection.settimeout(20)
            assert connection.recv(1) == b""
    assert caught.value.code == "upsampler_unavailable"


def test_a_fetch_without_a_deadline_is_a_failed_one(unwatched: None) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        host = f"127.0.0.1:{server.getsockname()[1]}"
        fetcher = SafeFetcher(private_hosts=frozenset({host}))
        with none_left(), pytest.raises(TemporaryError):
            fetcher.head_bytes(f"http://{host}/", 10)
        fetcher.close()


def test_a_claim_is_renewed_afterwards() -> None:
    keeper, renewed = LeaseKeeper(every_s=0.02), threading.Event()
    with none_left(), pytest.raises(RuntimeError), keeper.keep(never):
        pass
    with keeper.keep(renewed.set):
        assert renewed.wait(20)


def test_a_large_file_is_written_by_whoever_has_it(tmp_path: Path) -> None:
    files = ResultFiles(tmp_path)
    incoming = files.incoming("job-1", "claim")
    with none_left():
        for number in range(6):
            incoming.write(bytes([number]) * (1 << 20))
        incoming.close()
    assert files.hash_file(incoming.path) == (6 << 20, incoming.sha256)


def test_strips_are_handed_on_by_whoever_gathers_them() -> None:
    taken: list[bool] = []
    with none_left():
        strips = Strips(ImageInfo("png", 2000, 3000, "RGB"), lambda strip: taken.append(strip.last))
        line = bytes(1 + 3 * 2000)
        for _ in range(3000):
            strips.feed(line)
        strips.finish()
    assert len(taken) > 2 and taken[-1]


def test_what_is_counted_is_added_at_the_end(redis_url: str) -> None:
    counters = Counters(redis.Redis.from_url(redis_url, decode_responses=True), KEYS)
    with none_left():
        counters.count("job.paid", {})
    assert counters.read() == {"n|job.paid|||": 1}
