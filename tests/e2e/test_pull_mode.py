"""A sidecar that nobody can reach: no web process, no shared folder. It comes to the shop for everything."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from PIL import Image

from sidecar.adapters.connections import connect
from sidecar.core.settings import Settings
from sidecar.core.tokens import TokenMaker
from tests.chaos.points import Points
from tests.e2e.console import console, operate
from tests.e2e.test_test_picture import traces
from tests.testbed.cdn import LINK_KEY, servers
from tests.testbed.customer import Customer, download_link
from tests.testbed.far import Far
from tests.testbed.photos import photo
from tests.testbed.sidecar import UNREACHED, SidecarProcess
from tests.testbed.waiting import wait_for
from tests.testbed.whole import PULLED, Whole

pytestmark = [pytest.mark.wordpress, pytest.mark.xdist_group("pull")]

BEFORE_THE_FIRST_POLL = 25  # the default is 30 s: what is delivered sooner came by webhook


@pytest.fixture(scope="module")
def points(tmp_path_factory: pytest.TempPathFactory) -> Points:
    return Points(tmp_path_factory.mktemp("points"))


def open_a_checkout(far: Whole) -> None:
    """Somebody is about to pay, all the time: the sidecar comes every 2 s."""
    far.shop.sql(
        "INSERT INTO wp_smi_jobs (job_id, image_url, resolution, email, post_id, status, payment_status, created_at) "
        "VALUES ('checkout', '', '4x', '', 0, 'awaiting_payment', 'pending', NOW())"
    )


@pytest.fixture(scope="module")
def far(tmp_path_factory: pytest.TempPathFactory, points: Points) -> Iterator[Whole]:
    """On a host of the usual kind, and in a network of its own: no shared folder, no way in."""
    env = {**PULLED, "SMI_CRASH_POINTS": str(points.folder)}
    folder = tmp_path_factory.mktemp("pull")
    with Far.start(folder, env=env, sandbox=["--delay", "0.2"], processes=UNREACHED) as whole:
        open_a_checkout(whole)
        yield whole


@pytest.fixture(scope="module")
def customer(far: Whole, photos: Path) -> Customer:
    return Customer(far.shop, photos)


@pytest.fixture(scope="module")
def delivered(customer: Customer) -> dict[str, Any]:
    """The ledger's row of a delivered job."""
    return customer.until(customer.buy(), "delivered", timeout=BEFORE_THE_FIRST_POLL)


def act(far: Whole, action: str, job_id: str) -> dict[str, Any]:
    return far.shop.php_json(f"return SmiBridge\\Jobs\\Actions::run('{action}', '{job_id}');")


def put(far: Whole, type: str, data: str) -> None:
    """A message that the bridge has for the sidecar; `data`: PHP."""
    far.shop.php(f"(new SmiBridge\\Wire\\Sidecar_Client())->send('{type}', {data});")


def waiting(far: Whole) -> list[str]:
    """Types of messages that wait at the shop."""
    return [row["type"] for row in far.shop.sql("SELECT type FROM wp_smi_bridge_mailbox ORDER BY id")]


def until_empty(far: Whole) -> None:
    wait_for(lambda: waiting(far) == [], "the sidecar has acknowledged everything")


def history(far: Whole, job_id: str) -> list[str]:
    rows = far.shop.sql("SELECT event FROM wp_smi_bridge_events WHERE job_id = %s ORDER BY id", job_id)
    return [row["event"] for row in rows]


def expire(far: Whole, job_id: str) -> None:
    far.shop.sql("UPDATE wp_smi_bridge_ledger SET expires_at = '2020-01-01' WHERE job_id = %s", job_id)


def link(far: Whole, job_id: str) -> str:
    newest = f"SmiBridge\\Ledger\\Ledger::newest('{job_id}')"
    return far.shop.php_json(f"return SmiBridge\\Shop\\Shop::download_url({newest});")


def downloaded(address: str) -> str:
    answer = requests.get(address, timeout=30)
    answer.raise_for_status()
    return hashlib.sha256(answer.content).hexdigest()


def test_a_picture_is_bought_delivered_mailed_and_downloaded(
    far: Whole, customer: Customer, delivered: dict[str, Any]
) -> None:
    job_id = delivered["job_id"]
    assert far.sidecar.process("web").running is False
    assert downloaded(download_link(customer.mail(job_id))) == delivered["sha256"]
    until_empty(far)
    assert {"forwarded", "submitted", "delivered"} <= set(history(far, job_id))
    assert customer.attempts(job_id)[0]["forwarded_at"] is not None


