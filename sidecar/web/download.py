"""Web: the customer's download. The token opens; the web server sends the bytes where it can."""

from __future__ import annotations

import os
import re
import unicodedata
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

from flask import Blueprint
from werkzeug.http import quote_etag

from ..adapters.files import disk_errors
from ..core.errors import ConfigurationError
from ..core.formats import MEDIA_TYPES
from ..core.job import Job
from ..core.tokens import DownloadGrant, TokenExpired
from ..services import Services
from ..workflow import admission, cdn, downloads, links
from ..workflow.links import Gone
from ..workflow.ports import Ports
from .errors import can_wait
from .file_answer import of_file, version
from .front import Application, Environ, Headers, of_bytes, raise_again
from .restore import recorded

_HEADERS: Headers = [
    ("Cache-Control", "private, no-store"),
    ("Referrer-Policy", "no-referrer"),
    ("X-Robots-Tag", "noindex, nofollow"),
    ("X-Content-Type-Options", "nosniff"),
    ("Content-Security-Policy", "default-src 'none'; sandbox"),
]

KEPT_S = 10  # the ledger's word on a link: many parts of a file may be asked for at a time

blueprint = Blueprint("download", __name__)


@blueprint.get("/download/<token>")  # type: ignore[type-var]  # answers nothing: it raises
@blueprint.get("/download/<token>/<path:name>")
def refusal(token: str, name: str = "") -> None:
    """What a link opens never comes here."""
    raise_again()


def answer(services: Services, environ: Environ) -> Application | None:
    """permitted → not revoked → the last one → not expired → there. GET and HEAD, Range and If-Range, any number of
    times.

    Raises CallerError for a link that opens nothing (web/errors.py has the HTTP statuses): token_invalid,
    token_expired, link_revoked, link_replaced, file_missing, file_at_the_shop; TemporaryError when the ledger can't be
    asked; ConfigurationError folder_not_writable when the folder of finished files is away.
    """
    if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
        return None
    parts, token = services.ports, environ["PATH_INFO"].split("/", 3)[2]
    grant, job = _opened(parts, token)
    if parts.settings.at_the_shop:
        raise Gone("file_at_the_shop", "the shop hands the file out, by a link of its own")
    path = parts.files.path(job.path)
    with disk_errors(path):
        return _of_file(parts, environ, grant, job, path)


def _of_file(parts: Ports, environ: Environ, grant: DownloadGrant, job: Job, path: Path) -> Application:
    if not path.is_file():
        if not parts.files.root.is_dir():
            raise ConfigurationError("folder_not_writable", f"{parts.files.root}: the folder is not there")
        parts.log("download.missing", "A paid file is missing.", level="error", job_id=job.job_id, request_id=job.trace)
        raise Gone("file_missing", "the file is not in its place")
    if environ["REQUEST_METHOD"] == "GET":
        _note(parts, job, grant)
        if "HTTP_RANGE" not in environ:
            ids = {"job_id": job.job_id, "attempt": grant.attempt, "request_id": job.trace}
            parts.log("download", "A download has begun.", **ids)
    headers = [*_HEADERS, ("Content-Disposition", _disposition(file_name(job)))]
    etag = job.sha256 if links.is_as_delivered(job, grant, path.stat().st_size) else ""
    if parts.settings.download_mode == "redirect" and etag and (address := _at_the_cdn(parts, job)):
        # Range and If-Range are the client's to repeat there, as all do.
        return of_bytes("302 FOUND", [*_HEADERS, ("Location", address)])
    if parts.settings.download_mode in ("stream", "redirect"):
        return of_file(path, environ, headers=headers, mimetype=MEDIA_TYPES[job.format], etag=etag)
    return _by_web_server(parts, job, path, [*headers, ("ETag", quote_etag(etag or version(path.stat())))])


def _note(parts: Ports, job: Job, grant: DownloadGrant) -> None:
    """A full Redis still reads, and refuses to write: that does not keep the file from the customer. The next download
    tells the shop."""
    with can_wait(parts, "download.not_told", "A download could not be noted.", job_id=job.job_id):
        downloads.begun(parts, job, attempt=grant.attempt)


def _opened(parts: Ports, token: str) -> tuple[DownloadGrant, Job]:
    """What the token allows, and the job with the file that it opens. The ledger is asked where working memory does not
    know: after a loss, for an older link, while a rerun is under way."""
    now = parts.clock()
    try:
        grant = parts.tokens.read_download(token, now=now)
    except TokenExpired as expired:
        if expired.grant is None:
            raise
        grant = expired.grant  # perhaps there is a newer link
    job = parts.store.get(grant.job_id)
    if job is not None and links.in_memory(job, grant, token, now=now):
        return grant, job
    kept = f"link:{job.attempt if job else 0}:{links.digest(token)}"
    known = parts.store.idempotency.remembered(kept) if job and now < grant.expires_at else None
    if job and known:
        return grant, links.with_file(job, known)
    record = recorded(parts, grant.job_id)
    delivery = links.in_ledger(record, grant, token, now=now)
    assert record is not None  # else nothing was delivered
    if job:
        with can_wait(parts, "download.not_kept", "What a link opens could not be kept.", job_id=job.job_id):
            parts.store.idempotency.remember(kept, delivery, ttl_s=KEPT_S)
    job = parts.store.get(grant.job_id) or admission.job_from(record, now=now)
    return grant, links.with_file(job, delivery)


def _at_the_cdn(parts: Ports, job: Job) -> str:
    """Where the file is to be had for a few minutes; "": the CDN has not delivered lately, or its key is no key."""
    if parts.cdn is None or not cdn.is_alive(parts):
        return ""
    with suppress(ConfigurationError):  # the clock's look at the CDN tells of it
        return parts.cdn.address(job.path, version=job.sha256[:12], name=file_name(job))
    return ""


def _by_web_server(parts: Ports, job: Job, path: Path, headers: Headers) -> Application:
    """No bytes of ours, but where the web server finds them. With a length of 0 nginx keeps its connection to us."""
    settings = parts.settings
    if settings.download_mode == "x-accel":
        headers += [("X-Accel-Redirect", settings.accel_prefix + quote(job.path))]
    else:
        # Apache serves ranges of it, but does not say so to HEAD.
        headers += [("X-Sendfile", os.fsencode(path).decode("latin-1")), ("Accept-Ranges", "bytes")]  # PEP 3333
    return of_bytes("200 OK", [*headers, ("Content-Type", MEDIA_TYPES[job.format])])


def file_name(job: Job) -> str:
    """``Sunrise over the bay 4x.jpg``: the picture's title as far as file systems like it, else the job's name."""
    title = unicodedata.normalize("NFC", job.title)
    title = re.sub(r'[\x00-\x1f\x7f<>:"/\\|?*]+', " ", title)
    title = re.sub(r"\s+", " ", title).strip(" .")[:80] or "image"
    return f"{title} {job.factor}x.{job.path.rpartition('.')[2]}"


def _disposition(name: str) -> str:
    """Both forms of RFC 6266: an ASCII name for old clients, the full one (RFC 8187) for all others."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().replace('"', "")
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name)}"
