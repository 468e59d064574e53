"""The connection string: what the bridge writes, setup reads; what is cut off or changed is refused."""

from __future__ import annotations

import pytest

from sidecar.core.connection_string import Connection, parse
from sidecar.core.errors import ConfigurationError

WHOLE = Connection(
    shop="https://shop.example/läden",
    secret="whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    uploads="/var/www/ein Laden/wp-content/uploads",
    user="www-data",
)


def test_it_is_read_as_it_was_written() -> None:
    assert parse(WHOLE.text()) == WHOLE
    assert WHOLE.text().endswith(WHOLE.fingerprint)


def test_a_terminal_may_fold_it() -> None:
    text = WHOLE.text()
    assert parse(f"  {text[:40]}\r\n{text[40:90]}\n {text[90:]}\n") == WHOLE


def test_another_version_may_say_more() -> None:
    import base64
    import hashlib
    import json

    data = json.dumps({"shop": "https://x", "secret": "s", "uploads": "/u", "colour": "red"}).encode()
    payload = base64.urlsafe_b64encode(data).decode().rstrip("=")
    text = f"smi1_{payload}_{hashlib.sha256(payload.encode()).hexdigest()[:12]}"
    assert parse(text) == Connection("https://x", "s", "/u")


@pytest.mark.parametrize("at", [0, 5, 20, -13, -1])
def test_a_changed_character_is_noticed(at: int) -> None:
    text = list(WHOLE.text())
    text[at] = "0" if text[at] != "0" else "1"
    with pytest.raises(ConfigurationError, match="connection_string_damaged"):
        parse("".join(text))


CUT = ["", "smi1_", WHOLE.secret, WHOLE.text()[:-1], WHOLE.text()[1:]]


@pytest.mark.parametrize("text", CUT)
def test_what_is_not_whole_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match="connection_string_damaged"):
        parse(text)
