"""What the bridge's messages lead to, and what a person asks for by hand."""

from __future__ import annotations

import queue
import threading
from pathlib import Path
from typing import Any

import pytest

from sidecar.core.errors import CallerError, ConfigurationError, TemporaryError
from sidecar.core.messages import parse_rfc3339, rfc3339
from sidecar.workflow import inbox, manual, reconcile
from sidecar.workflow.brief_wait import BriefWait
from sidecar.workflow.time_limits import ROUND_TRIP_S
from tests.workflow.rig import Rig

NAME = "2026/11/job-1_4x.png"


def delivered(rig: Rig, job_id: str = "job-1") -> None:
    rig.buy(job_id)
    rig.let_pass(90)
    assert rig.row(job_id).state == "delivered"


# ---------------------------------------------------------------------- payment and rerun
def test_a_payment_that_is_told_ten_times_is_worked_on_once(rig: Rig) -> None:
    data = rig.shop.buy("job-1")
    for _ in range(10):
        assert rig.push("job.paid", data) == {"stored": True}
    rig.let_pass(90)
    assert rig.push("job.paid", data) == {"stored": True}
    rig.let_pass(90)
    assert (len(rig.upsampler.accepted), rig.mails()) == (1, ["delivered"])


def test_a_rerun_with_a_good_file_delivers_it_again_and_pays_nobody(rig: Rig) -> None:
    delivered(rig)
    rig.push("job.paid", rig.shop.rerun("job-1"))
    rig.let_pass(60)
    assert (rig.row().attempt, rig.row().state, len(rig.upsampler.accepted)) == (2, "delivered", 1)
    assert rig.mails() == ["delivered", "delivered"]
    first, second = rig.shop.snapshot("job-1")
    assert first.delivery["sha256"] == second.delivery["sha256"]
    assert first.delivery["token"] != second.delivery["token"]


def test_a_forced_rerun_pays_upsampler_again(rig: Rig) -> None:
    delivered(rig)
    rig.push("job.paid", rig.shop.rerun("job-1", force=True))
    rig.let_pass(90)
    assert (rig.row().state, len(rig.upsampler.accepted)) == ("delivered", 2)


@pytest.mark.parametrize("damage", ["gone", "changed"])
def test_a_rerun_whose_file_is_not_good_any_more_makes_a_new_one(rig: Rig, damage: str) -> None:
    delivered(rig)
    if damage == "gone":
        rig.files.remove(NAME)
    else:
        rig.files.files[NAME] = b"x" * rig.files.size(NAME)
    rig.push("job.paid", rig.shop.rerun("job-1"))
    rig.let_pass(90)
    assert (rig.row().state, len(rig.upsampler.accepted)) == ("delivered", 2)
    assert rig.files.sha256(NAME) == rig.row().delivery["sha256"]


def test_a_rerun_waits_for_a_folder_that_is_away_and_pays_nobody(rig: Rig) -> None:
    """As when its disk is not mounted: the good file is not gone."""
    delivered(rig)
    rig.files.is_away = True
    rig.push("job.paid", rig.shop.rerun("job-1"))
    rig.let_pass(120)
    assert (rig.row().state, len(rig.upsampler.accepted)) == ("paid", 1)
    assert list(rig.store.holds.held()) == ["submit"]
    rig.files.is_away = False
    rig.let_pass(600)
    assert (rig.row().attempt, rig.row().state, len(rig.upsampler.accepted)) == (2, "delivered", 1)


@pytest.mark.parametrize("wish", ["job.renew", "job.erase"])
def test_a_wish_that_needs_a_folder_that_is_away_is_to_come_again(rig: Rig, wish: str) -> None:
    delivered(rig)
    data = {"job_id": "job-1", **({"attempt": 1, "expiry_hours": 48} if wish == "job.renew" else {})}
    rig.files.is_away = True
    with pytest.raises(ConfigurationError) as caught:
        rig.push(wish, data)
    assert caught.value.code == "folder_not_writable" and rig.job().token == rig.row().delivery["token"]
    rig.files.is_away = False
    rig.push(wish, data)
    assert (wish == "job.erase") == (rig.files.files == {})


