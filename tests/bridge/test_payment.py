"""The payment's action: what it writes, when it sends, and what it costs the payment when the sidecar is away."""

import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from tests.bridge.conftest import Bridge, delivery
from tests.testbed import php
from tests.testbed.places import reserve_port
from tests.testbed.process import Process

# A page that pays a job inside a visitor's request (php-fpm), and says what the network saw while the action ran.
PAYMENT_PAGE = """
add_action('init', function () {
    if (empty($_GET['pay'])) { return; }
    foreach (explode(',', $_GET['pay']) as $id) {
        $began = microtime(true);
        do_action('smi_payment_completed', $id, empty($_GET['override']) ? [] : ['admin_override' => true]);
    }
    echo 'paid';
    exit;
}, 999999);
"""


@pytest.fixture
def payment_page(bridge: Bridge):
    remove = bridge.mu_plugin("payment-page", PAYMENT_PAGE)
    yield lambda *job_ids, **more: requests.get(bridge.shop.url, params={"pay": ",".join(job_ids), **more}, timeout=30)
    remove()


@pytest.fixture
def unreachable(bridge: Bridge):
    """Point the bridge at another address; put it right again afterwards."""

    def point(url: str) -> None:
        bridge.shop.php(f"update_option('smi_bridge_sidecar_url', '{url}'); update_option('smi_bridge_circuit', []);")

    yield point
    point(bridge.sidecar.url)


def test_a_paid_job_reaches_the_sidecar(bridge: Bridge, payment_page) -> None:
    job_id = bridge.job()
    assert payment_page(job_id).text == "paid"
    (message,) = bridge.sidecar.wait("job.paid")
    assert message.data == {
        "job_id": job_id,
        "attempt": 1,
        "rerun": False,
        "force": False,
        "factor": 4,
        "source": {
            "type": "attachment",
            "url": f"{bridge.shop.url}/wp-content/uploads/2026/11/photo.jpg",
            "path": None,
        },
        "width": 300,
        "height": 200,
        "expiry_hours": 24,
        "format": None,
        "paid_at": message.data["paid_at"],
        "title": None,
        "previous": None,
    }
    row = bridge.ledger(job_id)[0]
    assert (row["attempt"], row["state"], row["is_rerun"]) == (1, "paid", 0)
    assert row["deadline_at"] > row["created_at"]


def test_the_time_of_payment_is_told_in_utc(bridge: Bridge) -> None:
    job_id = bridge.job()
    bridge.pay(job_id)
    (message,) = bridge.sidecar.wait("job.paid")
    paid_at = time.mktime(time.strptime(message.data["paid_at"], "%Y-%m-%dT%H:%M:%SZ")) - time.timezone
    assert abs(paid_at - time.time()) < 3700  # to an hour: New York's summer time


def test_the_sidecar_never_learns_the_customers_address(bridge: Bridge) -> None:
    job_id = bridge.job(email="secret.person@example.org")
    bridge.pay(job_id)
    (message,) = bridge.sidecar.wait("job.paid")
    assert "secret.person" not in str(message)


def test_a_repeated_payment_event_changes_nothing(bridge: Bridge, payment_page) -> None:
    job_id = bridge.job()
    payment_page(job_id)
    bridge.sidecar.wait("job.paid")
    before = bridge.ledger(job_id)
    payment_page(job_id, job_id)
    other = bridge.job()
    payment_page(other)  # whatever the repeat had sent would have come before this
    bridge.sidecar.wait("job.paid", count=2)
    assert [message.data["job_id"] for message in bridge.sidecar.received] == [job_id, other]
    assert [row["attempt"] for row in bridge.ledger(job_id)] == [1]
    assert bridge.ledger(job_id)[0]["created_at"] == before[0]["created_at"]


