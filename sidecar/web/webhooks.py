"""Web: where Upsampler, or the shop for it, posts webhooks. The token names the submission."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify, request

from ..core.errors import CallerError
from ..receive import take_webhook
from ..services import Services
from ..workflow.ports import Ports
from .errors import can_wait
from .front import WEBHOOK_BYTES, WEBHOOKS, Application, Environ, body_of, of_bytes, raise_again
from .parts import ports

blueprint = Blueprint("webhooks", __name__)
REFUSALS_TOLD_EVERY_S = 60  # a stranger must not fill the log


@blueprint.post("/webhooks/upsampler/<token>")
def receive(token: str) -> tuple[Response, int]:
    """What `answer` has not taken, because its length is not known or too large, and what it has raised."""
    raise_again()
    submission = _submission(ports(), token)
    request.max_content_length = WEBHOOK_BYTES
    take_webhook(ports(), submission, request.get_data())
    return jsonify(accepted=True), 202


def answer(services: Services, environ: Environ) -> Application | None:
    """The usual webhook: of known length. The token comes before the body."""
    if environ["REQUEST_METHOD"] != "POST" or not environ["PATH_INFO"].startswith(WEBHOOKS):
        return None
    submission = _submission(services.ports, environ["PATH_INFO"][len(WEBHOOKS) :])
    body = body_of(environ, WEBHOOK_BYTES)
    if body is None:
        return None
    take_webhook(services.ports, submission, body)
    return of_bytes("202 ACCEPTED", [("Content-Type", "application/json")], b'{"accepted": true}')


def _submission(parts: Ports, token: str) -> tuple[str, int, int]:
    """What the token names. Many refusals mean that the secret was changed while jobs were at Upsampler."""
    try:
        return parts.tokens.read_webhook(token)
    except CallerError as error:
        with can_wait(parts, "webhook.untold", "A refusal could not be counted."):
            if parts.store.heartbeats.acquire_interval("webhook.refused", every_s=REFUSALS_TOLD_EVERY_S):
                sentence = "A webhook was refused; more of them within a minute are not told."
                parts.log("webhook.refused", sentence, level="warning", reason=error.code)
        raise
