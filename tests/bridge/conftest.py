"""A real shop with the bridge on a host of the usual kind, connected to a stand-in of the sidecar; one for each
WordPress, shared by all tests."""

import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from sidecar.adapters.rest_files import RestFiles
from tests.bridge.sidecar_stand_in import ShopDoor, SidecarStandIn, rfc3339
from tests.bridge.uploads import Door
from tests.testbed.far import HOST_INI, HOST_MOST_BODY
from tests.testbed.places import REPOSITORY
from tests.testbed.shop import DEMO_SHOP, Shop
from tests.testbed.wordpress import OLDEST

BRIDGE = REPOSITORY / "wp-bridge-plugin"
# WordPress starts WP-Cron beside any request: what is due then happens to some test or other. Here a test runs it.
STILL = {"DISABLE_WP_CRON": True}
SECRET = "whsec_" + "c21pLWJyaWRnZSB0ZXN0IHNlY3JldCBvZiAzMiBieXQ="


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What does not depend on WordPress' version runs on the newest only: modules and tests that say `NEWEST_ONLY`.
    What runs on one version stays together on one xdist worker: it shares that shop."""
    kept, left_out = [], []
    for item in items:
        version = getattr(item, "callspec", None) and item.callspec.params.get("wordpress_version")
        if version and Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.xdist_group(f"bridge-{version}"))
        module = getattr(item, "module", None)
        once = getattr(module, "NEWEST_ONLY", False) or getattr(item.obj, "newest_only", False)
        (left_out if once and version == OLDEST else kept).append(item)
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = kept


def newest_only(test: Any) -> Any:
    """Mark one test so."""
    test.newest_only = True
    return test


@dataclass
class Bridge:
    """A shop with the bridge, the stand-in of its sidecar, and the door between them."""

    shop: Shop
    sidecar: SidecarStandIn
    door: ShopDoor

    def job(self, email: str = "customer@example.org", **columns: Any) -> str:
        """A paid row in the shop's table that nobody has been told of; returns its id."""
        row = {
            "job_id": str(uuid.uuid4()),
            "image_url": f"{self.shop.url}/wp-content/uploads/2026/11/photo.jpg",
            "resolution": "4x",
            "email": email,
            "post_id": 0,
            "image_width": 300,
            "image_height": 200,
            "source_type": "attachment",
            "status": "pending",
            "payment_status": "paid",
            "amount_charged": 4.5,
            "stripe_payment_intent_id": "pi_" + uuid.uuid4().hex,
        } | columns
        marks = ", ".join(["%s"] * len(row))
        self.shop.sql(
            f"INSERT INTO wp_smi_jobs ({', '.join(row)}, paid_at) "
            f"VALUES ({marks}, DATE_SUB(UTC_TIMESTAMP(), INTERVAL 5 HOUR))",  # New York, as the testbed's site time
            *row.values(),
        )
        return row["job_id"]

    def pay(self, job_id: str, **context: Any) -> None:
        """The payment's action, in a request of its own."""
        words = ", ".join(f"'{name}' => {'true' if value else 'false'}" for name, value in context.items())
        self.shop.php(f"do_action('smi_payment_completed', '{job_id}', [{words}]);")

    def paid(self, **columns: Any) -> str:
        """A paid job whose attempt 1 stands in the ledger."""
        job_id = self.job(**columns)
        self.open(job_id)
        return job_id

    def open(self, job_id: str, attempt: int = 1, **columns: Any) -> None:
        """A ledger row, as the bridge writes it when a job is paid."""
        row = {"job_id": job_id, "attempt": attempt, "state": "paid"} | columns
        marks = ", ".join(["%s"] * len(row))
        self.shop.sql(
            f"INSERT INTO wp_smi_bridge_ledger ({', '.join(row)}, created_at, updated_at, deadline_at) "
            f"VALUES ({marks}, UTC_TIMESTAMP(), UTC_TIMESTAMP(), DATE_ADD(UTC_TIMESTAMP(), INTERVAL 30 MINUTE))",
            *row.values(),
        )

    def bought(self, state: str = "delivered", reason: str | None = None, **columns: Any) -> str:
        """A job of that state, in the shop's table and in the ledger; returns its id."""
        job_id = self.job(**columns)
        facts: dict[str, Any] = {"state": state, "reason": reason}
        if state == "delivered":
            facts |= {
                "path": f"2026/11/{job_id}_4x.jpg",
                "bytes": 12_400_000,
                "sha256": "ab" * 32,
                "width": 4000,
                "height": 3000,
                "format": "jpeg",
                "token": f"token-{job_id}",
                "download_url": f"{self.shop.url}/smi/download/token-{job_id}",
            }
        self.open(job_id, **{name: value for name, value in facts.items() if value is not None})
        if state == "delivered":
            self.shop.sql(
                "UPDATE wp_smi_bridge_ledger SET delivered_at = DATE_ADD(created_at, INTERVAL 42 SECOND), "
                "settled_at = DATE_ADD(created_at, INTERVAL 42 SECOND), "
                "expires_at = DATE_ADD(UTC_TIMESTAMP(), INTERVAL 20 HOUR) WHERE job_id = %s",
                job_id,
            )
        return job_id

    def row(self, job_id: str) -> dict[str, Any]:
        """The shop's row."""
        return self.shop.sql("SELECT * FROM wp_smi_jobs WHERE job_id = %s", job_id)[0]

    def ledger(self, job_id: str) -> list[dict[str, Any]]:
        return self.shop.sql("SELECT * FROM wp_smi_bridge_ledger WHERE job_id = %s ORDER BY attempt", job_id)

    def state(self, job_id: str) -> str:
        return self.ledger(job_id)[-1]["state"]

    def effects(self, job_id: str) -> dict[str, dict[str, Any]]:
        rows = self.shop.sql("SELECT * FROM wp_smi_bridge_effects WHERE job_id = %s", job_id)
        return {row["effect"]: row for row in rows}

    def history(self, job_id: str) -> list[str]:
        rows = self.shop.sql("SELECT event FROM wp_smi_bridge_events WHERE job_id = %s ORDER BY id", job_id)
        return [row["event"] for row in rows]

    def option(self, name: str, value: object) -> None:
        self.shop.option(name, value)

    def mu_plugin(self, name: str, code: str) -> Callable[[], None]:
        """Install a must-use plugin; returns what removes it."""
        path = self.shop.root / "wp-content" / "mu-plugins" / f"{name}.php"
        path.write_text("<?php\n" + code)
        return path.unlink


