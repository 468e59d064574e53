"""Web: a file as an answer, whole or in part. The worker sends it from here to Content-Length (PEP 3333)."""

from __future__ import annotations

import os
from pathlib import Path

from flask import Response
from werkzeug.exceptions import RequestedRangeNotSatisfiable
from werkzeug.wsgi import wrap_file

from .front import Environ, Headers


def of_file(path: Path, environ: Environ, *, headers: Headers, mimetype: str, etag: str) -> Response:
    """All of a file or a part of it: Range, If-Range and If-None-Match are heeded (RFC 9110, 13 and 14). `etag`:
    without its quotes, of the content; "": what changes with the file. Raises RequestedRangeNotSatisfiable, and OSError
    when the file can't be read."""
    file = path.open("rb")  # an open file: its replacement meanwhile does not change the answer
    found = os.fstat(file.fileno())
    response = Response(wrap_file(environ, file), headers=headers, mimetype=mimetype, direct_passthrough=True)
    response.content_length = length = found.st_size
    response.set_etag(etag or version(found))
    try:
        response.make_conditional(environ, accept_ranges=True, complete_length=length)
    except RequestedRangeNotSatisfiable:
        file.close()
        raise
    if response.status_code == 206 and "wsgi.file_wrapper" in environ:
        # Werkzeug would copy the part piece by piece.
        file.seek(response.content_range.start or 0)
        response.response = wrap_file(environ, file)
    return response


def version(found: os.stat_result) -> str:
    """An ETag, without its quotes, that changes with a file; the shop makes the same."""
    return f"{found.st_size:x}-{int(found.st_mtime):x}-{found.st_ino:x}"
