"""Adapter: DNS look-ups with a time limit. The C library's look-up has none and can't be interrupted.

Each look-up runs in a thread, which is left behind when the time is up. Callers that ask for the same name share one
thread, and the number of threads is limited: a resolver that never answers costs a few threads in all.
"""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable
from concurrent.futures import Future
from time import monotonic
from typing import Any

from urllib3.util.connection import create_connection

Resolver = Callable[[str, int], list[str]]
"""(host name, port) → IP addresses as text, best first; raises OSError when the name leads nowhere."""

LOOKUP_S = 5.0
MOST_LOOKUPS = 32


def _by_the_system(host: str, port: int) -> list[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class Lookups:
    """A Resolver. `within_s`: seconds for a name; `most`: look-ups that may be under way in this process."""

    def __init__(self, lookup: Resolver = _by_the_system, *, within_s: float = LOOKUP_S, most: int = MOST_LOOKUPS):
        self._lookup, self._within_s, self._most = lookup, within_s, most
        self._begin()

    def __call__(self, host: str, port: int) -> list[str]:
        """Raises OSError: socket.gaierror when no answer has come in time."""
        if _is_address(host):
            return self._lookup(host, port)
        if self._pid != os.getpid():  # the child has none of its parent's threads
            self._begin()
        try:
            return self._answer(host, port).result(self._within_s)
        except TimeoutError:
            raise socket.gaierror(socket.EAI_AGAIN, f"no answer within {self._within_s:g} s") from None

    def _begin(self) -> None:
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._running: dict[tuple[str, int], Future[list[str]]] = {}

    def _answer(self, host: str, port: int) -> Future[list[str]]:
        with self._lock:
            if answer := self._running.get((host, port)):
                return answer
            if len(self._running) >= self._most:
                raise socket.gaierror(socket.EAI_AGAIN, f"{self._most} names are being looked up and get no answer")
            answer = self._running[host, port] = Future()
        try:
            threading.Thread(target=self._run, args=(host, port, answer), name="lookup", daemon=True).start()
        except RuntimeError as error:  # no room for one: the name must not count as being looked up from now on
            self._end(host, port, answer, [], socket.gaierror(socket.EAI_AGAIN, str(error)))
        return answer

    def _run(self, host: str, port: int, answer: Future[list[str]]) -> None:
        try:
            found, failure = self._lookup(host, port), None
        except BaseException as error:  # whoever waits for it raises it
            found, failure = [], error
        self._end(host, port, answer, found, failure)

    def _end(
        self, host: str, port: int, answer: Future[list[str]], found: list[str], failure: BaseException | None
    ) -> None:
        with self._lock:
            self._running.pop((host, port), None)
        if failure:
            answer.set_exception(failure)
        else:
            answer.set_result(found)


system_resolver = Lookups()


def dial(
    addresses: list[str],
    port: int,
    timeout: float | None,
    options: Any,
    connect: Callable[..., socket.socket] = create_connection,
) -> socket.socket:
    """A connection to the first address that answers. `timeout`: seconds for all addresses; each gets an equal share of
    the time left, so that a silent address leaves time for the next. Raises OSError."""
    failure = OSError("the name leads to no address")
    until = None if timeout is None else monotonic() + timeout
    for at, address in enumerate(addresses):
        share = None if until is None else (until - monotonic()) / (len(addresses) - at)
        if share is not None and share <= 0:
            break
        try:
            sock = connect((address, port), share, socket_options=options)
        except OSError as error:
            failure = error
            continue
        sock.settimeout(timeout)
        return sock
    raise failure


def _is_address(host: str) -> bool:
    """Nobody is asked for it."""
    try:
        socket.getaddrinfo(host, None, flags=socket.AI_NUMERICHOST)
    except OSError:
        return False
    return True
