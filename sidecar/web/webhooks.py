"""Face: where Upsampler, or the shop for it, knocks. The token names the submission; the body proves nothing."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify, request

from ..adapters.upsampler import parse_hint
from ..core.errors import CallerError
from ..workflow import hints
from .errors import can_wait
from .parts import ports

blueprint = Blueprint("webhooks", __name__)
REFUSALS_TOLD_EVERY_S = 60  # a stranger must not fill the log


@blueprint.post("/webhooks/upsampler/<token>")
def knock(token: str) -> tuple[Response, int]:
    """202 for every token of ours, whatever the body says; 404 for any other."""
    job_id, attempt, submission = _submission(token)
    try:
        upsampler_id = parse_hint(request.get_data()).upsampler_id
    except CallerError:
        upsampler_id = None  # still a good moment to ask
    outcome = hints.webhook(ports(), job_id, attempt, submission, upsampler_id)
    if outcome == "unknown":
        ports().queue.task("watch", "knock_again", job_id, attempt, submission, upsampler_id or "")
    return jsonify(accepted=True), 202


def _submission(token: str) -> tuple[str, int, int]:
    """What the token names. Many refusals mean that the secret was changed while jobs were at Upsampler."""
    parts = ports()
    try:
        return parts.tokens.read_webhook(token)
    except CallerError as error:
        with can_wait(parts, "webhook.untold", "A refusal could not be counted."):
            if parts.store.take_turn("webhook.refused", every_s=REFUSALS_TOLD_EVERY_S):
                sentence = "A webhook was refused; more of them within a minute are not told."
                parts.log("webhook.refused", sentence, level="warning", reason=error.code)
        raise
