"""WordPress' tools for personal data: what is exported, erased, or kept and why, and that the sidecar hears of it."""

from pathlib import Path
from typing import Any

from tests.integrations.conftest import Tools

MAIL = "subject@customer.example"


def export(tools: Tools, page: int = 1, email: str = MAIL) -> dict[str, Any]:
    return _tool(tools, "exporters", email, page)


def erase(tools: Tools, email: str = MAIL) -> dict[str, Any]:
    return _tool(tools, "erasers", email, 1)


def _tool(tools: Tools, kind: str, email: str, page: int) -> dict[str, Any]:
    return tools.shop.php_json(
        f"$tools = apply_filters('wp_privacy_personal_data_{kind}', []);"
        f"return $tools['smi-bridge']['callback'](\"{email}\", {page});"
    )


def values(item: dict[str, Any]) -> dict[str, str]:
    return {line["name"]: line["value"] for line in item["data"]}


def test_an_export_tells_the_customers_orders_and_nobody_elses(tools_everywhere: Tools):
    tools = tools_everywhere
    tools.empty()
    job = tools.bought("delivered", email=MAIL)
    tools.bought("delivered", email="somebody@else.example")
    tools.wp("resend", job)
    (item,) = export(tools)["data"]
    told = values(item)
    assert (item["item_id"], told["Order"], told["E-mail"]) == (f"smi-bridge-{job}", job, MAIL)
    assert (told["State"], told["Amount"], told["Enlargement"]) == ("Delivered", "$4.50", "4×")
    assert "4,000 × 3,000 pixels" in told["Dimensions"]
    assert "Mail: picture is ready (sent)" in told["What happened"]
    assert f"token-{job}" not in str(item), "the export is a file that may lie around"
    assert export(tools, email="nobody@at.all") == {"data": [], "done": True}


def test_an_export_goes_page_by_page(tools: Tools):
    tools.empty()
    jobs = {tools.job(email=MAIL) for _ in range(101)}
    first, second = export(tools, 1), export(tools, 2)
    assert (len(first["data"]), first["done"]) == (100, False)
    assert (len(second["data"]), second["done"]) == (1, True)
    assert {values(item)["Order"] for item in first["data"] + second["data"]} == jobs
    tools.empty()


def test_a_hostile_title_is_text_in_the_export(tools: Tools):
    tools.empty()
    post = tools.shop.php_json(
        "return wp_insert_post(['post_title' => '<script>alert(1)</script>A &amp; B', 'post_status' => 'publish']);"
    )
    tools.bought("delivered", email=MAIL, post_id=post)
    assert "<script" not in str(export(tools))


def test_an_erasure_forgets_the_person_here_in_the_shop_and_at_the_sidecar(tools_everywhere: Tools):
    tools = tools_everywhere
    tools.empty()
    job, other = tools.bought("delivered", email=MAIL), tools.bought("delivered", email="other@customer.example")
    tools.wp("resend", job)
    tools.sidecar.forget()
    answer = erase(tools)
    assert answer == {"items_removed": True, "items_retained": False, "messages": [], "done": True}
    assert tools.sidecar.wait("job.erase")[0].data == {"job_id": job}
    row = tools.ledger(job)[0]
    gone = ("path", "sha256", "token", "download_url", "upsampler_id", "detail")
    assert [row[name] for name in gone] == [None] * 6
    assert row["revoked_at"] is not None
    assert (row["state"], row["bytes"]) == ("delivered", 12_400_000), "the record of the sale stays"
    assert (tools.row(job)["email"], tools.row(job)["amount_charged"]) == ("", tools.row(other)["amount_charged"])
    assert "erased" in tools.history(job)
    dump = str(
        [
            tools.shop.sql(f"SELECT * FROM wp_{table} WHERE job_id = %s", job)
            for table in ("smi_jobs", "smi_bridge_ledger", "smi_bridge_effects", "smi_bridge_events")
        ]
    )
    assert MAIL not in dump and f"token-{job}" not in dump
    assert tools.row(other)["email"] == "other@customer.example" and tools.ledger(other)[0]["token"]
    assert export(tools)["data"] == []
    assert erase(tools)["items_removed"] is False
    assert tools.sidecar.wait("job.erase") == tools.sidecar.wait("job.erase")[:1]


def test_what_the_customer_uploaded_is_deleted_and_nothing_else(tools: Tools):
    tools.empty()
    inside, outside = tools.shop.uploads / "smi-uploads" / "mine.jpg", tools.shop.folder / "outside.jpg"
    inside.parent.mkdir(exist_ok=True)
    for file in (inside, outside):
        file.write_bytes(b"picture")
    for source in (inside, outside, Path(f"{tools.shop.uploads}/../../../../outside.jpg")):
        tools.bought("delivered", email=MAIL, source_type="upload", image_url=str(source), upload_file_path=str(source))
    bought = tools.shop.uploads / "theirs.jpg"
    bought.write_bytes(b"the shop's own")
    shops = tools.bought("delivered", email=MAIL, image_url=f"{tools.shop.url}/wp-content/uploads/theirs.jpg")
    assert erase(tools)["items_removed"] is True
    assert not inside.exists() and outside.exists() and bought.exists()
    assert tools.row(shops)["image_url"].endswith("theirs.jpg")


