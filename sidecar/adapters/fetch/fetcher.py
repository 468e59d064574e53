"""Adapter: safe streaming GET, for results and sources. May not hold a file in memory nor reach an inner address.

An address is judged in the moment of connecting, and the connection goes to the very address that was judged: what a
name meant a second earlier, or means to another parser, does not matter (DNS rebinding). The pool stays keyed by name,
so TLS names and kept-alive connections work as ever; a kept one leads to an address that was judged when it was made.
"""

from __future__ import annotations

import os
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from time import monotonic
from urllib.parse import urljoin

import urllib3

from sidecar.adapters.fetch.address import parse_public_url, refuse, require_public
from sidecar.adapters.fetch.answer import (
    Begun,
    FetchResponse,
    Head,
    Refused,
    Resumable,
    begins_at,
    head_of,
    strong_etag,
)
from sidecar.adapters.fetch.coding import packing_of, unpacked
from sidecar.adapters.fetch.connect import pool_classes
from sidecar.adapters.fetch.deadline import Deadline
from sidecar.adapters.fetch.names import Resolver, dial, system_resolver
from sidecar.adapters.fetch.pace import Pace, PaceWatch
from sidecar.adapters.fetch.retry_after import retry_after
from sidecar.adapters.fetch.tls import tls_context
from sidecar.core.addresses import as_opened
from sidecar.core.errors import PartRefused, PermanentError, TemporaryError

HEADERS_S = 60  # for redirects and headers, where the body is held to a pace
MOMENT_S = 0.5  # a chunk is no longer waited for
MAX_REDIRECTS = 3  # shops move images behind a CDN or to https; each hop is judged like the first
_HEADERS = {"Accept-Encoding": "identity", "User-Agent": "smi-sidecar"}


