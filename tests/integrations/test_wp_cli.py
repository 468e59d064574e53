"""`wp smi-bridge …`: what it prints, what it does, and that it does nothing when asked not to."""

import csv
import io
import json

import pytest

from sidecar.core.advice import advice
from tests.integrations.conftest import Tools


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_list_tells_the_jobs_of_a_view_in_every_format(tools_everywhere: Tools):
    tools = tools_everywhere
    tools.empty()
    review, other = tools.bought("review", reason="upsampler_silent"), tools.bought("delivered")
    listed = json.loads(tools.wp("list", "--view=review", "--format=json", "--fields=job_id,state,reason,attempt").out)
    assert listed == [{"job_id": review, "state": "review", "reason": "upsampler_silent", "attempt": 1}]
    assert tools.wp("list", "--format=ids", "--order=asc").out.split() == [review, other]
    assert tools.wp("list", "--format=count").out.strip() == "2"
    assert tools.wp("list", "--view=refunded", "--format=count").out.strip() == "0"
    (line,) = rows(tools.wp("list", "--view=delivered", "--format=csv").out)
    assert (line["job_id"], line["state"], line["past_due"]) == (other, "delivered", "no")
    assert review in tools.wp("list", "--format=yaml").out
    table = tools.wp("list").out
    assert review in table and other in table
    assert json.loads(tools.wp("list", "--format=json", "--limit=1", "--offset=1", "--fields=job_id").out) == [
        {"job_id": review}
    ]


def test_a_long_list_is_read_page_by_page(tools: Tools):
    tools.empty()
    tools.shop.sql(
        "INSERT INTO wp_smi_bridge_ledger (job_id, attempt, state, created_at, updated_at) "
        "SELECT CONCAT('long-', seq), 1, 'review', UTC_TIMESTAMP(), UTC_TIMESTAMP() FROM seq_1_to_450"
    )
    ids = tools.wp("list", "--limit=0", "--format=ids").out.split()
    assert len(ids) == len(set(ids)) == 450
    assert tools.wp("list", "--format=count").out.strip() == "450"
    assert len(tools.wp("list", "--limit=203", "--format=ids").out.split()) == 203
    tools.empty()


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["list", "--view=nonsense"], "view"),
        (["list", "--from=yesterday"], "--from must be a day"),
        (["list", "--fields=token"], "There is no field token"),
        (["list", "--format=xml"], "format"),
        (["list", "--wrong=1"], "wrong"),
        (["show", "nobody"], "does not know nobody"),
        (["show", "a';--"], "does not know"),
        (["retry"], "Name jobs"),
        (["retry", "--all"], "--all needs a --view"),
        (["retry", "--all", "--view=review", "x"], "and not both"),
        (["cancel", "no id", "x"], "No id of a job: no id"),
        (["refund", "\x1b[31mred", "--yes"], "No id of a job:  [31mred"),
    ],
)
def test_what_is_not_clear_is_refused(tools: Tools, words: list[str], complaint: str):
    tools.bought("review")
    ended = tools.wp(*words)
    assert ended.status == 1
    assert complaint in ended.err
    assert tools.sidecar.received == []


def test_what_came_from_outside_does_not_steer_the_terminal(tools: Tools):
    tools.empty()
    job = tools.bought("review", reason="x")
    tools.shop.sql(
        "UPDATE wp_smi_bridge_ledger SET reason = %s, detail = %s WHERE job_id = %s", "\x1b[2J", "a\nb\x07", job
    )
    for words in (
        ["list", "--fields=job_id,reason,detail"],
        ["show", job],
        ["list", "--format=csv", "--fields=detail"],
    ):
        out = tools.wp(*words).out
        assert "\x1b" not in out and "\x07" not in out


def test_status_tells_how_bridge_and_sidecar_are(tools_everywhere: Tools):
    tools = tools_everywhere
    tools.empty()
    tools.bought("review")
    status = json.loads(tools.wp("status", "--format=json").out)
    assert (status["site"], status["connected"], status["paused"]) == (tools.shop.url, True, False)
    assert (status["sidecar"], status["sidecar_workers"], status["sidecar_queues"]) == ("ok", 2, {"submit": 3})
    assert (status["jobs_all"], status["jobs_review"]) == (1, 1)
    assert {"name": "sidecar", "value": "ok"} in rows(tools.wp("status", "--format=csv").out)
    assert "whsec_" not in tools.wp("status").out


