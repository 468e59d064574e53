"""Core: signed messages between bridge and sidecar (docs/contract.md, part 1). No I/O; the clock is an argument.

The scheme is Standard Webhooks (https://www.standardwebhooks.com/): HMAC-SHA256 over ``id.timestamp.body``.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import re
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from standardwebhooks.webhooks import Webhook

from .errors import CallerError

TO_SIDECAR = "to-sidecar"
TO_SHOP = "to-shop"
TOLERANCE_S = 300  # how far a message may be from our clock, as in Standard Webhooks' own library
MAX_BODY_BYTES = 1 << 20
ANY_SITE = "sidecar:?"  # audience of a `status` message that asks which site this sidecar serves

_ID = re.compile(r"[A-Za-z0-9_.-]{1,64}\Z")
_TIMESTAMP = re.compile(r"[0-9]{9,11}\Z")
_RFC3339 = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z\Z")
_SIGNATURE = re.compile(r"v1,([A-Za-z0-9+/]{43}=)\Z")


class Unauthorized(CallerError):
    """The message is not authentic. `why`, a word for its kind, and `detail` are for our log only: outside, every
    refusal looks the same."""

    def __init__(self, why: str, detail: str):
        super().__init__("unauthorized", detail)
        self.why = why


@dataclass(frozen=True)
class Message:
    """An authentic message: its id, type and data are what the holder of the secret sent to us. `body_sha256`: 64 hex
    digits, by which a repeat is told from another message of the same id."""

    id: str
    type: str
    data: dict[str, Any]
    body_sha256: str


class Headers(Protocol):
    """A request's headers, by their names in small letters: a mapping, or what a web framework has."""

    def get(self, name: str, default: str, /) -> str: ...


def decode_secret(text: str) -> bytes:
    """Bytes of a ``whsec_`` secret; ValueError unless it is 24-64 bytes of base64 (Standard Webhooks)."""
    if not text.startswith("whsec_"):
        raise ValueError("must begin with whsec_")
    try:
        raw = base64.b64decode(text.removeprefix("whsec_"), validate=True)
    except binascii.Error as error:
        raise ValueError(f"is not base64 after whsec_: {error}") from None
    if not 24 <= len(raw) <= 64:
        raise ValueError(f"holds {len(raw)} bytes, 24 to 64 are allowed")
    return raw


def new_secret() -> str:
    """32 random bytes in the form of Standard Webhooks."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


def new_message_id() -> str:
    """128 random bits, which no other message has."""
    return "msg_" + secrets.token_hex(16)


def direction_key(secret: bytes, direction: str) -> bytes:
    """The key of one direction, so that a message can't be reflected to its sender's own door: HMAC-SHA256 (RFC 2104)
    of "smi-bridge/v1/<direction>" under the shared secret."""
    return hmac.new(secret, f"smi-bridge/v1/{direction}".encode(), hashlib.sha256).digest()


def site_identity(url: str) -> str:
    """`home_url()` as the audience names it: no trailing slash, scheme and host in lower case."""
    scheme, _, rest = url.strip().rstrip("/").partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme.lower()}://{host.lower()}{slash}{path}"


def site_hash(site: str) -> str:
    """Names a site where its address would be too long: in keys, tokens, folders, metrics and log lines. 10 hex digits.

    Of the address without its scheme: a shop that changes to https stays the same one. The bridge makes the same.
    """
    return hashlib.sha256(site.partition("://")[2].encode()).hexdigest()[:10]


def rfc3339(unix: float) -> str:
    """UTC with whole seconds (RFC 3339, 5.6), e.g. ``2026-11-22T10:00:00Z``."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(int(unix)))


def parse_rfc3339(text: str) -> int:
    """Unix seconds of what `rfc3339` writes; ValueError for anything else."""
    if not _RFC3339.match(text):
        raise ValueError(f"{text!r} is not of the form 2026-11-22T10:00:00Z")
    return int(datetime.fromisoformat(text).timestamp())


def _no_constant(name: str) -> None:
    """NaN and Infinity: Python reads them, JSON does not know them."""
    raise ValueError(name)


