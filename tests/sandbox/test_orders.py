"""The sandbox takes orders as the live API does, enlarges for real, and writes a bill that outlives it."""

from __future__ import annotations

import io
import json
import signal
import subprocess
import sys
import threading

import pytest
import urllib3
from PIL import Image

from tests.sandbox.conftest import WAIT_S, picture


def load(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def test_an_order_is_answered_enlarged_and_served(api):
    answer = api.submit()
    assert answer.status == 200
    job = answer.json()
    assert job["status"] == "IN_QUEUE"
    assert job["creditCost"] == pytest.approx(0.25 * 240 * 160 / 1e6)
    hook = api.shop.next_hook()
    assert (hook["id"], hook["status"]) == (job["id"], "SUCCESS")
    status = api.status(job["id"])
    assert status == {**hook, "error": None}
    result = api.call("GET", status["imageUrl"])
    assert result.headers["Content-Type"] == "image/png"
    enlarged = load(result.data)
    assert (enlarged.format, enlarged.size) == ("PNG", (240, 160))
    source = load(api.shop.pictures["/photo.jpg"]).resize((24, 16))
    worst = max(abs(a - b) for a, b in zip(source.tobytes(), enlarged.resize((24, 16)).tobytes(), strict=True))
    assert worst < 40
    assert load(api.call("GET", status["compressedImageUrl"]).data).format == "JPEG"


def test_alpha_profile_and_orientation_are_kept(api):
    profile = b"profile" * 20
    api.shop.pictures["/alpha.png"] = picture(kind="PNG", mode="RGBA", icc_profile=profile)
    exif = Image.Exif()
    exif[0x0112] = 6
    api.shop.pictures["/turned.jpg"] = picture(60, 40, exif=exif)
    alpha = load(api.call("GET", api.finished(path="/alpha.png", factor=2)["imageUrl"]).data)
    assert (alpha.mode, alpha.size, alpha.info["icc_profile"]) == ("RGBA", (120, 80), profile)
    assert load(api.call("GET", api.finished(path="/turned.jpg", factor=2)["imageUrl"]).data).size == (80, 120)


def test_the_documented_request_is_understood(api):
    body = {"image_url": api.shop.url + "/photo.jpg", "scale_factor": 2, "webhook_url": api.shop.url + "/hook"}
    job = api.call("POST", "/api/v1/smart-upscale", body).json()
    assert job["creditCost"] == pytest.approx(1.0 * 120 * 80 / 1e6)
    assert api.shop.next_hook()["id"] == job["id"]


def test_the_documented_answers_on_request(make_api):
    api = make_api(wire="documented", webhook="documented")
    answer = api.submit().json()
    assert (answer["success"], answer["status"]) == (True, "queued")
    hook = api.shop.next_hook()
    assert (hook["job_id"], hook["status"]) == (answer["job_id"], "completed")
    assert api.status(answer["job_id"])["result_url"] == hook["result_url"]


@pytest.mark.parametrize(
    ("order", "status"),
    [
        ({}, 400),
        ({"input": {}}, 400),
        ({"input": {"imageUrl": "ftp://x/a.jpg", "upscaleFactor": 4}}, 400),
        ({"input": {"imageUrl": "http://x/a.jpg", "upscaleFactor": 17}}, 400),
        ({"input": {"imageUrl": "http://x/a.jpg", "upscaleFactor": 0}}, 400),
        ({"input": {"imageUrl": "http://x/a.jpg", "upscaleFactor": True}}, 400),
        ({"input": {"imageUrl": "http://x/a.jpg"}}, 400),
        ([], 400),
        ({"input": {"imageUrl": "http://127.0.0.1:1/a.jpg", "upscaleFactor": 4}}, 400),
    ],
)
def test_a_bad_order_is_refused_and_not_on_the_bill(api, order, status):
    answer = api.call("POST", "/api/v1/precise-upscale", order)
    assert answer.status == status
    assert "error" in answer.json()
    assert api.bill()["accepted"] == 0


def test_a_source_that_is_gone_no_picture_or_too_large_is_refused(make_api):
    api = make_api(max_output_mp=1)
    api.shop.pictures["/text.jpg"] = b"no picture"
    api.shop.pictures["/large.jpg"] = picture(400, 300)
    assert "Could not fetch" in api.submit(path="/gone.jpg").json()["error"]
    assert api.submit(path="/text.jpg").status == 415
    assert api.submit(path="/large.jpg", factor=4).status == 413
    assert api.bill()["accepted"] == 0


def test_a_source_that_breaks_off_ends_as_failed(api):
    api.shop.pictures["/broken.jpg"] = picture(400, 300)[:3000]
    status = api.finished(path="/broken.jpg")
    assert (status["status"], status["imageUrl"]) == ("FAILED", None)
    assert status["error"].startswith("Could not decode")


def test_without_the_key_there_is_only_401(api):
    assert api.call("POST", "/api/v1/precise-upscale", {}, key="x").status == 401
    assert api.call("GET", "/api/v1/status/x", key="x").status == 401


def test_an_unknown_job_mode_or_address_is_404(api):
    for path in ("/api/v1/status/x", "/results/x.png", "/x"):
        assert api.call("GET", path).status == 404
    assert api.call("POST", "/api/v1/other-upscale", {}).status == 404
    assert api.call("PUT", "/sandbox/other", {}).status == 400


def test_credits_run_out_and_can_be_filled_up(make_api):
    api = make_api(credits=0.015)
    assert api.submit().status == 200
    assert api.submit().status == 402
    assert api.call("PUT", "/sandbox/credits", {"credits": 1}).json() == {"credits": 1}
    assert api.submit().status == 200
    assert api.bill()["credits_left"] == pytest.approx(1 - 0.0096)


def test_a_result_url_dies_after_its_time(make_api):
    time = [1_800_000_000.0]
    api = make_api(lambda: time[0], result_ttl=10800)
    url = api.finished()["imageUrl"]
    time[0] += 10799
    assert api.call("GET", url).status == 200
    time[0] += 2
    assert api.call("GET", url).status == 403


def test_a_result_can_be_asked_for_in_parts(api):
    url = api.finished()["imageUrl"]
    whole = api.call("GET", url).data
    part = api.call("GET", url, Range="bytes=10-19")
    assert (part.status, part.data) == (206, whole[10:20])
    assert part.headers["Content-Range"] == f"bytes 10-19/{len(whole)}"
    assert api.call("GET", url, Range="bytes=10-").data == whole[10:]
    assert api.call("GET", url, Range=f"bytes={len(whole)}-").status == 416


def test_a_canned_result_is_served_as_it_is_and_nothing_is_fetched(make_api, tmp_path):
    canned = tmp_path / "canned.png"
    canned.write_bytes(picture(100, 100, "PNG"))
    api = make_api(canned=canned)
    status = api.finished(path="/there-is-no-such-picture.jpg")
    assert api.call("GET", status["imageUrl"]).data == canned.read_bytes()


def test_the_bill_names_orders_ends_webhooks_and_downloads(api):
    status = api.finished()
    api.call("GET", status["imageUrl"])
    bill = api.bill()
    (row,) = bill["submits"]
    assert (row["id"], row["imageUrl"], row["factor"]) == (status["id"], api.shop.url + "/photo.jpg", 4)
    assert (row["status"], row["webhook"], len(row["downloads"])) == ("SUCCESS", api.shop.url + "/hook", 1)
    assert (bill["accepted"], bill["credits"], bill["downloads"]) == (1, status["creditCost"], 1)


def test_connections_are_kept(api):
    pool = urllib3.HTTPConnectionPool("127.0.0.1", api.server.server_port)
    for _ in range(5):
        assert pool.request("GET", "/sandbox/health").status == 200
    assert (pool.num_connections, pool.num_requests) == (1, 5)
    pool.close()


def test_many_orders_at_once_each_get_their_own_job(api):
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(api.submit(hook=False).json()["id"])) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(set(answers)) == 16
    assert {row["number"] for row in api.bill()["submits"]} == set(range(1, 17))


