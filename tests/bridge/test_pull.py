"""jobs.unfinished and jobs.lookup: whatever message was lost, here it is found."""

from typing import Any

import pytest

from tests.bridge.conftest import Bridge, delivery

NEWEST_ONLY = True  # nothing here depends on the version of WordPress


def unfinished(bridge: Bridge, **how: Any) -> dict[str, Any]:
    return bridge.door.send("jobs.unfinished", {"limit": 500} | how)["data"]


def find(bridge: Bridge, job_id: str) -> dict[str, Any] | None:
    return next((record for record in unfinished(bridge)["jobs"] if record["job_id"] == job_id), None)


def test_a_record_is_the_paid_message_and_where_it_stands(bridge: Bridge) -> None:
    job_id = bridge.job()
    bridge.open(job_id, state="submitted", submission=2, upsampler_id="u-7", credits=1.5, reason="slow")
    record = find(bridge, job_id)
    bridge.pay(other := bridge.job())
    paid = bridge.sidecar.wait("job.paid")[0].data
    assert set(record) - set(paid) == {
        "state",
        "submission",
        "upsampler_id",
        "credits",
        "age",
        "updated_age",
        "reason",
        "delivery",
        "deliveries",
    }
    assert (record["state"], record["submission"], record["upsampler_id"]) == ("submitted", 2, "u-7")
    assert (record["credits"], record["reason"], record["delivery"]) == (1.5, "slow", None)
    assert 0 <= record["updated_age"] < 60
    assert other != job_id


def test_a_paid_job_that_never_reached_us_gets_its_row(bridge: Bridge) -> None:
    job_id = bridge.job()
    record = find(bridge, job_id)
    assert (record["attempt"], record["state"], record["rerun"]) == (1, "paid", False)
    assert [row["attempt"] for row in bridge.ledger(job_id)] == [1]
    assert find(bridge, job_id)["attempt"] == 1
    assert bridge.history(job_id) == ["taken_in"]


@pytest.mark.parametrize("status", ["awaiting_payment", "pending", "processing", "abandoned"])
def test_every_status_of_a_paid_job_on_its_way_is_taken_in(bridge: Bridge, status: str) -> None:
    assert find(bridge, bridge.job(status=status)) is not None


@pytest.mark.parametrize(
    "columns",
    [
        {"status": "completed"},
        {"status": "failed"},
        {"payment_status": "pending", "status": "awaiting_payment"},
        {"payment_status": "refunded"},
    ],
)
def test_what_the_shop_has_ended_or_nobody_paid_is_not_taken_in(bridge: Bridge, columns: dict[str, str]) -> None:
    job_id = bridge.job(**columns)
    assert find(bridge, job_id) is None
    assert bridge.ledger(job_id) == []


def test_a_job_from_long_before_the_bridge_waits_for_a_person(bridge: Bridge) -> None:
    job_id = bridge.job()
    bridge.shop.sql("UPDATE wp_smi_jobs SET paid_at = paid_at - INTERVAL 60 DAY WHERE job_id = %s", job_id)
    assert find(bridge, job_id) is None


def test_a_lost_job_is_found_behind_thousands_that_are_on_their_way(bridge: Bridge) -> None:
    bridge.shop.sql(
        "INSERT INTO wp_smi_jobs (job_id, image_url, resolution, email, post_id, status, payment_status, paid_at) "
        "SELECT CONCAT('crowd-', seq), '', '4x', '', 0, 'processing', 'paid', NOW() FROM seq_1_to_4500"
    )
    bridge.shop.sql(
        "INSERT INTO wp_smi_bridge_ledger (job_id, attempt, state, created_at, updated_at) "
        "SELECT CONCAT('crowd-', seq), 1, 'submitted', NOW(), NOW() FROM seq_1_to_4500"
    )
    try:
        job_id = bridge.job()
        unfinished(bridge, limit=1)
        assert [row["attempt"] for row in bridge.ledger(job_id)] == [1]
    finally:
        bridge.shop.sql("DELETE FROM wp_smi_jobs WHERE job_id LIKE 'crowd-%%'")
        bridge.shop.sql("DELETE FROM wp_smi_bridge_ledger WHERE job_id LIKE 'crowd-%%'")


