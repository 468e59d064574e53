"""A request loads only the files that it needs: the payment, and the sidecar's door."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.bridge.conftest import Bridge, delivery
from tests.testbed.waiting import wait_for

MOST_AT_PAYMENT = 27
MOST_AT_DOOR = 44


@pytest.fixture
def loaded(bridge: Bridge) -> Iterator[Callable[[], list[str]]]:
    """Files of the bridge that the last request has loaded, templates and hooks not counted. WordPress' own calls of
    wp-cron.php, which go on beside, are none of ours."""
    told = Path(bridge.shop.root) / "loaded.json"
    remove = bridge.mu_plugin(
        "loaded",
        "add_action('shutdown', function () { if (wp_doing_cron()) { return; }"
        f" file_put_contents('{told}', json_encode(get_included_files()));"
        "}, PHP_INT_MAX);",
    )

    def read() -> list[str]:
        files = json.loads(wait_for(lambda: told.exists() and told.read_text(), "the request's end", timeout=10))
        told.unlink()
        return sorted(file.split("/includes/")[1] for file in files if "bridge" in file and "/includes/" in file)

    yield read
    remove()


def test_a_payment_loads_what_it_needs(bridge: Bridge, loaded: Callable[[], list[str]]) -> None:
    bridge.pay(bridge.job())
    files = loaded()
    assert "jobs/class-payment.php" in files and len(files) <= MOST_AT_PAYMENT, files
    assert [file for file in files if file.startswith(("messages/", "health/", "interfaces/cli"))] == []


def test_a_delivery_loads_what_it_needs(bridge: Bridge, loaded: Callable[[], list[str]]) -> None:
    bridge.door.send("job.delivered", delivery(bridge.paid()))
    files = loaded()
    assert "messages/class-batch.php" in files and len(files) <= MOST_AT_DOOR, " ".join(files)
    assert [file for file in files if file.startswith(("health/", "interfaces/", "admin/"))] == []