def test_show_tells_the_whole_history_without_the_key_to_the_file(tools: Tools):
    job = tools.bought("delivered", email="someone@customer.example")
    assert tools.wp("resend", job).status == 0
    told = json.loads(tools.wp("show", job, "--format=json").out)
    assert (told["job_id"], told["state"], told["email"]) == (job, "delivered", "someone@customer.example")
    assert [attempt["state"] for attempt in told["attempts"]] == ["delivered"]
    assert told["effects"][0]["effect"] == "mail:delivered" and told["effects"][0]["outcome"] == "sent"
    assert [event["event"] for event in told["story"]] == ["mail:delivered"]
    for form in ("table", "json", "yaml"):
        out = tools.wp("show", job, f"--format={form}").out
        assert job in out and f"token-{job}" not in out


def test_retry_starts_the_next_attempt_and_tells_the_sidecar(tools_everywhere: Tools):
    tools = tools_everywhere
    job = tools.bought("review")
    ended = tools.wp("retry", job)
    assert ended.status == 0 and "Started again." in ended.out and "1 done." in ended.out
    assert tools.sidecar.wait("job.paid")[0].data["attempt"] == 2
    again = tools.wp("retry", job, "--format=json")
    assert again.status == 1 and "1 of 1 not done" in again.err
    assert json.loads(again.out)[0]["code"] == "busy"


def test_a_dry_run_changes_nothing(tools: Tools):
    tools.empty()
    review, working, delivered = tools.bought("review"), tools.bought("submitted"), tools.bought("delivered")
    for action in ("retry", "cancel", "refund", "resend", "renew"):
        ended = tools.wp(action, "--all", "--view=all", "--dry-run", "--format=json")
        assert ended.status == 0
        foreseen = {line["job_id"]: line["ok"] for line in json.loads(ended.out)}
        assert set(foreseen) == {review, working, delivered}
        assert foreseen[review] is (action in ("retry", "refund", "resend"))
        assert foreseen[delivered] is (action != "cancel")
    assert "Nothing was changed" in tools.wp("cancel", "unknown-1", "--dry-run").out
    assert [tools.state(job) for job in (review, working, delivered)] == ["review", "submitted", "delivered"]
    assert tools.sidecar.received == [] and tools.shop.mails() == []
    assert tools.shop.sql("SELECT * FROM wp_smi_bridge_effects") == []


def test_all_of_a_view_are_done_once_each(tools: Tools):
    tools.empty()
    jobs = [tools.bought("review", reason="refund_due") for _ in range(3)]
    other = tools.bought("delivered")
    ended = tools.wp("refund", "--all", "--view=failed", "--yes", "--format=json", "--message=With our apology.")
    assert ended.status == 0, ended.err
    assert {line["job_id"]: line["code"] for line in json.loads(ended.out)} == dict.fromkeys(jobs, "refunded")
    assert [tools.state(job) for job in [*jobs, other]] == ["refunded"] * 3 + ["delivered"]
    assert "With our apology." in tools.shop.wait_mail("customer@example.org").text
    assert len(tools.sidecar.wait("job.cancel", count=3)) == 3
    nobody_left = tools.wp("refund", "--all", "--view=failed", "--yes", "--format=count")
    assert (nobody_left.status, nobody_left.out.strip()) == (0, "0")


def test_a_limit_takes_the_oldest(tools: Tools):
    tools.empty()
    first, second = tools.bought("review"), tools.bought("review")
    assert tools.wp("retry", "--all", "--view=review", "--limit=1", "--format=ids").out.split() == [first]
    assert tools.state(second) == "review"


@pytest.mark.parametrize("answer", ["n\n", ""])
def test_money_goes_back_only_after_a_yes(tools: Tools, answer: str):
    job = tools.bought("delivered")
    asked = tools.wp("refund", job, stdin=answer)
    assert asked.status == 0 and "Give the customer the money back?" in asked.out
    assert tools.state(job) == "delivered"