class SafeFetcher:
    """GET over http(s) to public addresses only.

    Args:
        private_hosts: ``host:port`` pairs allowed although their address is not public (one-machine set-ups, tests).
        connect_timeout: seconds for all of a name's addresses; read_timeout: seconds of silence.
        resolver: stands in for the system's name lookup.
        tls: gives the TLS context, asked at the first https connection.

    Safe to share by threads and across a fork.
    """

    def __init__(
        self,
        *,
        private_hosts: frozenset[str] = frozenset(),
        connect_timeout: float = 5,
        read_timeout: float = 30,
        resolver: Resolver = system_resolver,
        tls: Callable[[], ssl.SSLContext] = tls_context,
    ):
        self._private = frozenset(_plain(host) for host in private_hosts)
        self._connect_timeout = connect_timeout
        self._read_timeout = read_timeout
        self._resolver = resolver
        self._tls = tls
        self._running = threading.local()  # the deadline of the fetch that this thread runs
        self._pool: tuple[int, urllib3.PoolManager] | None = None

    @contextmanager
    def stream(
        self,
        url: str,
        *,
        max_bytes: int,
        deadline_s: float,
        least_bytes_per_s: float = 0,
        begun: Resumable | None = None,
        chunk_size: int = 1 << 20,
        watched: Callable[[Callable[[], None]], None] | None = None,
    ) -> Iterator[FetchResponse]:
        """GET `url`; the block reads the body from `chunks`. What it leaves unread closes the connection.

        Args:
            max_bytes: a body that is announced longer, or grows longer, is refused.
            deadline_s: seconds for the whole, redirects and body included, however slowly the bytes drip.
            least_bytes_per_s: how fast the body must come, 0: at any speed. The headers then have a minute, and the
                deadline follows from the length where one is announced.
            begun: what an earlier try has; the server may go on from there.
            watched: gets what ends the exchange from another thread, before it begins.

        Raises (here or while reading):
            PermanentError: fetch_refused_address; result_gone, as `Refused` (401, 403, 404, 410 and other 4xx: an
                expired signed URL answers 403 or 400); result_too_large.
            TemporaryError: fetch_unavailable (5xx, 429, 408); result_cut (fewer bytes than announced); fetch_failed
                (no connection, silence, deadline, an answer that is no plain 200; as `PartRefused`, what was `begun`
                is of no use); fetch_slow.
        """
        pace = Pace(least_bytes_per_s) if least_bytes_per_s else None
        had = Begun(begun.bytes, begun.total or 0, begun.etag) if begun else None
        with self._deadline(min(deadline_s, HEADERS_S) if pace else deadline_s) as deadline:
            if watched:
                watched(deadline.pass_)
            response = self._get(url, deadline, had.headers if had else {})
            with closing(response):
                length = response.length_remaining
                if length is not None and length > max_bytes:
                    raise _too_large(max_bytes)
                start = begins_at(response, had)
                if pace:
                    deadline.allow(deadline_s if length is None else pace.seconds_for(length))
                chunks = _chunks(response, deadline, max_bytes - start, chunk_size, PaceWatch(pace) if pace else None)
                etag = strong_etag(response)
                if packing := packing_of(response.headers.get("Content-Encoding")):
                    length, etag, chunks = None, "", unpacked(chunks, packing, max_bytes, chunk_size)
                yield FetchResponse(200, length, chunks, start, etag)

    def head_bytes(
        self, url: str, n: int, *, deadline_s: float = 30, watched: Callable[[Callable[[], None]], None] | None = None
    ) -> Head:
        """The first `n` bytes of a file, or all of a shorter one; asks for no more (RFC 9110, 14.2). Raises like
        `stream`. `watched` gets what ends the exchange from another thread."""
        with self._deadline(deadline_s) as deadline:
            if watched:
                watched(deadline.pass_)
            response = self._get(url, deadline, {"Range": f"bytes=0-{n - 1}"})
            with closing(response):
                if response.status == 416:
                    return Head(b"", 0, True, response.headers)
                # The second read finds out whether a short answer was the whole file or a cut one.
                data = _read(response, deadline, n)
                if len(data) < n:
                    data += _read(response, deadline, n - len(data))
                return head_of(response, data, n)

    def close(self) -> None:
        """Closes the kept connections; the fetcher stays usable."""
        if self._pool is not None:
            self._pool[1].clear()
            self._pool = None

    def _get(self, url: str, deadline: Deadline, extra: dict[str, str]) -> urllib3.BaseHTTPResponse:
        """The open answer with status 200 (or 206 if a Range was asked for), after up to three redirects."""
        for _hop in range(MAX_REDIRECTS + 1):
            parts = parse_public_url(url)
            response = self._request(parts.url, deadline, {**_HEADERS, **extra})
            try:
                if response.status in (301, 302, 303, 307, 308) and response.headers.get("Location"):
                    target = as_opened(urljoin(url, _location(response)), url)
                    if target is None:
                        raise refuse("a redirect leads to no address")
                    if parts.scheme == "https" and not target.lower().startswith("https:"):
                        raise refuse("a redirect leads from https to something weaker")
                    url = target
                    response.close()
                    continue
                _check_answer(response, parts.host or "", asked=extra.get("Range", ""))
            except BaseException:
                response.close()
                raise
            return response
        raise TemporaryError("fetch_failed", f"more than {MAX_REDIRECTS} redirects")

    def _request(self, url: str, deadline: Deadline, headers: dict[str, str]) -> urllib3.BaseHTTPResponse:
        for last in (False, True):
            left = deadline.left()
            timeout = urllib3.Timeout(connect=min(self._connect_timeout, left), read=min(self._read_timeout, left))
            try:
                return self._connections().request(
                    "GET", url, headers=headers, timeout=timeout, retries=False, redirect=False,
                    preload_content=False, decode_content=False,
                )  # fmt: skip
            except urllib3.exceptions.ProtocolError as error:
                # Most likely a kept connection that the server had closed meanwhile: once more, on a new one.
                if last or deadline.passed:
                    raise deadline.explain(error) from error
            except urllib3.exceptions.HTTPError as error:
                raise deadline.explain(error) from error
        raise AssertionError("the loop returns or raises")

    @contextmanager
    def _deadline(self, seconds: float) -> Iterator[Deadline]:
        deadline = Deadline(seconds)
        self._running.deadline = deadline
        try:
            yield deadline
        finally:
            self._running.deadline = None
            deadline.cancel()

    def _connections(self) -> urllib3.PoolManager:
        pid = os.getpid()
        if self._pool is None or self._pool[0] != pid:  # sockets inherited over a fork belong to the parent
            self._pool = (pid, self._make_pool())
        return self._pool[1]

    def _make_pool(self) -> urllib3.PoolManager:
        manager = urllib3.PoolManager(num_pools=20, maxsize=8)
        manager.pool_classes_by_scheme = pool_classes(self._dial, self._watch, self._tls)
        return manager

    def _watch(self, sock: socket.socket) -> None:
        self._running.deadline.guard(sock)

    def _dial(self, host: str, port: int, timeout: float | None, options: list) -> socket.socket:
        """Looks the name up once, judges every address, connects to the first of them that answers."""
        addresses = self._resolver(host, port)
        if _plain(f"{host}:{port}") not in self._private:
            for address in addresses:
                require_public(address)
        return dial(addresses, port, min(timeout or self._connect_timeout, self._running.deadline.left()), options)


