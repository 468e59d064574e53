"""The body arrives whole, within its size and time, or as the right error; connections are kept where that is safe."""

from __future__ import annotations

import gzip
import hashlib
import os
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from sidecar.adapters.fetch import Head, Refused, SafeFetcher
from sidecar.core.errors import PermanentError, SidecarError, TemporaryError
from tests.fetch import drips
from tests.fetch.wire_server import Exchange, WireServer, keep_alive

FILE = os.urandom(3 * 1024 * 1024 + 17)


def make(server: WireServer, **settings: object) -> SafeFetcher:
    return SafeFetcher(private_hosts=frozenset({server.host}), **{"read_timeout": 5, **settings})


def fetch(fetcher: SafeFetcher, url: str, *, max_bytes: int = 1 << 30, deadline_s: float = 20) -> bytes:
    with fetcher.stream(url, max_bytes=max_bytes, deadline_s=deadline_s) as answer:
        return b"".join(answer.chunks)


def refusal(fetcher: SafeFetcher, url: str, **limits: object) -> SidecarError:
    with pytest.raises(SidecarError) as caught:
        fetch(fetcher, url, **limits)
    return caught.value


def test_a_file_arrives_byte_for_byte_in_chunks_of_the_asked_size():
    with (
        WireServer(lambda exchange: exchange.answer("200 OK", FILE, "Content-Type: image/png")) as server,
        make(server).stream(server.url, max_bytes=len(FILE), deadline_s=20, chunk_size=1 << 20) as answer,
    ):
        assert (answer.status, answer.content_length) == (200, len(FILE))
        chunks = list(answer.chunks)
    assert [len(chunk) for chunk in chunks] == [1 << 20, 1 << 20, 1 << 20, 17]
    assert hashlib.sha256(b"".join(chunks)).digest() == hashlib.sha256(FILE).digest()


def chunked(data: bytes, step: int) -> Iterator[bytes]:
    for start in range(0, len(data), step):
        piece = data[start : start + step]
        yield b"%x\r\n%s\r\n" % (len(piece), piece)
    yield b"0\r\n\r\n"


def test_a_chunked_body_arrives_whole_and_in_large_pieces():
    def script(exchange: Exchange) -> None:
        exchange.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"".join(chunked(FILE, 5000)))

    with WireServer(script) as server, make(server).stream(server.url, max_bytes=len(FILE), deadline_s=20) as answer:
        assert answer.content_length is None
        chunks = list(answer.chunks)
    assert b"".join(chunks) == FILE
    assert len(chunks) == 4


def test_a_body_without_a_length_ends_with_the_connection():
    with WireServer(lambda exchange: exchange.send(b"HTTP/1.1 200 OK\r\n\r\nabc")) as server:
        assert fetch(make(server), server.url) == b"abc"


@pytest.mark.parametrize("sent", [0, 1, 1000, len(FILE) - 1])
def test_fewer_bytes_than_announced_are_a_cut_result(sent):
    with WireServer(lambda exchange: exchange.answer("200 OK", FILE[:sent], length=len(FILE))) as server:
        error = refusal(make(server), server.url)
    assert (type(error), error.code) == (TemporaryError, "result_cut")


def test_a_chunked_body_that_stops_early_is_a_cut_result():
    def script(exchange: Exchange) -> None:
        body = b"".join(chunked(FILE, 5000))
        exchange.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + body[:100_000])

    with WireServer(script) as server:
        assert refusal(make(server), server.url).code == "result_cut"