def test_a_rerun_of_a_job_in_review_begins_anew(rig: Rig) -> None:
    rig.upsampler.put_faults({"fault": "processing_stuck"})
    rig.buy()
    rig.let_pass(1000)
    rig.upsampler.put_faults()
    rig.push("job.paid", rig.shop.rerun("job-1"))
    rig.let_pass(90)
    assert (rig.row().state, rig.row().attempt, rig.mails()) == ("delivered", 2, ["review", "delivered"])


def test_a_rerun_takes_the_job_away_from_a_worker_of_the_attempt_before(rig: Rig) -> None:
    rig.buy()
    rig.work()
    rig.clock.advance(1900)
    rig.webhooks = False

    def rerun(point: str) -> None:
        if point == "watch:claimed":
            rig.crash_point = lambda point: None
            rig.push("job.paid", rig.shop.rerun("job-1"))

    rig.crash_point = rerun
    rig.let_pass(200)
    assert (rig.row().attempt, rig.row().state, rig.mails()) == (2, "delivered", ["delivered"])
    assert rig.shop.snapshot("job-1")[0].state == "submitted"


# ---------------------------------------------------------------------- cancel, erase, renew
@pytest.mark.parametrize("seconds", [0, 5, 65, 90])
@pytest.mark.parametrize("how", ["stop", "refunded_elsewhere"])
def test_a_cancelled_job_stops_where_it_is(rig: Rig, seconds: int, how: str) -> None:
    rig.buy()
    rig.let_pass(seconds)
    mails = rig.mails()
    rig.push("job.cancel", getattr(rig.shop, how)("job-1"))
    rig.let_pass(3600)
    assert rig.row().state == ("refunded" if how == "refunded_elsewhere" else "delivered" if mails else "review")
    assert rig.mails() == mails, "and nobody writes to the customer any more"
    assert rig.store.all_ids() == []
    job = rig.store.get("job-1")
    assert job is None or job.revoked == 1


def test_cancelling_what_memory_does_not_know_is_no_fault(rig: Rig) -> None:
    assert rig.push("job.cancel", {"job_id": "nobody", "attempt": 1, "reason": "stopped"}) == {"stored": True}


def test_a_cancelled_job_gives_its_slot_to_the_next() -> None:
    rig = Rig(slots=1)
    rig.buy("job-1")
    rig.buy("job-2")
    rig.work()
    rig.push("job.cancel", rig.shop.stop("job-1"))
    rig.let_pass(90)
    assert rig.row("job-2").state == "delivered"


def test_an_erased_job_leaves_no_file_and_no_memory(rig: Rig) -> None:
    delivered(rig)
    rig.push("job.erase", {"job_id": "job-1"})
    assert rig.files.files == {} and rig.store.get("job-1") is None


def test_an_erased_job_leaves_no_thumbnail(rig: Rig, tmp_path: Path) -> None:
    kept = {job_id: tmp_path / f"{job_id}.1.jpg" for job_id in ("job-1", "job-11")}
    for path in kept.values():
        path.write_bytes(b"\xff\xd8\xff")
    rig.files.refused = lambda job_id="*": [kept[job_id]]  # type: ignore[method-assign]
    rig.push("job.erase", {"job_id": "job-1"})
    assert [path.exists() for path in kept.values()] == [False, True]


def test_an_erased_job_leaves_no_copy_of_its_source(rig: Rig, tmp_path: Path) -> None:
    kept = {job_id: tmp_path / f"{job_id}.1.jpg" for job_id in ("job-1", "job-11")}
    for path in kept.values():
        path.write_bytes(b"\xff\xd8\xff")
    rig.copies.all = lambda job_id="*": [kept[job_id]]  # type: ignore[method-assign]
    rig.push("job.erase", {"job_id": "job-1"})
    assert [path.exists() for path in kept.values()] == [False, True]


