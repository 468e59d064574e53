"""The clock's own questions to a shop that drips or is silent: each ends, is told once, and the next one comes."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from contextlib import closing
from types import SimpleNamespace

import pytest

from sidecar.adapters.shop import ShopDoor
from sidecar.core.messages import TO_SHOP, Signer
from sidecar.periodic import run_periodic
from sidecar.pull import Pull
from sidecar.workflow.time_limits import VISIT_IDLE_S
from tests.fetch import drips
from tests.fetch.wire_server import Exchange, WireServer
from tests.workflow.rig import Rig


@pytest.fixture(params=drips.ALL.values(), ids=drips.ALL)
def rig(request: pytest.FixtureRequest) -> Iterator[Rig]:
    """Its shop is behind the real door, whose 90 s are a third of one here."""
    script: Callable[[Exchange], None] = request.param
    rig = Rig()
    with WireServer(script) as server:
        signer = Signer(b"0123456789abcdef0123456789abcdef", direction=TO_SHOP, site="https://shop.example")
        with closing(ShopDoor(signer, shop_url=server.url, timeout=(0.5, 0.3))) as door:
            rig.ports = dataclasses.replace(rig.ports, shop=door)
            yield rig


def test_reconciliation_ends_and_the_admin_is_told_that_the_shop_is_away(rig: Rig) -> None:
    run_periodic(rig.ports, "reconcile")
    away = rig.outbox.away()
    assert away and away["reason"] == "shop_unavailable"
    assert [event for event, _ in rig.events] == ["task.failed"]


def test_a_visit_to_the_mailbox_ends_and_the_next_one_comes(rig: Rig) -> None:
    pull = Pull(SimpleNamespace(ports=rig.ports))  # type: ignore[arg-type]
    assert [pull.step(), pull.step()] == [VISIT_IDLE_S] * 2
    assert [event for event, _ in rig.events] == ["mailbox.failed"], "told once"
