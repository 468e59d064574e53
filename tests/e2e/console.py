"""The operator's console: `python -m sidecar …` with the settings of a Whole."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from tests.testbed.places import REPOSITORY
from tests.testbed.whole import Whole


def console(whole: Whole, *line: str) -> subprocess.CompletedProcess[str]:
    """A command, as a person sees it."""
    return subprocess.run(
        [sys.executable, "-m", "sidecar", *line],
        cwd=REPOSITORY,
        env=whole.sidecar.env,
        capture_output=True,
        text=True,
        timeout=60,
    )


def operate(whole: Whole, *line: str) -> Any:
    """A command that must succeed: its answer as JSON."""
    ended = console(whole, *line, "--json")
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)
