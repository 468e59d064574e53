"""A shop that is nothing like Sell My Images, and a site without any shop."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.bridge.conftest import BRIDGE, SECRET, Bridge, connect, delivery
from tests.bridge.sidecar_stand_in import ShopDoor, SidecarStandIn
from tests.testbed.places import REPOSITORY
from tests.testbed.shop import Shop
from tests.testbed.waiting import wait_for

OTHER_SHOP = REPOSITORY / "tests" / "bridge" / "other-shop"


@pytest.fixture(scope="module")
def plain(shop_factory: Callable[..., Shop], wordpress_version: str) -> Iterator[Bridge]:
    """A connected bridge on a site without Sell My Images; the other shop is there, not active."""
    with shop_factory(wordpress_version, [BRIDGE]) as shop, SidecarStandIn(SECRET, shop.url) as sidecar:
        shop.link_plugin(OTHER_SHOP)
        connect(shop, sidecar)
        yield Bridge(shop, sidecar, ShopDoor(shop.url, shop.url, SECRET, shop.http))


@pytest.fixture
def other(plain: Bridge) -> Iterator[Bridge]:
    plain.shop.activate("other-shop")
    plain.sidecar.forget()
    yield plain
    plain.shop.deactivate("other-shop")


def sell(bridge: Bridge, buyer: str = "buyer@example.org", pay: bool = True) -> str:
    picture = f"{bridge.shop.url}/wp-content/uploads/sunset.png"
    fire = "do_action('smi_payment_completed', $id);" if pay else ""
    return bridge.shop.php_json(f"$id = other_shop_sell('{picture}', 8, '{buyer}'); {fire} return $id;")


def order(bridge: Bridge, job_id: str) -> dict[str, Any]:
    return bridge.shop.php_json(f"return array_map('current', get_post_meta({job_id.removeprefix('order-')}));")


def test_a_site_without_a_shop_is_fine(plain: Bridge) -> None:
    plain.sidecar.forget()
    plain.pay("9f1c2a34-5b6d-4e7f-8a90-b1c2d3e4f506")
    assert plain.sidecar.received == []
    assert plain.door.send("jobs.unfinished", {"limit": 10})["data"] == {"jobs": [], "next": None, "ended": []}
    assert plain.door.send("status", {})["data"]["shop"] is None
    assert plain.shop.http.get(plain.shop.url, timeout=30).status_code == 200
    assert plain.shop.complaints("wp-bridge-plugin") == []


def test_another_shops_order_is_forwarded(other: Bridge) -> None:
    job_id = sell(other)
    data = other.sidecar.wait("job.paid")[0].data
    assert (data["job_id"], data["factor"], data["title"]) == (job_id, 8, "Sunset & sea")
    assert data["source"] == {
        "type": "attachment",
        "url": f"{other.shop.url}/wp-content/uploads/sunset.png",
        "path": None,
    }
    assert (data["width"], data["height"]) == (None, None)


def test_another_shops_order_is_delivered_in_its_own_words(other: Bridge) -> None:
    job_id = sell(other, buyer="first@example.org")
    other.door.send(
        "job.submitted",
        {
            "job_id": job_id,
            "attempt": 1,
            "submission": 1,
            "upsampler_id": "u",
            "credits": 1,
            "submitted_at": "2026-11-22T10:00:00Z",
        },
    )
    assert order(other, job_id)["status"] == "in-the-works"
    result = other.door.send("job.delivered", delivery(job_id, download_url=None))
    assert result["data"] == {"mail": "sent"}
    written = order(other, job_id)
    assert (written["status"], written["mailed"]) == ("done", "yes")
    assert written["file"].endswith(f"/smi-downloads/2026/11/{job_id}_4x.jpg")
    (mail,) = other.shop.mails("first@example.org")
    assert f"{other.shop.url}/get-my-picture/" in mail.text
    assert "Sunset & sea" in mail.text


def test_another_shops_order_is_refunded_its_own_way(other: Bridge) -> None:
    job_id = sell(other)
    failed = {"job_id": job_id, "attempt": 1, "reason": "gone", "detail": "", "refund": "yes"}
    for _ in range(2):
        assert other.door.send("job.failed", failed)["data"]["outcome"] == "refunded"
    written = order(other, job_id)
    assert (written["status"], float(written["refunded"])) == ("given-up", 12.5)
    invoice = "invoice-" + job_id.removeprefix("order-")
    assert other.shop.option("other_shop_refunds").count(invoice) == 1


def test_another_shops_lost_payment_is_found_by_the_pull(other: Bridge) -> None:
    job_id = sell(other, pay=False)
    records = other.door.send("jobs.unfinished", {"limit": 500})["data"]["jobs"]
    assert job_id in [record["job_id"] for record in records]


def test_another_shops_listeners_hear_of_the_change(other: Bridge) -> None:
    remove = other.mu_plugin(
        "listener",
        "add_action('smi_job_status_changed', function ($id, $old, $new) {"
        " update_option('heard', [$id, $old, $new]); }, 10, 3);",
    )
    try:
        job_id = sell(other)
        other.door.send("job.delivered", delivery(job_id))
        heard = wait_for(lambda: other.shop.option("heard"), "a listener that hears last", timeout=10)
        assert heard == [job_id, "received", "done"]
    finally:
        remove()
