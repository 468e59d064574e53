"""Web: the doors that carry the load, answered before Flask has made a request of it.

For each request Flask prepares what these doors do not need. That is a fifth of what a signed message costs, and two
thirds of a download's answer; and while one big file passes through the CPU's caches all code leaves them, so that each
line between the web server's question and our answer costs the customer several times what it does else
(docs/performance.md, "Downloads"). All other doors are Flask's, and so is every error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from flask import request

from ..core.errors import CallerError
from ..services import Services

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
Application = Callable[[Environ, StartResponse], Iterable[bytes]]
Headers = list[tuple[str, str]]
Door = Callable[[Services, Environ], "Application | None"]  # None: not for me

MAX_BODY = 2 << 20
MESSAGE_BYTES, WEBHOOK_BYTES = 1 << 20, 64 << 10  # as core.messages and the Upsampler adapter take them
WEBHOOKS = "/webhooks/upsampler/"
_RAISED = "smi.raised"


class Front:
    """WSGI middleware. `doors`: by the first part of the path."""

    def __init__(self, app: Application, services: Services, doors: Mapping[str, Door]):
        self._app = app
        self._services = services
        self._doors = doors

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        door = self._doors.get(environ.get("PATH_INFO", "")[1:].partition("/")[0])
        answer = None
        if door is not None:
            try:
                answer = door(self._services, environ)
            except Exception as error:  # raised again where Flask's handlers see it
                environ[_RAISED] = error
        return (answer or self._app)(environ, start_response)


def raise_again() -> None:
    """In Flask's view of such a door: what it has raised, if it has. Taken out, or exception and environ would keep
    each other alive."""
    error = request.environ.pop(_RAISED, None)
    if error is not None:
        raise error


def body_limit(services: Services) -> Callable[[str, str], int]:
    """How many bytes of a body a door takes, for the worker, which asks before it reads one. Without a valid token:
    none."""

    def limit(method: str, path: str) -> int:
        if method == "POST" and path == "/messages":
            return MESSAGE_BYTES
        if method == "POST" and path.startswith(WEBHOOKS):
            try:
                services.ports.tokens.read_webhook(path[len(WEBHOOKS) :])
            except CallerError:
                return 0
            return WEBHOOK_BYTES
        return WEBHOOK_BYTES if path.startswith("/rq/") else 0  # rq-dashboard has forms

    return limit


def body_of(environ: Environ, most: int = MAX_BODY) -> bytes | None:
    """The body of a POST; None, and nothing was read, if it is no POST, of unknown length, or too large."""
    length = environ.get("CONTENT_LENGTH") or ""
    if environ["REQUEST_METHOD"] != "POST" or not length.isdecimal() or int(length) > most:
        return None
    return environ["wsgi.input"].read(int(length))


def of_bytes(status: str, headers: Headers, body: bytes = b"") -> Application:
    """An answer of known length. `status`: e.g. "200 OK"."""
    headers = [*headers, ("Content-Length", str(len(body)))]

    def answer(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        start_response(status, headers)
        return (body,) if body else ()

    return answer