def test_an_erasure_whose_file_can_not_be_removed_is_to_come_again(rig: Rig) -> None:
    delivered(rig)
    rig.files.broken = ConfigurationError("folder_not_writable")
    with pytest.raises(ConfigurationError):
        rig.push("job.erase", {"job_id": "job-1"})
    assert rig.store.get("job-1") is not None
    rig.files.broken = None
    rig.push("job.erase", {"job_id": "job-1"})
    assert rig.files.files == {} and rig.store.get("job-1") is None


@pytest.mark.parametrize("kind", ["thumbnail", "copy of the source"])
def test_an_erasure_that_leaves_a_picture_behind_is_to_come_again(rig: Rig, tmp_path: Path, kind: str) -> None:
    delivered(rig)
    stays = tmp_path / "job-1.1.jpg"
    stays.mkdir()  # what no unlink removes, whoever tries
    if kind == "thumbnail":
        rig.files.refused = lambda job_id="*": [stays]  # type: ignore[method-assign]
    else:
        rig.copies.all = lambda job_id="*": [stays]  # type: ignore[method-assign]
    with pytest.raises(ConfigurationError) as caught:
        rig.push("job.erase", {"job_id": "job-1"})
    assert caught.value.code == "folder_not_writable" and rig.store.get("job-1") is not None
    stays.rmdir()
    rig.push("job.erase", {"job_id": "job-1"})
    assert rig.store.get("job-1") is None


def test_an_erased_job_leaves_no_file_also_when_memory_has_forgotten_it_long_ago(rig: Rig) -> None:
    delivered(rig)
    delivered(rig, "job-11")
    rig.let_pass(3 * 86400)
    assert rig.store.get("job-1") is None
    rig.push("job.erase", {"job_id": "job-1"})
    assert list(rig.files.files) == ["2026/11/job-11_4x.png"]


def test_a_worker_whose_job_is_erased_writes_nothing_more(rig: Rig) -> None:
    rig.buy()
    rig.let_pass(30)

    def erase(point: str) -> None:
        if point == "collect:before_rename":
            del rig.shop.rows["job-1"], rig.shop.bought["job-1"]
            rig.push("job.erase", {"job_id": "job-1"})

    rig.crash_point = erase
    rig.let_pass(600, sweeping=True)
    assert rig.files.files == {} and rig.store.get("job-1") is None


@pytest.mark.parametrize("memory", ["remembers", "has forgotten"])
def test_an_expired_link_is_renewed(rig: Rig, memory: str) -> None:
    delivered(rig)
    rig.let_pass(2 * 86400)
    if memory == "has forgotten":
        rig.flush_all()
    answer = rig.push("job.renew", {"job_id": "job-1", "attempt": 1, "expiry_hours": 48})
    assert parse_rfc3339(answer["expires_at"]) == int(rig.clock()) + 48 * 3600
    grant = rig.tokens.read_download(answer["token"], now=rig.clock())
    assert (grant.job_id, grant.attempt) == ("job-1", 1)
    assert answer["download_url"].endswith(answer["token"])
    assert rig.job().token == answer["token"]


def test_a_link_is_renewed_although_the_shops_word_on_its_delivery_was_lost(rig: Rig) -> None:
    """The shop knows that it has the file; the sidecar would have called it gone, and a retry is paid for."""

    def lose(point: str) -> None:
        if point == "flush:deliver:sending" and rig.job().state == "stored":
            rig.shop.answers_lost = 1
            rig.crash_point = lambda name: None

    rig.crash_point = lose
    rig.buy()
    for _ in range(90):
        if rig.row().state == "delivered":
            break
        rig.let_pass(1)
    assert (rig.row().state, rig.job().state) == ("delivered", "stored")
    answer = rig.push("job.renew", {"job_id": "job-1", "attempt": 1, "expiry_hours": 48})
    assert (rig.job().token, rig.job().state) == (answer["token"], "stored")
    rig.let_pass(120)
    assert (rig.job().token, rig.job().state, rig.mails()) == (answer["token"], "delivered", ["delivered"])


