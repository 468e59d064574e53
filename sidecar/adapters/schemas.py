"""Adapter: the message schemas (JSON Schema, shared with the bridge), compiled once per process by fastjsonschema."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import fastjsonschema

from ..core.errors import CallerError
from ..core.packaged import SCHEMAS


@cache
def _validator(direction: str, type: str):
    path = Path(SCHEMAS, direction, f"{type}.json")
    return fastjsonschema.compile(json.loads(path.read_text()), use_default=False)


@cache
def types(direction: str) -> frozenset[str]:
    """The message types of one endpoint (`direction`: core.messages.TO_SHOP or TO_SIDECAR)."""
    return frozenset(path.stem for path in Path(SCHEMAS, direction).glob("*.json"))


def check(direction: str, type: str, data: dict[str, Any]) -> None:
    """Raises CallerError `message_unknown_type` or `message_invalid`, whose detail names the field."""
    if type not in types(direction):
        raise CallerError("message_unknown_type", f"no message of type {type[:40]!r} {direction}")
    try:
        _validator(direction, type)(data)
    except fastjsonschema.JsonSchemaValueException as error:
        raise CallerError("message_invalid", error.message) from None
