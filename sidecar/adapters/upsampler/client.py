"""Adapter: the two calls to Upsampler. May not repeat a submit by itself, and keeps nothing between calls but sockets.

The submit costs money, so the client must know whether a request that failed had left the house:

1. connect (name, TCP, TLS); a failure here is certain: nothing was sent, try again later;
2. send; from the first byte on, a failure without an answer means that nobody knows;
3. read the answer.

`requests` and urllib3 fold the three into one call (a reset during the TLS handshake and a reset after the request
look the same), so the submit uses `http.client`, where each is a call of its own and nothing is ever repeated. It also
uses a fresh connection each time: a kept-alive one may be closed by the server in the instant in which we send, which
looks exactly like a lost answer; a handshake costs some milliseconds, a wrong "unknown" costs a person's time. Status
calls are harmless to repeat: they share kept-alive connections, and one that dies on a stale one is made again once.
"""

from __future__ import annotations

import http.client
import json
import os
import socket
from collections.abc import Mapping
from urllib.parse import urlsplit

import urllib3

from sidecar.adapters.fetch.bounded import BoundedPool
from sidecar.adapters.fetch.deadline import Deadline
from sidecar.adapters.fetch.names import Resolver, dial, system_resolver
from sidecar.adapters.fetch.tls import tls_context
from sidecar.adapters.upsampler.verdict import error_text, http_error, refusal
from sidecar.adapters.upsampler.wire import (
    Submission,
    UpsamplerStatus,
    parse_object,
    parse_status,
    parse_submission,
    submit_body,
    valid_id,
)
from sidecar.core.errors import PermanentError, TemporaryError, UnknownOutcome

MAX_ANSWER_BYTES = 256 * 1024  # bytes; a status object has some hundred
NOBODY = "00000000-0000-4000-8000-000000000000"  # an id that no job has: asking for it tests the key, free of charge


