"""Face: the usual download, answered before Flask has made a request of it.

While one big file passes through the CPU's caches, all code leaves them. Each line between the web server's question
and our answer then costs the customer several times what it does else (docs/performance.md, "Downloads"), and half of
the lines are those that prepare for what a download does not need. What is not usual, errors above all, is Flask's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from ..services import Services
from .download import Headers, by_web_server, opened, streamed

PREFIX = "/download/"
Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class QuickDownloads:
    """WSGI middleware before the application."""

    def __init__(self, app: Application, services: Services):
        self._app = app
        self._services = services

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        answer: Application
        path = environ.get("PATH_INFO", "")
        if not path.startswith(PREFIX) or path.endswith("/") or environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            return self._app(environ, start_response)
        token = path[len(PREFIX) :].partition("/")[0]
        parts = self._services.ports
        try:
            job, file = opened(parts, token, environ)
            if parts.settings.download_mode == "stream":
                answer = streamed(job, file, environ)
            else:
                answer = _of_headers_alone(by_web_server(parts, job, file))
        except Exception:  # whatever it was, Flask comes upon it as well, and has an answer and a line in the log
            answer = self._app
        return answer(environ, start_response)


def _of_headers_alone(headers: Headers) -> Application:
    def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        start_response("200 OK", headers)
        return ()

    return answer
