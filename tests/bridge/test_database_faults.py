"""The database fails in the middle of a delivery: nothing half, nothing lost, and the same request may come again."""

from pathlib import Path
from typing import Any

import pytest
import requests

from sidecar.adapters.rest_files import RestFiles
from sidecar.adapters.shop import ShopDoor
from tests.bridge.conftest import Bridge, delivery
from tests.bridge.test_delivery_messages import address
from tests.bridge.uploads import Door, at_upsampler, publish, some

# Looks at every statement of a request to the door; what it does about the first (or each) that `fault` names is `act`.
LOOK = """
add_filter( 'query', function ( $sql ) {
    static $done = false;
    $fault = %(fault)s;
    if ( $done || false === strpos( $sql, $fault ) ) { return $sql; }
    $done = %(once)s;
    %(act)s
} );
"""
KILL = """
    $other = new mysqli( '127.0.0.1', DB_USER, DB_PASSWORD, DB_NAME, (int) explode( ':', DB_HOST )[1] );
    $other->query( 'KILL ' . $GLOBALS['wpdb']->dbh->thread_id );
    $other->close();
    usleep( 50000 );
    return $sql;
"""
UNDO = """
    mysqli_query( $GLOBALS['wpdb']->dbh, 'ROLLBACK' );
    $GLOBALS['wpdb']->suppress_errors();
    return 'nonsense';
"""
REFUSE = "$GLOBALS['wpdb']->suppress_errors(); return 'nonsense';"


@pytest.fixture
def fault(bridge: Bridge):
    """Install a fault; returns what takes it away."""
    removers = []

    def install(statement: str, act: str, *, once: bool = True):
        quoted = "'" + statement.replace("'", "\\'") + "'"
        removers.append(bridge.mu_plugin("db-fault", LOOK % {"fault": quoted, "act": act, "once": str(once).lower()}))

        def remove() -> None:
            removers.pop()()

        return remove

    yield install
    for remove in removers:
        remove()


def sealed(bridge: Bridge, *deliveries: dict[str, Any]) -> tuple[bytes, dict[str, str]]:
    listed = [{"id": f"m{index}", "type": "job.delivered", "data": data} for index, data in enumerate(deliveries)]
    return bridge.door.seal(bridge.door.envelope(listed))


def untouched(bridge: Bridge, job_id: str) -> bool:
    return bridge.state(job_id) == "paid" and bridge.effects(job_id) == {} and bridge.row(job_id)["status"] == "pending"


@pytest.mark.parametrize(
    "statement", ["SELECT * FROM wp_smi_bridge_ledger", "UPDATE wp_smi_bridge_ledger", "UPDATE wp_smi_jobs", "COMMIT"]
)
def test_a_connection_that_is_lost_leaves_nothing_half_done(bridge: Bridge, fault, statement: str) -> None:
    email = address()
    job_id = bridge.paid(email=email)
    message = sealed(bridge, delivery(job_id))
    remove = fault(statement, KILL)
    answer = bridge.door.post(*message)
    remove()
    told = answer.json()["results"][0]["status"] if answer.status_code == 200 else answer.status_code
    assert told in ("failed", 500, 503)
    assert untouched(bridge, job_id)
    assert bridge.shop.mails(email) == []
    assert bridge.door.post(*message).json()["results"][0]["data"] == {"mail": "sent"}
    assert bridge.state(job_id) == "delivered"


def test_an_answer_that_can_not_be_stored_keeps_no_other_from_it(bridge: Bridge, fault) -> None:
    """Of the messages that a sidecar has taken out of the mailbox: they would be brought again for ever."""
    job_ids = [bridge.paid(email=""), bridge.paid(email="")]
    for job_id in job_ids:
        bridge.door.send("job.delivered", delivery(job_id))
    bridge.option("smi_bridge_sidecar_url", "none")
    bridge.shop.sql("DELETE FROM wp_smi_bridge_mailbox")
    try:
        for job_id in job_ids:
            bridge.shop.php(f"SmiBridge\\Jobs\\Actions::run('renew', '{job_id}');")
        mail = bridge.door.send("mailbox.collect", {"sidecar": "pull-1"})["data"]["messages"]
        links = [{"token": f"new-{n}", "download_url": None, "expires_at": f"203{n}-01-01T00:00:00Z"} for n in range(2)]
        done = [
            {"id": it["id"], "type": it["type"], "status": 200, "answer": link}
            for it, link in zip(mail, links, strict=True)
        ]
        remove = fault("token = 'new-0'", REFUSE, once=False)
        result = bridge.door.send("mailbox.collect", {"sidecar": "pull-1", "done": done})
        remove()
        assert (result["status"], result["data"]["messages"]) == ("done", [])
        assert [bridge.ledger(job_id)[0]["token"] for job_id in job_ids] == [f"token-of-{job_ids[0]}", "new-1"]
        assert [bridge.history(job_id)[-1] for job_id in job_ids] == ["renewal_failed", "renewed"]
    finally:
        bridge.option("smi_bridge_sidecar_url", bridge.sidecar.url)
        bridge.shop.sql("DELETE FROM wp_smi_bridge_mailbox")


