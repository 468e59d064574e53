"""Core: the connection string of the bridge's settings page: all that a sidecar must know of a shop, in one line.

`smi1_<base64url of JSON>_<fingerprint>`: base64url without padding (RFC 4648, 5); the fingerprint is the first 12 hex
digits of the SHA-256 over that base64url. The bridge writes the same (admin/class-connection-string.php).
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import dataclass, fields

from .errors import ConfigurationError

_FORM = re.compile(r"smi1_([A-Za-z0-9_-]+)_([0-9a-f]{12})")


@dataclass(frozen=True)
class Connection:
    """A shop as the bridge sees it. `uploads`: the folder as PHP sees it; `user`: whom PHP runs as, "" when PHP can't
    say."""

    shop: str
    secret: str
    uploads: str
    uploads_url: str = ""
    previous_secret: str = ""
    upsampler_key: str = ""
    user: str = ""
    bridge: str = ""

    @property
    def fingerprint(self) -> str:
        """What two people can compare by eye: 12 hex digits."""
        return _fingerprint(_encoded(self))

    def text(self) -> str:
        """The whole string. Fields that are "" are left out."""
        return f"smi1_{_encoded(self)}_{self.fingerprint}"


def parse(text: str) -> Connection:
    """Line ends and blanks of a paste are dropped. Raises ConfigurationError("connection_string_damaged")."""
    found = _FORM.fullmatch(re.sub(r"\s+", "", text))
    if found is None or _fingerprint(found[1]) != found[2]:
        raise ConfigurationError("connection_string_damaged", "it is not whole: copy it once more")
    try:
        data = json.loads(base64.urlsafe_b64decode(found[1] + "=" * (-len(found[1]) % 4)))
        names = {field.name for field in fields(Connection)}
        return Connection(**{name: str(value) for name, value in data.items() if name in names})
    except (ValueError, TypeError, AttributeError) as error:
        raise ConfigurationError("connection_string_damaged", "an older or newer bridge has made it") from error


def _encoded(connection: Connection) -> str:
    filled = {name: value for name, value in vars(connection).items() if value}
    text = json.dumps(filled, ensure_ascii=False, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _fingerprint(payload: str) -> str:
    return hashlib.sha256(payload.encode()).hexdigest()[:12]
