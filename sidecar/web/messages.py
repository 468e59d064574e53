"""Face: the door for signed messages from the bridge (docs/contract.md, parts 1 and 2)."""

from __future__ import annotations

import json

from flask import Blueprint, Response, request
from werkzeug.datastructures import EnvironHeaders
from werkzeug.http import HTTP_STATUS_CODES

from ..adapters import schemas
from ..core.errors import CallerError
from ..core.messages import TO_SIDECAR, Headers, Message, Unauthorized
from ..services import Services
from ..workflow import inbox
from ..workflow.ports import Ports
from ..workflow.time_limits import ANSWER_KEPT_S
from .front import Application, Environ, body_of, of_bytes, raise_again
from .parts import services

_STATUS = {"message_invalid": 400, "message_unknown_type": 422, "no_file": 404}

_JSON = "application/json"
_PRIVATE = [("Cache-Control", "no-store"), ("Referrer-Policy", "no-referrer")]  # an answer may hold a link
_STORED = json.dumps(inbox.STORED)

blueprint = Blueprint("messages", __name__)


@blueprint.post("/messages")
def receive() -> Response:
    """What `answer` has not taken, because its length is not known or too large, and what it has raised."""
    raise_again()
    text, status = _receive(services(), request.get_data(), request.headers)
    return Response(text, status, mimetype=_JSON, headers=_PRIVATE)


def answer(services: Services, environ: Environ) -> Application | None:
    """The usual message: of known length."""
    body = body_of(environ) if environ["PATH_INFO"] == "/messages" else None
    if body is None:
        return None
    text, status = _receive(services, body, EnvironHeaders(environ))
    line = f"{status} {HTTP_STATUS_CODES[status].upper()}"
    return of_bytes(line, [("Content-Type", _JSON), *_PRIVATE], text.encode())


def _receive(services: Services, body: bytes, headers: Headers) -> tuple[str, int]:
    """1. authentic? 2. answered before? 3. of the right shape? 4. do it; 5. remember the answer for 24 h.

    Two repeats at the same moment both do it: everything that a message leads to may be done twice.
    Returns JSON and an HTTP status.
    """
    parts = services.ports
    try:
        message = services.opener.open(body, headers, now=parts.clock())
    except Unauthorized as refusal:
        parts.log("message.unauthorized", "A message was refused.", level="warning", reason=refusal.detail)
        return json.dumps({"error": "unauthorized"}), 401
    with parts.bind(request_id=message.id):
        return _do(parts, message)


def _do(parts: Ports, message: Message) -> tuple[str, int]:
    if message.type == "job.paid" and _fits(message):
        known = inbox.paid(parts, message)
        return _repeat(message, known) if known else (_STORED, 200)
    known = parts.store.idempotency.remembered(message.id)
    if known:
        return _repeat(message, known)
    try:
        schemas.check(TO_SIDECAR, message.type, message.data)
        said, status = inbox.handle(parts, message), 200
    except CallerError as error:
        said, status = {"error": error.code, "detail": error.detail}, _STATUS.get(error.code, 400)
    parts.store.idempotency.remember(message.id, inbox.remembered(message, said, status), ttl_s=ANSWER_KEPT_S)
    return json.dumps(said), status


def _fits(message: Message) -> bool:
    try:
        schemas.check(TO_SIDECAR, message.type, message.data)
    except CallerError:
        return False  # refused, and the refusal remembered, as with any other message
    return True


def _repeat(message: Message, known: dict) -> tuple[str, int]:
    if known["body"] != message.body_sha256:
        return json.dumps({"error": "message_id_reused"}), 409
    if "answer" not in known:
        return json.dumps({"error": "message_answered"}), 409
    return json.dumps(known["answer"]), known["status"]
