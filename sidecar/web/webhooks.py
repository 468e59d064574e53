"""Face: where Upsampler, or the shop for it, knocks. The token names the submission; the body proves nothing."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify, request

from ..adapters.upsampler import parse_hint
from ..core.errors import CallerError
from ..workflow import hints
from .parts import ports

blueprint = Blueprint("webhooks", __name__)


@blueprint.post("/webhooks/upsampler/<token>")
def knock(token: str) -> tuple[Response, int]:
    """202 for every token of ours, whatever the body says; 404 for any other."""
    job_id, attempt, submission = ports().tokens.read_webhook(token)
    try:
        upsampler_id = parse_hint(request.get_data()).upsampler_id
    except CallerError:
        upsampler_id = None  # still a good moment to ask
    outcome = hints.webhook(ports(), job_id, attempt, submission, upsampler_id)
    if outcome == "unknown":
        ports().queue.task("watch", "knock_again", job_id, attempt, submission, upsampler_id or "")
    return jsonify(accepted=True), 202
