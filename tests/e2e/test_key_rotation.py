"""A new secret, as docs/operation.md describes it: at no moment is a job lost, and no link dies."""

from __future__ import annotations

import requests

from sidecar.core.messages import new_secret
from tests.e2e.console import operate
from tests.testbed.customer import Customer
from tests.testbed.whole import Whole


def test_a_new_secret_loses_no_job_and_breaks_no_link(newest: Whole, buyer: Customer) -> None:
    old, new = newest.secret, new_secret()
    before = buyer.until(buyer.buy(), "delivered")
    configuration = newest.shop.root / "wp-config.php"
    text = configuration.read_text()
    try:
        # 1. The bridge has the new secret, the sidecar does not know it yet.
        rotated = text.replace(f"'{old}'", f"'{new}'").replace(
            "require_once", f"define( 'SMI_BRIDGE_PREVIOUS_SECRET', '{old}' );\nrequire_once"
        )
        configuration.write_text(rotated)
        newest.shop.php_fpm.restart()
        with newest.paused("cron"):  # or reconciliation might come just then
            meanwhile = buyer.buy()
            assert buyer.attempts(meanwhile)[0]["forwarded_at"] is None  # refused
        operate(newest, "reconcile")  # what reconciliation does each minute
        buyer.until(meanwhile, "delivered")
        # 2. The sidecar has both.
        with newest.changed(SMI_SECRET=new, SMI_PREVIOUS_SECRET=old):
            after = buyer.until(buyer.buy(), "delivered")
            for link in (before["download_url"], after["download_url"]):
                assert requests.head(link, timeout=30).status_code == 200
        # 3. Without the old one, links that it has signed are dead: it stays until they have expired.
        with newest.changed(SMI_SECRET=new):
            assert requests.head(after["download_url"], timeout=30).status_code == 200
            assert requests.head(before["download_url"], timeout=30).status_code == 404
    finally:
        configuration.write_text(text)
        newest.shop.php_fpm.restart()
        newest.shop.php("SmiBridge\\Wire\\Circuit_Breaker::success();")