def test_a_job_that_the_shops_own_handler_had_submitted_goes_on_from_there(bridge: Bridge) -> None:
    job_id = bridge.job(status="processing", upsampler_job_id="theirs-1")
    record = find(bridge, job_id)
    assert (record["state"], record["submission"], record["upsampler_id"]) == ("submitted", 1, "theirs-1")


@pytest.mark.parametrize("state", ["delivered", "refunded", "review"])
def test_what_is_settled_is_not_unfinished(bridge: Bridge, state: str) -> None:
    job_id = bridge.job(status="completed")
    bridge.open(job_id, state=state)
    assert find(bridge, job_id) is None


def test_only_the_newest_attempt_counts(bridge: Bridge) -> None:
    job_id = bridge.job()
    bridge.open(job_id, state="submitted", submission=1)
    bridge.open(job_id, attempt=2, is_rerun=1, is_forced=1)
    records = [record for record in unfinished(bridge)["jobs"] if record["job_id"] == job_id]
    assert [(record["attempt"], record["rerun"], record["force"]) for record in records] == [(2, True, True)]


def test_many_jobs_come_page_by_page_each_once(bridge: Bridge) -> None:
    job_ids = {bridge.paid() for _ in range(7)}
    seen: list[str] = []
    after = 0
    while after is not None:
        page = unfinished(bridge, limit=3, after=after)
        assert len(page["jobs"]) <= 3
        seen += [record["job_id"] for record in page["jobs"]]
        after = page["next"]
    assert len(seen) == len(set(seen))
    assert job_ids <= set(seen)


def test_a_lookup_tells_also_what_is_settled(bridge: Bridge) -> None:
    job_id = bridge.paid(email="")
    data = delivery(job_id)
    bridge.door.send("job.delivered", data)
    records = bridge.door.send("jobs.lookup", {"job_ids": [job_id, "nobody-knows-me"]})["data"]["jobs"]
    assert [record["job_id"] for record in records] == [job_id]
    fields = ("path", "bytes", "sha256", "width", "height", "format", "token", "download_url", "expires_at")
    assert records[0]["delivery"] == {name: data[name] for name in fields} | {"revoked": False}
    assert records[0]["state"] == "delivered"


def test_a_job_that_the_shop_has_deleted_is_still_answered_for(bridge: Bridge) -> None:
    job_id = bridge.paid()
    bridge.shop.sql("DELETE FROM wp_smi_jobs WHERE job_id = %s", job_id)
    record = find(bridge, job_id)
    assert (record["factor"], record["source"]) == (0, {"type": "attachment", "url": None, "path": None})


def test_a_copy_of_the_site_takes_nothing_in(bridge: Bridge) -> None:
    job_id = bridge.job()
    bridge.option("smi_bridge_paused", "1")
    try:
        unfinished(bridge)
        assert bridge.ledger(job_id) == []
    finally:
        bridge.option("smi_bridge_paused", "")


# ------------------------------------------------------------------------------------------------ sources


@pytest.fixture
def picture(bridge: Bridge):
    folder = bridge.shop.uploads / "2026" / "11"
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "my photo ü.jpg"
    file.write_bytes(b"jpeg")
    return file


def source(bridge: Bridge, **columns: Any) -> dict[str, Any]:
    return find(bridge, bridge.job(**columns))["source"]


def test_an_attachments_path_is_told_when_it_lies_in_the_uploads_folder(bridge: Bridge, picture) -> None:
    url = f"{bridge.shop.url}/wp-content/uploads/2026/11/my%20photo%20%C3%BC.jpg"
    assert source(bridge, image_url=url) == {"type": "attachment", "url": url, "path": "2026/11/my photo ü.jpg"}


def test_an_upload_is_told_by_path_and_address(bridge: Bridge, picture) -> None:
    expected = {
        "type": "upload",
        "url": f"{bridge.shop.url}/wp-content/uploads/2026/11/my%20photo%20%C3%BC.jpg",
        "path": "2026/11/my photo ü.jpg",
    }
    columns = {"source_type": "upload", "image_url": str(picture)}
    assert source(bridge, **columns) == expected
    assert source(bridge, **columns | {"upload_file_path": str(picture)}) == expected


