"""An upgrade from a version whose keys did not name the site, on the real parts; and what stands in Redis then."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import requests
from redis import Redis

from sidecar.core.stored_names import OldKeys
from tests.recovery.cases import fault
from tests.recovery.rig import Rig, one_ending
from tests.testbed.customer import download_link
from tests.testbed.waiting import wait_for

OLD = OldKeys()


@pytest.fixture(scope="module")
def rig(rig_factory: Callable[..., Rig]) -> Iterator[Rig]:
    rig = rig_factory()
    with rig.minutes_fly():
        yield rig


def _as_before(redis: Redis, site: str) -> None:
    """Names as version 1.0 made them; RQ's, too."""
    for key in redis.scan_iter(f"smi:{site}:*"):
        redis.rename(key, key.replace(f":{site}", "", 1))
    redis.delete(*redis.scan_iter("rq:*"))
    redis.hset("rq:job:wake", mapping={"data": '["sidecar.tasks.work",null,["submit"],{}]', "origin": "submit"})
    redis.lpush("rq:queue:submit", "wake")
    redis.sadd("rq:queues", "rq:queue:submit")


def _stop(rig: Rig, *names: str) -> None:
    for name in names:
        rig.sidecar.process(name).stop()


def _without_the_site(redis: Redis, site: str) -> list[str]:
    """Keys, and members of RQ's two lists of all queues and workers. `clean_groups`: RQ's maintenance of what we do not
    use has been done lately."""
    all_rqs = ("rq:queues", "rq:workers", "rq:clean_groups")
    found = [key for key in redis.scan_iter() if site not in key and key not in all_rqs]
    return found + [name for key in ("rq:queues", "rq:workers") for name in redis.smembers(key) if site not in name]


def test_jobs_in_every_state_end_as_they_would_have(rig: Rig) -> None:
    rig.faults(
        fault("processing_slow", seconds=2) | {"match": "slow"},
        fault("submit_415") | {"match": "refused"},
    )
    delivered = rig.buy("delivered")
    rig.settled(delivered)
    link = download_link(rig.customer.mail(delivered))
    jobs = {"slow": rig.buy("slow")}
    rig.until_memory(jobs["slow"], "state", "submitted")
    rig.sidecar.kill("worker")
    jobs |= {name: rig.buy(name) for name in ("paid", "refused")}
    _stop(rig, "web", "cron")
    _as_before(rig.redis, rig.keys.site)
    assert rig.redis.zcard(OLD.due) == len(jobs)
    rig.sidecar.launch(["web", "worker", "cron"])
    rig.sidecar.wait_ready()
    for name, job_id in jobs.items():
        rig.settled(job_id, timeout=60)
        assert one_ending(rig, job_id) == ("refunded" if name == "refused" else "delivered")
        assert len(rig.bill(job_id)) == int(name != "refused")
    assert requests.head(link, timeout=10).status_code == 200
    assert _without_the_site(rig.redis, rig.keys.site) == []


def test_without_what_was_in_redis_the_ledger_brings_them_back(rig: Rig) -> None:
    """Should somebody have emptied it, or the old names be there no more."""
    rig.faults(fault("processing_slow", seconds=2) | {"match": "lost"})
    job_id = rig.buy("lost")
    rig.until_memory(job_id, "state", "submitted")
    wait_for(lambda: rig.ledger(job_id)["upsampler_id"], "the ledger knows Upsampler's id")
    _stop(rig, "web", "worker", "cron")
    rig.redis.delete(*rig.redis.scan_iter("smi:*"))
    rig.sidecar.launch(["web", "worker", "cron"])
    rig.sidecar.wait_ready()
    rig.settled(job_id, timeout=60)
    assert (one_ending(rig, job_id), len(rig.bill(job_id))) == ("delivered", 1)