def test_the_customer_is_sent_to_the_shops_cdn_which_the_sidecar_never_hears_the_key_of(
    far: Whole, customer: Customer, delivered: dict[str, Any], tmp_path: Path
) -> None:
    address, plugin = link(far, delivered["job_id"]), far.shop.root / "wp-content" / "mu-plugins" / "cdn.php"
    with servers(tmp_path, far.shop.uploads) as at_the_cdn:
        constants = {"URL": at_the_cdn.url, "KEY": LINK_KEY}
        lines = [f"define('SMI_BRIDGE_CDN_{name}', '{value}');" for name, value in constants.items()]
        plugin.write_text("<?php " + "".join(lines))
        try:
            operate(far, "reconcile")
            wait_for(lambda: far.shop.option("smi_bridge_cdn"), "the bridge has looked at the CDN")
            answer = requests.get(address, timeout=30, allow_redirects=False)
            assert (answer.status_code, answer.headers["Location"].partition("/2")[0]) == (302, at_the_cdn.url)
            assert downloaded(address) == delivered["sha256"]
            said = console(far, "doctor").stdout
            assert f"{at_the_cdn.url} delivers what is signed, and answers 403 else" in said, said
        finally:
            plugin.unlink()
    assert requests.get(address, timeout=30, allow_redirects=False).status_code == 200


def test_the_bridge_knows_how_the_sidecar_is(far: Whole, delivered: dict[str, Any]) -> None:
    def health() -> dict[str, Any]:
        return far.shop.php_json("return SmiBridge\\Wire\\Sidecar_Report::inspect(0);")

    wait_for(lambda: (health()["status"] or {}).get("workers"), "the sidecar has told of its workers")
    assert (health()["ok"], health()["status"]["scheduler"]) == (True, True)
    [finding] = far.shop.php_json("return SmiBridge\\Health\\Connection_Test::tested();")
    assert (finding["check"], finding["code"]) == ("to_shop", "ok")
    answer = requests.get(f"{far.shop.url}/wp-json/smi-bridge/v1/status/{delivered['job_id']}", timeout=30)
    assert answer.json()["phase"] == "ready"


def test_a_stage_is_held_and_a_job_stopped_and_retried(far: Whole, customer: Customer) -> None:
    put(far, "hold", "['stage' => 'submit', 'held' => true]")
    until_empty(far)
    assert list(operate(far, "status")["held"]) == ["submit"]
    job_id = customer.buy()
    wait_for(lambda: "forwarded" in history(far, job_id), "the sidecar has the payment")
    assert act(far, "cancel", job_id)["code"] == "stopped"
    until_empty(far)
    assert operate(far, "show", job_id)["working_memory"]["state"] == "review"
    put(far, "hold", "['stage' => 'submit', 'held' => false]")
    until_empty(far)
    assert act(far, "retry", job_id)["ok"] is True
    customer.until(job_id, "delivered", attempt=2, timeout=BEFORE_THE_FIRST_POLL)


def test_a_link_is_renewed_when_the_sidecar_comes(far: Whole, customer: Customer) -> None:
    job_id = customer.buy()
    row = customer.until(job_id, "delivered")
    old = download_link(customer.mail(job_id))
    until_empty(far)
    expire(far, job_id)
    assert requests.get(old, timeout=30).status_code == 410
    assert act(far, "renew", job_id)["code"] == "under_way"
    wait_for(lambda: "renewed" in history(far, job_id), "the sidecar has answered")
    assert downloaded(link(far, job_id)) == row["sha256"]
    expire(far, job_id)
    assert act(far, "resend", job_id)["code"] == "under_way"
    assert downloaded(download_link(customer.mail(job_id, count=2))) == row["sha256"]


def test_a_link_of_a_file_that_is_gone_is_not_renewed_and_the_admin_can_read_it(far: Whole, customer: Customer) -> None:
    job_id = customer.buy()
    row = customer.until(job_id, "delivered")
    until_empty(far)
    (far.shop.uploads / "smi-downloads" / row["path"]).unlink()
    assert act(far, "renew", job_id)["code"] == "under_way"
    wait_for(lambda: "renewal_failed" in history(far, job_id), "the sidecar has answered")


def test_a_source_that_needs_a_copy_gets_it_from_the_shop(far: Whole, customer: Customer) -> None:
    turned = photo(far.shop.uploads / "turned.jpg", 160, 120, seed=5)
    with Image.open(turned) as image:
        exif = image.getexif()
        exif[0x0112] = 6  # the camera was turned by a quarter
        image.save(turned, exif=exif)
    job_id = customer.buy_upload(turned)
    row = customer.until(job_id, "delivered")
    assert (row["width"], row["height"]) == (480, 640)
    order = next(order for order in far.sandbox.bill() if order["id"] == row["upsampler_id"])
    address = order["imageUrl"]
    assert address.startswith(f"{far.shop.url}/?smi-bridge=source&job={job_id}&copy={job_id}.1.")
    copy = far.shop.uploads / "smi-downloads" / ".sources" / parse_qs(urlsplit(address).query)["copy"][0]
    assert requests.get(address, timeout=30).content == copy.read_bytes()
    other = customer.buy()
    whole_source = address.partition("&copy=")[0] + "&token=" + address.partition("&token=")[2]
    for wrong in (whole_source, address.replace(".1.", ".2."), address.replace(f"job={job_id}", f"job={other}")):
        assert requests.get(wrong, timeout=30).status_code == 403
    left = list(Path(far.sidecar.env["SMI_DATA_DIR"]).glob("**/.sources/*.*"))
    assert [path.stat().st_size for path in left] == [0] * len(left), "none is left here"
    customer.mail(job_id)
    erase(far, customer, job_id)
    assert not copy.exists()


