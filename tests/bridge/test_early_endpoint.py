"""The sidecar's messages are answered as early as they can be: what is loaded for them, and that nothing is lost."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.bridge.conftest import Bridge, delivery
from tests.bridge.test_submission_messages import progress, submitted, submitting
from tests.testbed.waiting import wait_for

NEWEST_ONLY = True  # nothing here depends on the version of WordPress

# Writes down, when the request ends, which of WordPress' stages it has seen.
_STAGES = """
add_action( 'shutdown', function () {
    $seen = array_filter( array( 'plugins_loaded', 'init', 'wp_loaded', 'parse_request' ), 'did_action' );
    file_put_contents( '%s', json_encode( array_values( $seen ) ) );
}, PHP_INT_MAX );
"""


@pytest.fixture
def stages(bridge: Bridge) -> Iterator[Callable[[], list[str]]]:
    """The stages that the last request has seen."""
    told = bridge.shop.root / "stages.json"
    told.unlink(missing_ok=True)
    remove = bridge.mu_plugin("stages", _STAGES % told)

    def read() -> list[str]:
        seen = json.loads(wait_for(lambda: told.exists() and told.read_text(), "the request's end", timeout=10))
        told.unlink()
        return seen

    yield read
    remove()


@pytest.fixture
def listener_of_init(bridge: Bridge) -> Iterator[Callable[[], Any]]:
    """A listener as plugins have it: added in `init`. Returns what it has heard."""
    bridge.option("heard", [])
    remove = bridge.mu_plugin(
        "init-listener",
        "add_action('init', function () { add_action('smi_job_status_changed', function ($id, $old, $new) {"
        " update_option('heard', [$id, $old, $new]); }, 10, 3); });",
    )
    yield lambda: wait_for(lambda: bridge.shop.option("heard"), "the listener", timeout=10)
    remove()


def test_what_needs_the_database_only_spares_wordpress_the_rest(bridge: Bridge, stages: Any) -> None:
    job_id = bridge.paid()
    for message in (submitting(job_id), ("status", {})):
        assert bridge.door.send(*message)["status"] == "done"
        assert stages() == ["plugins_loaded"]
    bridge.door.send(*submitted(job_id))
    stages()
    bridge.door.send(*progress(job_id, "enlarged", "refetch"))
    assert stages() == ["plugins_loaded"]


def test_what_is_mailed_waits_for_wordpress_but_not_for_its_routing(bridge: Bridge, stages: Any) -> None:
    bridge.door.send("job.delivered", delivery(bridge.paid(email="")))
    assert stages() == ["plugins_loaded", "init", "wp_loaded"]


def test_whoever_can_not_sign_goes_no_further(bridge: Bridge, stages: Any) -> None:
    body, headers = bridge.door.seal(b"{}", key=b"another key")
    for path in ("/wp-json/smi-bridge/v1/messages", "/?smi-bridge=messages"):
        answer = bridge.door.post(body, headers, path)
        assert (answer.status_code, answer.json()) == (401, {"error": "unauthorized"})
        assert stages() == ["plugins_loaded"]


def test_a_listener_that_is_added_in_init_hears_of_an_early_answer(bridge: Bridge, listener_of_init: Any) -> None:
    job_id = bridge.paid()
    bridge.door.send(*submitting(job_id))
    bridge.door.send(*submitted(job_id))
    assert listener_of_init() == [job_id, "pending", "processing"]


def test_another_shop_is_asked_when_it_has_loaded(bridge: Bridge, stages: Any) -> None:
    """It answers filters, which it may add in `init`."""
    remove = bridge.mu_plugin(
        "late-shop",
        "add_action('init', function () { add_filter('smi_bridge_read_jobs', function ($jobs) { return $jobs; } ); });",
    )
    try:
        job_id = bridge.job()
        bridge.pay(job_id)
        stages()
        bridge.door.send(*submitting(job_id))
        assert stages() == ["plugins_loaded", "init", "wp_loaded"]
    finally:
        remove()
    bridge.door.send("jobs.unfinished", {"limit": 1})
    stages()
    bridge.door.send("status", {})
    assert stages() == ["plugins_loaded"], "it is gone again"


def test_the_address_that_needs_no_rest_is_the_same_door(bridge: Bridge) -> None:
    listed = [{"id": "m", "type": "job.delivered", "data": delivery(job_id := bridge.paid(email=""))}]
    answer = bridge.door.post(*bridge.door.seal(bridge.door.envelope(listed)), "/?smi-bridge=messages")
    assert answer.json()["results"][0]["status"] == "done"
    assert bridge.state(job_id) == "delivered"


def test_an_address_of_ours_is_known_in_all_its_forms_and_no_other_is(bridge: Bridge) -> None:
    route = "/smi-bridge/v1/files"
    ours = (
        (f"/wp-json{route}", {}),
        (f"/shop/index.php/api{route}/?x=1", {}),
        ("/", {"rest_route": f"{route}/"}),
        ("/", {"smi-bridge": "files"}),
    )
    others = (
        ("/wp-json/smi-bridge/v1/messages", {}),
        (f"/?to={route}", {}),
        (f"{route}/more", {}),
        ("/", {"smi-bridge": ["files"]}),
        ("/", {"smi-bridge": "messages"}),
    )
    cases = json.dumps([[address, query] for address, query in ours + others])
    found = bridge.shop.php_json(
        f"return array_map(function ($case) {{ list($_SERVER['REQUEST_URI'], $_GET) = $case;"
        f" return SmiBridge\\Core\\Request::is_to('{route}'); }}, json_decode('{cases}', true));"
    )
    assert found == [True] * len(ours) + [False] * len(others)


def test_what_was_sent_is_read_without_the_slashes_that_wordpress_adds(bridge: Bridge) -> None:
    found = bridge.shop.php_json(
        "$_GET = wp_slash(['a' => \"it's\", 'b' => ['x']]); $_SERVER['HTTP_IF_RANGE'] = wp_slash(' \"e\" ');"
        " return [SmiBridge\\Core\\Request::query('a'), SmiBridge\\Core\\Request::query('b'),"
        " SmiBridge\\Core\\Request::query('c'), SmiBridge\\Core\\Request::header('If-Range')];"
    )
    assert found == ["it's", "", "", '"e"']
