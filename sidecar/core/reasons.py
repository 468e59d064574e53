"""Core: the reasons of failures in words, from the catalogue that the bridge's pages and mails read as well
(schemas/reasons.json)."""

from __future__ import annotations

import json
from typing import Any

from .packaged import SCHEMAS

REASONS: dict[str, dict[str, Any]] = json.loads((SCHEMAS / "reasons.json").read_text(encoding="utf-8"))["reasons"]
# They keep a stage on hold: its jobs wait until somebody has removed the cause.
HOLDS = frozenset(code for code, row in REASONS.items() if row.get("hold"))


def in_words(code: str) -> str:
    """What has happened, and what an admin can do; the code itself where the catalogue does not know it."""
    words = REASONS.get(code, {"label": code})
    return ". ".join(words[part].rstrip(".") for part in ("label", "advice") if part in words)
