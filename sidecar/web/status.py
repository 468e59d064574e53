"""Face: what a customer's status page polls. No PHP, no session, no cookie: one read from Redis, mostly a 304."""

from __future__ import annotations

import hashlib
import re

from flask import Blueprint, Response, json, request

from ..core.errors import SidecarError
from ..workflow import mend, view
from .parts import ports, services

blueprint = Blueprint("status", __name__)
_JOB_ID = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")


@blueprint.get("/status/<job_id>")
def status(job_id: str) -> Response:
    """The document of docs/contract.md, part 5. The ETag covers what a person sees, not the share that creeps."""
    job = ports().store.get(job_id) if _JOB_ID.match(job_id) else None
    if job is None and _JOB_ID.match(job_id) and ports().store.take_turn(f"recall:{job_id}", every_s=30):
        try:
            job = mend.recall(ports(), job_id)
        except SidecarError as error:
            ports().log("status.recall", "The ledger could not be asked.", level="warning", reason=error.code)
            return _answer({"error": "temporarily_unavailable"}, 503)
    if job is None:
        return _answer({"error": "unknown_job"}, 404)
    document = view.status_document(ports(), job)
    seen = [document[key] for key in ("phase", "stage", "position", "next_try_at", "download_url", "expires_at")]
    seen.append(round(document["share"], 1))
    response = _answer(document, 200)
    response.set_etag(hashlib.sha256(json.dumps(seen).encode()).hexdigest()[:20])
    return response.make_conditional(request)


@blueprint.after_request
def _headers(response: Response) -> Response:
    response.headers["Cache-Control"] = "private, no-cache"
    response.headers["Access-Control-Allow-Origin"] = services().settings.site
    response.headers["Access-Control-Expose-Headers"] = "ETag"
    response.headers["Vary"] = "Origin"
    response.headers["X-Robots-Tag"] = "noindex"
    return response


def _answer(document: dict, status: int) -> Response:
    return Response(json.dumps(document), status, mimetype="application/json")
