"""Parts go away and come back: what was paid for arrives all the same, once."""

from __future__ import annotations

from pathlib import Path

import pytest

from sidecar.adapters.connections import connect
from tests.e2e.console import operate
from tests.testbed.customer import Customer
from tests.testbed.sidecar import Sidecar
from tests.testbed.waiting import wait_for
from tests.testbed.whole import Whole

pytestmark = pytest.mark.second_chance(
    "a dozen processes are stopped and started, and hand a job on within seconds that a busy machine may not give"
)


@pytest.fixture(autouse=True)
def all_is_well_again(newest: Whole):
    yield
    newest.sandbox.fault()


def test_the_embedded_store_survives_a_kill_with_all_that_it_was_told(newest: Whole, buyer: Customer) -> None:
    newest.sandbox.fault({"fault": "processing_slow", "params": {"seconds": 2}})
    job_id = buyer.buy()
    buyer.until(job_id, "submitted")
    client = connect("", Path(newest.sidecar.env["SMI_DATA_DIR"]), decode=True)
    before = client.hget(newest.sidecar.keys.job(job_id), "upsampler_id")
    client.execute_command("WAITAOF", 1, 0, 5000)  # it is on the disk
    newest.sidecar.kill("store")
    newest.sidecar.launch(["store"])
    assert wait_for(lambda: _answers(client), "the store is back")
    assert client.hget(newest.sidecar.keys.job(job_id), "upsampler_id") == before
    client.close()
    attempt = buyer.until(job_id, "delivered", timeout=45)
    assert attempt["submission"] == 1
    assert len(buyer.mails(job_id)) == 1


def _answers(client) -> bool:
    import redis

    try:
        return client.ping()
    except redis.RedisError:
        return False


def test_messages_wait_for_a_shop_that_is_away_and_arrive_when_it_is_back(newest: Whole, buyer: Customer) -> None:
    newest.sandbox.fault({"fault": "processing_slow", "params": {"seconds": 3}})
    jobs = _buy_at_once(newest, buyer, 2)
    for job_id in jobs:
        buyer.until(job_id, "submitted")
    newest.shop.php_fpm.stop()
    try:
        wait_for(lambda: operate(newest, "status")["messages_waiting"]["deliver"] >= 2, "both deliveries wait")
        assert all(buyer.attempts(job_id)[0]["state"] == "submitted" for job_id in jobs)
    finally:
        newest.shop.php_fpm.start()
    for job_id in jobs:
        buyer.until(job_id, "delivered", timeout=60)
        assert len(buyer.mails(job_id)) == 1


def _buy_at_once(whole: Whole, customer: Customer, count: int) -> list[str]:
    """Several payments in one request; each customer's address is made of his job's id afterwards."""
    photo = customer.photo()
    jobs = whole.shop.php_json(
        f"return array_map(fn() => smi_demo_shop_buy({photo}, '4x', 'a@customer.example'), range(1, {count}));"
    )
    for job_id in jobs:
        whole.shop.sql("UPDATE wp_smi_jobs SET email = %s WHERE job_id = %s", f"{job_id}@customer.example", job_id)
    return jobs


def test_a_job_paid_while_the_sidecar_is_down_is_pulled(newest: Whole, buyer: Customer) -> None:
    for name in ("web", "worker", "cron"):
        newest.sidecar.process(name).stop()
    try:
        job_id = buyer.buy()
        assert buyer.attempts(job_id)[0]["forwarded_at"] is None
        assert operate(newest, "reconcile")["mended"] >= 1
        assert operate(newest, "show", job_id)["working_memory"]["state"] == "paid"
    finally:
        for name in ("web", "worker", "cron"):  # the web first, or it misses the webhook
            newest.sidecar.process(name).start()
    buyer.until(job_id, "delivered")
    newest.shop.php(
        "SmiBridge\\Wire\\Circuit_Breaker::success();"
    )  # else the next payment waits out the circuit's pause


def test_upsamplers_concurrency_limit_holds_over_all_workers_and_machines(
    newest: Whole, buyer: Customer, tmp_path: Path
) -> None:
    newest.sandbox.fault({"fault": "processing_slow", "params": {"seconds": 0.8}})
    limit, count = 2, 6
    with newest.changed(SMI_UPSAMPLER_CONCURRENCY=str(limit)):
        env = {name: value for name, value in newest.sidecar.env.items() if name != "PORT"}
        with Sidecar.start(tmp_path / "another-machine", env, ["worker"]):
            jobs = _buy_at_once(newest, buyer, count)
            for job_id in jobs:
                buyer.until(job_id, "delivered", timeout=60)
    orders = [order for job_id, order in newest.billed() if job_id in jobs]
    assert len(orders) == count
    moments = sorted([(order["at"], 1) for order in orders] + [(order["finished_at"], -1) for order in orders])
    at_the_same_time = [sum(step for _, step in moments[: end + 1]) for end in range(len(moments))]
    assert max(at_the_same_time) == limit
