"""docs/sandbox.md and the code name the same faults and options."""

from __future__ import annotations

import re
from pathlib import Path

from sidecar.sandbox.faults import FAULTS
from sidecar.sandbox.options import parser

PAGE = (Path(__file__).parents[2] / "docs" / "sandbox.md").read_text(encoding="utf-8")


def test_the_page_lists_every_fault_with_its_meaning_and_params():
    rows = re.findall(r"^\| `(\w+_\w+)` \| (.+?) \| (.*?) \|$", PAGE, re.MULTILINE)
    expected = {
        name: (fault.meaning, ", ".join(f"`{key}` = {value}" for key, value in fault.params.items()))
        for name, fault in FAULTS.items()
    }
    assert {name: (meaning, params) for name, meaning, params in rows} == expected


def test_the_page_lists_every_option():
    options = {word for action in parser()._actions for word in action.option_strings if word.startswith("--")}
    assert set(re.findall(r"^\| `(--[a-z-]+)", PAGE, re.MULTILINE)) == options - {"--help"}
