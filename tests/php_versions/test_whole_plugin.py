"""The oldest and the newest PHP that the bridge claims, with a whole WordPress: activated, paid, delivered, looked at.

The database is Playground's SQLite; what MariaDB adds (locks, deadlocks) is shown by tests/bridge on the machine's PHP.
"""

import json
import re
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.bridge.conftest import delivery
from tests.bridge.sidecar_stand_in import ShopDoor, SidecarStandIn
from tests.php_versions import claims
from tests.php_versions.names import NAMES
from tests.php_versions.playground import PLUGINS, Playground
from tests.testbed.wordpress import NEWEST

SECRET = "whsec_" + "c21pLWJyaWRnZSB0ZXN0IHNlY3JldCBvZiAzMiBieXQ="
JOB, REFUNDED = "1a2b3c4d-0000-4000-8000-000000000002", "1a2b3c4d-0000-4000-8000-000000000003"
EMAIL = "buyer@customer.example"
LEDGER = "$GLOBALS['wpdb']->get_results('SELECT * FROM wp_smi_bridge_ledger')"
PATIENCE = 120  # seconds for one answer: a busy machine takes its time
SUBMITTED = {"upsampler_id": "ups-1", "credits": 2.5, "submitted_at": "2026-11-22T10:00:00Z"}
PASSWORD = "password"  # Playground's own
PAGES = ("smi-bridge", "smi-bridge-jobs", f"smi-bridge-jobs&job={JOB}", "smi-bridge-settings")

pytestmark = [pytest.mark.wordpress, pytest.mark.timeout(600)]  # the first run downloads the interpreters


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(version, id=f"php-{version}", marks=pytest.mark.xdist_group(f"playground-{version}"))
        for version in (claims.OLDEST_PHP, claims.NEWEST_PHP)
    ],
)
def playground(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Playground]:
    with Playground(tmp_path_factory.mktemp("playground"), request.param, NEWEST) as site:
        yield site


def activate(site: Playground) -> None:
    """Both plugins, as the page of plugins does it."""
    site.run(
        "require_once ABSPATH . 'wp-admin/includes/plugin.php';"
        f"foreach (json_decode('{json.dumps(list(PLUGINS))}') as $name) {{"
        '  $error = activate_plugin("$name/$name.php");'
        "  if (is_wp_error($error)) { throw new Exception($error->get_error_message()); }"
        "}"
        "update_option('permalink_structure', '/%postname%/');"
    )


def pay(site: Playground, sidecar: SidecarStandIn) -> dict[str, Any]:
    """Connect the bridge, put two jobs into the shop's table and fire the payments' action; what came of it."""
    row = {
        "image_url": f"{site.url}/wp-content/uploads/2026/11/photo.jpg",
        "resolution": "4x",
        "email": EMAIL,
        "post_id": 0,
        "image_width": 300,
        "image_height": 200,
        "payment_status": "paid",
        "amount_charged": 4.5,
    }
    return site.run(
        f"update_option('smi_bridge_secret', '{SECRET}'); update_option('smi_bridge_sidecar_url', '{sidecar.url}');"
        f"update_option('smi_bridge_status_at', time()); {NAMES['Staging_Lock']}::lock();"
        f"$row = json_decode('{json.dumps(row)}', true) + ['paid_at' => current_time('mysql')];"
        f"foreach (['{JOB}', '{REFUNDED}'] as $id) {{"
        "  $more = ['job_id' => $id, 'stripe_payment_intent_id' => 'pi_' . $id];"
        "  $GLOBALS['wpdb']->insert($GLOBALS['wpdb']->prefix . 'smi_jobs', $more + $row);"
        "  do_action('smi_payment_completed', $id, []);"
        "}"
        f"return ['php' => PHP_VERSION, 'home' => get_option('home'), 'attempts' => {LEDGER}];"
    )


def customer_page(site: Playground, job_id: str) -> str:
    """The status page, and that its document is there for its script."""
    document = site.http.get(f"{site.url}/wp-json/smi-bridge/v1/status/{job_id}", timeout=PATIENCE)
    assert document.status_code == 200 and document.json()["phase"]
    address = site.run(f"return \\SmiBridge\\Customer\\Status_View::link('{job_id}');")
    page = site.http.get(address, timeout=PATIENCE)
    assert page.status_code == 200, page.text[-2000:]
    return page.text


