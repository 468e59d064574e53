"""The real bridge in a real WordPress, asked by the sidecar's own door, keeps the contract that its double keeps."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from sidecar.adapters.shop import ShopDoor
from sidecar.core.messages import TO_SHOP, Signer, decode_secret
from tests.bridge.conftest import SECRET, Bridge
from tests.fakes.shop_contract import ShopContract

NEWEST_ONLY = True  # nothing here depends on the version of WordPress


class RealShop:
    """A `ShopUnderTest`."""

    def __init__(self, bridge: Bridge) -> None:
        self._bridge = bridge
        url = bridge.shop.url
        self.door = ShopDoor(Signer(decode_secret(SECRET), direction=TO_SHOP, site=url), shop_url=url)

    def pay(self, *, in_ledger: bool = True) -> str:
        return self._bridge.paid() if in_ledger else self._bridge.job()

    def rerun(self, job_id: str, *, force: bool = False) -> None:
        self._bridge.pay(job_id, admin_override=True, force=force)

    def stop(self, job_id: str) -> None:
        self.door.order("job.stop", {"job_id": job_id})

    def refunded_elsewhere(self, job_id: str) -> None:
        self._bridge.shop.php(f"smi_demo_shop_refund_outside('{job_id}');")

    def refunding(self, mode: str) -> None:
        self._bridge.option("smi_demo_shop_refund_mode", {"works": "ok", "fails": "error"}[mode])

    def mails(self, job_id: str) -> list[str]:
        rows = self._bridge.shop.sql(
            "SELECT effect FROM wp_smi_bridge_effects WHERE job_id = %s AND effect LIKE 'mail:%%' AND outcome = 'sent'"
            " ORDER BY id",
            job_id,
        )
        return [row["effect"].removeprefix("mail:") for row in rows]

    def refunds(self, job_id: str) -> int:
        payment = self._bridge.row(job_id)["stripe_payment_intent_id"]
        rows = self._bridge.shop.sql("SELECT accepted FROM wp_smi_demo_refunds WHERE payment_intent = %s", payment)
        return sum(int(row["accepted"]) for row in rows)

    def now(self) -> float:
        return time.time()


class TestRealShop(ShopContract):
    @pytest.fixture
    def shop(self, bridge: Bridge) -> Iterator[RealShop]:
        shop = RealShop(bridge)
        shop.refunding("works")
        yield shop
        shop.refunding("works")
        shop.door.close()
