"""Mails that come by the clock: "it takes longer", "your link ends soon"."""

from collections.abc import Iterator

import pytest

from tests.bridge.conftest import mails_by_the_clock
from tests.ui.conftest import Ui

RUN = "SmiBridge\\Mail\\Scheduled_Mails::run();"


@pytest.fixture
def clean(ui: Ui) -> Iterator[Ui]:
    for table in ("ledger", "effects", "events"):
        ui.shop.sql(f"DELETE FROM wp_smi_bridge_{table}")
    ui.shop.option("smi_bridge_mail", {"reminder": 6})
    yield ui
    ui.shop.php("delete_option('smi_bridge_mail');")


def paid_ago(ui: Ui, minutes: int, state: str = "submitted") -> str:
    job = ui.bought(state, email=f"{state}{minutes}@customer.example")
    ui.shop.sql(
        "UPDATE wp_smi_bridge_ledger SET created_at = DATE_SUB(UTC_TIMESTAMP(), INTERVAL %s MINUTE) WHERE job_id = %s",
        *(minutes, job),
    )
    return job


def link_ends_in(ui: Ui, hours: float, lived: float = 24) -> str:
    job = ui.bought("delivered", email=f"link{hours}x{lived}@customer.example")
    ui.shop.sql(
        "UPDATE wp_smi_bridge_ledger SET expires_at = DATE_ADD(UTC_TIMESTAMP(), INTERVAL %s SECOND),"
        " updated_at = DATE_SUB(DATE_ADD(UTC_TIMESTAMP(), INTERVAL %s SECOND), INTERVAL %s SECOND) WHERE job_id = %s",
        *(hours * 3600, hours * 3600, lived * 3600, job),
    )
    return job


def test_a_customer_who_waits_is_told_once(clean: Ui):
    job = paid_ago(clean, 40)
    clean.shop.php(RUN)
    clean.shop.php(RUN)
    assert "takes a little longer" in clean.shop.wait_mail("submitted40@customer.example").subject
    assert len(clean.shop.mails()) == 1
    assert clean.effects(job)["mail:delayed"]["outcome"] == "sent"
    assert clean.history(job) == ["mail:delayed"]


def test_nobody_is_told_too_early_too_late_or_about_what_has_ended(clean: Ui):
    paid_ago(clean, 20)
    paid_ago(clean, 60 * 30)
    for state in ("delivered", "refunded", "review", "refunding"):
        paid_ago(clean, 40, state)
    again = paid_ago(clean, 45)
    clean.open(again, attempt=2, state="submitted")
    clean.shop.php(RUN)
    assert clean.shop.mails() == []


def test_a_link_that_ends_soon_is_told_once_and_again_after_a_renewal(clean: Ui):
    job = link_ends_in(clean, 5)
    clean.shop.php(RUN)
    clean.shop.php(RUN)
    mail = clean.shop.wait_mail("link5x24@customer.example")
    assert "ends soon" in mail.subject and f"token-{job}" in mail.text
    assert len(clean.shop.mails()) == 1
    clean.shop.sql(
        "UPDATE wp_smi_bridge_ledger SET expires_at = DATE_ADD(UTC_TIMESTAMP(), INTERVAL 4 HOUR),"
        " updated_at = DATE_SUB(UTC_TIMESTAMP(), INTERVAL 20 HOUR) WHERE job_id = %s",
        job,
    )
    clean.shop.php(RUN)
    assert len(clean.shop.mails()) == 2


def test_no_reminder_of_a_link_that_is_long_short_revoked_or_over(clean: Ui):
    link_ends_in(clean, 8)
    link_ends_in(clean, 3, lived=8)
    link_ends_in(clean, -1)
    revoked = link_ends_in(clean, 5)
    clean.shop.sql("UPDATE wp_smi_bridge_ledger SET revoked_at = UTC_TIMESTAMP() WHERE job_id = %s", revoked)
    clean.shop.php(RUN)
    assert clean.shop.mails() == []


def test_without_the_setting_there_is_no_reminder_and_switched_off_there_is_no_word(clean: Ui):
    clean.shop.option("smi_bridge_mail", {"off": ["delayed"]})
    link_ends_in(clean, 5)
    paid_ago(clean, 40)
    clean.shop.php(RUN)
    assert clean.shop.mails() == []


def test_a_paused_copy_mails_nobody(clean: Ui):
    paid_ago(clean, 40)
    clean.shop.option("smi_bridge_paused", "1")
    try:
        clean.shop.php(RUN)
    finally:
        clean.shop.option("smi_bridge_paused", "")
    assert clean.shop.mails() == []


def test_the_run_stands_in_the_timetable_until_the_plugin_is_deactivated(ui: Ui):
    scheduled = "return wp_next_scheduled('smi_bridge_follow_up');"
    assert ui.shop.php_json(scheduled)
    ui.shop.deactivate("smi-bridge")
    try:
        assert not ui.shop.php_json(scheduled)
    finally:
        ui.shop.activate("smi-bridge")
        mails_by_the_clock(ui.shop, 86_400)
