"""The hook that holds commit subjects to 72 characters, as git calls it."""

import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from tests.testbed.places import REPOSITORY

HOOK = REPOSITORY / ".ci" / "commit_subject.py"


def fault(message: str) -> str:
    return runpy.run_path(str(HOOK))["fault"](message)


@pytest.mark.parametrize(
    "message",
    [
        "x" * 72,
        "ü" * 72,
        "Subject\n\nA line of the body may be as long as it likes, also longer than seventy-two characters.\n",
        "# a comment of git's, which is no part of the message and may have any length at all\n\nSubject\n",
        "Subject\n# On branch main\n# Changes to be committed:\n",
        "Subject\n\n# ------------------------ >8 ------------------------\ndiff --git a/x b/x\n" + "+" * 99,
        "fixup! " + "x" * 72,
        'Revert "' + "x" * 72 + '"\n\nThis reverts commit 0.',
        "",
    ],
)
def test_a_good_message_passes(message: str) -> None:
    assert fault(message) == ""


def test_a_long_subject_is_refused_with_its_length() -> None:
    assert "73 characters" in fault("x" * 73 + "\n\nwhy")


def test_a_body_without_an_empty_line_before_it_is_refused() -> None:
    assert "empty line" in fault("Subject\nand the why\n")


@pytest.mark.parametrize(("subject", "status"), [("x" * 72, 0), ("x" * 73, 1)])
def test_git_is_told_by_the_exit_status(tmp_path: Path, subject: str, status: int) -> None:
    (tmp_path / "COMMIT_EDITMSG").write_text(subject)
    command = [sys.executable, HOOK, tmp_path / "COMMIT_EDITMSG"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert (ended.returncode, bool(ended.stderr)) == (status, bool(status))


def test_pre_commit_calls_it_for_each_message() -> None:
    hooks = (REPOSITORY / ".pre-commit-config.yaml").read_text()
    assert "default_install_hook_types: [pre-commit, commit-msg]" in hooks
    assert f"entry: .venv/bin/python {HOOK.relative_to(REPOSITORY)}\n" in hooks and "stages: [commit-msg]" in hooks
