"""Web: the one place where an exception becomes an answer. People get a small readable page, programs get JSON."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flask import Flask, Response, jsonify, request
from redis.exceptions import RedisError
from werkzeug.exceptions import HTTPException

from ..adapters.refusals import in_words
from ..core.errors import CallerError, SidecarError
from ..workflow.ports import Ports
from . import sorry
from .parts import ports, services

_STATUS = {
    "token_invalid": 404,
    "token_expired": 410,
    "link_revoked": 410,
    "link_replaced": 410,
    "file_missing": 404,
    "no_file": 404,
    "file_at_the_shop": 410,
}


def register(app: Flask) -> None:
    """CallerError becomes 404, 410 or 400; another SidecarError, or a Redis that is away, 503 with Retry-After; what
    HTTP itself refuses keeps its status; all else is a fault of ours, 500."""
    app.register_error_handler(SidecarError, _ours)
    app.register_error_handler(RedisError, _redis)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Exception, _fault)


def _ours(error: SidecarError) -> Response:
    if isinstance(error, CallerError):
        return _answer(error.code, _STATUS.get(error.code, 400))
    ports().log(
        "web.unavailable", "A request could not be served.", level="warning", reason=error.code, detail=error.detail
    )
    return _answer("temporarily_unavailable", 503)


def _redis(error: RedisError) -> Response:
    ports().log("web.redis", "Redis does not answer.", level="error", detail=in_words(error))
    return _answer("temporarily_unavailable", 503)


@contextmanager
def can_wait(parts: Ports, event: str, sentence: str, **fields: Any) -> Iterator[None]:
    """Around what a request notes beside its answer: what Redis does not take is logged, and the answer goes out."""
    try:
        yield
    except RedisError as error:
        parts.log(event, sentence, level="warning", detail=in_words(error), **fields)


def _http(error: HTTPException) -> Response:
    response = _answer(
        {404: "not_found", 405: "method_not_allowed", 413: "too_large"}.get(error.code or 500, "bad_request"),
        error.code or 500,
    )
    for name, value in error.get_headers():
        if name in ("Allow", "Content-Range"):  # what the client needs to do better (RFC 9110, 15.5.6 and 15.5.17)
            response.headers[name] = value
    return response


def _fault(error: Exception) -> Response:
    ports().log(
        "stage.broke", "A fault of ours in a request.", path=request.url_rule and request.url_rule.rule, exc_info=True
    )
    return _answer("internal_error", 500)


def _answer(code: str, status: int) -> Response:
    if request.path.startswith("/download/"):
        response = sorry.page(code, status, services().settings.shop_url)
        response.headers["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'"
        response.headers["Referrer-Policy"] = "no-referrer"
        response.headers["X-Robots-Tag"] = "noindex, nofollow"
    else:
        response = jsonify(error=code)
        response.status_code = status
        response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["Cache-Control"] = "no-store"
    if status == 503:
        response.headers["Retry-After"] = "30"
    return response
