"""job.delivered and job.message: the shop's row, the mail, and that both happen once."""

import re
import time

import pytest
import requests

from tests.bridge.conftest import Bridge, delivery


def address() -> str:
    return f"customer-{time.time_ns()}@example.org"


def test_a_delivery_completes_ledger_and_shop(bridge: Bridge) -> None:
    job_id = bridge.paid(email="")
    data = delivery(job_id)
    result = bridge.door.send("job.delivered", data)
    assert (result["status"], result["data"]) == ("done", {"mail": "no_address"})
    row, shop = bridge.ledger(job_id)[0], bridge.row(job_id)
    for column in ("path", "bytes", "sha256", "width", "height", "format", "token", "download_url", "upsampler_id"):
        assert row[column] == data[column]
    assert row["state"] == "delivered"
    assert row["expires_at"].strftime("%Y-%m-%dT%H:%M:%SZ") == data["expires_at"]
    assert row["delivered_at"] is not None and row["settled_at"] is not None
    assert shop["status"] == "completed"
    assert shop["upscaled_file_path"] == f"{bridge.shop.uploads}/smi-downloads/{data['path']}"
    assert re.fullmatch("[0-9a-zA-Z]{64}", shop["download_token"])
    assert (shop["credits_used"], shop["upsampler_job_id"], shop["email_sent"]) == (3, "ups-1", 0)


def test_the_shops_expiry_is_utc_and_its_other_times_are_site_time(bridge: Bridge) -> None:
    job_id = bridge.paid(email="")
    data = delivery(job_id)
    now = "return current_time('mysql');"
    before = bridge.shop.php_json(now)
    bridge.door.send("job.delivered", data)
    shop = bridge.row(job_id)
    assert shop["download_expires_at"].strftime("%Y-%m-%dT%H:%M:%SZ") == data["expires_at"]
    assert before <= shop["completed_at"].strftime("%Y-%m-%d %H:%M:%S") <= bridge.shop.php_json(now)


def test_the_customer_gets_one_mail_with_the_link(bridge: Bridge) -> None:
    email = address()
    job_id = bridge.paid(email=email)
    data = delivery(job_id)
    first = bridge.door.send("job.delivered", data)
    second = bridge.door.send("job.delivered", data)
    assert first["data"] == {"mail": "sent"}
    assert (second["status"], second["data"]) == ("done", {"mail": "already"})
    (mail,) = bridge.shop.mails(email)
    assert data["download_url"] in mail.text
    assert bridge.row(job_id)["email_sent"] == 1
    effect = bridge.effects(job_id)["mail:delivered"]
    assert (effect["attempt"], effect["outcome"]) == (1, "sent")
    assert effect["done_at"] is not None


def test_without_a_public_sidecar_the_mail_leads_to_the_shops_own_route(bridge: Bridge) -> None:
    email = address()
    job_id = bridge.paid(email=email)
    bridge.door.send("job.delivered", delivery(job_id, download_url=None))
    token = bridge.row(job_id)["download_token"]
    assert f"{bridge.shop.url}/wp-json/smi/v1/download/{token}" in bridge.shop.mails(email)[0].text


def test_the_shops_own_download_route_serves_the_file(bridge: Bridge) -> None:
    job_id = bridge.paid(email="")
    data = delivery(job_id)
    file = bridge.shop.uploads / "smi-downloads" / data["path"]
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"the picture")
    bridge.door.send("job.delivered", data)
    answer = requests.get(
        f"{bridge.shop.url}/wp-json/smi/v1/download/{bridge.row(job_id)['download_token']}", timeout=30
    )
    assert answer.content == b"the picture"


def test_a_download_is_noted_in_whatever_letters_its_address_is_written(bridge: Bridge) -> None:
    """WordPress heeds no case in routes."""
    bridge.door.send("job.delivered", delivery(job_id := bridge.paid(email="")))
    token = bridge.row(job_id)["download_token"]
    requests.get(f"{bridge.shop.url}/wp-json/SMI/v1/Download/{token}", timeout=30)
    assert bridge.ledger(job_id)[0]["downloaded_at"] is not None


def test_a_mail_that_nobody_accepts_is_told_and_not_repeated(bridge: Bridge) -> None:
    email = address()
    job_id = bridge.paid(email=email)
    remove = bridge.mu_plugin("no-mail", "add_filter('pre_wp_mail', '__return_false');")
    try:
        assert bridge.door.send("job.delivered", delivery(job_id))["data"] == {"mail": "failed"}
    finally:
        remove()
    assert bridge.door.send("job.delivered", delivery(job_id))["data"] == {"mail": "already"}
    assert bridge.shop.mails(email) == []
    assert bridge.effects(job_id)["mail:delivered"]["outcome"] == "failed"
    assert bridge.row(job_id)["email_sent"] == 0
    assert bridge.state(job_id) == "delivered"


def test_a_mailer_that_throws_does_not_undo_the_delivery(bridge: Bridge) -> None:
    job_id = bridge.paid(email=address())
    remove = bridge.mu_plugin("thrower", "add_filter('pre_wp_mail', function () { throw new Error('no'); });")
    try:
        assert bridge.door.send("job.delivered", delivery(job_id))["data"] == {"mail": "failed"}
    finally:
        remove()
    assert bridge.state(job_id) == "delivered"


def test_php_dying_in_the_mail_sends_no_second_one(bridge: Bridge) -> None:
    email = address()
    job_id = bridge.paid(email=email)
    remove = bridge.mu_plugin("dier", "add_filter('wp_mail', function ($m) { posix_kill(getmypid(), 9); });")
    listed = [{"id": "m", "type": "job.delivered", "data": delivery(job_id)}]
    sealed = bridge.door.seal(bridge.door.envelope(listed))
    try:
        assert "results" not in bridge.door.post(*sealed).text
    finally:
        remove()
    again = bridge.door.post(*sealed)  # the sender never got an answer and repeats the very same request
    assert again.json()["results"][0]["data"] == {"mail": "already"}
    assert bridge.shop.mails(email) == []
    effect = bridge.effects(job_id)["mail:delivered"]
    assert effect["done_at"] is None, "an outcome that nobody knows is left open for a person"
    assert bridge.row(job_id)["status"] == "completed"