def test_a_connection_reset_in_the_body_is_a_cut_result():
    def script(exchange: Exchange) -> None:
        exchange.answer("200 OK", FILE[:1000], length=len(FILE))
        exchange.reset()

    with WireServer(script) as server:
        assert refusal(make(server), server.url).code == "result_cut"


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [
        ("400 Bad Request", Refused, "result_gone"),
        ("401 Unauthorized", Refused, "result_gone"),
        ("403 Forbidden", Refused, "result_gone"),
        ("404 Not Found", Refused, "result_gone"),
        ("410 Gone", Refused, "result_gone"),
        ("408 Request Timeout", TemporaryError, "fetch_unavailable"),
        ("429 Too Many Requests", TemporaryError, "fetch_unavailable"),
        ("500 Internal Server Error", TemporaryError, "fetch_unavailable"),
        ("503 Service Unavailable", TemporaryError, "fetch_unavailable"),
        ("204 No Content", TemporaryError, "fetch_failed"),
        ("304 Not Modified", TemporaryError, "fetch_failed"),
        ("300 Multiple Choices", TemporaryError, "fetch_failed"),
        ("302 Found", TemporaryError, "fetch_failed"),
        ("206 Partial Content", TemporaryError, "fetch_failed"),
    ],
)
def test_another_status_than_200_is_told_by_its_code(status, kind, code):
    with WireServer(lambda exchange: exchange.answer(status, b"" if status[:3] in ("204", "304") else b"x")) as server:
        error = refusal(make(server), server.url)
    assert (type(error), error.code) == (kind, code)


def test_a_refusal_names_the_status_and_the_server_that_gave_it():
    with WireServer(lambda exchange: exchange.answer("403 Forbidden", b"x")) as wall:
        host = f"files.example:{wall.port}"
        move = f"Location: http://{host}/a.png"
        with WireServer(lambda exchange: exchange.answer("302 Found", b"", move)) as server:
            allowed = frozenset({server.host, host})
            error = refusal(SafeFetcher(private_hosts=allowed, resolver=lambda *_: ["127.0.0.1"]), server.url)
    assert (error.status, error.host) == (403, "files.example")


def test_retry_after_is_passed_on():
    with WireServer(lambda exchange: exchange.answer("503 Busy", b"", "Retry-After: 12")) as server:
        assert refusal(make(server), server.url).retry_after == 12


def test_a_body_announced_too_large_is_refused_before_it_is_read():
    with WireServer(lambda exchange: exchange.answer("200 OK", b"x", length=101)) as server:
        error = refusal(make(server), server.url, max_bytes=100)
    assert (type(error), error.code) == (PermanentError, "result_too_large")


def test_a_body_without_end_is_refused_at_the_limit():
    def script(exchange: Exchange) -> None:
        exchange.send(b"HTTP/1.1 200 OK\r\n\r\n")
        while not exchange.server.stopping.is_set():
            exchange.send(bytes(65536))

    with WireServer(script) as server:
        assert refusal(make(server), server.url, max_bytes=3 << 20).code == "result_too_large"


PICTURE = b"\x89PNG" + bytes(100_000) + os.urandom(1000)
BARE = zlib.compressobj(wbits=-15)
PACKED = {
    "gzip": ("gzip", gzip.compress(PICTURE)),
    "in capitals": ("GZIP", gzip.compress(PICTURE)),
    "two members": ("x-gzip", gzip.compress(PICTURE[:500]) + gzip.compress(PICTURE[500:])),
    "padded": ("gzip", gzip.compress(PICTURE) + bytes(20)),
    "deflate": ("deflate", zlib.compress(PICTURE)),
    "bare deflate": ("deflate", BARE.compress(PICTURE) + BARE.flush()),
    "with a store's own word": ("aws-chunked, gzip", gzip.compress(PICTURE)),
    "a label that lies": ("gzip", PICTURE),
    "another one": ("deflate", PICTURE),
    "a store's own word": ("aws-chunked", PICTURE),
    "a charset": ("utf-8", PICTURE),
    "nothing": ("", PICTURE),
    "identity": ("identity", PICTURE),
}


@pytest.mark.parametrize("chunk_size", [100, 1 << 20])
@pytest.mark.parametrize("how", PACKED)
def test_a_packed_answer_is_unpacked_and_a_label_of_no_packing_ignored(how, chunk_size):
    label, body = PACKED[how]
    with WireServer(
        keep_alive(lambda exchange: exchange.answer("200 OK", body, f"Content-Encoding: {label}"))
    ) as server:
        fetcher = make(server)
        limits = {"max_bytes": len(PICTURE), "deadline_s": 20, "chunk_size": chunk_size}
        with fetcher.stream(server.url, **limits) as answer:
            chunks = list(answer.chunks)
            assert answer.content_length in (None, len(PICTURE))
        assert b"".join(chunks) == PICTURE
        assert max(map(len, chunks)) <= chunk_size
        assert fetcher.head_bytes(server.url, 1 << 20) == Head(PICTURE, len(PICTURE), True)
        short = fetcher.head_bytes(server.url, 1000)
        assert not short.whole and PICTURE.startswith(short.data)
        assert b"accept-encoding: identity" in server.requests[0].lower()