def erase(far: Whole, customer: Customer, job_id: str) -> None:
    """As WordPress' own tool does it."""
    email = customer.row(job_id)["email"]
    far.shop.php(
        "$tools = apply_filters('wp_privacy_personal_data_erasers', []);"
        f"$tools['smi-bridge']['callback']('{email}', 1);"
    )


def test_a_job_is_erased(far: Whole, customer: Customer) -> None:
    job_id = customer.buy()
    row = customer.until(job_id, "delivered")
    customer.mail(job_id)
    erase(far, customer, job_id)
    wait_for(
        lambda: not (far.shop.uploads / "smi-downloads" / row["path"]).exists(), "the file of an erased job is gone"
    )
    effect = "SELECT outcome FROM wp_smi_bridge_effects WHERE job_id = %s AND effect = 'erase'"
    wait_for(lambda: far.shop.sql(effect, job_id)[0]["outcome"] == "erased", "the bridge knows that it is done")


@pytest.mark.parametrize("point", ["mailbox:collected", "mailbox:done"])
def test_what_a_dying_clock_had_in_its_hands_comes_again(
    far: Whole, customer: Customer, points: Points, point: str
) -> None:
    until_empty(far)
    points.arm(point)
    points.reached(point)  # an idle visit: the clock is dead before the payment
    job_id = customer.buy()
    points.arm(point)
    far.sidecar.restart("cron")
    points.reached(point)  # now with the payment in its hands
    assert waiting(far) == ["job.paid"]
    far.sidecar.restart("cron")
    row = customer.until(job_id, "delivered")
    assert (row["submission"], len(customer.mails(job_id))) == (1, 1)
    until_empty(far)


def test_two_clocks_that_come_at_once_do_nothing_twice(far: Whole, customer: Customer) -> None:
    first = far.sidecar.process("cron")
    second = SidecarProcess("cron", "python -m sidecar cron", far.folder / "second", far.sidecar.env)
    second.launch()
    try:
        jobs = [customer.buy() for _ in range(4)]
        rows = [customer.until(job_id, "delivered") for job_id in jobs]
        assert {row["submission"] for row in rows} == {1}
        assert [len(customer.mails(job_id)) for job_id in jobs] == [1] * 4
        until_empty(far)
        assert first.running and second.running
    finally:
        second.stop()


def test_a_test_picture_comes_and_goes_by_the_mailbox(far: Whole) -> None:
    """Its payment waits for the sidecar's visit, and so does the order to forget it; nothing of it stays."""

    def ended() -> dict[str, Any] | None:
        test = far.shop.php_json("return SmiBridge\\Jobs\\Test_Picture::status();")
        return None if test["running"] else test

    until_empty(far)

    before = traces(far)
    cron = far.sidecar.process("cron")
    cron.stop()
    try:
        assert far.shop.php_json("return SmiBridge\\Jobs\\Test_Picture::start();") == "started"
        assert waiting(far) == ["job.paid"]
    finally:
        cron.launch()
    test = wait_for(ended, "the test picture has ended", timeout=60)
    assert test["state"] == "delivered", test
    assert {"test_picture", "submitted", "delivered"} <= {line["event"] for line in test["story"]}
    until_empty(far)
    wait_for(lambda: traces(far) == before, "nothing of it is left")


def test_messages_outlive_working_memory(far: Whole, customer: Customer) -> None:
    job_id = customer.buy()
    row = customer.until(job_id, "delivered")
    far.sidecar.process("cron").stop()
    try:
        assert act(far, "renew", job_id)["code"] == "under_way"
        other = customer.buy()
        redis = connect("", Path(far.sidecar.env["SMI_DATA_DIR"]), decode=True)
        redis.flushall()
        redis.close()
    finally:
        far.sidecar.process("cron").launch()
    wait_for(lambda: "renewed" in history(far, job_id), "the sidecar has answered")
    assert downloaded(link(far, job_id)) == row["sha256"]
    customer.until(other, "delivered", timeout=60)


def test_a_webhook_of_a_stranger_is_refused_and_a_known_one_is_kept_once(far: Whole) -> None:
    settings = Settings.from_env(far.sidecar.env)
    token = TokenMaker(settings.signing_keys, settings.site_hash).webhook("00000000-0000-4000-8000-000000000000", 1, 1)
    address = settings.webhook_address(token)
    assert address is not None
    hint = json.dumps({"id": "sbx-1", "status": "SUCCESS"})

    def post(url: str, body: str = hint) -> int:
        return requests.post(url, data=body, headers={"Content-Type": "application/json"}, timeout=30).status_code

    for wrong in (address.partition("&mac=")[0], address[:-1], address.replace("token=", "token=x"), address + "x"):
        assert post(wrong) == 404
    assert post(address, "x" * 65537) == 413
    assert requests.get(address, timeout=30).status_code == 405
    cron = far.sidecar.process("cron")
    until_empty(far)
    cron.stop()
    try:
        assert [post(address) for _ in range(3)] == [202] * 3
        assert waiting(far) == ["upsampler.webhook"]
    finally:
        cron.launch()
    until_empty(far)