class UpsamplerClient:
    """Client for one Upsampler account.

    Args:
        base_url: e.g. ``https://upsampler.com/api/v1``.
        mode: last part of the submit's path: precise-upscale, smart-upscale, dynamic-upscale.
        image_type: universal, realism or anime.
        timeout: (seconds to connect, seconds of silence after which an answer counts as lost).
        options: further fields of the submit's input, e.g. ``{"shouldEnhanceFaces": True}``.
        resolver: stands in for the system's name lookup.

    Safe to share by threads, and across a fork (the child opens connections of its own).
    """

    def __init__(
        self,
        *,
        base_url: str,
        api_key: str,
        mode: str = "precise-upscale",
        image_type: str = "universal",
        timeout: tuple[float, float] = (5, 30),
        options: Mapping[str, object] | None = None,
        resolver: Resolver = system_resolver,
    ):
        self._base_url = base_url.rstrip("/")
        self._mode = mode
        self._image_type = image_type
        self._timeout = timeout
        self._resolver = resolver
        self._options = {"shouldEnhanceFaces": False, "shouldPreserveBlur": False, **(options or {})}
        self._headers = {
            "Authorization": f"Bearer {api_key}",
            "Accept": "application/json",
            "User-Agent": "smi-sidecar",
        }
        parts = urlsplit(self._base_url)
        self._host, self._port, self._path = parts.hostname or "", parts.port, parts.path
        self._tls = parts.scheme == "https"
        self._pool: tuple[int, BoundedPool] | None = None

    def submit(self, *, image_url: str, factor: int, webhook_url: str | None) -> Submission:
        """Orders an enlargement by `factor` (1 to 16). Not safe to call twice: each call may cost credits.

        Raises:
            UnknownOutcome: submit_outcome_unknown, the answer was lost; the job may exist.
            TemporaryError: upsampler_unavailable, upsampler_rate_limited; nothing was accepted.
            ConfigurationError: upsampler_key_refused, upsampler_credits_exhausted.
            PermanentError: source_too_large, source_unsupported, source_unreachable_for_upsampler, upsampler_rejected.
        """
        order = submit_body(
            image_url=image_url,
            image_type=self._image_type,
            factor=factor,
            webhook_url=webhook_url,
            options=self._options,
        )
        status, wait, body = self._post(f"{self._path}/{self._mode}", json.dumps(order).encode())
        data = parse_object(body)
        if not 200 <= status < 300:
            raise http_error(status, data, submit=True, wait=wait)
        submission = parse_submission(data) if data is not None else None
        if submission is not None:
            return submission
        error = data.get("error") if data is not None else None
        if error:  # a 2xx that names no job but a reason
            raise refusal(error, error_text(error))
        raise UnknownOutcome("submit_outcome_unknown", f"HTTP {status} with an answer that names no job")

    def status(self, upsampler_id: str) -> UpsamplerStatus:
        """Asks for the truth about a job. Safe to call any number of times.

        Raises:
            TemporaryError: upsampler_unavailable, upsampler_rate_limited, upsampler_bad_answer.
            ConfigurationError: upsampler_key_refused, upsampler_credits_exhausted.
            PermanentError: upsampler_unknown_job, upsampler_rejected.
        """
        if valid_id(upsampler_id) is None:
            raise PermanentError("upsampler_unknown_job", "not an id that Upsampler gives out")
        status, wait, body = self._get(f"{self._base_url}/status/{upsampler_id}")
        data = parse_object(body)
        if not 200 <= status < 300:
            raise http_error(status, data, submit=False, wait=wait)
        answer = parse_status(upsampler_id, data) if data is not None else None
        if answer is None:
            raise TemporaryError("upsampler_bad_answer", f"HTTP {status} without the promised status object")
        return answer

    def check_key(self) -> None:
        """Returns quietly if Upsampler accepts our key; raises what `status` raises if not. Costs no credits."""
        try:
            self.status(NOBODY)
        except PermanentError as answer:
            if answer.code != "upsampler_unknown_job":
                raise

    def close(self) -> None:
        """Closes the kept connections; the client stays usable."""
        if self._pool is not None:
            self._pool[1].clear()
            self._pool = None

    def _post(self, path: str, payload: bytes) -> tuple[int, str | None, bytes]:
        """(HTTP status, Retry-After, body), by the three steps named above. Never sends twice."""
        connect_s, read_s = self._timeout
        kind = http.client.HTTPSConnection if self._tls else http.client.HTTPConnection
        connection = kind(self._host, self._port)
        deadline = Deadline(connect_s + read_s)
        try:
            try:
                connection.sock = self._connected(connection.port, connect_s)
                connection.sock.settimeout(read_s)
                deadline.guard(connection.sock)
            except (OSError, UnicodeError) as error:
                raise _unavailable(error) from error
            headers = {**self._headers, "Content-Type": "application/json", "Connection": "close"}
            try:
                connection.request("POST", path, body=payload, headers=headers)
                answer = connection.getresponse()
            except (OSError, http.client.HTTPException) as error:
                raise _unknown(error) from error
            try:
                body = _read_capped(answer)
            except (OSError, http.client.HTTPException) as error:
                if 200 <= answer.status < 300:
                    raise _unknown(error) from error
                body = b""  # the status line alone says that it was refused
            finally:
                answer.close()
            return answer.status, answer.getheader("Retry-After"), body
        finally:
            deadline.cancel()
            connection.close()

    def _connected(self, port: int, connect_s: float) -> socket.socket:
        """Whatever fails here has sent nothing."""
        at_once = [(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)]
        sock = dial(self._resolver(self._host, port), port, connect_s, at_once)
        if not self._tls:
            return sock
        try:
            return tls_context().wrap_socket(sock, server_hostname=self._host)
        except BaseException:
            sock.close()
            raise

    def _get(self, url: str) -> tuple[int, str | None, bytes]:
        """(HTTP status, Retry-After, body) over a kept-alive connection; made again once if that one was stale."""
        for last in (False, True):
            try:
                answer = self._connections().request("GET", url, self._headers)
                return answer.status, answer.headers.get("Retry-After"), answer.data
            except urllib3.exceptions.ProtocolError as error:
                if last:
                    raise _unavailable(error) from error
            except (urllib3.exceptions.HTTPError, OSError, TemporaryError) as error:
                raise _unavailable(error) from error
        raise AssertionError("the loop returns or raises")

    def _connections(self) -> BoundedPool:
        pid = os.getpid()
        if self._pool is None or self._pool[0] != pid:  # sockets inherited over a fork belong to the parent
            connect_s, read_s = self._timeout
            most = MAX_ANSWER_BYTES
            pool = BoundedPool(
                connect_s=connect_s, whole_s=read_s, most_bytes=most, connections=16, resolver=self._resolver
            )
            self._pool = (pid, pool)
        return self._pool[1]


def _read_capped(answer: http.client.HTTPResponse) -> bytes:
    """The body, at most MAX_ANSWER_BYTES of it (cut there, it is no JSON any more)."""
    parts: list[bytes] = []
    size = 0
    while size < MAX_ANSWER_BYTES and (part := answer.read1(min(65536, MAX_ANSWER_BYTES - size))):
        parts.append(part)
        size += len(part)
    return b"".join(parts)


def _unavailable(error: Exception) -> TemporaryError:
    return TemporaryError("upsampler_unavailable", f"no answer: {error_text(str(error) or type(error).__name__)}")


def _unknown(error: Exception) -> UnknownOutcome:
    reason = error_text(str(error) or type(error).__name__)
    return UnknownOutcome("submit_outcome_unknown", f"sent, but the answer was lost: {reason}")
