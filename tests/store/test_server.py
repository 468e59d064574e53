"""Contract of the questions about the store's server."""

from __future__ import annotations

from tests.store.conftest import Memory


def test_a_sidecar_has_one_name_however_often_it_is_asked(memory: Memory) -> None:
    assert memory.store.server.name() == memory.store.server.name() != ""
