"""Web: sources that Upsampler fetches from us, by short-lived signed links: our compressed copies, private uploads."""

from __future__ import annotations

import mimetypes

from flask import Blueprint, Response, abort, request

from ..adapters.files import disk_errors
from .file_answer import of_file
from .front import Headers
from .parts import ports

_HEADERS: Headers = [
    ("Cache-Control", "private, no-store"),
    ("Referrer-Policy", "no-referrer"),
    ("X-Robots-Tag", "noindex"),
    ("X-Content-Type-Options", "nosniff"),
]

blueprint = Blueprint("sources", __name__)


@blueprint.get("/sources/<token>")
def source(token: str) -> Response:
    """The token names a path below the uploads folder, chosen by us; 404 when the file is gone, or for a token that is
    not ours, 410 for one that has expired (web/errors.py)."""
    path = ports().sources.named(ports().tokens.read_source(token, now=ports().clock()))
    with disk_errors(path):
        if not path.is_file():
            abort(404)
        mimetype, seen = mimetypes.guess_type(path.name)[0] or "application/octet-stream", path.stat()
        etag = f"{seen.st_mtime_ns:x}-{seen.st_size:x}"
        return of_file(path, request.environ, headers=_HEADERS, mimetype=mimetype, etag=etag)
