"""Every event that somebody writes into the history has words, and every word has a writer."""

from __future__ import annotations

import json
import re

from tests.testbed.places import REPOSITORY

BRIDGE = REPOSITORY / "wp-bridge-plugin"


def labelled() -> set[str]:
    """The events of the catalogue."""
    return set(json.loads((BRIDGE / "schemas" / "history.json").read_text())["events"])


def tones() -> dict[str, str]:
    """Event -> colour of its line."""
    return json.loads((BRIDGE / "schemas" / "history.json").read_text())["tones"]


def written() -> set[str]:
    """Events as their writers spell them: the bridge's `History::record()` and effects, the sidecar's progress."""
    php = "".join(path.read_text() for path in BRIDGE.rglob("*.php"))
    python = "".join(path.read_text() for path in (REPOSITORY / "sidecar" / "workflow").rglob("*.py"))
    events = set(re.findall(r"History::record\( [^\n]*?(?:\['attempt'\]|\$attempt|, 1), '([a-z_]*[a-z])'[,) ]", php))
    events |= {f"refund_{outcome}" for outcome in ("failed", "unknown")}  # Refund::failed() puts them together
    events |= {
        f"mail:{kind}" for kind in ("delivered", "renewed", "reminder", "delayed", "refunded", "review", "message")
    }
    for both in re.findall(
        r"\$opening += [^\n]*\? '([a-z]+)' : '([a-z]+)';", php
    ):  # Job_Page begins each attempt with it
        events |= set(both)
    events |= set(re.findall(r"const (?:REFUND|ERASE|EFFECT) += '([a-z]+)';", php))
    events |= set(re.findall(r'progress\([^\n]+, "[a-z]+", "([a-z_]+)"', python))
    events |= set(re.findall(r'_(?:again|next_submission)\(ports, [^\n]*"([a-z_]+)"\)', python))
    return events | set(re.findall(r'^        event = "([a-z_]+)"', python, re.M))


def test_every_event_has_words() -> None:
    assert written() - labelled() == set()


def test_every_event_with_a_colour_has_words_and_every_colour_a_style() -> None:
    assert tones().keys() <= labelled()
    style = (BRIDGE / "assets" / "admin.css").read_text()
    assert [tone for tone in set(tones().values()) if f".smib-history .{tone}::before" not in style] == []


def test_every_word_has_a_writer() -> None:
    assert labelled() - written() == set()
