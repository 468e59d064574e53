"""Web: what a customer's status page polls. No PHP, no session, no cookie: one read from Redis, mostly a 304."""

from __future__ import annotations

import hashlib
import zlib

from flask import Blueprint, Response, json, request
from werkzeug.wrappers import Response as BaseResponse

from ..core import status_token
from ..core.addresses import origin
from ..core.errors import SidecarError, TemporaryError
from ..core.job import Job, is_job_id
from ..workflow import view
from .parts import ports, services
from .restore import restored

blueprint = Blueprint("status", __name__)
TOKEN = "Smi-Status-Token"  # a header: addresses stand in logs
RESTORE_EVERY_S = 3  # for one job; and so long the page of one that was not asked for is told to wait
RESTORES_PER_S = 5  # for all
UNKNOWN_S = 30  # so long an unknown job is taken for unknown


@blueprint.get("/status/<job_id>")
def status(job_id: str) -> BaseResponse:
    """The document of docs/contract.md, part 5: progress for whoever knows the id, the link for whoever has the token.

    The ETag covers what a person sees, not the share that creeps.
    """
    if not is_job_id(job_id):
        return _answer({"error": "unknown_job"}, 404)
    job = ports().store.get(job_id)
    if job is None:
        try:
            job = _restore(job_id)
        except SidecarError as error:
            ports().log("status.recall", "The ledger could not be asked.", level="warning", reason=error.code)
            response = _answer({"error": "temporarily_unavailable"}, 503)
            response.headers["Retry-After"] = str(RESTORE_EVERY_S)
            return response
    if job is None:
        return _answer({"error": "unknown_job"}, 404)
    document = view.status_document(ports(), job)
    given = request.headers.get(TOKEN, "")
    settings = services().settings
    if not status_token.opens(settings.status_keys, given, job_id, now=ports().clock(), site=settings.site_hash):
        document["download_url"] = None
    seen = [document[key] for key in ("phase", "stage", "position", "next_try_at", "download_url", "expires_at")]
    seen.append(round(document["share"], 1))
    response = _answer(document, 200)
    response.set_etag(hashlib.sha256(json.dumps(seen).encode()).hexdigest()[:20])
    return response.make_conditional(request)


def _restore(job_id: str) -> Job | None:
    """Ask the ledger, which costs a request to WordPress: once in a while for a job, and rarely for all together, so
    that nobody can flood the shop with names that he made up. Raises TemporaryError when it is not the time to ask."""
    unknown = f"unknown-job:{job_id}"
    if ports().store.idempotency.remembered(unknown) is not None:
        return None
    lane = zlib.crc32(job_id.encode()) % RESTORES_PER_S
    if not (
        ports().store.heartbeats.acquire_interval(f"restore:{job_id}", every_s=RESTORE_EVERY_S)
        and ports().store.heartbeats.acquire_interval(f"restores:{lane}", every_s=1)
    ):
        raise TemporaryError("recall_later", "the ledger was asked a moment ago")
    job = restored(ports(), job_id)
    if job is None:
        ports().store.idempotency.remember(unknown, {"known": False}, ttl_s=UNKNOWN_S)
    return job


@blueprint.after_request
def _headers(response: Response) -> Response:
    response.headers["Cache-Control"] = "private, no-store"
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["Access-Control-Allow-Origin"] = origin(services().settings.site)
    response.headers["Access-Control-Expose-Headers"] = "ETag"
    response.headers["Vary"] = f"Origin, {TOKEN}"
    if request.method == "OPTIONS":  # a browser of another origin asks for leave, two hours at a time
        response.headers["Access-Control-Allow-Headers"] = f"{TOKEN}, If-None-Match"
        response.headers["Access-Control-Max-Age"] = "7200"
    response.headers["X-Robots-Tag"] = "noindex"
    return response


def _answer(document: dict, status: int) -> Response:
    return Response(json.dumps(document), status, mimetype="application/json")
