"""Stage submit: from the ledger's go to Upsampler's id."""

from __future__ import annotations

import pytest

from sidecar.adapters.images import ImageInfo
from sidecar.core.errors import StaleClaim
from sidecar.workflow import runner
from tests.workflow.rig import Rig

URL = "https://shop.example/photos/job-1.png"


def go(rig: Rig, **info: object) -> None:
    """A bought job that the ledger has let through, its submit stage still queued."""
    rig.buy(**info)
    rig.run(rig.queue.tasks.pop(0))  # the flush that asks and hears
    assert rig.job().state == "submitting"


def submit(rig: Rig) -> None:
    runner.run_stage(rig.ports, "submit", "job-1", 1)


def test_nothing_is_submitted_before_the_ledger_has_said_go(rig: Rig) -> None:
    rig.buy()
    submit(rig)
    assert rig.upsampler.calls == []
    rig.work()
    assert rig.upsampler.calls == [("submit", URL)]
    assert rig.shop.let_through == [("job-1", 1, 1)]


def test_upsampler_gets_address_factor_and_a_webhook_of_this_submission(rig: Rig) -> None:
    go(rig, factor=8)
    submit(rig)
    (job,) = rig.upsampler.accepted
    assert (job.image_url, job.factor) == (URL, 8)
    assert job.webhook.startswith("https://shop.example/smi/webhooks/upsampler/")
    assert rig.tokens.read_webhook(job.webhook.rpartition("/")[2]) == ("job-1", 1, 1)


def test_the_id_stands_in_memory_and_ledger(rig: Rig) -> None:
    go(rig)
    submit(rig)
    rig.work()
    job, row = rig.job(), rig.row()
    assert (job.state, job.upsampler_id, job.submit_started_at, job.claim) == ("submitted", "fake-000001", 0, "")
    assert (row.state, row.upsampler_id, row.submission) == ("submitted", "fake-000001", 1)
    assert rig.store.due_at(job.job_id) == rig.clock() + 30, "the first poll"


def test_the_dimensions_are_those_of_the_file_not_of_the_shops_row(rig: Rig) -> None:
    rig.sources.info[URL] = ImageInfo("jpeg", 10, 20, "RGB", orientation=1)
    go(rig, width=999, height=1)
    submit(rig)
    job = rig.job()
    assert (job.width, job.height, job.source_format, job.target_size) == (10, 20, "jpeg", (40, 80))


@pytest.mark.parametrize("factor", [0, 1, 17])
def test_a_resolution_outside_2x_to_16x_goes_to_a_person(rig: Rig, factor: int) -> None:
    rig.buy(factor=factor)
    rig.work()
    assert (rig.row().state, rig.row().reason) == ("review", "resolution_unsupported")
    assert rig.upsampler.calls == []


@pytest.mark.parametrize("factor", [2, 16])
def test_the_outermost_resolutions_are_submitted(rig: Rig, factor: int) -> None:
    go(rig, factor=factor)
    submit(rig)
    assert rig.upsampler.accepted[0].factor == factor


def test_a_worker_that_dies_before_it_asks_leads_to_waiting_not_to_a_second_submit(rig: Rig) -> None:
    go(rig)

    def die(point: str) -> None:
        if point == "submit:before_post":
            raise SystemExit

    rig.crash_point = die
    with pytest.raises(SystemExit):
        submit(rig)
    rig.crash_point = lambda point: None
    rig.let_pass(890)
    assert (rig.row().state, rig.actions()) == ("submitting", ["submit_outcome_unknown → wait"])
    rig.let_pass(20)
    assert (rig.row().state, rig.row().reason) == ("review", "submit_outcome_unknown")
    assert rig.upsampler.accepted == []


def test_a_worker_that_dies_after_it_asked_is_saved_by_the_webhook(rig: Rig) -> None:
    go(rig)

    def die(point: str) -> None:
        if point == "submit:after_post":
            raise SystemExit

    rig.crash_point = die
    with pytest.raises(SystemExit):
        submit(rig)
    rig.crash_point = lambda point: None
    rig.let_pass(200)
    assert rig.row().state == "delivered"
    assert len(rig.upsampler.accepted) == 1


@pytest.mark.parametrize(
    "fault", ["submit_lost", "submit_reset", "submit_hang", "submit_502", "submit_504", "submit_unreadable"]
)
def test_a_lost_answer_is_never_followed_by_a_blind_second_submit(rig: Rig, fault: str) -> None:
    rig.upsampler.put_faults({"fault": fault})
    rig.webhooks = False
    rig.buy()
    rig.let_pass(6 * 3600)
    assert len(rig.upsampler.calls) == 1
    assert (rig.row().state, rig.row().reason) == ("review", "submit_outcome_unknown")