def delivery(job_id: str, attempt: int = 1, **changes: Any) -> dict[str, Any]:
    """Data of a `job.delivered`."""
    return {
        "job_id": job_id,
        "attempt": attempt,
        "path": f"2026/11/{job_id}_4x.jpg",
        "bytes": 123456,
        "sha256": "ab" * 32,
        "width": 1200,
        "height": 800,
        "format": "jpeg",
        "credits": 3,
        "upsampler_id": "ups-1",
        "token": f"token-of-{job_id}",
        "download_url": f"https://shop.example/smi/download/token-of-{job_id}",
        "expires_at": rfc3339(time.time() + 86400),
    } | changes


def connect(shop: Shop, sidecar: SidecarStandIn) -> None:
    """Settings of a connected bridge."""
    mails_by_the_clock(shop, 86_400)
    shop.php(
        f"update_option('smi_bridge_secret', '{SECRET}'); delete_option('smi_bridge_previous_secret');"
        f"update_option('smi_bridge_sidecar_url', '{sidecar.url}'); delete_option('smi_bridge_circuit');"
        "update_option('smi_bridge_status_at', time()); SmiBridge\\Core\\Staging_Lock::lock();"
    )


def mails_by_the_clock(shop: Shop, seconds: int) -> None:
    """When they are due, in seconds from now. The sidecar's visits make up for what is overdue."""
    shop.php(
        "wp_clear_scheduled_hook('smi_bridge_follow_up');"
        f"wp_schedule_event(time() + {seconds}, 'smi_bridge_ten_minutes', 'smi_bridge_follow_up');"
    )


@pytest.fixture(scope="session")
def shared_bridge(shop_factory: Callable[..., Shop], wordpress_version: str) -> Iterator[Bridge]:
    with (
        shop_factory(
            wordpress_version, [BRIDGE, DEMO_SHOP], ini=HOST_INI, most_body=HOST_MOST_BODY, constants=STILL
        ) as shop,
        SidecarStandIn(SECRET, shop.url) as sidecar,
    ):
        connect(shop, sidecar)
        yield Bridge(shop, sidecar, ShopDoor(shop.url, shop.url, SECRET, shop.http))


@pytest.fixture
def bridge(shared_bridge: Bridge) -> Iterator[Bridge]:
    """A connected bridge. The shop's log must name no fault of the plugin when the test is over; what goes on after the
    last answer is the test's own, and not the next one's."""
    shared_bridge.sidecar.forget()
    before = len(shared_bridge.shop.debug_log)
    yield shared_bridge
    shared_bridge.shop.wait_still()
    faults = [
        line
        for line in shared_bridge.shop.debug_log[before:].splitlines()
        if ("PHP " in line and "/wp-includes/" not in line) or "WordPress database error" in line
    ]
    assert faults == []


@pytest.fixture
def door(bridge: Bridge) -> Iterator[Door]:
    door = Door(bridge, SECRET)
    yield door
    door.close()


@pytest.fixture
def files(door: Door, tmp_path: Path) -> RestFiles:
    return RestFiles(door, tmp_path / "work", sleep=lambda seconds: None)


@pytest.fixture
def downloads(bridge: Bridge) -> Path:
    return bridge.shop.root / "wp-content" / "uploads" / "smi-downloads"