class Signer:
    """Seals messages for one direction (TO_SIDECAR, TO_SHOP) and one site (its `site_identity`)."""

    def __init__(self, secret: bytes, *, direction: str, site: str):
        self._webhook = Webhook(direction_key(secret, direction))
        self._audience = ("shop:" if direction == TO_SHOP else "sidecar:") + site

    def seal(
        self,
        type: str,
        data: Mapping[str, Any],
        *,
        now: float,
        id: str | None = None,
        audience: str | None = None,
    ) -> tuple[bytes, dict[str, str]]:
        """Body (UTF-8 JSON) and headers of a signed request.

        `now`: Unix seconds. `id`: the same one for a repeat, None for a new one. `audience`: where it is not the site's
        own.
        """
        id = id or new_message_id()
        envelope = {
            "type": type,
            "timestamp": rfc3339(now),
            "audience": audience or self._audience,
            "data": data,
        }
        body = json.dumps(envelope, separators=(",", ":"))
        signature = self._webhook.sign(id, datetime.fromtimestamp(int(now), UTC), body)
        headers = {
            "webhook-id": id,
            "webhook-timestamp": str(int(now)),
            "webhook-signature": signature,
            "Content-Type": "application/json",
        }
        return body.encode(), headers


class Opener:
    """Opens messages of one direction and site. Several secrets: the current and the previous one (rotation).

    Stricter than the reference library about form (digits only, canonical base64), so that the PHP side,
    which is written by hand, and this one agree on every input; the comparison itself is the library's.
    """

    def __init__(self, secrets: Sequence[bytes], *, direction: str, site: str):
        self._webhooks = [Webhook(direction_key(secret, direction)) for secret in secrets]
        self._audience = ("shop:" if direction == TO_SHOP else "sidecar:") + site

    def open(self, body: bytes, headers: Headers, *, now: float) -> Message:
        """The authentic message, or Unauthorized.

        1. form of the three headers; 2. age; 3. one of the signatures under one of the secrets;
        4. envelope; 5. body's timestamp; 6. audience, and with it site and direction.
        """
        id, timestamp, text = self._check_headers(body, headers, now)
        self._check_signature(id, timestamp, text, headers.get("webhook-signature", ""))
        try:
            envelope = json.loads(text, parse_constant=_no_constant)
            if "\\u" in text:  # an escape may stand for half a character, which is no text and which PHP refuses
                json.dumps(envelope, ensure_ascii=False).encode()
        except (ValueError, RecursionError):
            raise Unauthorized("body", "body is not JSON") from None
        if not isinstance(envelope, dict) or set(envelope) != {"type", "timestamp", "audience", "data"}:
            raise Unauthorized("body", "body is not an envelope")
        type, audience, data = envelope["type"], envelope["audience"], envelope["data"]
        if not (isinstance(type, str) and isinstance(audience, str) and isinstance(data, dict)):
            raise Unauthorized("body", "envelope has a field of the wrong type")
        if envelope["timestamp"] != rfc3339(timestamp):
            raise Unauthorized("body", "timestamps of header and body differ")
        if audience != self._audience and not (audience == ANY_SITE and type == "status"):
            raise Unauthorized("audience", f"audience is {audience[:100]!r}, not {self._audience!r}")
        return Message(id, type, data, hashlib.sha256(body).hexdigest())

    def _check_headers(self, body: bytes, headers: Headers, now: float) -> tuple[str, int, str]:
        id, timestamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
        if not _ID.match(id):
            raise Unauthorized("headers", "webhook-id is missing or malformed")
        if not _TIMESTAMP.match(timestamp):
            raise Unauthorized("headers", "webhook-timestamp is missing or malformed")
        if abs(now - int(timestamp)) > TOLERANCE_S:
            raise Unauthorized("clock", f"webhook-timestamp is {now - int(timestamp):.0f} s away from our clock")
        if len(body) > MAX_BODY_BYTES:
            raise Unauthorized("body", "body is larger than 1 MiB")
        try:
            return id, int(timestamp), body.decode()
        except UnicodeDecodeError:
            raise Unauthorized("body", "body is not UTF-8") from None

    def _check_signature(self, id: str, timestamp: int, text: str, header: str) -> None:
        given = [match[1] for part in header.split(" ")[:8] if (match := _SIGNATURE.match(part))]
        if not given:
            raise Unauthorized("headers", "webhook-signature is missing or malformed")
        at = datetime.fromtimestamp(timestamp, UTC)
        for webhook in self._webhooks:
            expected = webhook.sign(id, at, text).removeprefix("v1,")
            if any(hmac.compare_digest(expected, signature) for signature in given):
                return
        raise Unauthorized("secret", "no signature fits one of our secrets")