@pytest.mark.parametrize("case", ["unfinished", "no file", "another attempt", "unknown", "refunded"])
def test_what_has_no_file_has_no_link(rig: Rig, case: str) -> None:
    job_id, attempt = "job-1", 1
    rig.buy()
    if case != "unfinished":
        rig.let_pass(90)
    if case == "no file":
        rig.files.remove(NAME)
    elif case == "another attempt":
        attempt = 2
    elif case == "unknown":
        job_id = "nobody"
    elif case == "refunded":
        rig.push("job.cancel", rig.shop.refunded_elsewhere("job-1"))
    with pytest.raises(CallerError) as caught:
        rig.push("job.renew", {"job_id": job_id, "attempt": attempt, "expiry_hours": 24})
    assert caught.value.code == "no_file"


# ---------------------------------------------------------------------- holds
def hold(rig: Rig, stage: str, held: bool) -> None:
    rig.push("hold", {"stage": stage, "held": held})


@pytest.mark.parametrize("stage", ["submit", "collect"])
def test_what_an_admin_holds_waits_until_he_lets_go(rig: Rig, stage: str) -> None:
    hold(rig, stage, True)
    for number in range(3):
        rig.buy(f"job-{number}")
    rig.let_pass(6 * 3600)
    assert {rig.row(f"job-{number}").state for number in range(3)} == {"paid" if stage == "submit" else "enlarged"}
    assert rig.files.files == {}, "not even one job tries"
    hold(rig, stage, False)
    rig.let_pass(300)
    assert {rig.row(f"job-{number}").state for number in range(3)} == {"delivered"}


def test_a_refused_key_holds_all_tells_the_admin_once_and_ends_by_itself(rig: Rig) -> None:
    rig.upsampler.key_is_right = False
    for number in range(30):
        rig.buy(f"job-{number}")
    rig.let_pass(3600)
    assert [notice["kind"] for notice in rig.shop.notices] == ["hold"]
    assert rig.mails("job-0") == [] and rig.shop.refunds == []
    asked = len(rig.upsampler.calls)
    rig.let_pass(3600)
    assert len(rig.upsampler.calls) - asked <= 12, "while it lasts, one job tries now and then"
    rig.upsampler.key_is_right = True
    rig.let_pass(1100)
    assert {rig.row(f"job-{number}").state for number in range(30)} == {"delivered"}
    assert [notice["kind"] for notice in rig.shop.notices] == ["hold", "resume"]


def test_a_hold_ends_also_when_few_slots_are_full_of_waiting_jobs() -> None:
    rig = Rig(slots=1)
    rig.upsampler.credits = 0
    for number in range(40):
        rig.buy(f"job-{number}")
    rig.let_pass(1800)
    rig.upsampler.credits = 1e6
    rig.let_pass(600)
    assert rig.upsampler.accepted, "the job that has the slot is the one that tries"
    rig.let_pass(40 * 90)
    assert {rig.row(f"job-{number}").state for number in range(40)} == {"delivered"}


def test_an_admin_may_end_a_hold_that_came_by_itself(rig: Rig) -> None:
    rig.upsampler.key_is_right = False
    rig.buy()
    rig.let_pass(3600)
    rig.upsampler.key_is_right = True
    hold(rig, "submit", False)
    rig.let_pass(100)
    assert rig.row().state in ("submitted", "delivered")
    kinds = [notice["kind"] for notice in rig.shop.notices]
    assert kinds == ["hold", "resume"], "the shop's pages do not go on naming the hold"


