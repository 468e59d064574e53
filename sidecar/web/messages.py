"""Face: the door for signed messages from the bridge (docs/contract.md, parts 1 and 2)."""

from __future__ import annotations

import json

from flask import Blueprint, Response, jsonify, request

from ..adapters import schemas
from ..core.errors import CallerError
from ..core.messages import TO_SIDECAR, Message, Unauthorized
from ..workflow import inbox
from ..workflow.start import ANSWER_KEPT_S
from .parts import ports, services

_STATUS = {"message_invalid": 400, "message_unknown_type": 422, "no_file": 404}

_STORED = json.dumps(inbox.STORED)

blueprint = Blueprint("messages", __name__)


@blueprint.post("/messages")
def receive() -> tuple[Response, int]:
    """1. authentic? 2. answered before? 3. of the right shape? 4. do it; 5. remember the answer for 24 h.

    Two repeats at the same moment both do it: everything that a message leads to may be done twice.
    """
    try:
        message = services().opener.open(request.get_data(), request.headers, now=ports().clock())
    except Unauthorized as refusal:
        ports().log("message.unauthorized", "A message was refused.", level="warning", reason=refusal.detail)
        return jsonify(error="unauthorized"), 401
    with ports().bind(request_id=message.id):
        return _answer(message)


def _answer(message: Message) -> tuple[Response, int]:
    if message.type == "job.paid" and _fits(message):
        known = inbox.paid(ports(), message)
        return _repeat(message, known) if known else (Response(_STORED, mimetype="application/json"), 200)
    known = ports().store.remembered(message.id)
    if known:
        return _repeat(message, known)
    try:
        schemas.check(TO_SIDECAR, message.type, message.data)
        answer, status = inbox.handle(ports(), message), 200
    except CallerError as error:
        answer, status = {"error": error.code, "detail": error.detail}, _STATUS.get(error.code, 400)
    ports().store.remember(message.id, inbox.remembered(message, answer, status), ttl_s=ANSWER_KEPT_S)
    return jsonify(answer), status


def _fits(message: Message) -> bool:
    try:
        schemas.check(TO_SIDECAR, message.type, message.data)
    except CallerError:
        return False  # refused, and the refusal remembered, as with any other message
    return True


def _repeat(message: Message, known: dict) -> tuple[Response, int]:
    if known["body"] != message.body_sha256:
        return jsonify(error="message_id_reused"), 409
    if "answer" not in known:
        return jsonify(error="message_answered"), 409
    return jsonify(known["answer"]), known["status"]