@pytest.mark.parametrize("kind", ["upload", "attachment"])
def test_no_path_outside_the_uploads_folder_is_ever_told(bridge: Bridge, picture, kind: str) -> None:
    (bridge.shop.uploads / "link.jpg").unlink(missing_ok=True)
    (bridge.shop.uploads / "link.jpg").symlink_to("/etc/passwd")
    base = f"{bridge.shop.url}/wp-content/uploads"
    tricks = [
        "/etc/passwd",
        f"{bridge.shop.uploads}/../../wp-config.php",
        f"{bridge.shop.uploads}/link.jpg",
        f"{bridge.shop.uploads}-other/x.jpg",
        f"{base}/../../wp-config.php",
        f"{base}/%2e%2e/%2e%2e/wp-config.php",
        f"{base}/link.jpg",
        "file:///etc/passwd",
        "php://filter/resource=/etc/passwd",
        "",
    ]
    for trick in tricks:
        told = source(bridge, source_type=kind, image_url=trick)
        assert told["path"] is None, trick
        assert told["url"] == (trick or None), "what the row holds is the sidecar's to judge"


@pytest.mark.parametrize(
    ("resolution", "factor"),
    [("4x", 4), ("8X", 8), ("2x", 2), ("32x", 32), ("0x", 0), ("4", 0), ("big", 0), ("", 0), ("-4x", 0)],
)
def test_the_bought_factor_is_read_from_the_row(bridge: Bridge, resolution: str, factor: int) -> None:
    assert find(bridge, bridge.job(resolution=resolution))["factor"] == factor


def test_an_odd_row_is_told_in_the_forms_that_the_schema_allows(bridge: Bridge) -> None:
    record = find(bridge, bridge.job(image_width=0, image_height=None, source_type="site", image_url="x" * 5000))
    assert (record["width"], record["height"], record["source"]["type"]) == (None, None, "attachment")
    assert len(record["source"]["url"]) == 2048


# ------------------------------------------------------------------------------------------------ what has ended here


def ended(bridge: Bridge, job_id: str) -> list[dict[str, Any]]:
    return [record for record in unfinished(bridge)["ended"] if record["job_id"] == job_id]


@pytest.mark.parametrize(
    ("state", "columns"),
    [
        ("refunded", {}),
        ("review", {"reason": "stopped"}),
        ("delivered", {"revoked_at": "2026-01-01 00:00:00", "path": "2026/11/a_4x.jpg"}),
    ],
)
def test_a_refund_or_a_stop_is_told_until_the_sidecar_has_surely_heard(
    bridge: Bridge, state: str, columns: dict[str, Any]
) -> None:
    job_id = bridge.job()
    bridge.open(job_id, state=state, **columns)
    assert ended(bridge, job_id) == [{"job_id": job_id, "attempt": 1, "state": state, "by_shop": True}]
    assert [r for r in unfinished(bridge, after=10**9)["ended"] if r["job_id"] == job_id] == [], (
        "on the first page only"
    )
    bridge.shop.sql(
        "UPDATE wp_smi_bridge_ledger SET updated_at = updated_at - INTERVAL 26 HOUR WHERE job_id = %s", job_id
    )
    assert ended(bridge, job_id) == []


def test_what_goes_on_or_ended_by_the_sidecars_word_is_not_told_as_ended(bridge: Bridge) -> None:
    for state, columns in (("submitted", {}), ("delivered", {}), ("review", {"reason": "upsampler_silent"})):
        job_id = bridge.job()
        bridge.open(job_id, state=state, **columns)
        assert ended(bridge, job_id) == []
    for state, columns in (("delivered", {}), ("review", {"reason": "upsampler_silent"})):
        job_id = bridge.job()
        bridge.open(job_id, state="review")
        bridge.open(job_id, attempt=2, is_rerun=1, state=state, **columns)
        assert [record["by_shop"] for record in ended(bridge, job_id)] == [False], "for a memory of the attempt before"
    rerun = bridge.job()
    bridge.open(rerun, state="refunded")
    bridge.open(rerun, attempt=2, is_rerun=1)
    assert ended(bridge, rerun) == []
