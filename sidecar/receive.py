"""Entry point: a signed message from the bridge, by whatever door it comes (docs/contract.md, parts 1, 2 and 7)."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

from .adapters import schemas
from .adapters.upsampler import parse_hint
from .core.errors import CallerError
from .core.messages import TO_SIDECAR, Headers, Message, Unauthorized
from .services import Services
from .workflow import inbox
from .workflow.ports import Ports
from .workflow.time_limits import ANSWER_KEPT_S
from .workflow.webhook import webhook_from_outside

REFUSALS_TOLD_EVERY_S = 60  # of a kind; a stranger must not fill the log
_STATUS = {"message_invalid": 400, "message_unknown_type": 422, "no_file": 404}


def receive(services: Services, body: bytes, headers: Headers) -> tuple[str, int]:
    """1. authentic? 2. answered before? 3. of the right shape? 4. do it; 5. remember the answer for 24 h.

    Two repeats at the same moment both do it: everything that a message leads to may be done twice. Returns JSON and an
    HTTP status: 200; 401 unauthorized; 400 message_invalid, or why it can't be done; 404 no_file; 409
    message_id_reused, message_answered (a question again); 422 message_unknown_type. Raises SidecarError, and Redis'
    errors, when a part is away: the message may come again.
    """
    parts = services.ports
    try:
        message = services.opener.open(body, headers, now=parts.clock())
    except Unauthorized as refusal:
        _tell(parts, refusal)
        return json.dumps({"error": "unauthorized"}), 401
    with parts.bind(request_id=message.id):
        return _do(parts, message)


def _tell(parts: Ports, refusal: Unauthorized) -> None:
    """Each kind once a minute: anybody may send us something. A refusal needs no Redis."""
    with suppress(*parts.memory_outages):
        if parts.store.heartbeats.acquire_interval(f"unauthorized:{refusal.why}", every_s=REFUSALS_TOLD_EVERY_S):
            sentence = "A message was refused; more of them within a minute are not told."
            about = {"reason": refusal.why, "detail": refusal.detail}
            parts.log("message.unauthorized", sentence, level="warning", **about)


def _do(parts: Ports, message: Message) -> tuple[str, int]:
    if message.type == "job.paid" and _fits(message):
        return _repeat(message, inbox.paid(parts, message))
    known = parts.store.idempotency.remembered(message.id)
    if known:
        return _repeat(message, known)
    try:
        schemas.check(TO_SIDECAR, message.type, message.data)
        said, status = _said(parts, message), 200
    except CallerError as error:
        said, status = {"error": error.code, "detail": error.detail}, _STATUS.get(error.code, 400)
    parts.store.idempotency.remember(message.id, inbox.remembered(message, said, status), ttl_s=ANSWER_KEPT_S)
    return json.dumps(said), status


def _said(parts: Ports, message: Message) -> dict[str, Any]:
    if message.type != "upsampler.webhook":
        return inbox.handle(parts, message)
    take_webhook(parts, parts.tokens.read_webhook(message.data["token"]), message.data["body"].encode())
    return inbox.STORED


def take_webhook(parts: Ports, named: tuple[str, int, int], body: bytes) -> None:
    """A webhook whose token names a submission: taken whatever its body says."""
    job_id, attempt, submission = named
    try:
        upsampler_id = parse_hint(body).upsampler_id
    except CallerError:
        upsampler_id = None  # still a good moment to ask
    outcome = webhook_from_outside(parts, job_id, attempt, submission, upsampler_id)
    if outcome == "unknown":
        parts.queue.task("watch", "retry_webhook", job_id, attempt, submission, upsampler_id or "")


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