def _plain(host_and_port: str) -> str:
    """``host:port`` in one spelling: lower case, without the brackets of IPv6."""
    return host_and_port.lower().replace("[", "").replace("]", "")


def _location(response: urllib3.BaseHTTPResponse) -> str:
    """The header as browsers read it: UTF-8, where the bytes are that."""
    said = response.headers["Location"]
    try:
        return said.encode("latin-1").decode()
    except UnicodeError:
        return said


def _check_answer(response: urllib3.BaseHTTPResponse, host: str, *, asked: str) -> None:
    """`asked`: the request's Range."""
    status = response.status
    if status == 200 or (status == 206 and asked):
        return
    if status == 416 and asked.startswith("bytes=0-") and response.headers.get("Content-Range") == "bytes */0":
        return  # an empty file has no byte 0 (RFC 9110, 14.4)
    said = f"HTTP {status}"
    if status >= 500 or status in (408, 425, 429):
        raise TemporaryError("fetch_unavailable", said, retry_after=retry_after(response.headers.get("Retry-After")))
    if status == 416 and asked:
        raise PartRefused("fetch_failed", "what we have is no part of the file any more")
    if status >= 400:
        raise Refused(status, host)
    raise TemporaryError("fetch_failed", f"{said} where a file was expected")


def _chunks(
    response: urllib3.BaseHTTPResponse, deadline: Deadline, max_bytes: int, chunk_size: int, pace: PaceWatch | None
) -> Iterator[bytes]:
    received = 0
    while True:
        chunk = _some(response, deadline, chunk_size)
        if not chunk:
            deadline.cancel()
            return
        received += len(chunk)
        if pace:
            pace.came(len(chunk))
        if received > max_bytes:
            raise _too_large(max_bytes)
        yield chunk


def _read(response: urllib3.BaseHTTPResponse, deadline: Deadline, size: int, *, at_once: bool = False) -> bytes:
    """`read` fills `size` also when the server sends small HTTP chunks; `at_once`: what is there, if anything is."""
    try:
        data = (response.read1 if at_once else response.read)(size, decode_content=False)
    except (urllib3.exceptions.HTTPError, OSError) as error:
        raise deadline.explain(error) from error
    if deadline.passed:
        deadline.left()  # raises: a body without a length ends quietly when its socket is shut down
    return data


def _some(response: urllib3.BaseHTTPResponse, deadline: Deadline, size: int) -> bytes:
    """Up to `size` bytes: as many as come within a moment. Whoever waits for a slow body sees that it is slow."""
    pieces, left, until = [], size, monotonic() + MOMENT_S
    while left > 0:
        piece = _read(response, deadline, left, at_once=True)
        if not piece:
            break
        pieces.append(piece)
        left -= len(piece)
        if monotonic() > until:
            break
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def _too_large(max_bytes: int) -> PermanentError:
    return PermanentError("result_too_large", f"more than {max_bytes} bytes")
