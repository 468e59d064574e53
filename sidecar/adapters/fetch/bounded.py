"""Adapter: requests to servers that we know, each within a time. (A socket timeout begins anew with each byte.)

The look-up of the name has LOOKUP_S (names.py). Connecting and sending have the connect timeout (urllib3 sends under
it, and Python counts all of `sendall` against it); from then on the exchange has `whole_s` for headers and body
together.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import urllib3

from .connect import pool_classes
from .deadline import Deadline
from .names import Resolver, dial, system_resolver


@dataclass(frozen=True)
class Reply:
    """`data`: the body, cut at the limit: then it is no JSON any more."""

    status: int
    headers: Mapping[str, str]
    data: bytes


class BoundedPool:
    """Kept connections, shared by threads. Not across a fork.

    `connect_s`, `whole_s`: seconds, as the module says. `most_bytes`: a longer body is cut there. `connections`: kept
    for each server.
    """

    def __init__(
        self,
        *,
        connect_s: float,
        whole_s: float,
        most_bytes: int,
        connections: int = 4,
        resolver: Resolver = system_resolver,
    ):
        self._resolver = resolver
        self._connect_s, self._whole_s, self._most = connect_s, whole_s, most_bytes
        self._running = threading.local()  # the deadline of the request that this thread makes
        self._http = urllib3.PoolManager(num_pools=2, maxsize=connections)
        self._http.pool_classes_by_scheme = pool_classes(self._dial, self._watch)

    def request(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None = None) -> Reply:
        """The whole answer. Raises urllib3's HTTPError, OSError; TemporaryError("fetch_failed") when the time is up."""
        timeout = urllib3.Timeout(connect=self._connect_s, read=self._whole_s)
        deadline = self._running.deadline = Deadline(self._connect_s + self._whole_s)
        try:
            response = self._http.request(
                method, url, body=body, headers=headers, timeout=timeout, retries=False, redirect=False,
                preload_content=False,
            )  # fmt: skip
            try:
                data = self._read(response)
            finally:
                response.close()  # read to its end, it has gone back to the pool already
            if deadline.passed:  # a body without a length ends quietly when its socket is shut down
                deadline.left()
            return Reply(response.status, response.headers, data)
        except (urllib3.exceptions.HTTPError, OSError) as error:
            if deadline.passed:
                raise deadline.explain(error) from error
            raise
        finally:
            deadline.cancel()
            self._running.deadline = None

    def clear(self) -> None:
        """Close the kept connections; the pool stays usable."""
        self._http.clear()

    def _read(self, response: urllib3.BaseHTTPResponse) -> bytes:
        parts, left = [], self._most
        while left > 0 and (part := response.read1(min(65536, left))):
            parts.append(part)
            left -= len(part)
        return b"".join(parts)

    def _watch(self, sock: socket.socket) -> None:
        self._running.deadline.guard(sock)

    def _dial(self, host: str, port: int, timeout: float | None, options: Any) -> socket.socket:
        return dial(self._resolver(host.strip("[]"), port), port, timeout, options)
