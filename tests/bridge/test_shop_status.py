"""The shop's own status answers: progress for whoever knows the id, the link for whoever proves himself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from tests.bridge.conftest import Bridge, delivery
from tests.bridge.test_status_route import proof

NEWEST_ONLY = True  # nothing here depends on the version of WordPress

SESSION = "cs_test_a1b2c3d4e5f6a7b8"
# As Sell My Images 1.7 answers, by an ability over REST.
_ABILITY = """
add_action('rest_api_init', function () {
    register_rest_route('wp-abilities/v1', '/abilities/(?P<name>[a-z/-]+)/run', ['methods' => 'GET',
        'permission_callback' => '__return_true', 'callback' => function ($request) {
            return ['job_id' => $request['input']['job_id'], 'status' => 'completed', 'payment_status' => 'paid',
                'download_url' => rest_url('smi/v1/download/secret')];
        }]);
});
"""


@pytest.fixture(scope="module")
def job_id(shared_bridge: Bridge) -> Iterator[str]:
    """A delivered job. Both forms of the shop's own route are there."""
    remove = shared_bridge.mu_plugin("ability", _ABILITY)
    job_id = shared_bridge.paid(email="", stripe_checkout_session_id=SESSION)
    assert shared_bridge.door.send("job.delivered", delivery(job_id))["status"] == "done"
    yield job_id
    remove()


@pytest.fixture(params=["route", "ability"])
def asked(request: pytest.FixtureRequest, shared_bridge: Bridge, job_id: str) -> Any:
    def ask(headers: dict[str, str] | None = None, **query: str) -> requests.Response:
        api = f"{shared_bridge.shop.url}/wp-json"
        if request.param == "route":
            return requests.get(f"{api}/smi/v1/job-status/{job_id}", params=query, headers=headers, timeout=30)
        query["input[job_id]"] = job_id
        run = f"{api}/wp-abilities/v1/abilities/sell-my-images/get-job-status/run"
        return requests.get(run, params=query, headers=headers, timeout=30)

    return ask


def facts(answer: requests.Response) -> dict[str, Any]:
    assert answer.status_code == 200
    document = answer.json()
    return document.get("data", document)


def test_who_knows_the_id_sees_progress_and_no_link(asked: Any) -> None:
    answer = asked()
    assert facts(answer)["status"] == "completed" and "download" not in answer.text
    assert "no-store" in answer.headers["Cache-Control"]


def test_an_address_in_other_letters_opens_no_more(shared_bridge: Bridge, job_id: str) -> None:
    """WordPress heeds no case in routes."""
    for route in (
        f"/SMI/v1/job-status/{job_id}",
        f"/smi/V1/Job-Status/{job_id}",
        f"/smi/v1/job-status/{job_id}\n",
        "/wp-abilities/V1/abilities/sell-my-images/get-job-status/run",
        "/WP-Abilities/v1/Abilities/sell-my-images/get-job-status/RUN",
    ):
        query = {"rest_route": route, "input[job_id]": job_id}
        answer = requests.get(f"{shared_bridge.shop.url}/", params=query, timeout=30)
        assert facts(answer)["status"] == "completed", route
        assert "download" not in answer.text, route


def test_who_brings_the_status_token_or_the_payment_session_has_the_link(asked: Any, job_id: str) -> None:
    token = proof(job_id)
    for answer in (
        asked(token),
        asked(smi_status_token=token["Smi-Status-Token"]),
        asked({"Smi-Payment-Session": SESSION}),
        asked(session_id=SESSION),
    ):
        assert "/smi/v1/download/" in facts(answer)["download_url"]


def test_what_is_made_up_proves_nothing(asked: Any) -> None:
    for answer in (
        asked({"Smi-Status-Token": "x.y"}),
        asked(session_id="cs_test_other_session_0"),
        asked(proof("another-job")),
    ):
        assert "download_url" not in facts(answer)


def test_a_front_end_that_proves_it_in_another_way_may_say_so(shared_bridge: Bridge, asked: Any) -> None:
    remove = shared_bridge.mu_plugin(
        "front-end",
        "add_filter('smi_bridge_shop_status_link', function ($may, $job_id, $request) {"
        " return $may || 'ours' === $request->get_header('x-front-end'); }, 10, 3);",
    )
    try:
        assert "download_url" in facts(asked({"X-Front-End": "ours"}))
    finally:
        remove()
    assert "download_url" not in facts(asked())


def test_other_routes_and_failures_are_left_as_they_are(shared_bridge: Bridge, job_id: str) -> None:
    api = f"{shared_bridge.shop.url}/wp-json"
    other = f"{api}/wp-abilities/v1/abilities/another/get-job-status/run"
    answer = requests.get(other, params={"input[job_id]": job_id}, timeout=30)
    assert "download_url" in facts(answer) and "no-store" not in answer.headers.get("Cache-Control", "")
    unknown = "00000000-0000-4000-8000-000000000000"
    assert requests.get(f"{api}/smi/v1/job-status/{unknown}", timeout=30).status_code == 404
