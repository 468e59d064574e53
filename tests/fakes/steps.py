"""Where an attempt may go, as the table of states says it: the sidecar asks nobody, the bridge refuses the rest."""

from __future__ import annotations

import json

from sidecar.core.packaged import SCHEMAS

_TABLE = json.loads((SCHEMAS / "states.json").read_text())["states"]


def may_go(old: str, new: str) -> bool:
    """Staying where one is (a repeated step) always is allowed."""
    return old == new or new in _TABLE[old]["next"]
