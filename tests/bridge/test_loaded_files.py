"""A request loads only the files that it needs: the payment, and the sidecar's door."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests

from tests.bridge.conftest import BRIDGE, Bridge, delivery
from tests.testbed.waiting import wait_for

MOST_AT_PAYMENT = 27
MOST_AT_DOOR = 44


@pytest.fixture
def loaded(bridge: Bridge) -> Iterator[Callable[[], list[str]]]:
    """Files of the bridge that the last request has loaded, templates and hooks not counted. WordPress' own calls of
    wp-cron.php, which go on beside, are none of ours; neither is what earlier tests have left for the next visit."""
    told = Path(bridge.shop.root) / "loaded.json"
    bridge.shop.php(
        "update_option('smi_bridge_notices', []); update_option('smi_bridge_digest_due', 0);"
        "wp_clear_scheduled_hook('smi_bridge_follow_up'); SmiBridge\\Mail\\Scheduled_Mails::schedule();"
    )
    remove = bridge.mu_plugin(
        "loaded",
        "add_action('shutdown', function () { if (wp_doing_cron()) { return; }"
        f" file_put_contents('{told}', json_encode(get_included_files()));"
        "}, PHP_INT_MAX);",
    )

    def read() -> list[str]:
        files = json.loads(wait_for(lambda: told.exists() and told.read_text(), "the request's end", timeout=10))
        told.unlink()
        return sorted(file.split("/includes/")[1] for file in files if f"{BRIDGE.name}/includes/" in file)

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


def test_a_rest_request_of_others_reads_no_catalogue(bridge: Bridge, loaded: Callable[[], list[str]]) -> None:
    assert requests.get(f"{bridge.shop.url}/?rest_route=/wp/v2/types", timeout=30).status_code == 200
    files = loaded()
    assert "interfaces/class-rest.php" in files
    assert {"interfaces/class-catalogue.php", "core/class-schemas.php", "jobs/class-allowed-actions.php"} & set(
        files
    ) == set()


@pytest.mark.parametrize("route", ["/", "/smi-bridge/v1", "/smi-bridge/v1/"])
def test_whoever_lists_routes_sees_those_of_the_jobs(bridge: Bridge, route: str) -> None:
    routes = requests.get(f"{bridge.shop.url}/?rest_route={route}", timeout=30).json()["routes"]
    assert "/smi-bridge/v1/jobs" in routes and any(path.endswith("/retry") for path in routes)


def test_a_page_that_looks_at_the_routes_sees_those_of_the_jobs(bridge: Bridge) -> None:
    assert bridge.shop.php_json("return isset(rest_get_server()->get_routes()['/smi-bridge/v1/jobs']);") is True