# ---------------------------------------------------------------------- status
def test_status_tells_how_we_are(rig: Rig) -> None:
    rig.buy()
    rig.store.heartbeats.record("cron")
    rig.store.holds.hold("collect", reason="disk_full", detail="no space left")
    answer = rig.push("status", {})
    assert answer["site"] == "https://shop.example"
    assert answer["jobs"] == {"paid": 1} and answer["queues"]["deliver"] == 1
    assert (answer["scheduler"], answer["shop_door"]) == (True, None)
    rig.clock.advance(90)
    assert rig.push("status", {})["job_seconds"] == {"paid": 90}, "the oldest unfinished job of each state"
    assert answer["held"]["collect"]["reason"] == "disk_full"
    assert answer["webhook_url_base"] == "https://shop.example/smi/webhooks/upsampler/"


def test_status_makes_the_round_trip_when_it_is_asked_to(rig: Rig) -> None:
    assert rig.push("status", {"round_trip": True})["shop_door"]["ok"] is True
    rig.shop.away = TemporaryError("shop_unavailable", "connection refused")
    door = rig.push("status", {"round_trip": True})["shop_door"]
    assert (door["ok"], door["error"], door["detail"]) == (False, "shop_unavailable", "connection refused")


def test_a_shop_that_hangs_keeps_no_web_thread_waiting(rig: Rig) -> None:
    """An admin presses “Test connection” again and again, and each answer comes before the bridge gives it up."""
    assert ROUND_TRIP_S < 5, "Http_Client's own patience"
    go, asked = threading.Event(), queue.Queue[str]()

    def hang(type: str, data: dict[str, Any]) -> dict[str, Any]:
        asked.put(type)
        assert go.wait(30)
        return {}

    rig.shop.ask = hang  # type: ignore[method-assign]
    waits = BriefWait("test", at_once=2, code="shop_unavailable", busy="busy")
    try:
        for _ in range(2):
            with pytest.raises(TemporaryError, match="not answered within"):
                waits.ask(lambda: rig.shop.ask("status", {}), wait_s=0.01)
            assert asked.get(timeout=10) == "status"
        with pytest.raises(TemporaryError, match="busy"):
            waits.ask(lambda: rig.shop.ask("status", {}), wait_s=30)
        door = inbox._round_trip(rig.ports, wait_s=0.01)
        assert (door["ok"], door["error"]) == (False, "shop_unavailable")
        assert "not answered within" in door["detail"]
    finally:
        go.set()


def test_status_tells_why_the_shop_is_not_reached_and_since_when(rig: Rig) -> None:
    """The shop may hear us where we do not get through to it: a firewall, a login page."""
    assert rig.push("status", {})["shop_away"] is None
    rig.shop.away = ConfigurationError("shop_walled", "answered 403, not by the bridge: “Denied”.")
    began = rig.clock()
    for _ in range(2):
        with pytest.raises(ConfigurationError):
            reconcile.reconcile(rig.ports)
        rig.let_pass(60)
    away = rig.push("status", {})["shop_away"]
    assert away == {"error": "shop_walled", "detail": rig.shop.away.detail, "since": rfc3339(began)}
    rig.shop.away = None
    reconcile.reconcile(rig.ports)
    assert rig.push("status", {})["shop_away"] is None


# ---------------------------------------------------------------------- by hand
def test_a_job_is_failed_by_hand_as_the_table_ends_it(rig: Rig) -> None:
    rig.buy()
    rig.work()
    assert manual.handle_processing_failure(rig.ports, "job-1", "source_gone") == "refunding"
    assert manual.handle_processing_failure(rig.ports, "job-1", "source_gone") == "refunding"
    rig.let_pass(300)
    assert (rig.row().state, rig.shop.refunds) == ("refunded", ["job-1"])
    assert manual.handle_processing_failure(rig.ports, "job-1", "source_gone") == "refunded"


