"""axe-core over a page, shadow roots included."""

from typing import Any

from axe_playwright_python.sync_playwright import Axe

# WCAG 2.2 A and AA, and what axe calls best practice.
_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def findings(page: Any, within: str, *, except_rules: tuple[str, ...] = ()) -> list[str]:
    """What axe finds in the elements that `within` selects, a line each: rule, element, explanation."""
    options = {
        "runOnly": {"type": "tag", "values": _TAGS},
        "rules": {rule: {"enabled": False} for rule in except_rules},
    }
    answer = Axe().run(page, context=within, options=options).response
    return [
        f"{violation['id']}: {node['target']}: {node['failureSummary']}"
        for violation in answer["violations"]
        for node in violation["nodes"]
    ]
