"""docs/failures.md says what the recovery table does."""

from __future__ import annotations

import re
from pathlib import Path

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


def words() -> set[str]:
    """Every reason that WordPress' pages and mails can name."""
    plugin = PAGE.parents[1] / "wp-bridge-plugin"
    found = re.findall(
        r"^\t\t\t('[a-z_]+'|\w+::[A-Z_]+) +=> array\( __\(",
        (plugin / "includes/core/labels/class-reason-labels.php").read_text(),
        re.MULTILINE,
    )
    constants = {name: text for file in plugin.glob("includes/core/*.php") for name, text in _constants(file)}
    return {constants[name] if "::" in name else name.strip("'") for name in found}


def _constants(file: Path) -> list[tuple[str, str]]:
    owner = "_".join(part.capitalize() for part in file.stem.split("-")[1:])
    return [
        (f"{owner}::{name}", text) for name, text in re.findall(r"const ([A-Z_]+) += '([a-z_]+)';", file.read_text())
    ]


def test_wordpress_has_words_for_every_reason() -> None:
    assert set(TABLE) <= words()


def test_what_people_and_banks_decide_stands_there_too() -> None:
    told = set(re.findall(r"^\| `([a-z_]+)` \| [^|]+ \| [^|]+ \|$", PAGE.read_text(), re.MULTILINE))
    assert told == words() - set(TABLE)
    assert len(told) > 5


def test_every_test_that_the_page_names_is_there() -> None:
    named = set(re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", PAGE.read_text()))
    assert len(named) > 10
    for file, name in named:
        assert f"def {name}(" in (PAGE.parents[1] / file).read_text(), f"{file}::{name}"
