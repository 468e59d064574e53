"""Core: signed strings that we hand out and read back ourselves: download links, webhook addresses, source addresses.

itsdangerous with SHA-256 and one salt per purpose, so that a token of one purpose is worthless for another;
a list of keys, newest last, so that a key can be replaced without breaking the links that are out.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from itsdangerous import BadSignature, URLSafeSerializer

from .errors import CallerError

# 32 bytes as base64 without padding; of the last sign two bits are left over, and nought.
_SIGNATURE = re.compile("[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]")


class TokenInvalid(CallerError):
    """token_invalid: not a token of ours, not for this purpose, or another site's."""

    def __init__(self, detail: str = "the token was not signed by us"):
        super().__init__("token_invalid", detail)


@dataclass(frozen=True)
class DownloadGrant:
    """Whoever holds the token may download what `attempt` of `job_id` delivered, until `expires_at` (Unix s).

    `elsewhere`: it names another site. Then it opens only what was delivered with this very token: the shop has moved.
    """

    job_id: str
    attempt: int
    expires_at: int
    elsewhere: bool = False


class TokenExpired(CallerError):
    """token_expired: ours, and its time is over. `grant`: what a download link allowed."""

    def __init__(self, grant: DownloadGrant | None = None) -> None:
        super().__init__("token_expired", "the link has expired")
        self.grant = grant


class TokenMaker:
    """Makes and reads the tokens. `keys`: secrets of at least 16 bytes, the last one signs, all verify. `site`: its
    hash. It stands first in each token: two shops may have equal job ids, and even keys. Tokens of before, without it,
    open until they expire."""

    def __init__(self, keys: Sequence[bytes], site: str):
        self._site = site

        def serializer(purpose: str) -> URLSafeSerializer:
            return URLSafeSerializer(
                list(keys),
                salt=f"smi-sidecar/{purpose}",
                signer_kwargs={"key_derivation": "hmac", "digest_method": hashlib.sha256},
            )

        self._download = serializer("download")
        self._webhook = serializer("webhook")
        self._source = serializer("source")

    def download(self, grant: DownloadGrant) -> str:
        """Deterministic: the same grant gives the same token, so a repeated delivery carries the same link."""
        return self._dump(self._download, [self._site, grant.job_id, grant.attempt, grant.expires_at])

    def read_download(self, token: str, *, now: float) -> DownloadGrant:
        """What the token allows. Raises TokenInvalid, or TokenExpired with what it did allow; `now`: Unix seconds."""
        site, job_id, attempt, expires_at = self._load(self._download, token, 3)
        grant = DownloadGrant(job_id, attempt, expires_at, elsewhere=site != self._site)
        if now >= expires_at:
            raise TokenExpired(grant)
        return grant

    def webhook(self, job_id: str, attempt: int, submission: int) -> str:
        """A name for one submission that Upsampler can't guess. It does not expire: a hint proves nothing."""
        return self._dump(self._webhook, [self._site, job_id, attempt, submission])

    def read_webhook(self, token: str) -> tuple[str, int, int]:
        """(job id, attempt, submission); raises TokenInvalid."""
        site, job_id, attempt, submission = self._load(self._webhook, token, 3)
        self._check_site(site)
        return job_id, attempt, submission

    def source(self, path: str, *, expires_at: int) -> str:
        """`path`: relative to the folder that the sources are served from. `expires_at`: Unix seconds."""
        return self._dump(self._source, [self._site, path, expires_at])

    def read_source(self, token: str, *, now: float) -> str:
        """The path; raises TokenInvalid or TokenExpired. Whether it lies in the folder, `Sources.named` judges."""
        site, path, expires_at = self._load(self._source, token, 2)
        self._check_site(site)
        if now >= expires_at:
            raise TokenExpired()
        return str(path)

    def _check_site(self, site: str) -> None:
        if site != self._site:
            raise TokenInvalid("the token is another site's")

    @staticmethod
    def _dump(serializer: URLSafeSerializer, payload: list[str | int]) -> str:
        token: str | bytes = serializer.dumps(payload)
        return token if isinstance(token, str) else token.decode()

    def _load(self, serializer: URLSafeSerializer, token: str, fields: int) -> list[Any]:
        """The site, and so many fields.

        One token has one spelling: base64 would also be read with padding, with other bits behind its end, or with
        signs in it that are none of its own."""
        signature = token.rpartition(".")[2]
        if len(token) > 2048 or not _SIGNATURE.fullmatch(signature):
            raise TokenInvalid()
        try:
            payload = serializer.loads(token)
        except (BadSignature, UnicodeError):
            raise TokenInvalid() from None
        if not isinstance(payload, list) or len(payload) not in (fields, fields + 1):
            raise TokenInvalid()
        return payload if len(payload) > fields else [self._site, *payload]
