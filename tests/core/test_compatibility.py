"""One minor version apart works, more does not."""

from __future__ import annotations

import pytest

from sidecar.core.compatibility import older, work_together


@pytest.mark.parametrize(
    ("bridge", "sidecar", "fit", "behind"),
    [
        ("1.0.0", "1.0.0", True, ""),
        ("1.0.9", "1.0.0", True, "sidecar"),
        ("1.0.0", "1.1.0", True, "bridge"),
        ("1.2.3", "1.1.9", True, "sidecar"),
        ("1.0.0", "1.2.0", False, "bridge"),
        ("1.10.0", "1.9.0", True, "sidecar"),
        ("2.0.0", "1.9.0", False, "sidecar"),
        ("1.1", "1.1.0", True, ""),
        ("None", "1.1.0", False, "bridge"),
        ("", "1.1.0", False, "bridge"),
    ],
)
def test_versions_fit_or_not(bridge: str, sidecar: str, fit: bool, behind: str) -> None:
    assert work_together(bridge, sidecar) is fit
    assert older(bridge, sidecar) == behind