@pytest.mark.parametrize("fault", ["submit_lost", "submit_hang", "submit_502", "submit_504", "submit_unreadable"])
def test_a_lost_answer_is_found_by_the_webhook(rig: Rig, fault: str) -> None:
    rig.upsampler.put_faults({"fault": fault})
    rig.buy()
    rig.let_pass(200)
    assert (rig.row().state, len(rig.upsampler.accepted)) == ("delivered", 1)
    assert rig.row().upsampler_id == "fake-000001"


def test_the_wait_for_a_lost_answer_is_as_long_after_retries_as_without(rig: Rig) -> None:
    rig.upsampler.put_faults({"fault": "submit_503", "nth": [1, 2, 3]}, {"fault": "submit_lost", "nth": [4]})
    rig.upsampler.delay = 600
    rig.buy()
    rig.let_pass(900)
    assert rig.actions()[-1] == "submit_outcome_unknown → wait"
    assert rig.row().state == "delivered", "the webhook came after ten minutes, and somebody waited for it"


def test_what_upsampler_refused_is_submitted_again_under_the_next_number(rig: Rig) -> None:
    rig.upsampler.put_faults({"fault": "submit_500", "count": 2})
    rig.buy()
    rig.let_pass(120)
    assert rig.shop.let_through == [("job-1", 1, 1), ("job-1", 1, 2), ("job-1", 1, 3)]
    assert rig.row().state == "delivered"
    assert rig.tokens.read_webhook(rig.upsampler.accepted[0].webhook.rpartition("/")[2]) == ("job-1", 1, 3)


def test_retry_after_is_waited(rig: Rig) -> None:
    rig.upsampler.put_faults({"fault": "submit_429", "count": 1, "params": {"wait": 90}})
    rig.buy()
    rig.let_pass(89)
    assert len(rig.upsampler.calls) == 1
    rig.let_pass(10)
    assert len(rig.upsampler.accepted) == 1


@pytest.mark.parametrize("what", ["bytes", "pixels"])
def test_a_source_beyond_our_limits_is_compressed_and_its_paid_size_comes_out(rig: Rig, what: str) -> None:
    if what == "bytes":
        rig.sources.sizes[URL] = 21_000_000
    else:
        rig.sources.info[URL] = ImageInfo("png", 10_000, 10_000, "RGB")
    go(rig)
    submit(rig)
    rig.let_pass(5)
    (job,) = rig.upsampler.accepted
    assert rig.copies.made == ["job-1"]
    assert job.factor == 8, "half the size, twice the factor"
    token = job.image_url.removeprefix("https://shop.example/smi/sources/")
    assert rig.tokens.read_source(token, now=rig.clock()) == ".sources/job-1.jpg"
    assert rig.actions() == ["source_too_large → compress"]


def test_a_source_that_upsampler_finds_too_large_is_compressed_once(rig: Rig) -> None:
    rig.upsampler.put_faults({"fault": "submit_413"})
    rig.buy()
    rig.let_pass(600)
    assert rig.actions() == ["source_too_large → compress", "source_too_large → review"]
    assert (rig.row().state, rig.copies.made) == ("review", ["job-1"])


def test_a_source_that_upsampler_finds_too_large_while_it_works_is_compressed_and_paid_again(rig: Rig) -> None:
    rig.upsampler.put_faults({"fault": "processing_failed", "nth": [1], "params": {"text": "Image too large"}})
    rig.buy()
    rig.let_pass(300)
    assert (rig.row().state, len(rig.upsampler.accepted)) == ("delivered", 2)
    assert rig.actions() == ["source_too_large → compress"]


def test_a_copy_that_was_only_turned_upright_is_made_smaller_when_upsampler_finds_it_too_large(rig: Rig) -> None:
    rig.sources.info[URL] = ImageInfo("png", 8, 6, "RGB", orientation=3)
    rig.upsampler.put_faults({"fault": "submit_413", "count": 1})
    rig.buy()
    rig.let_pass(300)
    assert rig.actions() == ["source_too_large → compress"]
    assert (rig.row().state, rig.copies.made) == ("delivered", ["job-1", "job-1"])


@pytest.mark.parametrize(
    ("fault", "half"),
    [({"fault": "submit_413", "count": 1}, True), ({"fault": "submit_503", "count": 1}, False)],
)
def test_a_copy_is_half_as_large_only_when_upsampler_has_found_its_source_too_large(
    rig: Rig, fault: dict, half: bool
) -> None:
    rig.sources.sizes[URL] = 19_000_000 if half else 21_000_000
    rig.upsampler.put_faults(fault)
    rig.buy()
    rig.work()
    rig.copies.gone = True
    rig.let_pass(300)
    assert rig.row().state == "delivered"
    assert rig.copies.most_bytes[-1] == (9_500_000 if half else 20_000_000)


@pytest.mark.parametrize("gone", [True, False])
def test_a_copy_is_made_anew_when_it_has_gone_while_its_job_waited(rig: Rig, gone: bool) -> None:
    rig.sources.info[URL] = ImageInfo("png", 8, 6, "RGB", orientation=3)
    rig.upsampler.put_faults({"fault": "submit_503", "count": 1})
    rig.buy()
    rig.work()
    assert (rig.copies.made, rig.upsampler.accepted) == (["job-1"], [])
    rig.copies.gone = gone
    rig.let_pass(300)
    assert (rig.row().state, rig.copies.made) == ("delivered", ["job-1"] * (2 if gone else 1))


