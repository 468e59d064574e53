"""A visit to the shop's mailbox: each message is done and acknowledged, and comes again when it could not be."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import pytest

from sidecar.core.errors import ConfigurationError, TemporaryError
from sidecar.core.job import Job
from sidecar.pull import Pull
from sidecar.workflow import mailbox
from sidecar.workflow.time_limits import VISIT_BUSY_S, VISIT_IDLE_S
from tests.workflow.rig import Rig


class Shop:
    """The shop of a rig, with a mailbox whose messages go when they are acknowledged."""

    def __init__(self, rig: Rig, *bodies: str) -> None:
        self.mail = {f"m{index}": body for index, body in enumerate(bodies)}
        self.soon = False
        self.asked: list[dict[str, Any]] = []
        self.ports: Any = dataclasses.replace(rig.ports, shop=self)  # type: ignore[arg-type]  # only what a visit asks
        self._shop = rig.shop

    def ask(self, type: str, data: dict[str, Any]) -> dict[str, Any]:
        if self._shop.away:
            raise self._shop.away
        assert type == "mailbox.collect"
        self.asked.append(data)
        for done in data.get("done", []):
            self.mail.pop(done["id"], None)
        found = [{"id": id, "type": "hold", "headers": {}, "body": body} for id, body in self.mail.items()]
        return {"messages": found, "soon": self.soon, "pulled": True}


@pytest.fixture
def rig() -> Rig:
    return Rig()


def stored(body: bytes, headers: Mapping[str, str]) -> tuple[dict[str, Any], int]:
    return {"stored": True}, 200


def test_what_was_done_is_acknowledged_at_once(rig: Rig) -> None:
    shop = Shop(rig, "a", "b")
    first = mailbox.visit(shop.ports, stored, [], with_status=True)
    assert first.wait_s == 0
    assert "status" in shop.asked[0] and "done" not in shop.asked[0]
    second = mailbox.visit(shop.ports, stored, first.done, with_status=False)
    assert (second.done, second.wait_s, shop.mail) == ([], VISIT_IDLE_S, {})
    assert [done["status"] for done in shop.asked[1]["done"]] == [200, 200]
    assert "status" not in shop.asked[1]


def test_a_payment_that_was_fetched_is_submitted_without_a_tick_of_the_clock(rig: Rig) -> None:
    paid = rig.shop.buy("job-1")

    def receive(body: bytes, headers: Mapping[str, str]) -> tuple[dict[str, Any], int]:
        return rig.push("job.paid", paid), 200

    mailbox.visit(Shop(rig, "paid").ports, receive, [], with_status=False)
    rig.work()
    assert (len(rig.upsampler.accepted), rig.store.get("job-1").state) == (1, "submitted")


@pytest.mark.parametrize("error", [TemporaryError("shop_unavailable", ""), None])
def test_what_could_not_be_done_now_comes_again_and_holds_nobody_up(rig: Rig, error: Exception | None) -> None:
    """None: its signature was refused, as while a secret is changed."""
    shop = Shop(rig, "bad", "good")

    def receive(body: bytes, headers: Mapping[str, str]) -> tuple[dict[str, Any], int]:
        if body != b"bad":
            return {"stored": True}, 200
        if error:
            raise error
        return {"error": "unauthorized"}, 401

    done = mailbox.visit(shop.ports, receive, [], with_status=False).done
    assert [message["id"] for message in done] == ["m1"]
    left = mailbox.visit(shop.ports, receive, done, with_status=False)
    assert (list(shop.mail), left.done, left.wait_s) == (["m0"], [], VISIT_IDLE_S)


def test_what_can_not_be_done_for_long_makes_room_with_its_reason(rig: Rig) -> None:
    """The shop hands over the oldest fifty: those that never go would keep all others away."""
    shop = Shop(rig, "bad")
    pull = Pull(SimpleNamespace(ports=shop.ports))  # type: ignore[arg-type]

    def receive(body: bytes, headers: Mapping[str, str]) -> tuple[dict[str, Any], int]:
        raise ConfigurationError("folder_not_writable", "")

    pull._receive = receive  # type: ignore[method-assign]
    for _ in range(mailbox.MOST_TRIES):
        assert list(shop.mail) == ["m0"]
        pull.step()
    pull.step()
    assert shop.mail == {}
    assert shop.asked[-1]["done"] == [
        {"id": "m0", "type": "hold", "status": 503, "answer": {"error": "folder_not_writable"}}
    ]


def test_a_message_waits_for_as_long_as_the_secrets_differ(rig: Rig) -> None:
    shop = Shop(rig, "a")
    tried: Mapping[str, int] = {}
    for _ in range(2 * mailbox.MOST_TRIES):
        seen = mailbox.visit(shop.ports, lambda body, headers: ({}, 401), [], with_status=False, tried=tried)
        assert seen.done == []
        tried = seen.tried


def test_a_message_that_we_stumble_over_does_not_come_for_ever(rig: Rig) -> None:
    shop = Shop(rig, "a")

    def receive(body: bytes, headers: Mapping[str, str]) -> tuple[dict[str, Any], int]:
        raise KeyError("a fault of ours")

    [done] = mailbox.visit(shop.ports, receive, [], with_status=False).done
    assert (done["status"], done["answer"]) == (500, {"error": "internal_error"})
    assert "stage.broke" in [event for event, _ in rig.events]


def test_acknowledgements_are_kept_while_the_shop_is_away(rig: Rig) -> None:
    shop = Shop(rig, "a")
    done = mailbox.visit(shop.ports, stored, [], with_status=False).done
    rig.shop.away = TemporaryError("shop_unavailable", "away")
    with pytest.raises(TemporaryError):
        mailbox.visit(shop.ports, stored, done, with_status=False)
    rig.shop.away = None
    mailbox.visit(shop.ports, stored, done, with_status=False)
    assert shop.mail == {}


def test_the_pace_follows_what_goes_on(rig: Rig) -> None:
    shop = Shop(rig)

    def pace() -> float:
        return mailbox.visit(shop.ports, stored, [], with_status=False).wait_s

    assert pace() == VISIT_IDLE_S
    shop.soon = True
    assert pace() == VISIT_BUSY_S
    shop.soon = False
    rig.buy("job-1")
    assert pace() == VISIT_BUSY_S
    rig.ports.store.holds.hold("submit", reason="held_by_admin", detail="", by_admin=True)
    assert pace() == VISIT_IDLE_S, "what is held may be held for days"
    rig.store.create(Job("job-2", 1, "enlarged"), due_at=rig.clock() + 60)
    assert pace() == VISIT_BUSY_S, "another job is on its way behind the held stage"
    rig.ports.store.holds.hold("collect", reason="disk_full", detail="")
    assert pace() == VISIT_IDLE_S
    rig.store.create(Job("job-3", 1, "submitting"), due_at=rig.clock() + 60)
    assert pace() == VISIT_BUSY_S, "its webhook may come"


def test_a_clock_that_finds_a_reason_to_come_soon_comes_soon(rig: Rig) -> None:
    shop = Shop(rig)
    services: Any = SimpleNamespace(ports=shop.ports)
    pull, other = Pull(services), Pull(services)
    assert pull.step() == VISIT_IDLE_S
    rig.clock.at += VISIT_IDLE_S
    shop.soon = True
    assert pull.step(VISIT_IDLE_S) == VISIT_BUSY_S
    assert other.step(VISIT_BUSY_S) == VISIT_BUSY_S
    assert len(shop.asked) == 2, "one clock goes at a time"
    rig.clock.at += VISIT_BUSY_S
    pull.step(VISIT_BUSY_S)
    assert len(shop.asked) == 3


def test_a_shop_that_is_away_is_told_of_once_and_asked_again(rig: Rig) -> None:
    shop = Shop(rig)
    pull = Pull(SimpleNamespace(ports=shop.ports))  # type: ignore[arg-type]
    rig.shop.away = TemporaryError("shop_unavailable", "away")
    assert [pull.step(), pull.step()] == [VISIT_IDLE_S] * 2
    assert [event for event, _ in rig.events] == ["mailbox.failed"]
    rig.shop.away = None
    pull.step()
    assert len(shop.asked) == 1


def test_more_acknowledgements_than_fit_are_brought_by_the_next_visits(rig: Rig) -> None:
    shop = Shop(rig)
    many = [{"id": f"x{n}", "type": "hold", "status": 200, "answer": {}} for n in range(mailbox.MOST_DONE + 1)]
    left = mailbox.visit(shop.ports, stored, many, with_status=False)
    assert (len(shop.asked[0]["done"]), left.done, left.wait_s) == (mailbox.MOST_DONE, many[-1:], 0)
