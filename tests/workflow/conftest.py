"""A pipeline over doubles that has no bugs to report at the end of a test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.workflow.rig import Rig


@pytest.fixture
def rig() -> Iterator[Rig]:
    rig = Rig()
    yield rig
    assert rig.faults() == [], "a bug was caught and logged"
