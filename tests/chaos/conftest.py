"""One Whole for each module; its tests stay together on one worker."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.recovery.conftest import rig_factory  # noqa: F401


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker("wordpress")
            item.add_marker(pytest.mark.xdist_group(f"chaos-{item.path.stem}"))
