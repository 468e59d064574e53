"""Abilities on WordPress 6.9 and newer; older WordPress does not even notice."""

from typing import Any

import pytest
import requests

from tests.integrations.conftest import Tools
from tests.testbed.wordpress import OLDEST

MARKS = {
    "list-jobs": (True, False, True),
    "get-job": (True, False, True),
    "retry-job": (False, False, False),
    "cancel-job": (False, True, True),
    "resend-mail": (False, False, False),
    "connection-status": (True, False, True),
}
METHODS = {"retry-job": "POST", "cancel-job": "DELETE", "resend-mail": "POST"}


def run(tools: Tools, name: str, session: requests.Session | None = None, **fields: Any) -> requests.Response:
    """Run an ability over REST, as the administrator unless said otherwise."""
    url = f"{tools.shop.url}/wp-json/wp-abilities/v1/abilities/smi-bridge/{name}/run"
    method = METHODS.get(name, "GET")
    headers = {"X-WP-Nonce": tools.shop.rest_nonce()} if session is None else {}
    who = session or tools.shop.admin
    if method == "POST":
        return who.post(url, json={"input": fields}, headers=headers, timeout=30)
    query = {f"input[{field}]": value for field, value in fields.items()}
    return who.request(method, url, params=query, headers=headers, timeout=30)


def test_an_old_wordpress_has_none_and_does_not_complain(tools_everywhere: Tools):
    shop = tools_everywhere.shop
    has = shop.php_json("return function_exists('wp_get_abilities') ? array_keys(wp_get_abilities()) : null;")
    assert has is None if shop.version == OLDEST else {f"smi-bridge/{name}" for name in MARKS} <= set(has)
    assert shop.http.get(shop.url, timeout=30).status_code == 200


def test_each_ability_says_what_it_is(tools: Tools):
    told = tools.shop.php_json(
        "$told = []; foreach (wp_get_abilities() as $name => $ability) {"
        "  if (0 === strpos($name, 'smi-bridge/')) { $told[substr($name, 11)] = ["
        "    $ability->get_category(), $ability->get_meta_item('annotations'), $ability->get_meta_item('show_in_rest'),"
        "    $ability->get_output_schema(), $ability->get_label(), $ability->get_description()]; } }"
        "return $told;"
    )
    assert told.keys() == MARKS.keys()
    for name, (category, marks, in_rest, output, label, description) in told.items():
        assert (marks["readonly"], marks["destructive"], marks["idempotent"]) == MARKS[name]
        assert category == "smi-bridge" and in_rest is True and output["properties"] and label and description
    assert tools.shop.php_json("return wp_has_ability_category('smi-bridge');") is True


def test_jobs_are_listed_and_told(tools: Tools):
    tools.empty()
    review, delivered = tools.bought("review"), tools.bought("delivered")
    told = run(tools, "list-jobs").json()
    assert (told["total"], told["pages"]) == (2, 1)
    assert [job["job_id"] for job in told["jobs"]] == [delivered, review]
    assert [job["job_id"] for job in run(tools, "list-jobs", view="review").json()["jobs"]] == [review]
    assert run(tools, "list-jobs", per_page=1, page=2).json()["jobs"][0]["job_id"] == review
    whole = run(tools, "get-job", job_id=delivered)
    assert whole.json()["attempts"][0]["state"] == "delivered" and f"token-{delivered}" not in whole.text
    assert run(tools, "get-job", job_id="nobody").status_code == 404


def test_they_do_what_the_pages_do(tools: Tools):
    review, working = tools.bought("review"), tools.bought("submitted")
    delivered = tools.bought("delivered", email="ability@customer.example")
    assert run(tools, "retry-job", job_id=review).json()["code"] == "started"
    assert tools.sidecar.wait("job.paid")[0].data["job_id"] == review
    again = run(tools, "retry-job", job_id=review)
    assert (again.status_code, again.json()["code"]) == (409, "smi_bridge_busy")
    assert [run(tools, "cancel-job", job_id=working).json()["code"] for _ in "12"] == ["stopped", "already"]
    assert run(tools, "resend-mail", job_id=delivered).json()["code"] == "sent"
    assert tools.shop.wait_mail("ability@customer.example")


def test_the_connection_is_tested_both_ways(tools: Tools):
    told = run(tools, "connection-status").json()
    assert told["ok"] is True and {finding["level"] for finding in told["findings"]} <= {"ok", "warn"}
    tools.sidecar.answer.status, tools.sidecar.answer.body = 404, {}
    assert run(tools, "connection-status").json()["ok"] is False


def test_without_capability_they_do_nothing(tools: Tools):
    session = tools.user("abilitated", "editor")
    nonce = session.get(tools.shop.url + "/wp-admin/admin-ajax.php?action=rest-nonce", timeout=30).text
    session.headers["X-WP-Nonce"] = nonce
    stranger = requests.Session()
    job = tools.bought("review")
    try:
        for name in MARKS:
            fields = {} if name in ("list-jobs", "connection-status") else {"job_id": job}
            assert run(tools, name, session, **fields).status_code == 403
            assert run(tools, name, stranger, **fields).status_code == 401
    finally:
        session.close()
        stranger.close()
    assert [row["state"] for row in tools.ledger(job)] == ["review"] and tools.sidecar.received == []


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("get-job", {}),
        ("get-job", {"job_id": "' OR 1=1"}),
        ("get-job", {"job_id": "x", "more": "y"}),
        ("retry-job", {"job_id": ["x"]}),
        ("retry-job", {"job_id": "x", "force": "perhaps"}),
        ("resend-mail", {"job_id": ""}),
        ("cancel-job", {"job_id": "x" * 65}),
        ("list-jobs", {"per_page": 1000}),
        ("list-jobs", {"view": "<script>"}),
        ("list-jobs", {"from": "' OR 1"}),
        ("list-jobs", {"search": "x" * 201}),
    ],
)
def test_bad_input_is_the_callers_fault(tools: Tools, name: str, fields: dict[str, Any]):
    assert run(tools, name, **fields).status_code == 400
    assert tools.sidecar.received == []