@pytest.mark.parametrize(
    "env", [{"SMI_PUBLIC_URL": ""}, {"SMI_STORAGE": "rest"}, {"SMI_BIND": "none", "SMI_PUBLIC_URL": ""}]
)
def test_where_we_can_not_serve_a_smaller_copy_the_shop_does(env: dict[str, str]) -> None:
    rig = Rig(**env)
    rig.webhooks = False
    rig.sources.sizes[URL] = 21_000_000
    rig.buy()
    rig.let_pass(300)
    [job] = rig.upsampler.accepted
    address = rig.settings.source_address("job-1", 0, "job-1.jpg").partition("&token=")[0]
    assert (job.image_url.partition("&token=")[0], job.factor) == (address, 8)
    assert rig.row().state == "delivered"


def test_a_hint_that_comes_before_the_answer_is_not_lost(rig: Rig) -> None:
    rig.upsampler.put_faults({"fault": "webhook_early"})
    go(rig)

    def hint(point: str) -> None:
        if point == "submit:after_post":
            for webhook in rig.upsampler.take_webhooks():
                assert rig.post(webhook) == "kept"

    rig.crash_point = hint
    submit(rig)
    rig.work()
    assert rig.row().state == "delivered", "nobody waited for the first poll"


def test_an_answer_that_a_stale_worker_hears_is_kept_as_a_hint(rig: Rig) -> None:
    go(rig)
    rig.webhooks = False

    def stall(point: str) -> None:
        if point == "submit:after_post":
            rig.crash_point = lambda point: None
            rig.clock.advance(20)
            rig.tick()  # somebody takes over, and finds that the outcome is unknown
            assert set(rig.actions()) == {"submit_outcome_unknown → wait"}

    rig.crash_point = stall
    submit(rig)
    assert "claim.stale" in [event for event, _ in rig.events]
    rig.let_pass(200)
    assert (rig.row().state, len(rig.upsampler.accepted)) == ("delivered", 1)


def test_an_answer_that_is_heard_after_memory_was_lost_is_kept_as_a_hint(rig: Rig) -> None:
    go(rig)
    rig.webhooks = False

    def lose(point: str) -> None:
        if point == "submit:after_post":
            rig.flush_all()

    rig.crash_point = lose
    submit(rig)
    rig.let_pass(200, sweeping=True)
    assert (rig.row().state, len(rig.upsampler.accepted)) == ("delivered", 1)


def test_memory_that_loses_the_last_second_while_upsampler_answers_costs_no_second_submit(rig: Rig) -> None:
    """As with an append-only file that is synced once a second, when its machine loses power: it comes back with a job
    that asks for the go with the very claim that had it. The worker lives, and knows Upsampler's id."""
    rig.webhooks = False
    rig.buy()
    parts = (rig.store, rig.outbox, rig.queue)
    before = [part.snapshot() for part in parts]
    rig.run(rig.queue.tasks.pop(0))

    def lose(point: str) -> None:
        if point == "submit:after_post" and len(rig.upsampler.accepted) == 1:
            for part, old in zip(parts, before, strict=True):
                part.restore(old)

    rig.crash_point = lose
    submit(rig)
    assert len(rig.upsampler.accepted) == 1
    rig.let_pass(300, sweeping=True)
    assert (rig.row().state, len(rig.upsampler.accepted)) == ("delivered", 1)


def test_a_job_that_was_cancelled_while_upsampler_was_asked_stays_cancelled(rig: Rig) -> None:
    go(rig)

    def cancel(point: str) -> None:
        if point == "submit:after_post":
            rig.push("job.cancel", rig.shop.stop("job-1"))

    rig.crash_point = cancel
    submit(rig)
    rig.let_pass(300)
    assert (rig.row().state, rig.row().reason, rig.mails()) == ("review", "stopped", [])


def test_a_stale_worker_does_not_ask_at_all(rig: Rig) -> None:
    go(rig)
    job = rig.store.claim("job-1", 1, ("submitting",), lease_s=12)
    rig.clock.advance(13)
    rig.store.claim("job-1", 1, ("submitting",), lease_s=12)
    from sidecar.workflow import submit as stage

    with pytest.raises(StaleClaim):
        stage.run(rig.ports, job)
    assert rig.upsampler.calls == []


def test_submissions_that_are_refused_for_ever_end_before_the_ledgers_numbers_do(rig: Rig) -> None:
    """A held stage tries again and again, and each try costs a number: the last ones are kept for a person."""
    rig.upsampler.credits = 0
    rig.buy()
    rig.let_pass(80 * 3600)
    assert rig.row().state == "review"
    assert 90 <= rig.row().submission <= 99
    assert not [event for event, _ in rig.events if event == "message.refused"]
