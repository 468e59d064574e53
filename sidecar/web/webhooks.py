"""Face: where Upsampler, or the shop for it, posts webhooks. The token names the submission."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify, request

from ..adapters.upsampler import parse_hint
from ..core.errors import CallerError
from ..services import Services
from ..workflow.ports import Ports
from ..workflow.webhook import webhook_from_outside
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
    _take(ports(), submission, request.get_data())
    return jsonify(accepted=True), 202


def answer(services: Services, environ: Environ) -> Application | None:
    """The usual webhook: of known length. The token comes before the body."""
    if environ["REQUEST_METHOD"] != "POST" or not environ["PATH_INFO"].startswith(WEBHOOKS):
        return None
    submission = _submission(services.ports, environ["PATH_INFO"][len(WEBHOOKS) :])
    body = body_of(environ, WEBHOOK_BYTES)
    if body is None:
        return None
    _take(services.ports, submission, body)
    return of_bytes("202 ACCEPTED", [("Content-Type", "application/json")], b'{"accepted": true}')


def _take(parts: Ports, named: tuple[str, int, int], body: bytes) -> None:
    """Taken whatever the body says."""
    job_id, attempt, submission = named
    try:
        upsampler_id = parse_hint(body).upsampler_id
    except CallerError:
        upsampler_id = None  # still a good moment to ask
    outcome = webhook_from_outside(parts, job_id, attempt, submission, upsampler_id)
    if outcome == "unknown":
        parts.queue.task("watch", "retry_webhook", job_id, attempt, submission, upsampler_id or "")


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
