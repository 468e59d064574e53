"""Face: sources that Upsampler fetches from us, by short-lived signed links: our compressed copies, private uploads."""

from __future__ import annotations

from flask import Blueprint, Response, abort, send_file

from .parts import ports

blueprint = Blueprint("sources", __name__)


@blueprint.get("/sources/<token>")
def source(token: str) -> Response:
    """The token names a path below the uploads folder, chosen by us; 404 when the file is gone."""
    path = ports().sources.named(ports().tokens.read_source(token, now=ports().clock()))
    if not path.is_file():
        abort(404)
    response = send_file(path, conditional=True, max_age=None)
    response.headers["Cache-Control"] = "private, no-store"
    response.headers["X-Robots-Tag"] = "noindex"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response