def admin_pages(site: Playground) -> dict[str, str]:
    """The bridge's pages as an administrator's browser gets them."""
    site.http.cookies.set("wordpress_test_cookie", "WP%20Cookie%20check")
    form = {"log": "admin", "pwd": PASSWORD, "wp-submit": "Log In", "testcookie": "1"}
    site.http.post(f"{site.url}/wp-login.php", data=form, allow_redirects=False, timeout=PATIENCE).raise_for_status()
    pages = {}
    for page in PAGES:
        answer = site.http.get(f"{site.url}/wp-admin/admin.php?page={page}", timeout=PATIENCE)
        assert answer.status_code == 200, (page, answer.status_code, answer.text[-2000:])
        pages[page] = answer.text
    return pages


def complaints(site: Playground) -> list[str]:
    """Faults, warnings and deprecations that a file of the bridge caused."""
    return [
        line
        for line in site.debug_log.splitlines()
        if "complaint: " in line or re.search(r"PHP \w+.*(/plugins/smi-bridge/|Fatal)|WordPress database error", line)
    ]


def provoke(site: Playground) -> list[dict[str, Any]]:
    """A deprecation within a call of the bridge's; returns the attempts."""
    return site.run(
        "add_filter('smi_bridge_expiry_hours', function ($hours) {"
        "  trigger_error('provoked', E_USER_DEPRECATED); return $hours;"
        "});"
        f"{NAMES['Settings']}::expiry_hours(); return {LEDGER};"
    )


def test_jobs_are_paid_delivered_refunded_and_shown(playground: Playground) -> None:
    """1. activated  2. paid, the sidecar told  3. the door answers  4. one delivered, one refunded  5. looked at."""
    activate(playground)
    with SidecarStandIn(SECRET, playground.url) as sidecar:
        paid = pay(playground, sidecar)
        assert paid["php"].startswith(f"{playground.php}.")
        assert paid["home"] == playground.url
        assert [attempt["state"] for attempt in paid["attempts"]] == ["paid", "paid"]
        told = sidecar.wait("job.paid", count=2)
        assert [(it.data["job_id"], it.data["attempt"], it.data["factor"]) for it in told] == [
            (JOB, 1, 4),
            (REFUNDED, 1, 4),
        ]
        assert sidecar.refused == 0

        door = ShopDoor(playground.url, playground.url, SECRET, playground.http)
        forged = door.post(b"{}", {"webhook-id": "m", "webhook-timestamp": str(int(time.time()))})
        assert forged.status_code == 401
        the_job = {"job_id": JOB, "attempt": 1}
        submission = the_job | {"submission": 1}
        results = door.batch(
            ("job.submitting", submission | {"claim": "one"}),
            ("job.submitting", submission | {"claim": "two"}),
            ("job.submitted", submission | SUBMITTED),
            ("job.progress", the_job | {"state": "submitted", "event": "waiting"}),
            ("job.failed", {"job_id": REFUNDED, "attempt": 1, "reason": "source_gone", "detail": "", "refund": "yes"}),
        )
        assert [(result["status"], result["reason"]) for result in results] == [
            ("done", None),
            ("refused", "claimed"),
            ("done", None),
            ("done", None),
            ("done", None),
        ]
        assert results[4]["data"] == {"outcome": "refunded", "refund_due": False}
        delivered = delivery(JOB)
        assert door.send("job.delivered", delivered)["data"] == {"mail": "sent"}
        assert door.send("job.delivered", delivered)["data"] == {"mail": "already"}
        refund, ready = playground.mails(EMAIL)
        assert "$4.50" in refund["message"]
        assert delivered["download_url"] in ready["message"]
        answers = door.batch(("jobs.unfinished", {"limit": 10}), ("jobs.lookup", {"job_ids": [JOB]}), ("status", {}))
        assert [answer["status"] for answer in answers] == ["done"] * 3

        assert delivered["download_url"] in customer_page(playground, JOB)
        for page, html in admin_pages(playground).items():
            assert "smi-bridge" in html and "</html>" in html, page
    assert complaints(playground) == []
    attempts = {attempt["job_id"]: attempt for attempt in provoke(playground)}
    assert {job_id: attempt["state"] for job_id, attempt in attempts.items()} == {
        JOB: "delivered",
        REFUNDED: "refunded",
    }
    assert attempts[JOB]["token"] == delivered["token"]
    assert len(complaints(playground)) == 1, "what a file of the bridge causes is seen"
