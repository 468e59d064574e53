"""Status tokens: what both languages make and open is the same (tests/bridge/test_vectors.py asks PHP)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sidecar.core import status_token
from sidecar.core.messages import decode_secret, direction_key

TOKENS = json.loads((Path(__file__).resolve().parents[1] / "vectors" / "status-tokens.json").read_text())
KEYS = [direction_key(decode_secret(secret), status_token.PURPOSE) for secret in TOKENS["secrets"]]


def test_a_token_is_made_as_the_vector_says() -> None:
    made = TOKENS["made"]
    assert status_token.make(KEYS[0], made["job_id"], made["end"], TOKENS["site"]) == made["token"]


@pytest.mark.parametrize("case", TOKENS["cases"], ids=lambda case: case["what"])
def test_a_token_opens_or_does_not(case: dict[str, Any]) -> None:
    assert (
        status_token.opens(KEYS, case["token"], case["job_id"], now=case["now"], site=TOKENS["site"]) is case["opens"]
    )
