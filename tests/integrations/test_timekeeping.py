"""Mails by the clock where WP-Cron does not run: the sidecar's visits keep time."""

from collections.abc import Iterator

import pytest

from tests.integrations.conftest import Tools


@pytest.fixture
def without_cron(tools: Tools) -> Iterator[Tools]:
    """WP-Cron is switched off, and a delivered link ends in five hours."""
    tools.empty()
    remove = tools.mu_plugin("no-cron", "define('DISABLE_WP_CRON', true);")
    tools.shop.option("smi_bridge_mail", {"reminder": 6})
    job = tools.bought("delivered", email="ends@customer.example")
    tools.shop.sql(
        "UPDATE wp_smi_bridge_ledger SET expires_at = DATE_ADD(UTC_TIMESTAMP(), INTERVAL 5 HOUR),"
        " updated_at = DATE_SUB(UTC_TIMESTAMP(), INTERVAL 19 HOUR) WHERE job_id = %s",
        job,
    )
    yield tools
    remove()
    tools.shop.php("delete_option('smi_bridge_mail');")
    due(tools, 60)


def due(tools: Tools, seconds: int) -> None:
    """Say when the next run is due, in seconds from now."""
    tools.shop.php(
        "wp_clear_scheduled_hook('smi_bridge_follow_up');"
        f"wp_schedule_event(time() + {seconds}, 'smi_bridge_ten_minutes', 'smi_bridge_follow_up');"
    )


def test_a_run_that_is_overdue_is_made_up_for_after_a_visit_of_the_sidecar(without_cron: Tools):
    tools = without_cron
    due(tools, -400)
    assert tools.door.send("jobs.unfinished", {"limit": 1})["status"] == "done"
    assert "ends soon" in tools.shop.wait_mail("ends@customer.example").subject
    assert tools.shop.php_json("return wp_next_scheduled('smi_bridge_follow_up') > time();"), "it is due again later"
    tools.door.send("jobs.unfinished", {"limit": 1})
    due(tools, -400)
    tools.door.send("jobs.unfinished", {"limit": 1})
    tools.shop.php("return;")
    assert len(tools.shop.mails("ends@customer.example")) == 1


def test_a_run_that_is_not_overdue_is_left_to_wp_cron(without_cron: Tools):
    tools = without_cron
    due(tools, -100)
    tools.door.send("jobs.unfinished", {"limit": 1})
    assert tools.shop.php_json("return wp_next_scheduled('smi_bridge_follow_up') < time();"), "nobody has taken it"
    assert tools.shop.mails() == []