def test_what_is_not_finished_is_kept_with_a_word_why(tools: Tools):
    tools.empty()
    working, review = tools.bought("submitted", email=MAIL), tools.bought("review", email=MAIL)
    unpaid = tools.job(email=MAIL, payment_status="pending", status="awaiting_payment")
    unheard = tools.job(email=MAIL)
    answer = erase(tools)
    assert (answer["items_removed"], answer["items_retained"], answer["done"]) == (True, True, True)
    assert len(answer["messages"]) == 3
    assert any(working[:8].upper() in words and "still being worked on" in words for words in answer["messages"])
    assert any(review[:8].upper() in words and "your decision" in words for words in answer["messages"])
    assert [tools.row(job)["email"] for job in (working, review, unheard)] == [MAIL] * 3
    assert tools.row(unpaid)["email"] == ""
    assert tools.sidecar.received == [], "the sidecar has never heard of the unpaid one"


def test_an_erasure_goes_page_by_page_until_all_are_gone(tools: Tools):
    tools.empty()
    for _ in range(101):
        tools.job(email=MAIL, payment_status="pending", status="abandoned")
    assert [erase(tools)["done"], erase(tools)["done"]] == [False, True]
    assert tools.shop.sql("SELECT COUNT(*) AS n FROM wp_smi_jobs WHERE email = %s", MAIL) == [{"n": 0}]
    tools.empty()


def test_a_sidecar_that_is_away_hears_of_the_erasure_later(tools: Tools):
    tools.empty()
    job = tools.bought("delivered", email=MAIL)
    tools.sidecar.answer.status, tools.sidecar.answer.body = 503, {"error": "busy"}
    answer = erase(tools)
    assert (answer["items_removed"], answer["items_retained"], answer["done"]) == (True, True, True)
    assert "has not erased the files of 1 order yet" in answer["messages"][0]
    assert tools.effects(job)["erase"]["outcome"] == "failed" and tools.row(job)["email"] == ""
    tools.shop.php("do_action('smi_bridge_daily');")
    assert tools.effects(job)["erase"]["outcome"] == "failed"
    tools.sidecar.forget()
    tools.shop.php("do_action('smi_bridge_daily');")
    assert tools.sidecar.wait("job.erase")[0].data == {"job_id": job}
    assert tools.effects(job)["erase"]["outcome"] == "erased"
    tools.sidecar.forget()
    tools.shop.php("do_action('smi_bridge_daily');")
    assert tools.sidecar.received == [], "once is enough"


def test_a_paused_copy_erases_nothing_at_the_live_sites_sidecar(tools: Tools):
    tools.empty()
    job = tools.bought("delivered", email=MAIL)
    tools.shop.option("smi_bridge_paused", "1")
    try:
        assert erase(tools)["items_retained"] is True
        tools.shop.php("do_action('smi_bridge_daily');")
        assert tools.sidecar.received == []
    finally:
        tools.shop.option("smi_bridge_paused", "")
    assert tools.effects(job)["erase"]["outcome"] == "failed"


def test_an_erasure_while_no_sidecar_is_connected_reaches_it_later(tools: Tools):
    """It has the customer's files, though nobody may know its address today."""
    tools.empty()
    job = tools.bought("delivered", email=MAIL)
    address = tools.shop.option("smi_bridge_sidecar_url")
    tools.shop.option("smi_bridge_sidecar_url", "")
    try:
        assert erase(tools)["items_retained"] is True
    finally:
        tools.shop.option("smi_bridge_sidecar_url", address)
    assert tools.effects(job)["erase"]["outcome"] == "failed"
    tools.shop.php("do_action('smi_bridge_daily');")
    assert tools.sidecar.wait("job.erase")[0].data == {"job_id": job}
    assert tools.effects(job)["erase"]["outcome"] == "erased"


def test_the_pull_still_understands_an_erased_job(tools: Tools):
    tools.empty()
    job = tools.bought("delivered", email=MAIL)
    erase(tools)
    (record,) = tools.door.send("jobs.lookup", {"job_ids": [job]})["data"]["jobs"]
    assert (record["state"], record["delivery"]) == ("delivered", None)
    assert tools.door.send("jobs.unfinished", {"limit": 10})["data"]["jobs"] == []


def test_quotes_in_an_address_are_no_sql(tools: Tools):
    assert export(tools, email="x' OR '1'='1")["data"] == []
    assert erase(tools, email="%")["items_removed"] is False


def test_the_tools_are_offered_with_a_policy_text(tools: Tools):
    page = tools.shop.admin.get(tools.shop.url + "/wp-admin/options-privacy.php?tab=policyguide", timeout=30).text
    assert "SMI Bridge" in page and "Upsampler" in page
