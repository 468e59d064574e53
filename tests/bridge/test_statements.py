"""What a payment and a delivery ask of the database: a rush is as quick as its statements are few."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.bridge.conftest import Bridge, delivery
from tests.bridge.test_delivery_messages import address
from tests.bridge.test_submission_messages import progress, submitted, submitting
from tests.testbed.waiting import wait_for

TELL = """
add_filter( 'query', function ( $sql ) {
    $GLOBALS['told'][] = preg_replace( '/\\s+/', ' ', $sql );
    return $sql;
} );
add_action( 'shutdown', function () {
    $file = '%(folder)s/' . uniqid();
    file_put_contents( $file, implode( "\\n", $GLOBALS['told'] ) );
    rename( $file, "$file.txt" );
}, PHP_INT_MAX );
"""
# Between reading and writing, another connection gives the shop's row of a job another status.
MEDDLE = """
add_filter( 'query', function ( $sql ) {
    static $done = false;
    if ( $done || 0 !== strpos( $sql, 'SELECT * FROM wp_smi_bridge_ledger FORCE' ) ) { return $sql; }
    $done  = true;
    $other = new mysqli( '127.0.0.1', DB_USER, DB_PASSWORD, DB_NAME, (int) explode( ':', DB_HOST )[1] );
    $other->query( "UPDATE wp_smi_jobs SET status = 'processing' WHERE job_id = '%(job_id)s'" );
    $other->close();
    return $sql;
} );
"""


@pytest.fixture
def statements(bridge: Bridge, tmp_path: Path) -> Iterator[Callable[[str], list[str]]]:
    """The statements of the one request that names a job, as far as they are about our tables or the shop's."""
    remove = bridge.mu_plugin("statements", TELL % {"folder": tmp_path})

    def read(job_id: str) -> list[str]:
        requests = wait_for(
            lambda: [told for file in tmp_path.glob("*.txt") if job_id in (told := file.read_text())],
            "the request's end",
            timeout=10,
        )
        return [statement for statement in requests[0].splitlines() if "wp_smi_" in statement]

    yield read
    remove()


def kinds(statements: list[str]) -> list[str]:
    """Verb and table of each."""
    return [f"{s.split()[0]} {s.partition('wp_smi_')[2].split()[0]}" for s in statements]


def test_a_payment_costs_two_statements(bridge: Bridge, statements: Callable[[str], list[str]]) -> None:
    bridge.sidecar.answer.body = {"stored": True, "asks": True}
    bridge.pay(bridge.job())  # once an hour the shop's columns are looked at
    job_id = bridge.job()
    bridge.pay(job_id)
    assert kinds(statements(job_id)) == ["SELECT jobs", "INSERT bridge_ledger"]
    assert bridge.sidecar.wait("job.paid", 2)[1].data["job_id"] == job_id
    assert bridge.ledger(job_id)[0]["forwarded_at"] is None, "the sidecar's question says it"
    assert bridge.door.send(*submitting(job_id))["status"] == "done"
    assert bridge.ledger(job_id)[0]["forwarded_at"] is not None
    assert bridge.history(job_id) == ["forwarded", "submitting"]


def test_a_sidecar_that_does_not_ask_at_once_is_written_down(bridge: Bridge) -> None:
    """Its stage is held, or it is of an older version: the ledger knows all the same that it has the job."""
    bridge.sidecar.answer.body = {"stored": True}
    bridge.pay(job_id := bridge.job())
    written = bridge.ledger(job_id)[0]["forwarded_at"]
    assert written is not None
    bridge.door.send(*submitting(job_id))
    assert bridge.ledger(job_id)[0]["forwarded_at"] == written
    assert bridge.history(job_id) == ["forwarded", "submitting"]


def test_a_delivery_of_many_jobs_changes_their_rows_together(
    bridge: Bridge, statements: Callable[[str], list[str]]
) -> None:
    """Only the claim of a mail, which must last before the mail goes, is a statement for each."""
    for jobs in (3, 9):
        paid = [bridge.paid(email=address()) for _ in range(jobs)]
        messages = [
            message
            for job_id in paid
            for message in (submitting(job_id), submitted(job_id), ("job.delivered", delivery(job_id)))
        ]
        results = bridge.door.batch(*messages)
        assert [result["status"] for result in results] == ["done"] * 3 * jobs
        told = statements(paid[0])
        assert sum("INTO wp_smi_bridge_effects" in s and "'mail:delivered'" in s for s in told) == jobs
        assert [kinds(told).count(f"UPDATE {table}") for table in ("bridge_ledger", "jobs")] == [1, 2]
        for job_id in paid:
            row = bridge.ledger(job_id)[0]
            assert (row["state"], row["submission"], row["token"]) == ("delivered", 1, f"token-of-{job_id}")
            assert bridge.effects(job_id)["mail:delivered"]["outcome"] == "sent"
            assert (bridge.row(job_id)["status"], bridge.row(job_id)["email_sent"]) == ("completed", 1)
            assert bridge.row(job_id)["upscaled_file_path"].endswith(f"{job_id}_4x.jpg")
            assert bridge.history(job_id) == ["forwarded", "submitting", "submitted", "delivered", "mail:delivered"]


def test_jobs_at_different_points_are_written_as_each_of_them_is(bridge: Bridge) -> None:
    new, going, late = (bridge.paid(email="") for _ in range(3))
    for job_id in (going, late):
        bridge.door.batch(submitting(job_id), submitted(job_id))
    results = bridge.door.batch(
        submitting(new),
        progress(going, "enlarged", "enlarged"),
        progress(late, "enlarged", "refetch", reason="result_cut"),
        ("job.delivered", delivery(going)),
        submitting(new),
    )
    assert [result["status"] for result in results] == ["done"] * 5
    assert [bridge.state(job_id) for job_id in (new, going, late)] == ["submitting", "delivered", "enlarged"]
    assert [bridge.ledger(job_id)[0]["reason"] for job_id in (new, going, late)] == [None, None, "result_cut"]
    assert [bridge.row(job_id)["status"] for job_id in (new, going, late)] == ["pending", "completed", "processing"]


def test_a_row_that_somebody_else_has_changed_meanwhile_is_written_all_the_same(bridge: Bridge) -> None:
    first, second = bridge.paid(email=""), bridge.paid(email="")
    remove = bridge.mu_plugin("meddle", MEDDLE % {"job_id": second})
    try:
        results = bridge.door.batch(("job.delivered", delivery(first)), ("job.delivered", delivery(second)))
    finally:
        remove()
    assert [result["status"] for result in results] == ["done", "done"]
    for job_id in (first, second):
        assert (bridge.state(job_id), bridge.row(job_id)["status"]) == ("delivered", "completed")
        assert bridge.history(job_id).count("delivered") == 1
