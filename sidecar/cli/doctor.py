"""Console: `doctor` checks a real installation, a line each, and says how to fix what is wrong."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from redis.exceptions import RedisError

from ..adapters.refusals import in_words
from ..core.errors import SidecarError
from ..services import Services
from .checks import CHECKS, FIXES, Check, Finding, advised


def add(commands) -> None:
    parser = commands.add_parser("doctor", help="check this installation, and say how to fix it")
    parser.add_argument("--json", action="store_true", help="findings as JSON")
    parser.set_defaults(run=_run)


def _run(given) -> int:
    services = Services.from_env()
    if not given.json:
        return 0 if report(services) else 1
    findings = list(examine(services))
    print(json.dumps([_document(finding) for finding in findings], indent=2))
    return 0 if all(finding.ok for finding in findings) else 1


def report(services: Services) -> bool:
    """Print a line for each check as soon as it ends; returns whether all is well."""
    is_well = True
    for finding in examine(services):
        is_well = is_well and bool(finding.ok)
        print(in_lines(finding), flush=True)
    return is_well


def in_lines(finding: Finding) -> str:
    """As people read it."""
    mark = {True: "ok  ", False: "FAIL", None: "?   "}[finding.ok]
    lines = [f"{mark}  {finding.name}: {finding.found}"]
    if finding.ok is False and finding.advice:  # one remedy, in the words that the shop's pages use
        lines += [f"      → {finding.advice.sentence}", f"        $ {finding.advice.command}"]
    elif finding.ok is False and finding.fix:
        lines.append(f"      → {finding.fix}")
    return "\n".join(lines)


def _document(finding: Finding) -> dict[str, Any]:
    """The findings as JSON, for programs."""
    return {"name": finding.name, "ok": finding.ok, "found": finding.found, "mend": finding.fix} | (
        {"advice": vars(finding.advice)} if finding.ok is False and finding.advice else {}
    )


def examine(services: Services, checks: Sequence[Check] = CHECKS) -> Iterator[Finding]:
    """All checks, in the order in which faults explain each other. A check that an earlier fault makes impossible says
    so. An error of ours, of Redis or of the disk becomes the finding of its check."""
    failed: set[str] = set()
    for check in checks:
        if blocked := failed.intersection(check.needs):
            yield Finding(check.name, None, f"not looked at: first fix “{blocked.pop()}”")
            continue
        try:
            finding = check.run(services, check.name)
        except SidecarError as error:
            finding = Finding(check.name, False, f"{error.code}: {error.detail}", FIXES.get(error.code, ""))
            finding = replace(finding, advice=advised(services, error.code))
        except RedisError as error:  # it went away between two checks
            found = f"redis_unavailable: {in_words(error)}"
            finding = Finding(check.name, False, found, FIXES["redis_unavailable"])
        except OSError as error:  # a folder that was there a moment ago
            finding = Finding(check.name, False, f"{error.filename or check.name}: {error.strerror}")
        if finding.ok is False:
            failed.add(check.name)
        yield finding