def test_a_bomb_is_stopped_at_the_limit():
    body = gzip.compress(bytes(50 << 20))
    with WireServer(lambda exchange: exchange.answer("200 OK", body, "Content-Encoding: gzip")) as server:
        error = refusal(make(server), server.url, max_bytes=1 << 20)
    assert (type(error), error.code) == (PermanentError, "result_too_large")


@pytest.mark.parametrize(
    ("label", "body", "code"),
    [
        ("gzip", gzip.compress(PICTURE)[:-9], "result_cut"),
        ("gzip", gzip.compress(PICTURE)[:60] + bytes(900), "fetch_failed"),
        ("br", PICTURE, "fetch_failed"),
        ("gzip, gzip", gzip.compress(gzip.compress(PICTURE)), "fetch_failed"),
    ],
    ids=("cut", "damaged", "unknown", "twice"),
)
def test_what_can_not_be_unpacked_is_asked_for_again(label, body, code):
    with WireServer(lambda exchange: exchange.answer("200 OK", body, f"Content-Encoding: {label}")) as server:
        error = refusal(make(server), server.url)
    assert (type(error), error.code) == (TemporaryError, code)


def drip(exchange: Exchange, data: bytes) -> None:
    for byte in data:
        if exchange.server.stopping.wait(0.02):
            return
        exchange.send(bytes([byte]))


@pytest.mark.parametrize("never_ends", [drips.headers, drips.body, drips.body_without_length])
def test_what_drips_ends_at_the_deadline_although_each_byte_comes_in_time(never_ends):
    with WireServer(never_ends) as server:
        error = refusal(make(server), server.url, deadline_s=0.3)
        assert (server.connections, server.heard_out) == (1, 0)
    assert (type(error), error.code) == (TemporaryError, "fetch_failed")


def test_silence_is_a_failed_fetch():
    with WireServer(lambda exchange: exchange.server.stopping.wait(30)) as server:
        error = refusal(make(server, read_timeout=0.2), server.url)
        assert server.connections == 1
    assert (type(error), error.code) == (TemporaryError, "fetch_failed")


def test_a_consumer_that_is_slower_than_the_deadline_is_told():
    with WireServer(lambda exchange: exchange.answer("200 OK", FILE)) as server:
        limits = {"max_bytes": 1 << 30, "deadline_s": 0.2, "chunk_size": 1000}
        with pytest.raises(TemporaryError) as caught, make(server).stream(server.url, **limits) as answer:
            for _chunk in answer.chunks:
                server.stopping.wait(0.01)
    assert caught.value.code == "fetch_failed"


def test_nobody_listening_is_a_failed_fetch():
    with WireServer(lambda exchange: None) as server:
        fetcher = make(server)
    assert refusal(fetcher, server.url).code == "fetch_failed"


def test_a_name_that_leads_nowhere_is_a_failed_fetch():
    def nowhere(name: str, port: int) -> list[str]:
        raise OSError("no such name")

    assert refusal(SafeFetcher(resolver=nowhere), "https://files.example/").code == "fetch_failed"
    assert refusal(SafeFetcher(resolver=lambda name, port: []), "https://files.example/").code == "fetch_failed"


def test_the_second_address_is_tried_when_the_first_does_not_answer():
    with WireServer(lambda exchange: exchange.answer("200 OK", b"picture")) as server:
        host = f"files.example:{server.port}"
        fetcher = SafeFetcher(private_hosts=frozenset({host}), resolver=lambda name, port: ["127.0.0.9", "127.0.0.1"])
        assert fetch(fetcher, f"http://{host}/a.png") == b"picture"
        assert f"host: {host}".encode() in server.requests[0].lower()


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_three_redirects_are_followed_and_a_fourth_is_not(status):
    def script(exchange: Exchange) -> None:
        hops = int(exchange.request.split(b" ")[1].strip(b"/"))
        if hops == 0:
            exchange.answer("200 OK", b"picture")
        else:
            exchange.answer(f"{status} Moved", b"", f"Location: /{hops - 1}")

    with WireServer(keep_alive(script)) as server:
        fetcher = make(server)
        assert fetch(fetcher, f"{server.url}/3") == b"picture"
        assert refusal(fetcher, f"{server.url}/4").code == "fetch_failed"


