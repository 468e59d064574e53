"""Core: which versions of bridge and sidecar work together: one major version, at most one minor version apart."""

from __future__ import annotations

import re


def work_together(bridge: str, sidecar: str) -> bool:
    """Of two version numbers, `major.minor` or `major.minor.patch`; patches do not count. What is none works with
    nothing."""
    ours, theirs = _numbers(sidecar), _numbers(bridge)
    return bool(ours and theirs) and ours[0] == theirs[0] and abs(ours[1] - theirs[1]) <= 1


def older(bridge: str, sidecar: str) -> str:
    """Which of the two should be renewed: "bridge", "sidecar" or "" when they are of one version."""
    ours, theirs = _numbers(sidecar), _numbers(bridge)
    return "" if ours == theirs else "bridge" if theirs < ours else "sidecar"


def _numbers(version: str) -> tuple[int, ...]:
    found = re.match(r"(\d+)\.(\d+)(?:\.(\d+))?", version)
    return tuple(int(number or 0) for number in found.groups()) if found else ()