def test_a_killed_sandbox_takes_its_jobs_up_again(shop, tmp_path):
    folder = tmp_path / "kept"
    http = urllib3.PoolManager()
    headers = {"Authorization": "Bearer sandbox-key"}

    def start(*more: str) -> tuple[subprocess.Popen[str], str]:
        command = [sys.executable, "-m", "sidecar.sandbox", "--port", "0", "--folder", str(folder), *more]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        return process, process.stdout.readline().split()[2]

    process, url = start("--delay", "3600")
    order = {"input": {"imageUrl": shop.url + "/photo.jpg", "upscaleFactor": 2}, "webhook": shop.url + "/hook"}
    job = http.request("POST", url + "/precise-upscale", json=order, headers=headers).json()["id"]
    process.kill()
    process.wait(30)
    process.stdout.close()
    http.clear()

    process, url = start("--instant")
    assert json.loads(shop.hooks.get(timeout=WAIT_S))["id"] == job
    status = http.request("GET", f"{url}/status/{job}", headers=headers).json()
    assert status["status"] == "SUCCESS"
    assert load(http.request("GET", status["imageUrl"]).data).size == (120, 80)
    bill = http.request("GET", url.replace("/api/v1", "/sandbox/bill")).json()
    assert [row["id"] for row in bill["submits"]] == [job]
    http.clear()
    process.send_signal(signal.SIGTERM)
    assert process.wait(WAIT_S) == 0
    process.stdout.close()
