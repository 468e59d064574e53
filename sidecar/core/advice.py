"""Core: what to do about what goes wrong on the way to the first picture: a sentence and a command for each, from the
catalogue that the bridge reads as well (schemas/advice.json)."""

from __future__ import annotations

import json
from dataclasses import dataclass

from .packaged import SCHEMAS

CATALOGUE: dict[str, dict[str, str]] = json.loads((SCHEMAS / "advice.json").read_text(encoding="utf-8"))["advice"]


@dataclass(frozen=True)
class Advice:
    """What went wrong (`code`, a key of the catalogue) in a sentence for a person, and the shell command that helps."""

    code: str
    sentence: str
    command: str


def in_two_lines(words: Advice) -> str:
    """As a console shows it."""
    return f"{words.sentence}\n    {words.command}"


def advice(code: str, **facts: object) -> Advice:
    """The entry with its {names} filled in. Raises KeyError for an unknown code or a fact that is missing."""
    entry = CATALOGUE[code]
    return Advice(code, entry["sentence"].format_map(facts), entry["command"].format_map(facts))
