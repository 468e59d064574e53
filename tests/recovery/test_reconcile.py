"""Truth is pulled: hints may be blocked for good, and every job arrives all the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import requests

from tests.recovery.rig import Rig, one_ending
from tests.testbed.customer import download_link
from tests.testbed.waiting import wait_for

pytestmark = pytest.mark.second_chance(
    "what is pulled comes within turns and polls of seconds, which a busy machine stretches"
)

# A firewall between WordPress and the sidecar, in this direction only.
_BLOCKED = """<?php
add_filter( 'smi_bridge_pre_send', static function () {
	return array( 'error' => 'refused', 'message' => 'Connection refused' );
} );
"""


@pytest.fixture(scope="module")
def rig(rig_factory: Callable[..., Rig]) -> Iterator[Rig]:
    """No push from the bridge and no webhook ever arrives."""
    rig = rig_factory()
    (rig.shop.root / "wp-content" / "mu-plugins" / "blocked.php").write_text(_BLOCKED)
    rig.faults({"fault": "webhook_dropped"})
    with rig.minutes_fly():
        yield rig


def test_without_any_push_and_any_webhook_jobs_arrive(rig: Rig) -> None:
    job_ids = [rig.buy(f"unheard-{number}") for number in range(3)]
    for job_id in job_ids:
        rig.settled(job_id, timeout=75)
        assert one_ending(rig, job_id) == "delivered"
        assert len(rig.bill(job_id)) == 1


def test_a_payment_whose_event_never_fired_is_found(rig: Rig) -> None:
    """The shop wrote the paid row and died before it told anybody."""
    picture = rig.picture("event-lost")
    job_id = rig.shop.php_json(f"return smi_demo_shop_buy_silently({picture}, '4x', 'silent@customer.example');")
    assert rig.customer.attempts(job_id) == []
    wait_for(lambda: rig.customer.attempts(job_id), "reconciliation takes it in", 75)
    rig.settled(job_id, timeout=30)
    assert one_ending(rig, job_id) == "delivered"


def test_a_refund_that_nobody_told_the_sidecar_of_kills_the_link(rig: Rig) -> None:
    """The bridge's word about it is lost like all its others; working memory would keep the link for a day."""
    job_id = rig.buy("refund-unheard")
    rig.settled(job_id, timeout=75)
    link = download_link(rig.customer.mail(job_id))
    assert requests.head(link, timeout=10).status_code == 200
    rig.shop.php(f"smi_demo_shop_refund_outside('{job_id}');")
    assert rig.ledger(job_id)["state"] == "refunded"
    wait_for(lambda: requests.head(link, timeout=10).status_code == 410, "the link is dead", 30)
    rig.until_memory(job_id, "state", "refunded")


def test_a_job_paid_while_the_sidecar_was_down_for_a_day_is_made(rig: Rig) -> None:
    for name in ("web", "worker", "cron"):
        rig.sidecar.process(name).stop()
    job_id = rig.buy("yesterday")
    for table, columns in {
        "wp_smi_bridge_ledger": ("created_at", "updated_at", "deadline_at"),
        "wp_smi_jobs": ("paid_at", "created_at", "updated_at"),
    }.items():
        changes = ", ".join(f"{name} = {name} - INTERVAL 1 DAY" for name in columns)
        rig.shop.sql(f"UPDATE {table} SET {changes} WHERE job_id = %s", job_id)
    rig.redis.flushall()  # nor does anybody remember anything
    rig.sidecar.launch(["web", "worker", "cron"])
    rig.sidecar.wait_ready()
    rig.settled(job_id, timeout=60)
    assert one_ending(rig, job_id) == "delivered"


def test_a_refund_that_nobody_ordered_to_an_end_is_found(rig: Rig) -> None:
    """The ledger says `refunding`, and neither sidecar nor PHP remembers why."""
    job_id = rig.buy("refund-forgotten")
    rig.settled(job_id, timeout=75)
    rig.shop.sql(
        "UPDATE wp_smi_bridge_ledger SET state = 'refunding', settled_at = NULL, reason = 'upsampler_failed', "
        "updated_at = updated_at - INTERVAL 400 SECOND WHERE job_id = %s",
        job_id,
    )
    rig.redis.flushall()
    row = rig.settled(job_id, timeout=75)
    assert (row["state"], row["reason"]) == ("review", "refund_due")
    assert rig.mails(job_id) == {"delivered": "sent", "review": "sent"}
    assert [call for call in rig.refunds(job_id) if call["accepted"]] == []


def test_wordpress_is_restarted_as_a_whole_and_nothing_is_lost(rig: Rig) -> None:
    rig.faults({"fault": "webhook_dropped"}, {"fault": "processing_slow", "params": {"seconds": 2}})
    job_ids = [rig.buy(f"restarted-{number}") for number in range(2)]
    for part in (rig.shop.nginx, rig.shop.php_fpm, rig.shop.mariadb):
        part.kill()
    for part in (rig.shop.mariadb, rig.shop.php_fpm, rig.shop.nginx):
        part.start()
    for job_id in job_ids:
        rig.settled(job_id, timeout=75)
        assert one_ending(rig, job_id) == "delivered"
        assert len(rig.bill(job_id)) == 1
