"""Face: `doctor` checks a real installation, a line each, and says how to mend what is wrong."""

from __future__ import annotations

import json
from collections.abc import Iterator

from ..core.errors import SidecarError
from ..services import Services
from .checks import CHECKS, MEND, Finding


def add(commands) -> None:
    parser = commands.add_parser("doctor", help="check this installation, and say how to mend it")
    parser.add_argument("--json", action="store_true", help="findings as JSON")
    parser.set_defaults(run=_run)


def _run(given) -> int:
    findings = []
    for finding in examine(Services.from_env()):
        findings.append(finding)
        if not given.json:
            mark = {True: "ok  ", False: "FAIL", None: "?   "}[finding.ok]
            print(f"{mark}  {finding.name}: {finding.found}", flush=True)
            if finding.ok is False and finding.mend:
                print(f"      → {finding.mend}", flush=True)
    if given.json:
        print(json.dumps([finding.__dict__ for finding in findings], indent=2))
    return 0 if all(finding.ok for finding in findings) else 1


def examine(services: Services) -> Iterator[Finding]:
    """Every check, in the order in which faults explain each other; what can't be looked at any more says so."""
    failed: set[str] = set()
    for check in CHECKS:
        if blocked := failed.intersection(check.needs):
            yield Finding(check.name, None, f"not looked at: first mend “{blocked.pop()}”")
            continue
        try:
            finding = check.run(services, check.name)
        except SidecarError as error:
            finding = Finding(check.name, False, f"{error.code}: {error.detail}", MEND.get(error.code, ""))
        if finding.ok is False:
            failed.add(check.name)
        yield finding