def test_a_yes_on_the_keyboard_is_enough(tools: Tools):
    job = tools.bought("delivered")
    assert tools.wp("refund", job, stdin="y\n").status == 0
    assert tools.state(job) == "refunded"


def test_a_refund_made_elsewhere_is_only_noted(tools: Tools):
    job = tools.bought("review", reason="refund_due")
    assert tools.wp("refund", job, "--mark-only", "--yes").status == 0
    assert tools.state(job) == "refunded"
    payment = tools.row(job)["stripe_payment_intent_id"]
    assert payment not in [made["payment_intent"] for made in tools.shop.php_json("return smi_demo_shop_refunds();")]


def test_stop_and_renew_do_what_the_pages_do(tools: Tools):
    working, delivered = tools.bought("submitted"), tools.bought("delivered")
    assert tools.wp("cancel", working, "--yes").status == 0
    assert tools.ledger(working)[0]["reason"] == "stopped"
    assert tools.wp("renew", delivered).status == 0
    assert tools.ledger(delivered)[0]["token"] == "renewed"


def test_reconcile_finds_what_was_never_heard_of_and_tells_the_sidecar_again(tools_everywhere: Tools):
    tools = tools_everywhere
    tools.empty()
    lost, unconfirmed = tools.job(), tools.paid()
    dry = tools.wp("reconcile", "--dry-run", "--format=json")
    assert {line["job_id"]: line["state"] for line in json.loads(dry.out)} == {lost: "missing", unconfirmed: "paid"}
    assert tools.ledger(lost) == [] and tools.sidecar.received == []
    ended = tools.wp("reconcile", "--format=ids")
    assert ended.status == 0 and set(ended.out.split()) == {lost, unconfirmed}
    told = {message.data["job_id"] for message in tools.sidecar.wait("job.paid", count=2)}
    assert told == {lost, unconfirmed}
    assert tools.ledger(lost)[0]["forwarded_at"] is not None
    assert tools.wp("reconcile", "--format=count").out.strip() == "0"


def test_doctor_is_content_with_a_sound_site(tools_everywhere: Tools):
    tools = tools_everywhere
    tools.empty()
    ended = tools.wp("doctor", "--format=json")
    levels = {finding["title"]: finding["level"] for finding in json.loads(ended.out)}
    assert ended.status == 0, ended.out
    assert "bad" not in levels.values()
    assert (levels["Tables"], levels["Workers"]) == ("ok", "ok")


def test_doctor_tells_the_facts_and_what_helps_of_the_connection(tools: Tools):
    tools.sidecar.answer.status, tools.sidecar.answer.body = 502, {}
    ended = tools.wp("doctor", "--format=csv")
    (found,) = [line for line in rows(ended.out) if line["detail"]]
    assert ended.status == 1
    assert (found["level"], found["detail"], found["fix"]) == ("bad", "HTTP 502", advice("busy").command)


def test_doctor_names_what_is_wrong_and_says_so_by_its_status(tools: Tools):
    tools.sidecar.status["workers"] = 0
    tools.shop.sql("RENAME TABLE wp_smi_bridge_answers TO wp_hidden")
    try:
        ended = tools.wp("doctor", "--format=json")
    finally:
        tools.sidecar.status["workers"] = 2
        tools.shop.sql("RENAME TABLE wp_hidden TO wp_smi_bridge_answers")
    bad = {finding["title"] for finding in json.loads(ended.out) if finding["level"] == "bad"}
    # Jobs of other tests were delivered, into a folder that nobody made.
    assert ended.status == 1 and bad - {"The folder of finished pictures is away"} == {"Tables", "Workers"}
    assert f"{len(bad)} thing(s) wrong" in ended.err


def test_a_paused_site_does_nothing_at_the_command_line_either(tools: Tools):
    job = tools.bought("review")
    tools.shop.option("smi_bridge_paused", "1")
    try:
        assert tools.wp("retry", job).status == 1
        assert tools.wp("reconcile").status == 1
    finally:
        tools.shop.option("smi_bridge_paused", "")
    assert tools.state(job) == "review" and tools.sidecar.received == []
