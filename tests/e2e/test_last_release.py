"""Bridge and sidecar are renewed one after the other: each works with the other's last release, or says why not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sidecar import VERSION
from sidecar.core.compatibility import work_together
from tests.testbed.customer import Customer
from tests.testbed.release import Release, unpack
from tests.testbed.shop import DEMO_SHOP
from tests.testbed.whole import BRIDGE, Whole

pytestmark = [pytest.mark.wordpress, pytest.mark.xdist_group("last release")]


@pytest.fixture(scope="module")
def last(tmp_path_factory: pytest.TempPathFactory) -> Release:
    return unpack(tmp_path_factory.mktemp("last-release"))


@pytest.fixture(scope="module")
def shop(last: Release, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Whole]:
    """A shop with the last release's bridge, connected, and no sidecar yet."""
    folder = tmp_path_factory.mktemp("shop")
    with Whole.start(folder, plugins=(DEMO_SHOP, last.bridge), sandbox=["--instant"], processes=("store",)) as whole:
        yield whole


def _run(whole: Whole, root: Path) -> None:
    """This version of the sidecar."""
    for name in ("web", "worker", "cron"):
        process = whole.sidecar.process(name)
        process.stop()
        process.working_folder = root
        process.launch()
    whole.sidecar.wait_ready()


def _delivers(whole: Whole, folder: Path) -> None:
    customer = Customer(whole.shop, folder)
    customer.until(customer.buy(), "delivered")


@pytest.mark.timeout(240)
def test_each_side_works_with_the_others_last_release(shop: Whole, last: Release, tmp_path: Path) -> None:
    """The sidecar is renewed first, or the bridge is."""
    assert last.version != VERSION and work_together(last.version, VERSION)
    _run(shop, Path(BRIDGE).parent)
    _delivers(shop, tmp_path)
    shop.shop.replace_plugin(last.bridge, BRIDGE)
    _run(shop, last.root)
    _delivers(shop, tmp_path)
