"""Mails by the clock where WP-Cron does not run: the sidecar's visits keep time."""

from collections.abc import Iterator

import pytest

from tests.bridge.conftest import mails_by_the_clock
from tests.integrations.conftest import Tools


@pytest.fixture
def without_cron(tools: Tools) -> Iterator[Tools]:
    """WP-Cron is switched off, as in all these shops, and a delivered link ends in five hours."""
    tools.empty()
    assert tools.shop.php_json("return DISABLE_WP_CRON;") is True
    tools.shop.option("smi_bridge_mail", {"reminder": 6})
    job = tools.bought("delivered", email="ends@customer.example")
    tools.shop.sql(
        "UPDATE wp_smi_bridge_ledger SET expires_at = DATE_ADD(UTC_TIMESTAMP(), INTERVAL 5 HOUR),"
        " updated_at = DATE_SUB(UTC_TIMESTAMP(), INTERVAL 19 HOUR) WHERE job_id = %s",
        job,
    )
    yield tools
    tools.shop.php("delete_option('smi_bridge_mail');")
    mails_by_the_clock(tools.shop, 86_400)


def test_a_run_that_is_overdue_is_made_up_for_after_a_visit_of_the_sidecar(without_cron: Tools):
    tools = without_cron
    mails_by_the_clock(tools.shop, -400)
    assert tools.door.send("jobs.unfinished", {"limit": 1})["status"] == "done"
    assert "ends soon" in tools.shop.wait_mail("ends@customer.example").subject
    assert tools.shop.php_json("return wp_next_scheduled('smi_bridge_follow_up') > time();"), "it is due again later"
    tools.door.send("jobs.unfinished", {"limit": 1})
    mails_by_the_clock(tools.shop, -400)
    tools.door.send("jobs.unfinished", {"limit": 1})
    tools.shop.wait_still()
    assert len(tools.shop.mails("ends@customer.example")) == 1


def test_a_run_that_is_not_overdue_is_left_to_wp_cron(without_cron: Tools):
    tools = without_cron
    mails_by_the_clock(tools.shop, -100)
    tools.door.send("jobs.unfinished", {"limit": 1})
    tools.shop.wait_still()
    assert tools.shop.php_json("return wp_next_scheduled('smi_bridge_follow_up') < time();"), "nobody has taken it"
    assert tools.shop.mails() == []


def test_wp_cron_sends_them_where_it_runs(without_cron: Tools):
    """Asked for by its own address, as a host's timetable does it."""
    tools = without_cron
    mails_by_the_clock(tools.shop, -1)
    assert tools.shop.http.get(f"{tools.shop.url}/wp-cron.php", timeout=60).status_code == 200
    assert "ends soon" in tools.shop.wait_mail("ends@customer.example").subject
    assert tools.shop.php_json("return wp_next_scheduled('smi_bridge_follow_up') > time();"), "it is due again later"
