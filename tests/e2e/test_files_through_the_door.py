"""A sidecar without a share in the uploads folder and without a public address: files go through the shop's door."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import time
from io import BytesIO
from pathlib import Path
from typing import Any

import requests
from PIL import Image

from sidecar.adapters.connections import connect
from sidecar.core.settings import Settings
from tests.e2e.console import operate
from tests.testbed.customer import Customer, download_link
from tests.testbed.far import Far
from tests.testbed.photos import photo
from tests.testbed.places import REPOSITORY
from tests.testbed.waiting import wait_for


def stored(far: Far, row: dict[str, Any]) -> Path:
    return far.shop.uploads / "smi-downloads" / row["path"]


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def left_at_the_sidecar(far: Far, job_id: str) -> list[str]:
    work = Settings.from_env(far.sidecar.env).downloads_dir
    return [path.name for path in (work / ".incoming").glob(f"{job_id}*")]


def act(far: Far, action: str, job_id: str) -> dict[str, Any]:
    return far.shop.php_json(f"return SmiBridge\\Jobs\\Actions::run('{action}', '{job_id}');")


def test_the_finished_file_lies_in_the_shops_folder_and_the_customer_is_told_once(
    far: Far, far_customer: Customer, delivered: dict[str, Any]
) -> None:
    data = stored(far, delivered).read_bytes()
    assert delivered["path"].endswith(f"/{delivered['job_id']}_4x.jpg")
    assert (len(data), digest(data)) == (delivered["bytes"], delivered["sha256"])
    assert Image.open(BytesIO(data)).size == (640, 480)
    assert len(far_customer.mails(delivered["job_id"])) == 1
    wait_for(lambda: left_at_the_sidecar(far, delivered["job_id"]) == [], "no work file is left")
    work = Settings.from_env(far.sidecar.env).downloads_dir
    assert work.stat().st_mode & 0o777 == 0o700
    assert list((far.shop.uploads / "smi-downloads" / ".incoming").glob(f"{delivered['job_id']}*")) == []


def test_the_customer_downloads_through_the_shop(far: Far, far_customer: Customer, delivered: dict[str, Any]) -> None:
    assert delivered["download_url"] is None
    link = download_link(far_customer.mail(delivered["job_id"]))
    assert link.startswith(f"{far.shop.url}/?smi-bridge=download&")
    assert requests.head(link, timeout=30).status_code == 200
    assert far_customer.attempts(delivered["job_id"])[0]["downloaded_at"] is None
    answer = requests.get(link, timeout=30)
    assert (answer.status_code, digest(answer.content)) == (200, delivered["sha256"])
    assert far_customer.attempts(delivered["job_id"])[0]["downloaded_at"] is not None


def test_the_sidecars_own_door_says_that_the_shop_has_the_file(far: Far, delivered: dict[str, Any]) -> None:
    answer = requests.get(f"{far.sidecar.url}/download/{delivered['token']}", timeout=30)
    assert answer.status_code == 410
    assert "The shop has your picture" in answer.text


def test_a_paid_file_can_not_be_had_by_its_own_address(far: Far, delivered: dict[str, Any]) -> None:
    url = f"{far.shop.url}/wp-content/uploads/smi-downloads/{delivered['path']}"
    assert requests.get(url, timeout=30).status_code == 403


def test_a_retry_delivers_the_good_file_again_and_another_one_when_it_is_gone(far: Far, far_customer: Customer) -> None:
    job_id = far_customer.buy()
    first = far_customer.until(job_id, "delivered")
    written = stored(far, first).stat().st_mtime_ns
    far_customer.pay(job_id, "['admin_override' => true]")
    second = far_customer.until(job_id, "delivered", attempt=2)
    assert (second["sha256"], second["upsampler_id"]) == (first["sha256"], None)
    assert stored(far, second).stat().st_mtime_ns == written
    stored(far, second).unlink()
    far_customer.pay(job_id, "['admin_override' => true]")
    third = far_customer.until(job_id, "delivered", attempt=3)
    assert digest(stored(far, third).read_bytes()) == third["sha256"]


def test_a_link_is_renewed_and_a_job_erased(far: Far, far_customer: Customer) -> None:
    job_id = far_customer.buy()
    row = far_customer.until(job_id, "delivered")
    old = download_link(far_customer.mail(job_id))
    far.shop.sql("UPDATE wp_smi_bridge_ledger SET expires_at = '2020-01-01' WHERE job_id = %s", job_id)
    assert requests.get(old, timeout=30).status_code == 410
    wait_for(lambda: act(far, "renew", job_id)["ok"], "the sidecar has read that the shop has acknowledged")
    newest = f"SmiBridge\\Ledger\\Ledger::newest('{job_id}')"
    link = far.shop.php_json(f"return SmiBridge\\Shop\\Shop::download_url({newest});")
    assert digest(requests.get(link, timeout=30).content) == row["sha256"]
    email = far_customer.row(job_id)["email"]
    far.shop.php(
        "$tools = apply_filters('wp_privacy_personal_data_erasers', []);"
        f"$tools['smi-bridge']['callback']('{email}', 1);"
    )
    wait_for(lambda: not stored(far, row).exists(), "the file of a job that is erased is gone")


def test_working_memory_is_brought_back_and_the_file_is_still_known(far: Far, far_customer: Customer) -> None:
    job_id = far_customer.buy()
    row = far_customer.until(job_id, "delivered")
    known = "the sidecar has read that the shop has acknowledged"
    wait_for(lambda: operate(far, "show", job_id)["working_memory"]["state"] == "delivered", known)
    redis = connect("", Path(far.sidecar.env["SMI_DATA_DIR"]), decode=True)
    redis.flushall()
    redis.close()
    operate(far, "reconcile")
    assert act(far, "renew", job_id)["ok"] is True
    far_customer.pay(job_id, "['admin_override' => true]")
    again = far_customer.until(job_id, "delivered", attempt=2)
    assert again["sha256"] == row["sha256"]


def test_a_customers_own_picture_is_enlarged_though_it_is_not_public(far: Far, far_customer: Customer) -> None:
    (far.shop.uploads / "smi-downloads" / "own").mkdir(parents=True)
    picture = photo(far.shop.uploads / "smi-downloads" / "own" / "own.jpg", 160, 120, seed=9)
    url = f"{far.shop.url}/wp-content/uploads/smi-downloads/own/own.jpg"
    assert requests.get(url, timeout=30).status_code == 403
    job_id = far_customer.buy_upload(picture)
    row = far_customer.until(job_id, "delivered")
    assert digest(stored(far, row).read_bytes()) == row["sha256"]
    settings = Settings.from_env(far.sidecar.env)
    address = settings.source_address(job_id, int(time.time()) + 60)
    assert requests.get(address, timeout=30).content == picture.read_bytes()
    part = requests.get(address, headers={"Range": "bytes=10-19"}, timeout=30)
    assert (part.status_code, part.content) == (206, picture.read_bytes()[10:20])
    for wrong in (
        settings.source_address(job_id, int(time.time()) - 1),
        address.replace(job_id, far_customer.buy()),
        address[:-1],
        address.replace("token=", "token[]="),
    ):
        assert requests.get(wrong, timeout=30).status_code == 403
    picture.unlink()
    assert requests.get(address, timeout=30).status_code == 404  # only then is the source gone


def test_cleanup_removes_what_nobody_needs_at_the_shop(far: Far) -> None:
    orphan = far.shop.uploads / "smi-downloads" / "2026" / "01" / "00000000-0000-4000-8000-000000000000_4x.jpg"
    orphan.parent.mkdir(parents=True, exist_ok=True)
    orphan.write_bytes(b"x")
    os.utime(orphan, (0, 0))
    assert operate(far, "cleanup")["orphans"] == 1
    assert not orphan.exists()


def test_doctor_looks_at_the_shops_door(far: Far, delivered: dict[str, Any]) -> None:
    command = [sys.executable, "-m", "sidecar", "doctor", "--json"]

    def found() -> dict[str, dict[str, Any]]:
        ended = subprocess.run(
            command, cwd=REPOSITORY, env=dict(far.sidecar.env), capture_output=True, text=True, timeout=60
        )
        return {finding["name"]: finding for finding in json.loads(ended.stdout)}

    # Workers whose names were flushed with working memory, by a test before, enter them again at their next heartbeat.
    wait_for(lambda: found()["Workers"]["ok"], "the workers are known again", 120, every=1)
    findings = found()
    assert [name for name, finding in findings.items() if finding["ok"] is False] == []
    assert "door" in findings["Uploads folder"]["found"]
    assert findings["Paid files are closed"]["ok"] is True
