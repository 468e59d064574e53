"""Setup: `.env` as setup changes it: what is right stays byte by byte, also lines that setup knows nothing of."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping

from dotenv import dotenv_values

_PLAIN = re.compile(r"[A-Za-z0-9_.:/@%+=,~-]*")


def values(text: str) -> dict[str, str]:
    """Name -> value, as the processes read them."""
    read = dotenv_values(stream=io.StringIO(text), interpolate=False)
    return {name: value for name, value in read.items() if value is not None}


def merged(text: str, wanted: Mapping[str, str | None]) -> str:
    """The file with each of these settings at its value; None: without it."""
    present = values(text)
    for name, value in wanted.items():
        if present.get(name) == value:
            continue
        line = re.compile(rf"^[ \t]*(?:export[ \t]+)?{re.escape(name)}[ \t]*=.*\n?", re.MULTILINE)
        new = "" if value is None else f"{name}={_quoted(value)}\n"
        if line.search(text):
            first = line.search(text)
            assert first is not None
            rest = line.sub("", text[first.end() :])
            text = text[: first.start()] + new + rest
        elif new:
            text += ("" if not text or text.endswith("\n") else "\n") + new
    return text


def _quoted(value: str) -> str:
    if _PLAIN.fullmatch(value):
        return value
    escaped = value.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "").replace("\r", "")
    return f"'{escaped}'"
