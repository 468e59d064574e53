"""Web: one request that is there as a whole, through WSGI and back."""

from __future__ import annotations

import io
import os
import time

from gunicorn import util
from gunicorn.http import wsgi

from .sender import Parcel

ANSWER_S = 20  # for the whole of an answer that is no file


class Broken(Exception):
    """The beginning of the answer is out, the rest can't follow. The cause is its cause."""


class Answer(wsgi.Response):
    """An answer that has an end. Of a file it sends what the connection takes at once: `parcel` is the rest."""

    parcel: Parcel | None = None

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self._deadline = time.monotonic() + ANSWER_S

    def sendfile(self, respiter) -> bool:
        """gunicorn: send `respiter` by the system's own call, as far as that goes at once. False: it is no open file of
        known length, and gunicorn copies it. Raises OSError when the client has gone."""
        if not util.has_fileno(respiter.filelike) or self.response_length is None:
            return False
        self.send_headers()
        if self._omits_body or not self.response_length:
            return True
        file = respiter.filelike
        parcel = Parcel(os.dup(file.fileno()), os.lseek(file.fileno(), 0, os.SEEK_CUR), self.response_length)
        try:
            parcel.push(self.sock)
        except OSError:
            parcel.close()
            raise
        if parcel.left:
            self.parcel = parcel
        else:
            parcel.close()
        return True

    def _emit_body(self, data: bytes) -> None:
        self.sock.settimeout(max(0.01, self._deadline - time.monotonic()))
        super()._emit_body(data)


def answered(app, request, conn, configuration, *, last: bool) -> Answer:
    """The answer, sent but for its parcel. `last`: the connection ends with it. Raises what gunicorn's parser finds in
    the body before the application has seen anything of the request."""
    request._expected_100_continue = False  # said already, if there was a body to wait for
    answer, environ = wsgi.create(request, conn.sock, conn.client, conn.server, configuration, response_class=Answer)
    body = b"" if conn.arrival.unread else request.body.read()
    environ |= {"wsgi.multithread": True, "wsgi.input": io.BytesIO(body)}
    if environ.pop("HTTP_TRANSFER_ENCODING", None) and not conn.arrival.unread:
        environ["CONTENT_LENGTH"] = str(len(body))
    if last:
        answer.force_close()
    parts = app(environ, answer.start_response)
    try:
        if isinstance(parts, environ["wsgi.file_wrapper"]):
            answer.write_file(parts)
        else:
            for part in parts:
                answer.write(part)
        answer.close()
    except Exception as error:
        if not answer.headers_sent:
            raise
        raise Broken from error  # nothing more can be said on this connection
    finally:
        if hasattr(parts, "close"):
            parts.close()
    return answer
