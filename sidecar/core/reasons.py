"""Core: the reasons of failures in words, from the catalogue that the bridge's pages and mails read as well
(schemas/reasons.json)."""

from __future__ import annotations

import json

from .packaged import SCHEMAS

REASONS: dict[str, dict[str, str]] = json.loads((SCHEMAS / "reasons.json").read_text(encoding="utf-8"))["reasons"]


def in_words(code: str) -> str:
    """What has happened, and what an admin can do; the code itself where the catalogue does not know it."""
    words = REASONS.get(code, {"label": code})
    return ". ".join(words[part].rstrip(".") for part in ("label", "advice") if part in words)
