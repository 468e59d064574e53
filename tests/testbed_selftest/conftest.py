"""What runs on one WordPress stays together on one xdist worker."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        version = getattr(item, "callspec", None) and item.callspec.params.get("wordpress_version")
        if version and Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.xdist_group(f"testbed-{version}"))