def test_a_redirect_is_followed_as_browsers_do():
    def script(exchange: Exchange) -> None:
        if b"GET /new" in exchange.request:
            exchange.answer("200 OK", exchange.request.split(b" ")[1])
        else:
            exchange.answer("302 Found", b"", f"Location:  //{exchange.server.host}/new/ä b.png#x")

    with WireServer(keep_alive(script)) as server:
        assert fetch(make(server), server.url) == b"/new/%C3%A4%20b.png"


def test_connections_are_kept_for_the_next_fetch():
    with WireServer(keep_alive(lambda exchange: exchange.answer("200 OK", FILE))) as server:
        fetcher = make(server)
        for _ in range(3):
            assert fetch(fetcher, server.url) == FILE
        assert server.connections == 1


def test_a_body_left_unread_costs_its_connection_and_nothing_else():
    with WireServer(keep_alive(lambda exchange: exchange.answer("200 OK", FILE))) as server:
        fetcher = make(server)
        with fetcher.stream(server.url, max_bytes=1 << 30, deadline_s=20) as answer:
            next(answer.chunks)
        assert fetch(fetcher, server.url) == FILE
        assert server.connections == 2


def test_a_kept_connection_that_the_server_closed_is_replaced():
    def once(exchange: Exchange) -> None:
        exchange.answer("200 OK", b"picture")
        if len(exchange.server.requests) == 1:
            exchange.read_request()  # takes the second request on this connection, and hangs up on it

    with WireServer(once) as server:
        fetcher = make(server)
        assert fetch(fetcher, server.url) == b"picture"
        assert fetch(fetcher, server.url) == b"picture"
        assert (server.connections, len(server.requests)) == (2, 3)


def test_no_deadline_outlives_its_fetch():
    with WireServer(keep_alive(lambda exchange: exchange.answer("200 OK", b"picture"))) as server:
        fetcher = make(server)
        fetch(fetcher, server.url, deadline_s=1)
        time.sleep(1.1)
        assert fetch(fetcher, server.url, deadline_s=20) == b"picture"
        assert server.connections == 1, "the kept connection was not shut down"


def test_one_thread_waits_for_all_deadlines_and_the_nearest_comes_first():
    def script(exchange: Exchange) -> None:
        drip(exchange, b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 5000)

    with WireServer(script) as server, ThreadPoolExecutor(6) as threads:
        late = threads.submit(refusal, make(server), server.url, deadline_s=5)
        soon = [threads.submit(refusal, make(server), server.url, deadline_s=0.3) for _ in range(5)]
        assert [error.result(30).code for error in soon] == ["fetch_failed"] * 5
        assert not late.done()
        assert sum(thread.name == "deadlines" for thread in threading.enumerate()) == 1
        server.stopping.set()


def test_the_first_bytes_are_asked_for_by_range():
    def script(exchange: Exchange) -> None:
        exchange.answer("206 Partial Content", FILE[:1000], f"Content-Range: bytes 0-999/{len(FILE)}")

    with WireServer(script) as server:
        assert make(server).head_bytes(server.url, 1000) == Head(FILE[:1000], len(FILE), False)
        assert b"range: bytes=0-999\r\n" in server.requests[0].lower()


def test_a_server_without_ranges_gives_the_first_bytes_all_the_same():
    with WireServer(lambda exchange: exchange.answer("200 OK", FILE)) as server:
        assert make(server).head_bytes(server.url, 1000) == Head(FILE[:1000], len(FILE), False)


def test_a_file_shorter_than_the_asked_bytes_is_given_whole():
    with WireServer(lambda exchange: exchange.answer("200 OK", b"abc")) as server:
        assert make(server).head_bytes(server.url, 1000) == Head(b"abc", 3, True)


