"""Adapter: what a stranger gets at an address: no signature, no cookie, no redirect followed. For checks only.

Each answer has an end: a look-up of the name has LOOKUP_S, connecting `timeout` seconds, headers and body together as
many again.
"""

from __future__ import annotations

import json
import socket
from dataclasses import dataclass
from typing import Any

import requests
from requests.adapters import HTTPAdapter

from ..core.errors import TemporaryError
from .fetch.connect import pool_classes
from .fetch.deadline import Deadline
from .fetch.names import dial, system_resolver

MOST_BYTES = 1 << 20  # of an answer that are read, and a piece more at most
_PIECE = 64 << 10


@dataclass(frozen=True)
class Seen:
    """`status` 0: nobody answered, `why` says how it failed."""

    status: int
    body: bytes = b""
    date: str = ""
    why: str = ""

    def json(self) -> Any:
        """None when the body is no JSON."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None


def get(url: str, *, host: str = "", timeout: float = 10) -> Seen:
    """What a GET brings. `host`: the Host header when it is not the address'. `timeout`: see above. Never raises for
    what the network does."""
    return _ask("GET", url, {"Host": host} if host else {}, None, timeout)


def post(url: str, body: bytes, headers: dict[str, str], *, timeout: float = 10) -> Seen:
    return _ask("POST", url, headers, body, timeout)


class _Bounded(HTTPAdapter):
    """Shows the deadline the socket of each exchange."""

    def __init__(self, deadline: Deadline) -> None:
        self._deadline = deadline
        super().__init__()

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, **options)
        self.poolmanager.pool_classes_by_scheme = pool_classes(_dial, self._deadline.guard)


def _dial(host: str, port: int, timeout: float | None, options: Any) -> socket.socket:
    return dial(system_resolver(host.strip("[]"), port), port, timeout, options)


def _ask(method: str, url: str, headers: dict[str, str], body: bytes | None, timeout: float) -> Seen:
    deadline = Deadline(2 * timeout)
    with requests.Session() as session:
        session.trust_env = False
        for scheme in ("http://", "https://"):
            session.mount(scheme, _Bounded(deadline))
        try:
            answer = session.request(
                method, url, data=body, headers=headers, timeout=timeout, allow_redirects=False, stream=True
            )
            with answer:
                read = b""
                for piece in answer.iter_content(_PIECE):
                    read += piece
                    if len(read) >= MOST_BYTES:
                        break
            if deadline.passed:  # a body without a length ends quietly when its socket is shut down
                deadline.left()
        except (requests.RequestException, OSError, TemporaryError) as error:
            return Seen(0, why="ReadTimeout" if deadline.passed else type(error).__name__)
        finally:
            deadline.cancel()
    return Seen(answer.status_code, read, answer.headers.get("Date", ""))