def test_an_event_without_a_payment_changes_nothing(bridge: Bridge) -> None:
    job_id = bridge.job(payment_status="pending", status="awaiting_payment")
    bridge.pay(job_id)
    bridge.pay("nobody-knows-me")
    assert bridge.ledger(job_id) == bridge.ledger("nobody-knows-me") == []
    assert bridge.sidecar.received == []


@pytest.mark.parametrize("job_id", ["", "with blanks", "x" * 65, "../..", "a'b"])
def test_an_id_of_the_wrong_form_changes_nothing(bridge: Bridge, job_id: str) -> None:
    escaped = job_id.replace("'", "\\'")
    bridge.shop.php(f"do_action('smi_payment_completed', '{escaped}'); do_action('smi_payment_completed', [1], 'x');")
    assert bridge.sidecar.received == []


def test_no_network_call_happens_inside_the_action(bridge: Bridge) -> None:
    job_id = bridge.job()
    seen = bridge.shop.php_json(
        f"""
        $calls = 0;
        add_filter('smi_bridge_pre_send', function ($no) use (&$calls) {{ $calls++; return $no; }});
        add_filter('pre_http_request', function ($no) use (&$calls) {{ $calls++; return $no; }});
        $queries = $GLOBALS['wpdb']->num_queries;
        do_action('smi_payment_completed', '{job_id}');
        return ['calls' => $calls, 'queries' => $GLOBALS['wpdb']->num_queries - $queries,
                'rows' => count(SmiBridge\\Ledger\\Ledger::attempts('{job_id}'))];
        """
    )
    assert seen == {"calls": 0, "queries": 2, "rows": 1}
    bridge.sidecar.wait("job.paid")


def test_each_payment_event_is_told_with_what_it_cost(bridge: Bridge) -> None:
    job_id = bridge.job()
    told = bridge.shop.php_json(
        f"""
        $told = [];
        add_action('smi_bridge_payment_taken', function ($id, $what, $ms) use (&$told) {{
            $told[] = [$id, $what, $ms > 0];
        }}, 10, 3);
        do_action('smi_payment_completed', '{job_id}');
        do_action('smi_payment_completed', '{job_id}');
        do_action('smi_payment_completed', 'nobody-knows-me');
        return $told;
        """
    )
    assert told == [[job_id, "started", True], [job_id, "repeated", True], ["nobody-knows-me", "unknown_job", True]]


def test_the_public_address_is_learnt_with_a_payment_once_an_hour(bridge: Bridge) -> None:
    bridge.sidecar.status["public_url"] = "https://shop.example/smi"
    try:
        bridge.option("smi_bridge_status_at", 0)
        bridge.pay(bridge.job())
        bridge.pay(bridge.job())
        assert [message.type for message in bridge.sidecar.received] == ["job.paid", "status", "job.paid"]
        assert bridge.shop.option("smi_bridge_public_url") == "https://shop.example/smi"
    finally:
        bridge.sidecar.status["public_url"] = None
        bridge.option("smi_bridge_public_url", "")


def test_the_visitor_has_gone_before_the_message_leaves(bridge: Bridge, payment_page) -> None:
    """The stand-in does not answer until the visitor has his page: were it the other way round, neither would end."""
    gone = threading.Event()
    taken = threading.Event()
    usual = bridge.sidecar._take

    def wait_for_the_visitor(*arguments):
        taken.set()
        assert gone.wait(20)
        return usual(*arguments)

    bridge.sidecar._take = wait_for_the_visitor
    try:
        job_id = bridge.job()
        assert payment_page(job_id).text == "paid"
        gone.set()
        assert taken.wait(20)
        bridge.sidecar.wait("job.paid")
    finally:
        bridge.sidecar._take = usual
        gone.set()