def test_an_empty_file_has_no_first_bytes_and_is_told_from_a_server_that_is_confused():
    empty, status = "Content-Range: bytes */0", "416 Range Not Satisfiable"
    with WireServer(lambda exchange: exchange.answer(status, b"", empty)) as server:
        assert make(server).head_bytes(server.url, 1000) == Head(b"", 0, True)
    with WireServer(lambda exchange: exchange.answer(status)) as server, pytest.raises(TemporaryError):
        make(server).head_bytes(server.url, 1000)


def test_first_bytes_that_stop_early_are_a_cut_result():
    with WireServer(lambda exchange: exchange.answer("200 OK", b"abc", length=10)) as server:
        with pytest.raises(TemporaryError) as caught:
            make(server).head_bytes(server.url, 10)
        assert caught.value.code == "result_cut"


def test_https_checks_the_name_although_the_connection_goes_to_an_address(certificates):
    with WireServer(keep_alive(lambda exchange: exchange.answer("200 OK", FILE)), tls=certificates.server) as server:
        hosts = frozenset({f"files.example:{server.port}", f"other.example:{server.port}"})
        fetcher = SafeFetcher(
            private_hosts=hosts, resolver=lambda name, port: ["127.0.0.1"], tls=lambda: certificates.client
        )
        assert fetch(fetcher, f"https://files.example:{server.port}/") == FILE
        assert fetch(fetcher, f"https://files.example:{server.port}/") == FILE
        assert server.connections == 1
        assert refusal(fetcher, f"https://other.example:{server.port}/").code == "fetch_failed"


def test_an_unknown_authority_is_a_failed_fetch(certificates):
    with WireServer(lambda exchange: exchange.answer(), tls=certificates.server) as server:
        host = f"files.example:{server.port}"
        fetcher = SafeFetcher(private_hosts=frozenset({host}), resolver=lambda name, port: ["127.0.0.1"])
        assert refusal(fetcher, f"https://{host}/").code == "fetch_failed"


def test_a_redirect_from_https_to_http_is_refused(certificates):
    def script(exchange: Exchange) -> None:
        exchange.answer("302 Found", b"", "Location: http://files.example/")

    with WireServer(script, tls=certificates.server) as server:
        host = f"files.example:{server.port}"
        fetcher = SafeFetcher(
            private_hosts=frozenset({host}), resolver=lambda name, port: ["127.0.0.1"], tls=lambda: certificates.client
        )
        assert refusal(fetcher, f"https://{host}/").code == "fetch_refused_address"


def test_a_child_process_opens_connections_of_its_own():
    with WireServer(keep_alive(lambda exchange: exchange.answer("200 OK", b"picture"))) as server:
        fetcher = make(server)
        assert fetch(fetcher, server.url) == b"picture"
        child = os.fork()
        if child == 0:
            os._exit(0 if fetch(fetcher, server.url) == b"picture" else 1)
        assert os.waitpid(child, 0)[1] == 0
        assert server.connections == 2
        assert fetch(fetcher, server.url) == b"picture"
        assert server.connections == 2


# ---------------------------------------------------------------------- ended from another thread
def test_an_exchange_can_be_ended_before_the_server_has_said_anything() -> None:
    ends: list[Callable[[], None]] = []
    asked = threading.Event()

    def silent(exchange: Exchange) -> None:
        asked.set()
        exchange.server.stopping.wait(30)

    def stops() -> None:
        assert asked.wait(20)
        ends[0]()

    with WireServer(silent) as server:
        threading.Thread(target=stops, daemon=True).start()
        with (
            pytest.raises(TemporaryError),
            SafeFetcher(private_hosts=frozenset({server.host})).stream(
                server.url, max_bytes=10, deadline_s=3600, watched=ends.append
            ),
        ):
            raise AssertionError("nothing has come")
        assert not server.stopping.is_set()


def test_one_that_is_ended_before_it_is_connected_ends_as_soon_as_it_is() -> None:
    with WireServer(lambda exchange: None) as server:
        with (
            pytest.raises(TemporaryError),
            SafeFetcher(private_hosts=frozenset({server.host})).stream(
                server.url, max_bytes=10, deadline_s=3600, watched=lambda end: end()
            ),
        ):
            raise AssertionError("nothing has come")
        assert server.requests == []