def test_a_database_that_fails_during_a_chunk_is_told_and_the_chunk_comes_again_as_it_was(
    bridge: Bridge, fault, files: RestFiles, door: Door, downloads: Path
) -> None:
    job_id, data = at_upsampler(bridge), some(1)
    files._chunk = 256 << 10
    removers: list[Any] = []
    answers: list[tuple[int, dict[str, Any]]] = []

    def strike(chunk: dict[str, Any], body: bytes) -> Any:
        if chunk["offset"] and not removers:
            removers.append(fault("SELECT * FROM wp_smi_bridge_ledger", REFUSE, once=False))
            answers.append(ShopDoor.send_chunk(door, chunk, body))
            removers[0]()
            return answers[0]

    door.trouble = strike
    assert (downloads / publish(files, job_id, data)).read_bytes() == data
    assert answers == [(503, {"error": "database"})]
    assert door.chunks[1] == door.chunks[2], "no smaller one: its size was not the trouble"


def test_a_statement_that_is_refused_fails_its_own_message_only(bridge: Bridge, fault) -> None:
    first, second, third = (bridge.paid(email="") for _ in range(3))
    message = sealed(bridge, delivery(first), delivery(second), delivery(third))
    remove = fault(f"'2026/11/{second}", REFUSE, once=False)
    results = bridge.door.post(*message).json()["results"]
    remove()
    assert [(result["status"], result["reason"]) for result in results] == [
        ("done", None),
        ("failed", "database"),
        ("done", None),
    ]
    assert untouched(bridge, second)
    again = bridge.door.post(*message).json()["results"]
    assert [result["status"] for result in again] == ["done"] * 3
    assert [bridge.state(job_id) for job_id in (first, second, third)] == ["delivered"] * 3


def test_a_statement_that_is_refused_once_fails_nothing(bridge: Bridge, fault) -> None:
    """All messages are tried together, and each by itself when that goes wrong."""
    emails = [address() for _ in range(3)]
    jobs = [bridge.paid(email=email) for email in emails]
    message = sealed(bridge, *map(delivery, jobs))
    fault(f"path = '2026/11/{jobs[1]}", REFUSE)
    results = bridge.door.post(*message).json()["results"]
    assert [result["data"] for result in results] == [{"mail": "sent"}] * 3
    assert [len(bridge.shop.mails(email)) for email in emails] == [1, 1, 1]
    told = bridge.shop.sql("SELECT job_id FROM wp_smi_bridge_events WHERE event = 'delivered'")
    assert sorted(row["job_id"] for row in told if row["job_id"] in jobs) == sorted(jobs), "told once each"


def test_two_deliveries_that_speak_of_the_same_jobs_in_opposite_orders_both_go_through(bridge: Bridge) -> None:
    from concurrent.futures import ThreadPoolExecutor

    from tests.bridge.sidecar_stand_in import ShopDoor

    jobs = [bridge.paid(email="") for _ in range(12)]
    for turn in range(10):
        doors = [ShopDoor(bridge.shop.url, bridge.shop.url, bridge.door.secret, requests.Session()) for _ in range(2)]
        batches = [
            [("job.message", _note(job_id, f"{turn}-{number}")) for job_id in order]
            for number, order in enumerate((jobs, jobs[::-1]))
        ]
        with ThreadPoolExecutor(2) as pool:
            results = list(pool.map(lambda door, batch: door.batch(*batch), doors, batches))
        for door in doors:
            door.session.close()
        assert [result["status"] for result in sum(results, [])] == ["done"] * 24


def test_an_outcome_that_cannot_be_written_repeats_no_mail(bridge: Bridge, fault) -> None:
    email = address()
    job_id = bridge.paid(email=email)
    message = sealed(bridge, delivery(job_id))
    remove = fault("UPDATE wp_smi_bridge_effects", REFUSE)
    assert bridge.door.post(*message).json()["results"][0]["data"] == {"mail": "sent"}
    remove()
    assert bridge.door.post(*message).json()["results"][0]["data"] == {"mail": "already"}
    assert len(bridge.shop.mails(email)) == 1


