"""docs/failures.md says what the recovery table does."""

from __future__ import annotations

import re
from pathlib import Path

from sidecar.core.reasons import REASONS
from sidecar.workflow.recovery.table import TABLE

PAGE = Path(__file__).resolve().parents[2] / "docs" / "failures.md"
_COUNTED = ("retry", "refetch", "resubmit")


def rows() -> dict[str, str]:
    """Reason -> what is done, from the page's first table."""
    found = re.findall(r"^\| `([a-z_]+)` \| [^|]+ \| ([^|]+) \| [^|]+ \|$", PAGE.read_text(), re.MULTILINE)
    assert len(found) == len(dict(found)), "a reason stands there twice"
    return dict(found)


def test_every_reason_stands_there_and_no_other() -> None:
    assert set(rows()) == set(TABLE)


def test_it_tells_the_steps_as_they_are_taken() -> None:
    for reason, told in rows().items():
        steps = (f"{step} {times}" if step in _COUNTED else step for step, times in TABLE[reason].steps)
        assert told == ", ".join(steps), reason


def test_pages_mails_and_consoles_have_words_for_every_reason() -> None:
    assert set(TABLE) <= set(REASONS)


def test_what_people_and_banks_decide_stands_there_too() -> None:
    told = set(re.findall(r"^\| `([a-z_]+)` \| [^|]+ \| [^|]+ \|$", PAGE.read_text(), re.MULTILINE))
    assert told == set(REASONS) - set(TABLE)
    assert len(told) > 5


def test_every_test_that_the_page_names_is_there() -> None:
    named = set(re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", PAGE.read_text()))
    assert len(named) > 10
    for file, name in named:
        assert f"def {name}(" in (PAGE.parents[1] / file).read_text(), f"{file}::{name}"
