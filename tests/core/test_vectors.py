"""The vectors that both languages share, read by the Python side (tests/bridge asks PHP the same)."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from sidecar.adapters import schemas
from sidecar.core.errors import CallerError
from sidecar.core.messages import Opener, Unauthorized, decode_secret, direction_key

VECTORS = Path(__file__).resolve().parents[1] / "vectors"
SIGNATURES = json.loads((VECTORS / "signatures.json").read_text())
MESSAGES = json.loads((VECTORS / "messages.json").read_text())
TYPES = [(direction, type) for direction in ("to-shop", "to-sidecar") for type in MESSAGES[direction]]


@pytest.mark.parametrize("secret", SIGNATURES["secrets"], ids=lambda secret: repr(secret["text"][:40]))
def test_a_secret_is_read_or_refused(secret: dict[str, Any]) -> None:
    if secret["valid"]:
        assert decode_secret(secret["text"])
    else:
        with pytest.raises(ValueError):
            decode_secret(secret["text"])


@pytest.mark.parametrize("keys", SIGNATURES["keys"], ids=lambda keys: keys["secret"][:16])
def test_a_key_is_derived_for_each_direction(keys: dict[str, str]) -> None:
    for direction in ("to-sidecar", "to-shop"):
        assert direction_key(decode_secret(keys["secret"]), direction).hex() == keys[direction]


@pytest.mark.parametrize("vector", SIGNATURES["messages"], ids=lambda vector: vector["name"])
def test_a_signature_is_judged(vector: dict[str, Any]) -> None:
    """The bodies are no envelopes: what is authentic is refused for that, and for nothing else."""
    body = vector["body"]
    data = body["repeat"].encode() * body["times"] if isinstance(body, dict) else base64.b64decode(body)
    opener = Opener(
        [decode_secret(text) for text in vector["secrets"]], direction=vector["direction"], site="https://x"
    )
    with pytest.raises(Unauthorized) as caught:
        opener.open(data, vector["headers"], now=vector["now"])
    assert (caught.value.detail in ("body is not an envelope", "body is not JSON")) is vector["authentic"]


@pytest.mark.parametrize(("direction", "type"), TYPES)
def test_data_is_judged_by_its_schema(direction: str, type: str) -> None:
    cases = MESSAGES[direction][type]
    assert cases["valid"] and cases["invalid"]
    assert [case for case in cases["valid"] if judged(direction, type, case) is not None] == []
    assert [case for case in cases["invalid"] if judged(direction, type, case["data"]) != "message_invalid"] == []


def judged(direction: str, type: str, data: dict[str, Any]) -> str | None:
    """The code of the refusal."""
    try:
        schemas.check(direction, type, data)
    except CallerError as error:
        return error.code
    return None