def test_a_restarted_database_is_found_again(bridge: Bridge) -> None:
    job_id = bridge.paid(email="")
    message = sealed(bridge, delivery(job_id))
    bridge.shop.mariadb.kill()
    down = bridge.door.post(*message)
    bridge.shop.mariadb.launch()
    bridge.shop.mariadb.wait_ready()
    assert down.status_code == 500
    assert bridge.door.post(*message).json()["results"][0]["status"] == "done"


def test_two_deliveries_of_the_same_job_at_once_leave_the_shops_row_right(bridge: Bridge) -> None:
    """One writes 'processing', the other 'completed', and each has read the row before the other wrote."""
    from concurrent.futures import ThreadPoolExecutor

    from tests.bridge.sidecar_stand_in import ShopDoor
    from tests.bridge.test_submission_messages import submitted, submitting

    others = [bridge.paid(email="") for _ in range(2)]
    for _ in range(8):
        job_id = bridge.paid(email="")
        bridge.door.send(*submitting(job_id))
        doors = [ShopDoor(bridge.shop.url, bridge.shop.url, bridge.door.secret, requests.Session()) for _ in range(2)]
        batches = [
            [submitted(job_id), ("job.message", _note(others[0], job_id))],
            [("job.message", _note(others[1], job_id)), ("job.delivered", delivery(job_id))],
        ]
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda door, batch: door.batch(*batch), doors, batches))
        for door in doors:
            door.session.close()
        assert bridge.state(job_id) == "delivered"
        assert bridge.row(job_id)["status"] == "completed"


def _note(job_id: str, key: str) -> dict[str, Any]:
    return {"job_id": job_id, "attempt": 1, "key": key, "customer_message": "x"}


@pytest.mark.parametrize("by", ["the batch", "a person"])
def test_a_stop_that_is_undone_is_not_told_to_the_sidecar(bridge: Bridge, by: str) -> None:
    """Else the sidecar would give up a paid job that the ledger has under way."""
    job_id = bridge.job(email="")
    bridge.open(job_id, state="submitted", submission=1)
    stop = f"SmiBridge\\Jobs\\Actions::run('cancel', '{job_id}');"
    if by == "the batch":
        stop = (
            f"$stop = (object) ['id' => 'm', 'type' => 'job.stop', 'data' => (object) ['job_id' => '{job_id}']];"
            "SmiBridge\\Messages\\Batch::handle([$stop], null, new SmiBridge\\Core\\Transaction());"
        )
    bridge.shop.php(LOOK % {"fault": "'COMMIT'", "act": REFUSE, "once": "true"} + stop)
    assert (bridge.state(job_id), bridge.sidecar.received) == ("submitted", [])
    bridge.shop.php(stop)
    assert (bridge.state(job_id), [message.type for message in bridge.sidecar.received]) == ("review", ["job.cancel"])


def test_of_several_stops_those_that_are_undone_are_not_told(bridge: Bridge, fault) -> None:
    job_ids = [bridge.job(email="") for _ in range(2)]
    for job_id in job_ids:
        bridge.open(job_id, state="submitted", submission=1)
    remove = fault(f"'{job_ids[1]}', 1, '", REFUSE, once=False)
    results = bridge.door.batch(*[("job.stop", {"job_id": job_id}) for job_id in job_ids])
    remove()
    assert [result["status"] for result in results] in (["done", "failed"], ["failed", "failed"])
    stopped = [job_id for job_id in job_ids if bridge.state(job_id) == "review"]
    found = bridge.sidecar.wait("job.cancel", count=len(stopped)) if stopped else bridge.sidecar.received
    assert [message.data["job_id"] for message in found] == stopped


def test_a_shop_that_can_not_be_asked_for_its_table_is_no_site_without_a_shop(bridge: Bridge, fault) -> None:
    """The customer's address would be unknown for ever, and the shop's row would stay as it is."""
    email = address()
    job_id = bridge.paid(email=email)
    message = sealed(bridge, delivery(job_id))
    bridge.shop.php("delete_option('smi_bridge_shop_columns');")
    for statement in ("SHOW TABLES LIKE", "DESCRIBE wp_smi_jobs"):
        remove = fault(statement, REFUSE, once=False)
        assert bridge.door.post(*message).json()["results"][0]["reason"] == "database", statement
        remove()
        assert untouched(bridge, job_id)
    assert bridge.door.post(*message).json()["results"][0]["data"] == {"mail": "sent"}
    assert (bridge.row(job_id)["status"], len(bridge.shop.mails(email))) == ("completed", 1)