def test_a_mail_that_was_never_begun_is_made_up_for_by_the_follow_up(bridge: Bridge) -> None:
    """The request ended between commit and mail, and the sidecar that would tell again has lost its memory."""
    email = address()
    job_id = bridge.paid(email=email)
    bridge.shop.sql(
        "UPDATE wp_smi_bridge_ledger SET state = 'delivered', event = 'delivered', token = 't', path = 'p.jpg',"
        " delivered_at = UTC_TIMESTAMP(), expires_at = UTC_TIMESTAMP() + INTERVAL 1 DAY,"
        " updated_at = UTC_TIMESTAMP() - INTERVAL 20 MINUTE"
        " WHERE job_id = %s",
        job_id,
    )
    for _ in range(2):
        bridge.shop.php("SmiBridge\\Mail\\Scheduled_Mails::run();")
    assert len(bridge.shop.mails(email)) == 1
    assert bridge.effects(job_id)["mail:delivered"]["outcome"] == "sent"


def test_a_repeated_delivery_with_another_link_keeps_the_mailed_one(bridge: Bridge) -> None:
    job_id = bridge.paid(email="")
    bridge.door.send("job.delivered", delivery(job_id))
    token = bridge.row(job_id)["download_token"]
    assert bridge.door.send("job.delivered", delivery(job_id, token="other"))["status"] == "done"
    assert bridge.ledger(job_id)[0]["token"] == f"token-of-{job_id}"
    assert bridge.row(job_id)["download_token"] == token


@pytest.mark.parametrize(
    "path",
    ["../../../wp-config.php", "2026/11/x.php", "/etc/passwd", "2026/11/a/b.jpg", "2026/11/x.jpg\n", "2026/11/.jpg"],
)
def test_a_path_that_is_not_the_sidecars_own_is_refused(bridge: Bridge, path: str) -> None:
    job_id = bridge.paid(email="")
    result = bridge.door.send("job.delivered", delivery(job_id, path=path))
    assert (result["status"], result["reason"]) == ("refused", "invalid")
    assert bridge.state(job_id) == "paid"


def test_a_rerun_may_be_delivered_straight_from_paid(bridge: Bridge) -> None:
    email = address()
    job_id = bridge.paid(email=email)
    bridge.door.send("job.delivered", delivery(job_id))
    bridge.open(job_id, attempt=2, is_rerun=1)
    assert bridge.door.send("job.delivered", delivery(job_id, attempt=2))["data"] == {"mail": "sent"}
    assert len(bridge.shop.mails(email)) == 2, "one mail for each attempt"


def test_a_whole_batch_of_deliveries_is_mailed_each_to_its_own_customer(bridge: Bridge) -> None:
    emails = [address() for _ in range(10)]
    job_ids = [bridge.paid(email=email) for email in emails]
    results = bridge.door.batch(*[("job.delivered", delivery(job_id)) for job_id in job_ids])
    assert [result["data"] for result in results] == [{"mail": "sent"}] * 10
    for email, job_id in zip(emails, job_ids, strict=True):
        (mail,) = bridge.shop.mails(email)
        assert f"token-of-{job_id}" in mail.text
        assert bridge.row(job_id)["status"] == "completed"


def test_a_message_to_the_customer_is_mailed_once_for_each_key(bridge: Bridge) -> None:
    email = address()
    job_id = bridge.paid(email=email)
    message = {"job_id": job_id, "attempt": 1, "key": "a", "customer_message": "Please have a little patience."}
    assert bridge.door.send("job.message", message)["data"] == {"mail": "sent"}
    assert bridge.door.send("job.message", message)["data"] == {"mail": "already"}
    assert bridge.door.send("job.message", message | {"key": "b"})["data"] == {"mail": "sent"}
    mails = bridge.shop.mails(email)
    assert len(mails) == 2
    assert "Please have a little patience." in mails[0].text


def test_no_token_and_no_address_gets_into_log_or_history(bridge: Bridge) -> None:
    email = address()
    job_id = bridge.paid(email=email)
    bridge.door.send("job.delivered", delivery(job_id, token="canary-token-7361"))
    told = bridge.shop.sql("SELECT detail FROM wp_smi_bridge_events WHERE job_id = %s", job_id)
    everything = bridge.shop.debug_log + str(told)
    assert "canary-token-7361" not in everything
    assert email not in everything


def test_a_download_through_the_shops_own_route_is_noted(bridge: Bridge) -> None:
    job_id, other = bridge.paid(), bridge.paid()
    file = bridge.shop.uploads / f"smi-downloads/2026/11/{job_id}_4x.jpg"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"picture")
    for id in (job_id, other):
        bridge.door.send("job.delivered", delivery(id, path=f"2026/11/{id}_4x.jpg"))
    route = f"{bridge.shop.url}/wp-json/smi/v1/download/"
    assert requests.get(route + "0" * 64, timeout=30).status_code == 404
    assert requests.get(route + bridge.row(job_id)["download_token"], timeout=30).content == b"picture"
    (noted,) = bridge.ledger(job_id)
    assert noted["downloaded_at"] is not None
    assert requests.get(route + bridge.row(job_id)["download_token"], timeout=30).status_code == 200
    assert bridge.history(job_id).count("downloaded") == 1
    assert bridge.ledger(other)[0]["downloaded_at"] is None
