"""Once one job gets through after an outage, the others do not wait for their own late hour."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest

from sidecar.adapters.fetch import FetchResponse
from sidecar.core.errors import TemporaryError
from sidecar.workflow.time_limits import OUTAGE_SPREAD_S
from tests.workflow.rig import Rig

JOBS = 5


def away(rig: Rig, seconds: float) -> None:
    """Upsampler answers 503 to everything, for so long; then it is back."""
    rig.upsampler.put_faults({"fault": "submit_503"}, {"fault": "status_500"})
    for number in range(JOBS):
        rig.buy(f"job-{number}")
        rig.let_pass(7)
    rig.let_pass(seconds)
    rig.upsampler.put_faults()


def states(rig: Rig) -> list[str]:
    return [rig.job(f"job-{number}").state for number in range(JOBS)]


def waiting(rig: Rig) -> int:
    return sum(rig.job(f"job-{number}").reason == "upsampler_unavailable" for number in range(JOBS))


@pytest.mark.parametrize("seed", range(4))
def test_when_one_gets_through_the_others_follow_within_seconds(seed: int) -> None:
    rig = Rig(seed=seed)
    away(rig, 150)
    assert waiting(rig) == JOBS
    for _ in range(600):
        rig.let_pass(1)
        if waiting(rig) < JOBS:
            break
    rig.let_pass(OUTAGE_SPREAD_S + 2)
    assert waiting(rig) == 0, states(rig)
    rig.let_pass(200)
    assert states(rig) == ["delivered"] * JOBS
    assert len(rig.upsampler.accepted) == JOBS


def test_they_are_spread_and_do_not_come_all_at_once() -> None:
    rig = Rig()
    away(rig, 150)
    for _ in range(600):
        rig.let_pass(0.5)
        if waiting(rig) < JOBS:
            break
    due = {round(rig.store.due_at(f"job-{n}"), 3) for n in range(JOBS) if rig.job(f"job-{n}").reason}
    assert len(due) > 1 and max(due) <= rig.clock() + OUTAGE_SPREAD_S


def test_while_it_lasts_nobody_is_called(rig: Rig) -> None:
    """The ledger lets a submission through each time: that is no word of Upsampler's."""
    away(rig, 150)
    assert "outage.over" not in [event for event, _ in rig.events]


def test_a_job_that_failed_for_another_reason_keeps_its_hour(rig: Rig) -> None:
    away(rig, 150)
    job = rig.job("job-4")
    rig.store.change("job-4", job.attempt, (), {"reason": "upsampler_rate_limited"}, due_at=rig.clock() + 250)
    until = rig.store.due_at("job-4")
    for _ in range(240):
        rig.let_pass(1)
        if waiting(rig) < JOBS - 1:
            break
    rig.let_pass(2)
    assert (rig.store.due_at("job-4"), rig.job("job-4").reason) == (until, "upsampler_rate_limited")


class Servers:
    """A fetcher in front of another one: all hosts refuse connections but those that are `open`."""

    def __init__(self, behind: Any) -> None:
        self.open: set[str] = set()
        self._behind = behind

    @contextmanager
    def stream(self, url: str, **how: Any) -> Iterator[FetchResponse]:
        if urlsplit(url).netloc not in self.open:
            raise TemporaryError("fetch_failed", "connection refused")
        with self._behind.stream(url, **how) as response:
            yield response


def refusing_rig() -> tuple[Rig, Servers]:
    """Jobs whose results' server refuses connections; the last one's is another server than that of the others."""
    rig = Rig()
    servers = Servers(rig.ports.fetcher)
    rig.ports = dataclasses.replace(rig.ports, fetcher=servers)
    for number in range(JOBS):
        rig.buy(f"job-{number}")
        rig.let_pass(7)
    rig.let_pass(100)
    last = rig.job(f"job-{JOBS - 1}")
    elsewhere = urlsplit(last.result_url)._replace(netloc="other.example").geturl()
    rig.store.change(last.job_id, last.attempt, (), {"result_url": elsewhere})
    rig.let_pass(50)
    return rig, servers


def refused(rig: Rig) -> list[int]:
    return [n for n in range(JOBS) if rig.job(f"job-{n}").reason == "fetch_failed"]


def test_the_end_of_refused_connections_is_one_and_other_servers_keep_their_hour() -> None:
    rig, servers = refusing_rig()
    assert refused(rig) == list(range(JOBS)), rig.actions()
    servers.open.add(urlsplit(rig.job("job-0").result_url).netloc)
    for _ in range(600):
        rig.let_pass(1)
        if len(refused(rig)) < JOBS:
            break
    tries = rig.job(f"job-{JOBS - 1}").consecutive_failures
    rig.let_pass(OUTAGE_SPREAD_S + 2)
    assert refused(rig) == [JOBS - 1]
    assert rig.job(f"job-{JOBS - 1}").consecutive_failures - tries <= 1, "nobody has called it"
    assert [dict(about).get("reason") for event, about in rig.events if event == "outage.over"] == ["fetch_failed"]


def test_the_end_of_refused_files_is_one() -> None:
    rig = Rig()
    publish, away = rig.files.publish, [True]

    def refusing(*args: Any, **how: Any) -> None:
        if away:
            raise TemporaryError("upload_failed", "the shop answered 502")
        publish(*args, **how)

    rig.files.publish = refusing  # type: ignore[method-assign]
    for number in range(JOBS):
        rig.buy(f"job-{number}")
        rig.let_pass(7)
    rig.let_pass(150)
    away.clear()
    for _ in range(600):
        rig.let_pass(1)
        if "outage.over" in [event for event, _ in rig.events]:
            break
    rig.let_pass(OUTAGE_SPREAD_S + 2)
    assert [rig.row(f"job-{number}").state for number in range(JOBS)] == ["delivered"] * JOBS
