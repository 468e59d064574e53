"""What every shop's door promises (docs/contract.md, part 3), told through a `ShopUnderTest`.

A subclass gives the fixture `shop`; the in-memory double and the real WordPress are held to the same tests.
"""

from __future__ import annotations

import hashlib
import itertools
from typing import Any, Protocol

import pytest

from sidecar.core.messages import rfc3339

CLAIM, RIVAL = "c1a1000000000000", "41fa100000000000"


class Door(Protocol):
    """As adapters.shop.ShopDoor."""

    def send(self, messages: list[dict[str, Any]]) -> list[dict[str, Any]]: ...
    def ask(self, type: str, data: dict[str, Any]) -> dict[str, Any]: ...
    def order(self, type: str, data: dict[str, Any]) -> dict[str, Any]: ...


class ShopUnderTest(Protocol):
    """A shop and what its people may do. `mails` gives the kinds of mails that the customer was sent, in order:
    "delivered", "refunded", "review", or "message:<key>"; `refunds` how often money went back."""

    door: Door

    def pay(self, *, in_ledger: bool = True) -> str: ...
    def rerun(self, job_id: str, *, force: bool = False) -> None: ...
    def stop(self, job_id: str) -> None: ...
    def refunded_elsewhere(self, job_id: str) -> None: ...
    def refunding(self, mode: str) -> None: ...  # "works" | "fails"
    def mails(self, job_id: str) -> list[str]: ...
    def refunds(self, job_id: str) -> int: ...
    def now(self) -> float: ...


