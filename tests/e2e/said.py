"""What a text says in the catalogue's words: entries with their names filled in, as a person reads them."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping

from sidecar.core.advice import CATALOGUE


def entries(text: str) -> dict[str, str]:
    """Code => "sentence → command" of each entry whose sentence is there; a command that is not behind it is "?"."""
    plain = html.unescape(text)
    found = {}
    for code, entry in CATALOGUE.items():
        if sentence := re.search(_pattern(entry["sentence"], {}), plain):
            rest = plain[sentence.end() :]
            command = re.match(
                r"(?: \([^)]*\))?[\s→$]*(" + _pattern(entry["command"], sentence.groupdict()) + ")", rest
            )
            found[code] = f"{sentence[0]} → {command[1] if command else '?'}"
    return found


def _pattern(text: str, known: Mapping[str, str]) -> str:
    """`known`: what names stand for; the others are found."""
    parts = re.split(r"\{([a-z]+)\}", text)
    parts[::2] = map(re.escape, parts[::2])
    met = set()
    for number in range(1, len(parts), 2):
        name = parts[number]
        if name in known:
            parts[number] = re.escape(known[name])
        else:
            parts[number] = rf"(?P={name})" if name in met else rf"(?P<{name}>\S+)"
        met.add(name)
    return "".join(parts)
