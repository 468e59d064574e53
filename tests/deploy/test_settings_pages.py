"""Settings stand in one table in the code; what people read is printed from it."""

from __future__ import annotations

import subprocess
import sys

from sidecar.core.settings import described
from tests.testbed.places import REPOSITORY


def _printed(*options: str) -> str:
    return subprocess.run(
        [sys.executable, "-m", "sidecar", "settings", *options],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    ).stdout


def test_env_example_is_what_the_settings_command_prints() -> None:
    """To renew it: `python -m sidecar settings > deploy/env.example`."""
    assert (REPOSITORY / "deploy" / "env.example").read_text() == _printed()


def test_the_settings_page_holds_the_table_that_the_settings_command_prints() -> None:
    """To renew it: replace the table in docs/settings.md by what `python -m sidecar settings --markdown` prints."""
    assert _printed("--markdown") in (REPOSITORY / "docs" / "settings.md").read_text()


def test_every_setting_has_its_words_and_those_that_must_be_set_an_example() -> None:
    for item in described():
        assert item["help"], item["name"]
        assert item["default"] is not None or item["example"], item["name"]