def test_a_visitor_who_cannot_be_let_go_hardly_waits(bridge: Bridge, unreachable, tmp_path) -> None:
    """PHP without `fastcgi_finish_request` (mod_php, plain CGI, here PHP's own server): short patience."""
    remove = bridge.mu_plugin(
        "payment-page",
        PAYMENT_PAGE + "add_filter('smi_bridge_forward_patience', function ($patience, $gone) {"
        " update_option('patience', [$patience, $gone, PHP_SAPI]); return $patience; }, 10, 2);",
    )
    job_id = bridge.job()
    with socket.socket() as hole, PhpServer(tmp_path, bridge.shop.root, bridge.shop.ini) as server:
        hole.bind(("127.0.0.1", 0))
        hole.listen(4)
        unreachable(f"http://127.0.0.1:{hole.getsockname()[1]}")
        answer = requests.get(f"http://127.0.0.1:{server.port}/", params={"pay": job_id}, timeout=60)
    remove()
    assert answer.text == "paid"
    assert bridge.shop.option("patience") == [[50, 150], False, "cli-server"]
    assert bridge.ledger(job_id)[0]["state"] == "paid"
    assert bridge.shop.option("smi_bridge_circuit")["reason"] == "timeout"


class PhpServer(Process):
    """PHP's own web server over a site's files."""

    def __init__(self, folder: Path, root: Path, ini: dict[str, str]) -> None:
        super().__init__("php-server", folder)
        self.root, self.ini, self.port = root, ini, reserve_port()

    def command(self) -> list[str]:
        return ["php", *php.as_options(self.ini), "-S", f"127.0.0.1:{self.port}", "-t", str(self.root)]

    def is_ready(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


def test_several_jobs_of_one_request_share_a_connection(bridge: Bridge, payment_page) -> None:
    job_ids = [bridge.job() for _ in range(5)]
    payment_page(*job_ids)
    messages = bridge.sidecar.wait("job.paid", count=5)
    assert [message.data["job_id"] for message in messages] == job_ids
    assert len({message.connection for message in messages}) == 1


def test_the_last_message_of_a_request_ends_its_connection(bridge: Bridge, payment_page) -> None:
    """PHP is gone a moment later: the sidecar need not watch for another request."""
    job_ids = [bridge.job() for _ in range(2)]
    payment_page(*job_ids)
    messages = bridge.sidecar.wait("job.paid", 2)
    assert [message.headers.get("connection") for message in messages] == [None, "close"]


def test_what_the_sidecar_has_stored_is_noted(bridge: Bridge) -> None:
    job_id = bridge.job()
    bridge.pay(job_id)
    assert bridge.ledger(job_id)[0]["forwarded_at"] is not None
    assert bridge.history(job_id) == ["forwarded"]


def keep_circuit_open(bridge: Bridge) -> None:
    """The pause after a failure, made long enough for a slow machine. It must have begun."""
    circuit = bridge.shop.option("smi_bridge_circuit")
    assert circuit["failures"] == 1 and circuit["until"] > 0
    bridge.option("smi_bridge_circuit", circuit | {"until": int(time.time()) + 3600})


def test_a_dead_sidecar_loses_nothing_and_is_not_called_again_at_once(bridge: Bridge, unreachable) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        unreachable(f"http://127.0.0.1:{free.getsockname()[1]}")
    job_ids = [bridge.job() for _ in range(3)]
    bridge.pay(job_ids[0])
    keep_circuit_open(bridge)
    for job_id in job_ids[1:]:
        bridge.pay(job_id)
    assert [bridge.ledger(job_id)[0]["state"] for job_id in job_ids] == ["paid"] * 3
    assert all(bridge.ledger(job_id)[0]["forwarded_at"] is None for job_id in job_ids)
    circuit = bridge.shop.option("smi_bridge_circuit")
    assert (circuit["failures"], circuit["reason"]) == (1, "refused")
    records = bridge.door.send("jobs.lookup", {"job_ids": job_ids})["data"]["jobs"]
    assert {record["job_id"] for record in records} == set(job_ids)


def test_a_black_hole_pins_one_request_only(bridge: Bridge, unreachable) -> None:
    with socket.socket() as hole:
        hole.bind(("127.0.0.1", 0))
        hole.listen(16)
        hole.settimeout(0)
        unreachable(f"http://127.0.0.1:{hole.getsockname()[1]}")
        bridge.pay(bridge.job())
        keep_circuit_open(bridge)
        for _ in range(2):
            bridge.pay(bridge.job())
        calls = []
        try:
            while True:  # ends: the listener does not block, whoever has called is counted
                calls.append(hole.accept()[0])
        except BlockingIOError:
            pass
        for call in calls:
            call.close()
    assert len(calls) == 1, "the first payment tries, the others know better"
    assert bridge.shop.option("smi_bridge_circuit")["reason"] == "timeout"


def test_the_circuit_closes_when_the_sidecar_is_back(bridge: Bridge) -> None:
    bridge.shop.php(
        "update_option('smi_bridge_circuit', ['failures' => 3, 'until' => time() + 60, 'reason' => 'dns']);"
    )
    first = bridge.job()
    bridge.pay(first)
    assert bridge.sidecar.received == []
    bridge.shop.php("update_option('smi_bridge_circuit', ['failures' => 3, 'until' => time() - 1, 'reason' => 'dns']);")
    bridge.pay(second := bridge.job())
    assert bridge.sidecar.wait("job.paid")[0].data["job_id"] == second
    assert bridge.shop.option("smi_bridge_circuit")["failures"] == 0


def test_a_refusing_sidecar_does_not_open_the_circuit(bridge: Bridge) -> None:
    bridge.sidecar.answer.status, bridge.sidecar.answer.body = 401, {"error": "unauthorized"}
    bridge.pay(job_id := bridge.job())
    assert bridge.ledger(job_id)[0]["forwarded_at"] is None
    assert not bridge.shop.php_json("return SmiBridge\\Wire\\Circuit_Breaker::read();")["failures"]
    assert bridge.history(job_id) == ["forward_failed"]


def test_without_settings_the_bridge_takes_nothing(bridge: Bridge) -> None:
    bridge.option("smi_bridge_sidecar_url", "")
    try:
        bridge.pay(job_id := bridge.job())
        assert bridge.ledger(job_id) == []
    finally:
        bridge.option("smi_bridge_sidecar_url", bridge.sidecar.url)


def test_a_database_that_refuses_does_not_break_the_payment(bridge: Bridge) -> None:
    job_id = bridge.job()
    ended = bridge.shop.php_json(
        f"""
        $GLOBALS['wpdb']->suppress_errors();
        add_filter('query', function ($sql) {{
            return strpos($sql, 'INSERT IGNORE INTO wp_smi_bridge_ledger') === 0 ? 'INSERT nonsense' : $sql;
        }});
        do_action('smi_payment_completed', '{job_id}');
        return 'the payment goes on';
        """
    )
    assert ended == "the payment goes on"
    assert "event=payment_not_stored" in bridge.shop.debug_log
    record = bridge.door.send("jobs.unfinished", {"limit": 500})["data"]["jobs"]
    assert job_id in [job["job_id"] for job in record], "reconciliation brings it"


# ------------------------------------------------------------------------------------------------ rerun


def test_an_admins_retry_starts_the_next_attempt(bridge: Bridge) -> None:
    job_id = bridge.job(status="failed")
    bridge.open(job_id, state="review", settled_at="2026-01-01", is_rerun=0)
    bridge.pay(job_id, admin_override=True)
    (message,) = bridge.sidecar.wait("job.paid")
    assert (message.data["attempt"], message.data["rerun"], message.data["force"]) == (2, True, False)
    assert bridge.row(job_id)["status"] == "pending", "the shop's 'failed' is no end for us"
    assert [row["is_rerun"] for row in bridge.ledger(job_id)] == [0, 1]


def test_a_forced_retry_says_so(bridge: Bridge) -> None:
    job_id = bridge.job()
    bridge.open(job_id, state="refunded")
    bridge.pay(job_id, admin_override=True, force=True)
    assert bridge.sidecar.wait("job.paid")[0].data["force"] is True


def test_a_retry_carries_the_good_file_of_an_earlier_attempt(bridge: Bridge) -> None:
    job_id = bridge.paid(email="")
    data = delivery(job_id)
    bridge.door.send("job.delivered", data)
    bridge.pay(job_id, admin_override=True)
    message = bridge.sidecar.wait("job.paid")[0]
    assert message.data["previous"] == {name: data[name] for name in ("path", "bytes", "sha256", "width", "height")}


def test_a_revoked_file_is_not_carried_along(bridge: Bridge) -> None:
    job_id = bridge.paid(email="")
    bridge.door.send("job.delivered", delivery(job_id))
    bridge.shop.sql("UPDATE wp_smi_bridge_ledger SET revoked_at = UTC_TIMESTAMP() WHERE job_id = %s", job_id)
    bridge.pay(job_id, admin_override=True)
    assert bridge.sidecar.wait("job.paid")[0].data["previous"] is None


def test_a_retry_while_an_attempt_is_under_way_changes_nothing(bridge: Bridge) -> None:
    job_id = bridge.paid()
    bridge.pay(job_id, admin_override=True)
    assert [row["attempt"] for row in bridge.ledger(job_id)] == [1]
    assert bridge.sidecar.received == []
    assert f"event=payment_busy job_id={job_id}" in bridge.shop.debug_log


def test_a_retry_may_start_when_the_deadline_has_passed(bridge: Bridge) -> None:
    job_id = bridge.paid()
    bridge.shop.sql("UPDATE wp_smi_bridge_ledger SET deadline_at = '2020-01-01' WHERE job_id = %s", job_id)
    bridge.pay(job_id, admin_override=True)
    assert [row["attempt"] for row in bridge.ledger(job_id)] == [1, 2]


def test_a_filter_may_let_a_retry_start_earlier(bridge: Bridge) -> None:
    job_id = bridge.paid()
    bridge.shop.php(
        "add_filter('smi_bridge_rerun_allowed', '__return_true');"
        f"do_action('smi_payment_completed', '{job_id}', ['admin_override' => true]);"
    )
    assert [row["attempt"] for row in bridge.ledger(job_id)] == [1, 2]


def test_an_admin_may_start_a_job_that_nobody_paid(bridge: Bridge) -> None:
    job_id = bridge.job(payment_status="pending", status="awaiting_payment")
    bridge.pay(job_id, admin_override=True)
    data = bridge.sidecar.wait("job.paid")[0].data
    assert (data["attempt"], data["rerun"]) == (1, False)


def test_the_shops_own_retry_button_leads_to_the_same_code(bridge: Bridge) -> None:
    """Its AJAX handler fires the action with `admin_override` in an admin request."""
    job_id = bridge.job(status="failed")
    bridge.open(job_id, state="review")
    remove = bridge.mu_plugin(
        "retry-button",
        "add_action('wp_ajax_try_retry', function () {"
        " do_action('smi_payment_completed', $_POST['job_id'], ['admin_override' => true]);"
        " wp_send_json_success(); });",
    )
    try:
        answer = bridge.shop.admin.post(
            f"{bridge.shop.url}/wp-admin/admin-ajax.php",
            data={"action": "try_retry", "job_id": job_id},
            timeout=30,
        )
        assert answer.json() == {"success": True}
    finally:
        remove()
    assert bridge.sidecar.wait("job.paid")[0].data["attempt"] == 2


def test_two_payment_events_at_the_same_moment_make_one_attempt(bridge: Bridge, payment_page) -> None:
    job_id = bridge.job()
    with ThreadPoolExecutor(4) as pool:
        assert [answer.text for answer in pool.map(payment_page, [job_id] * 4)] == ["paid"] * 4
    bridge.sidecar.wait("job.paid")
    assert [row["attempt"] for row in bridge.ledger(job_id)] == [1]
