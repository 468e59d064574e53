"""One Whole for each module: its tests stay together on one worker, and each module may set its own fault mix."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.recovery.rig import Rig


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents and "rig" in getattr(item, "fixturenames", ()):
            item.add_marker("wordpress")
            item.add_marker(pytest.mark.xdist_group(f"recovery-{item.path.stem}"))


@pytest.fixture(scope="module")
def rig_factory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Rig]]:
    """Starts rigs: takes `Rig.start`'s arguments but the folder. What is not stopped earlier ends with the module."""
    rigs: list[Rig] = []

    def start(**settings: Any) -> Rig:
        rigs.append(Rig.start(tmp_path_factory.mktemp("rig"), **settings))
        return rigs[-1]

    yield start
    for rig in rigs:
        rig.stop()


@pytest.fixture(scope="module")
def rig(rig_factory: Callable[..., Rig]) -> Rig:
    return rig_factory()