def test_a_job_that_is_failed_by_hand_for_a_reason_of_ones_own_goes_to_a_person(rig: Rig) -> None:
    rig.buy()
    manual.handle_processing_failure(rig.ports, "job-1", "The customer has asked us to wait.")
    rig.let_pass(300)
    assert (rig.row().state, rig.row().reason, rig.shop.refunds) == ("review", "failed_by_hand", [])


def test_whoever_works_on_a_job_that_is_failed_by_hand_writes_nothing_more(rig: Rig) -> None:
    rig.buy()

    def fail(point: str) -> None:
        if point == "collect:before_rename":
            manual.handle_processing_failure(rig.ports, "job-1", "source_gone")

    rig.crash_point = fail
    rig.let_pass(300)
    assert (rig.row().state, rig.mails(), rig.files.files) == ("refunded", ["refunded"], {})


@pytest.mark.parametrize("point", ["submit:before_post", "submit:after_post"])
def test_a_job_that_is_failed_by_hand_while_upsampler_is_asked_stays_failed(rig: Rig, point: str) -> None:
    rig.buy()

    def fail(at: str) -> None:
        if at == point:
            rig.crash_point = lambda name: None
            manual.handle_processing_failure(rig.ports, "job-1", "The customer has called.")

    rig.crash_point = fail
    rig.let_pass(3600)
    assert len(rig.upsampler.accepted) == 1, "the answer came, and its webhook"
    assert (rig.row().state, rig.row().reason, rig.mails()) == ("review", "failed_by_hand", ["review"])
    assert rig.files.files == {}


def test_a_settled_job_is_not_failed_by_hand(rig: Rig) -> None:
    delivered(rig)
    assert manual.handle_processing_failure(rig.ports, "job-1", "source_gone") == "delivered"
    rig.let_pass(60)
    assert rig.shop.refunds == []


def test_the_same_words_reach_the_customer_once(rig: Rig) -> None:
    rig.buy()
    for text in ("It takes longer.", "It takes longer.", "Sorry!"):
        manual.send_failure_notification(rig.ports, "job-1", text)
    rig.work()
    manual.send_failure_notification(rig.ports, "job-1", "It takes longer.")
    rig.work()
    assert len([kind for kind in rig.mails() if kind.startswith("message:")]) == 2


@pytest.mark.parametrize("text", ["", "   ", "x" * 2001])
def test_no_words_or_too_many_are_not_sent(rig: Rig, text: str) -> None:
    rig.buy()
    with pytest.raises(CallerError):
        manual.send_failure_notification(rig.ports, "job-1", text)


def test_by_hand_an_unknown_job_is_the_callers_fault(rig: Rig) -> None:
    for ask in (
        lambda: manual.process_upscale_request(rig.ports, "nobody"),
        lambda: manual.handle_processing_failure(rig.ports, "nobody", "x"),
        lambda: manual.send_failure_notification(rig.ports, "nobody", "x"),
    ):
        with pytest.raises(CallerError) as caught:
            ask()
        assert caught.value.code == "unknown_job"


def test_a_push_by_hand_starts_what_even_the_ledger_has_not_heard_of(rig: Rig) -> None:
    rig.shop.buy("job-1", in_ledger=False)
    assert manual.process_upscale_request(rig.ports, "job-1") == "paid"
    rig.let_pass(120)
    assert (rig.row().state, len(rig.upsampler.accepted)) == ("delivered", 1)


def test_a_push_by_hand_starts_what_nobody_has_heard_of_and_pays_nothing_twice(rig: Rig) -> None:
    rig.buy(push=False)
    assert manual.process_upscale_request(rig.ports, "job-1") == "paid"
    rig.let_pass(30)
    assert manual.process_upscale_request(rig.ports, "job-1") == "submitted"
    rig.let_pass(90)
    assert manual.process_upscale_request(rig.ports, "job-1") == "delivered"
    assert len(rig.upsampler.accepted) == 1
