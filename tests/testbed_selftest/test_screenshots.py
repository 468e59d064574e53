"""`python -m tests.screenshots WORD`: a word that no picture has is told before anything is started."""

from __future__ import annotations

import subprocess
import sys

from tests.testbed.places import REPOSITORY


def test_a_word_that_no_picture_has_is_told_with_the_names_that_there_are() -> None:
    command = [sys.executable, "-m", "tests.screenshots", "mail", "sunset"]
    ended = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 2
    told = ended.stderr.splitlines()[-1]
    assert "no picture has sunset in its name" in told and "mail-delivered" in told and "admin-dashboard" in told
