"""Web: the door for signed messages from the bridge (docs/contract.md, parts 1 and 2)."""

from __future__ import annotations

from flask import Blueprint, Response, request
from werkzeug.datastructures import EnvironHeaders
from werkzeug.http import HTTP_STATUS_CODES

from ..receive import receive as receive_message
from ..services import Services
from .front import Application, Environ, body_of, of_bytes, raise_again
from .parts import services

_JSON = "application/json"
_PRIVATE = [("Cache-Control", "no-store"), ("Referrer-Policy", "no-referrer")]  # an answer may hold a link

blueprint = Blueprint("messages", __name__)


@blueprint.post("/messages")
def receive() -> Response:
    """What `answer` has not taken, because its length is not known or too large, and what it has raised."""
    raise_again()
    text, status = receive_message(services(), request.get_data(), request.headers)
    return Response(text, status, mimetype=_JSON, headers=_PRIVATE)


def answer(services: Services, environ: Environ) -> Application | None:
    """The usual message: of known length."""
    body = body_of(environ) if environ["PATH_INFO"] == "/messages" else None
    if body is None:
        return None
    text, status = receive_message(services, body, EnvironHeaders(environ))
    line = f"{status} {HTTP_STATUS_CODES[status].upper()}"
    return of_bytes(line, [("Content-Type", _JSON), *_PRIVATE], text.encode())