@pytest.mark.parametrize(
    ("statement", "outcome"), [("UPDATE wp_smi_bridge_effects", "review"), ("UPDATE wp_smi_jobs", "refunded")]
)
def test_a_refund_whose_end_can_not_be_written_is_not_told_as_made(
    bridge: Bridge, fault, statement: str, outcome: str
) -> None:
    """The sidecar asks again until the ledger knows: the bank is called once."""
    email = address()
    job_id = bridge.paid(email=email)
    data = {"job_id": job_id, "attempt": 1, "reason": "source_gone", "detail": "", "refund": "yes"}
    remove = fault(statement, REFUSE)
    first = bridge.door.send("job.failed", data)
    remove()
    assert (first["status"], first["reason"], bridge.state(job_id)) == ("failed", "cut_off", "refunding")
    bridge.shop.sql("UPDATE wp_smi_bridge_effects SET claimed_at = '2026-01-01' WHERE job_id = %s", job_id)
    again = bridge.door.send("job.failed", data)
    assert (again["data"]["outcome"], bridge.state(job_id)) == (outcome, outcome)
    payment = bridge.row(job_id)["stripe_payment_intent_id"]
    assert len(bridge.shop.sql("SELECT * FROM wp_smi_demo_refunds WHERE payment_intent = %s", payment)) == 1
    assert len(bridge.shop.mails(email)) == 1


def test_a_transaction_that_the_database_has_undone_is_begun_again(bridge: Bridge) -> None:
    """As after a deadlock: what comes then would be written without one, and could not be undone."""
    emails = [address() for _ in range(3)]
    jobs = [bridge.paid(email=email) for email in emails]
    message = sealed(bridge, *map(delivery, jobs))
    remove = bridge.mu_plugin(
        "db-fault",
        LOOK
        % {"fault": "'UPDATE wp_smi_bridge_ledger'", "act": UNDO, "once": "true"}
        + "add_filter('query', function ($sql) {"
        f" return 0 === strpos($sql, 'UPDATE wp_smi_jobs') && strpos($sql, \"'{jobs[1]}'\") ? 'nonsense' : $sql; }});",
    )
    try:
        results = bridge.door.post(*message).json()["results"]
    finally:
        remove()
    assert [result["status"] for result in results] == ["done", "failed", "done"]
    assert untouched(bridge, jobs[1])
    assert [result["status"] for result in bridge.door.post(*message).json()["results"]] == ["done"] * 3
    assert [len(bridge.shop.mails(email)) for email in emails] == [1, 1, 1]


def throws(method: str, job_id: str) -> str:
    """Code of a shop's plugin that throws over one job."""
    listener = f"function ($no, $id) {{ if ('{job_id}' === $id) {{ throw new Error('x'); }} }}"
    return f"add_filter('smi_bridge_{method}', {listener}, 10, 2);"


@pytest.mark.parametrize("together", [True, False])
def test_other_code_that_throws_over_one_job_fails_its_message_only(bridge: Bridge, together: bool) -> None:
    """A filter of a shop's plugin: the others would wait behind it for ever, and what it undid would be told."""
    bad, good = bridge.job(email=""), bridge.job(email="")
    for job_id in (bad, good):
        bridge.open(job_id)
    remove = bridge.mu_plugin("throws", throws("write_progress", bad))
    try:
        results = bridge.door.batch(
            *[("job.stop", {"job_id": job_id}) for job_id in ((bad, good) if together else (bad,))]
        )
    finally:
        remove()
    assert [(result["status"], result["reason"]) for result in results][0] == ("failed", "broke")
    assert (bridge.state(bad), bridge.history(bad)) == ("paid", [])
    if together:
        assert (results[1]["status"], bridge.state(good)) == ("done", "review")
        assert [message.data["job_id"] for message in bridge.sidecar.wait("job.cancel")] == [good]
    else:
        assert bridge.sidecar.received == []


def test_other_code_that_throws_over_an_outcome_leaves_the_others_written(bridge: Bridge) -> None:
    emails = [address() for _ in range(2)]
    jobs = [bridge.paid(email=email) for email in emails]
    remove = bridge.mu_plugin("throws", throws("write_mailed", jobs[0]))
    try:
        results = bridge.door.batch(*[("job.delivered", delivery(job_id)) for job_id in jobs])
    finally:
        remove()
    assert [result["data"] for result in results] == [{"mail": "sent"}] * 2
    assert [bridge.effects(job_id)["mail:delivered"]["outcome"] for job_id in jobs] == ["sent", "sent"]