class ShopContract:
    """Subclass it, name the subclass Test…, and give it a fixture `shop`."""

    _numbers = itertools.count(1)

    # ------------------------------------------------------------------ how the tests speak
    def send(self, shop: ShopUnderTest, type: str, job_id: str, attempt: int = 1, **data: Any) -> dict[str, Any]:
        message = {
            "id": f"m{next(self._numbers)}",
            "type": type,
            "data": {"job_id": job_id, "attempt": attempt, **data},
        }
        (result,) = shop.door.send([message])
        assert result["id"] == message["id"]
        return result

    def ask_go(self, shop: ShopUnderTest, job_id: str, submission: int = 1, claim: str = CLAIM, attempt: int = 1):
        return self.send(shop, "job.submitting", job_id, attempt, submission=submission, claim=claim)

    def submitted(self, shop: ShopUnderTest, job_id: str, submission: int = 1, id: str = "u-1", attempt: int = 1):
        at = rfc3339(shop.now())
        data = {"submission": submission, "upsampler_id": id, "credits": 12.5, "submitted_at": at}
        return self.send(shop, "job.submitted", job_id, attempt, **data)

    def progress(self, shop: ShopUnderTest, job_id: str, state: str, event: str, submission: int = 1, **data: Any):
        return self.send(shop, "job.progress", job_id, state=state, event=event, submission=submission, **data)

    def delivered(self, shop: ShopUnderTest, job_id: str, attempt: int = 1, **data: Any):
        details = {
            "path": f"2026/11/{job_id}_4x.png",
            "bytes": 1000,
            "sha256": "ab" * 32,
            "width": 32,
            "height": 24,
            "format": "png",
            "credits": 12.5,
            "upsampler_id": "u-1",
            "token": f"token-of-attempt-{attempt}",
            "download_url": f"https://shop.example/smi/download/token-of-attempt-{attempt}",
            "expires_at": rfc3339(shop.now() + 86400),
        }
        return self.send(shop, "job.delivered", job_id, attempt, **(details | data))

    def failed(self, shop: ShopUnderTest, job_id: str, refund: str, attempt: int = 1, reason: str = "source_gone"):
        return self.send(shop, "job.failed", job_id, attempt, reason=reason, detail="told by a test", refund=refund)

    def record(self, shop: ShopUnderTest, job_id: str) -> dict[str, Any]:
        (record,) = shop.door.ask("jobs.lookup", {"job_ids": [job_id]})["jobs"]
        return record

    def state(self, shop: ShopUnderTest, job_id: str) -> str:
        return self.record(shop, job_id)["state"]

    def unfinished(self, shop: ShopUnderTest) -> list[str]:
        found, after = [], 0
        while after is not None:
            page = shop.door.ask("jobs.unfinished", {"limit": 2, "after": after})
            found += [record["job_id"] for record in page["jobs"]]
            after = page["next"]
        return found

    def bring_to(self, shop: ShopUnderTest, state: str) -> str:
        """A paid job whose ledger row is in `state`."""
        job_id = shop.pay()
        if state in ("submitting", "submitted", "enlarged", "delivered"):
            assert self.ask_go(shop, job_id)["status"] == "done"
        if state in ("submitted", "enlarged", "delivered"):
            assert self.submitted(shop, job_id)["status"] == "done"
        if state == "enlarged":
            self.progress(shop, job_id, "enlarged", "refetch")
        if state == "delivered":
            assert self.delivered(shop, job_id)["status"] == "done"
        if state in ("refunded", "review"):
            assert self.failed(shop, job_id, "yes" if state == "refunded" else "review")["status"] == "done"
        assert self.state(shop, job_id) == state
        return job_id

    # ------------------------------------------------------------------ the go
    def test_a_submission_is_let_through_once(self, shop: ShopUnderTest) -> None:
        job_id = shop.pay()
        assert self.ask_go(shop, job_id)["status"] == "done"
        assert self.state(shop, job_id) == "submitting"
        refused = self.ask_go(shop, job_id, claim=RIVAL)
        assert (refused["status"], refused["reason"], refused["data"]["upsampler_id"]) == ("refused", "claimed", None)

    def test_the_same_claimant_that_did_not_hear_the_go_gets_it_again(self, shop: ShopUnderTest) -> None:
        job_id = shop.pay()
        assert [self.ask_go(shop, job_id)["status"] for _ in range(3)] == ["done"] * 3

    def test_a_rival_learns_the_id_that_is_known(self, shop: ShopUnderTest) -> None:
        job_id = self.bring_to(shop, "submitted")
        assert self.ask_go(shop, job_id, claim=RIVAL)["data"]["upsampler_id"] == "u-1"

    def test_the_next_submission_needs_the_one_before_to_be_over(self, shop: ShopUnderTest) -> None:
        job_id = self.bring_to(shop, "submitting")
        assert self.ask_go(shop, job_id, submission=2)["reason"] == "invalid"
        self.progress(shop, job_id, "paid", "not_accepted")
        assert self.state(shop, job_id) == "paid"
        assert self.ask_go(shop, job_id, submission=2)["status"] == "done"

    def test_a_go_is_not_given_again_for_a_submission_that_was_given_up(self, shop: ShopUnderTest) -> None:
        job_id = self.bring_to(shop, "submitting")
        self.progress(shop, job_id, "paid", "not_accepted")
        assert self.ask_go(shop, job_id, submission=1)["reason"] == "claimed"
        assert self.state(shop, job_id) == "paid"

    def test_a_submission_number_can_not_be_skipped(self, shop: ShopUnderTest) -> None:
        assert self.ask_go(shop, shop.pay(), submission=2)["reason"] == "invalid"

    @pytest.mark.parametrize("state", ["submitted", "enlarged"])
    def test_a_second_submission_forgets_the_first_id(self, shop: ShopUnderTest, state: str) -> None:
        job_id = self.bring_to(shop, state)
        assert self.ask_go(shop, job_id, submission=2)["status"] == "done"
        record = self.record(shop, job_id)
        assert (record["state"], record["submission"], record["upsampler_id"]) == ("submitting", 2, None)

    @pytest.mark.parametrize("state", ["delivered", "refunded", "review"])
    def test_a_settled_attempt_submits_nothing(self, shop: ShopUnderTest, state: str) -> None:
        job_id = self.bring_to(shop, state)
        result = self.ask_go(shop, job_id, submission=self.record(shop, job_id)["submission"] + 1)
        assert (result["status"], result["reason"]) == ("refused", "settled")

    def test_an_unknown_job_is_refused(self, shop: ShopUnderTest) -> None:
        assert self.ask_go(shop, "nobody-knows-me")["reason"] == "unknown_job"

    # ------------------------------------------------------------------ what became of it
    def test_the_id_is_recorded_and_may_be_told_twice(self, shop: ShopUnderTest) -> None:
        job_id = self.bring_to(shop, "submitting")
        assert [self.submitted(shop, job_id)["status"] for _ in range(2)] == ["done", "done"]
        record = self.record(shop, job_id)
        assert (record["state"], record["upsampler_id"], record["credits"]) == ("submitted", "u-1", 12.5)

    def test_the_id_of_an_older_submission_comes_too_late(self, shop: ShopUnderTest) -> None:
        job_id = self.bring_to(shop, "submitted")
        self.ask_go(shop, job_id, submission=2)
        assert self.submitted(shop, job_id, submission=1, id="old")["status"] == "refused"
        assert self.record(shop, job_id)["upsampler_id"] is None

    def test_a_late_id_reopens_a_review(self, shop: ShopUnderTest) -> None:
        job_id = self.bring_to(shop, "submitting")
        self.failed(shop, job_id, "review", reason="submit_outcome_unknown")
        assert self.submitted(shop, job_id)["status"] == "done"
        assert self.state(shop, job_id) == "submitted"

    def test_progress_moves_the_ledger_and_gives_a_submission_up(self, shop: ShopUnderTest) -> None:
        job_id = self.bring_to(shop, "submitted")
        self.progress(shop, job_id, "enlarged", "refetch", reason="result_cut")
        assert (self.state(shop, job_id), self.record(shop, job_id)["reason"]) == ("enlarged", "result_cut")
        self.progress(shop, job_id, "paid", "resubmit")
        assert (self.state(shop, job_id), self.record(shop, job_id)["upsampler_id"]) == ("paid", None)

    def test_late_progress_of_an_older_submission_changes_nothing(self, shop: ShopUnderTest) -> None:
        job_id = self.bring_to(shop, "submitting")
        self.progress(shop, job_id, "paid", "not_accepted")
        self.ask_go(shop, job_id, submission=2)
        self.progress(shop, job_id, "paid", "not_accepted", submission=1)
        assert self.state(shop, job_id) == "submitting"

    @pytest.mark.parametrize("state", ["review", "delivered", "refunded"])
    def test_late_progress_does_not_reopen_what_is_settled(self, shop: ShopUnderTest, state: str) -> None:
        """It may have been overtaken: the two lanes, deliver and settle, know no order between them."""
        job_id = self.bring_to(shop, state)
        self.progress(shop, job_id, "submitted", "waiting", submission=self.record(shop, job_id)["submission"])
        assert self.state(shop, job_id) == state

    # ------------------------------------------------------------------ endings
    @pytest.mark.parametrize("state", ["paid", "submitting", "submitted", "enlarged", "review"])
    def test_a_delivery_is_mailed_once(self, shop: ShopUnderTest, state: str) -> None:
        job_id = self.bring_to(shop, state)
        before = shop.mails(job_id)
        assert self.delivered(shop, job_id)["data"]["mail"] == "sent"
        assert self.delivered(shop, job_id)["data"]["mail"] == "already"
        assert shop.mails(job_id) == [*before, "delivered"]
        record = self.record(shop, job_id)
        assert (record["state"], record["delivery"]["bytes"], record["delivery"]["revoked"]) == (
            "delivered",
            1000,
            False,
        )

    def test_a_repeated_delivery_does_not_change_the_link_that_was_mailed(self, shop: ShopUnderTest) -> None:
        job_id = self.bring_to(shop, "delivered")
        self.delivered(shop, job_id, token="another")
        assert self.record(shop, job_id)["delivery"]["token"] == "token-of-attempt-1"

    @pytest.mark.parametrize("state", ["paid", "submitting", "submitted", "enlarged", "review"])
    def test_money_goes_back_once(self, shop: ShopUnderTest, state: str) -> None:
        job_id = self.bring_to(shop, state)
        for _ in range(2):
            assert self.failed(shop, job_id, "yes")["data"] == {"outcome": "refunded", "refund_due": False}
        assert shop.refunds(job_id) == 1
        assert shop.mails(job_id).count("refunded") == 1
        assert self.state(shop, job_id) == "refunded"

    def test_a_refund_that_does_not_work_is_due(self, shop: ShopUnderTest) -> None:
        job_id = shop.pay()
        shop.refunding("fails")
        assert self.failed(shop, job_id, "yes")["data"] == {"outcome": "review", "refund_due": True}
        shop.refunding("works")
        assert (self.state(shop, job_id), shop.refunds(job_id), shop.mails(job_id)) == ("review", 0, ["review"])

    def test_a_review_tells_the_customer_once_and_gives_nothing_back(self, shop: ShopUnderTest) -> None:
        job_id = shop.pay()
        for _ in range(2):
            assert self.failed(shop, job_id, "review")["data"] == {"outcome": "review", "refund_due": False}
        assert (self.state(shop, job_id), shop.refunds(job_id), shop.mails(job_id)) == ("review", 0, ["review"])

    def test_a_delivered_job_can_not_fail(self, shop: ShopUnderTest) -> None:
        job_id = self.bring_to(shop, "delivered")
        assert self.failed(shop, job_id, "yes")["reason"] == "settled"
        assert (self.state(shop, job_id), shop.refunds(job_id)) == ("delivered", 0)

    def test_a_refunded_job_is_not_delivered(self, shop: ShopUnderTest) -> None:
        job_id = self.bring_to(shop, "refunded")
        assert self.delivered(shop, job_id)["reason"] == "settled"
        assert shop.mails(job_id) == ["refunded"]

    def test_a_stopped_job_is_not_delivered(self, shop: ShopUnderTest) -> None:
        job_id = self.bring_to(shop, "submitted")
        shop.stop(job_id)
        assert self.delivered(shop, job_id)["reason"] == "cancelled"
        assert self.submitted(shop, job_id, id="u-2")["reason"] == "cancelled"
        assert self.state(shop, job_id) == "review"

    def test_a_refund_made_elsewhere_revokes_the_link(self, shop: ShopUnderTest) -> None:
        job_id = self.bring_to(shop, "delivered")
        shop.refunded_elsewhere(job_id)
        record = self.record(shop, job_id)
        assert (record["state"], record["delivery"]["revoked"]) == ("refunded", True)

    # ------------------------------------------------------------------ attempts
    def test_a_rerun_supersedes_the_attempt_before(self, shop: ShopUnderTest) -> None:
        job_id = self.bring_to(shop, "review")
        shop.rerun(job_id)
        record = self.record(shop, job_id)
        assert (record["attempt"], record["rerun"], record["state"], record["submission"]) == (2, True, "paid", 0)
        assert self.delivered(shop, job_id, attempt=1)["reason"] == "superseded"
        assert self.ask_go(shop, job_id, attempt=2)["status"] == "done"

    def test_a_rerun_of_a_delivered_job_knows_the_good_file(self, shop: ShopUnderTest) -> None:
        job_id = self.bring_to(shop, "delivered")
        shop.rerun(job_id)
        previous = self.record(shop, job_id)["previous"]
        assert (previous["path"], previous["bytes"]) == (f"2026/11/{job_id}_4x.png", 1000)
        assert self.delivered(shop, job_id, attempt=2)["data"]["mail"] == "sent"
        assert shop.mails(job_id) == ["delivered", "delivered"]

    def test_a_record_tells_what_each_attempt_has_delivered(self, shop: ShopUnderTest) -> None:
        job_id = self.bring_to(shop, "delivered")
        record = self.record(shop, job_id)
        (first,) = record["deliveries"]
        link = hashlib.sha256(record["delivery"].pop("token").encode()).hexdigest()
        record["delivery"].pop("download_url")
        assert first == {**record["delivery"], "attempt": 1, "link": link}
        shop.rerun(job_id)
        assert self.record(shop, job_id)["deliveries"] == [first]
        assert self.record(shop, job_id)["delivery"] is None
        self.delivered(shop, job_id, attempt=2)
        both = self.record(shop, job_id)["deliveries"]
        assert [made["attempt"] for made in both] == [1, 2] and both[0] == first
        shop.refunded_elsewhere(job_id)
        assert [made["revoked"] for made in self.record(shop, job_id)["deliveries"]] == [False, True]

    def test_a_payment_is_given_back_once_over_all_attempts(self, shop: ShopUnderTest) -> None:
        job_id = self.bring_to(shop, "refunded")
        shop.rerun(job_id)
        assert self.failed(shop, job_id, "yes", attempt=2)["data"]["outcome"] == "refunded"
        assert shop.refunds(job_id) == 1

    def test_what_was_downloaded_is_not_refunded_unasked(self, shop: ShopUnderTest) -> None:
        job_id = self.bring_to(shop, "delivered")
        for _ in range(2):
            told = self.send(shop, "job.downloaded", job_id, downloaded_at=rfc3339(shop.now()))
            assert told["status"] == "done"
        shop.rerun(job_id, force=True)
        told = self.send(shop, "job.downloaded", job_id, attempt=1, downloaded_at=rfc3339(shop.now()))
        assert told["status"] == "done", "the file of before, while the rerun is under way"
        answer = self.failed(shop, job_id, "yes", attempt=2)["data"]
        assert answer == {"outcome": "review", "refund_due": True}
        assert self.record(shop, job_id)["state"] == "review"
        assert shop.refunds(job_id) == 0
        assert shop.mails(job_id) == ["delivered", "review"]

    def test_what_was_refunded_is_not_due_again_because_it_was_downloaded(self, shop: ShopUnderTest) -> None:
        job_id = self.bring_to(shop, "delivered")
        self.send(shop, "job.downloaded", job_id, downloaded_at=rfc3339(shop.now()))
        shop.refunded_elsewhere(job_id)
        shop.rerun(job_id, force=True)
        assert self.failed(shop, job_id, "yes", attempt=2)["data"] == {"outcome": "refunded", "refund_due": False}

    def test_what_was_delivered_but_never_downloaded_is_refunded(self, shop: ShopUnderTest) -> None:
        job_id = self.bring_to(shop, "delivered")
        shop.rerun(job_id, force=True)
        assert self.failed(shop, job_id, "yes", attempt=2)["data"]["outcome"] == "refunded"
        assert shop.refunds(job_id) == 1

    def test_a_download_of_an_unknown_job_is_refused(self, shop: ShopUnderTest) -> None:
        told = self.send(shop, "job.downloaded", "never-sold", downloaded_at=rfc3339(shop.now()))
        assert (told["status"], told["reason"]) == ("refused", "unknown_job")

    # ------------------------------------------------------------------ the rest of the door
    def test_a_message_to_the_customer_goes_out_once_for_each_key(self, shop: ShopUnderTest) -> None:
        job_id = shop.pay()
        for key in ("a", "a", "b"):
            self.send(shop, "job.message", job_id, key=key, customer_message="It takes longer than usual.")
        assert shop.mails(job_id) == ["message:a", "message:b"]

    def test_a_notice_is_taken(self, shop: ShopUnderTest) -> None:
        data = {
            "kind": "hold",
            "stage": "submit",
            "reason": "upsampler_key_refused",
            "detail": "",
            "since": rfc3339(shop.now()),
        }
        (result,) = shop.door.send([{"id": "n1", "type": "admin.notice", "data": data}])
        assert result["status"] == "done"

    def test_one_bad_message_does_not_stop_the_others(self, shop: ShopUnderTest) -> None:
        job_id = shop.pay()
        go = {"job_id": job_id, "attempt": 1, "submission": 1, "claim": CLAIM}
        messages = [
            {"id": "b1", "type": "job.unheard_of", "data": {}},
            {"id": "b2", "type": "job.submitting", "data": {**go, "submission": "one"}},
            {"id": "b3", "type": "job.submitting", "data": go},
        ]
        results = shop.door.send(messages)
        assert [(r["id"], r["status"], r["reason"]) for r in results] == [
            ("b1", "refused", "unknown_type"),
            ("b2", "refused", "invalid"),
            ("b3", "done", None),
        ]

    def test_messages_of_one_batch_are_handled_in_their_order(self, shop: ShopUnderTest) -> None:
        job_id = self.bring_to(shop, "submitting")
        named = {"job_id": job_id, "attempt": 1}
        over = {**named, "state": "paid", "event": "not_accepted", "submission": 1}
        messages = [
            {"id": "o1", "type": "job.progress", "data": over},
            {"id": "o2", "type": "job.submitting", "data": {**named, "submission": 2, "claim": RIVAL}},
        ]
        assert [result["status"] for result in shop.door.send(messages)] == ["done", "done"]

    def test_the_pull_lists_what_is_paid_and_not_settled_page_by_page(self, shop: ShopUnderTest) -> None:
        states = ("paid", "submitting", "submitted", "enlarged", "delivered", "refunded", "review")
        jobs = {state: self.bring_to(shop, state) for state in states}
        found = self.unfinished(shop)
        assert [jobs[state] for state in states[:4]] == [job_id for job_id in found if job_id in jobs.values()]

    def test_a_payment_that_nobody_told_of_is_found_by_the_pull(self, shop: ShopUnderTest) -> None:
        job_id = shop.pay(in_ledger=False)
        assert shop.door.ask("jobs.lookup", {"job_ids": [job_id]})["jobs"] == []
        assert job_id in self.unfinished(shop)
        assert (self.state(shop, job_id), self.record(shop, job_id)["attempt"]) == ("paid", 1)

    def test_a_record_holds_the_data_of_the_payment(self, shop: ShopUnderTest) -> None:
        record = self.record(shop, shop.pay())
        assert (record["attempt"], record["rerun"], record["force"], record["factor"]) == (1, False, False, 4)
        assert record["source"]["type"] in ("attachment", "upload") and record["expiry_hours"] >= 1
        assert (record["state"], record["submission"], record["delivery"], record["previous"]) == (
            "paid",
            0,
            None,
            None,
        )
        assert record["age"] >= 0 and record["updated_age"] >= 0

    def test_a_lookup_of_unknown_jobs_is_empty(self, shop: ShopUnderTest) -> None:
        assert shop.door.ask("jobs.lookup", {"job_ids": ["nobody-1", "nobody-2"]}) == {"jobs": []}

    def test_a_connected_shop_keeps_the_address_that_it_knows(self, shop: ShopUnderTest) -> None:
        known = shop.door.order("sidecar.address", {"url": "http://10.9.9.9:1"})["url"]
        assert known.startswith("http://127.0.0.1:")
