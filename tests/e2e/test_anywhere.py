"""A sidecar that reaches the shop and Upsampler only, a shop on plain hosting, and trouble between them."""

from __future__ import annotations

import base64
import io
import re
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import requests
from PIL import Image

from tests.chaos.points import Points
from tests.e2e.console import operate
from tests.e2e.test_files_through_the_door import digest, stored
from tests.recovery.cases import fault
from tests.testbed.customer import Customer
from tests.testbed.disks import may_mount, small_disk
from tests.testbed.far import HOST_INI, HOST_MOST_BODY, Far
from tests.testbed.machine import may_have_namespaces
from tests.testbed.places import REPOSITORY
from tests.testbed.process import limit_files
from tests.testbed.waiting import wait_for
from tests.testbed.wire import Trouble, refusal

apart = pytest.mark.skipif(not may_have_namespaces(), reason="only root, and not in every container, has namespaces")

# What a program on the sidecar's machine sees: the shop's answer, the shop's folder, and ways to other places.
_LOOK = """
import os, socket, sys, urllib.request
shop, folder, database, away = sys.argv[1:]
print(urllib.request.urlopen(shop + "/wp-json/").status)
print(os.listdir(folder))
for place in (("127.0.0.1", int(database)), (away, 443)):
    try:
        socket.create_connection(place, 2).close()
        print("reached")
    except OSError as error:
        print(type(error).__name__)
"""


@apart
def test_the_sidecars_machine_reaches_the_shop_and_sees_nothing_else_of_it(far: Far) -> None:
    command = [*far.entered, sys.executable, "-c", _LOOK]
    arguments = [far.shop.url, str(far.shop.folder), str(far.shop.mariadb.port), "192.0.2.1"]
    ended = subprocess.run([*command, *arguments], capture_output=True, text=True, timeout=30, cwd=REPOSITORY)
    assert ended.stdout.split("\n")[:4] == ["200", "[]", "ConnectionRefusedError", "OSError"], ended


def test_the_shop_is_on_a_host_of_the_usual_kind(far: Far) -> None:
    """Asked by way of the web server: on a command line PHP has no limit of time."""
    page = far.shop.root / "limits.php"
    page.write_text(
        "<?php echo json_encode(array_map('ini_get', array('post_max_size', 'memory_limit', 'max_execution_time',"
        " 'disable_functions')) + array(4 => function_exists('exec'), 5 => function_exists('set_time_limit')));"
    )
    try:
        said = requests.get(f"{far.shop.url}/limits.php", timeout=30).json()
    finally:
        page.unlink()
    assert said == ["8M", "128M", "30", HOST_INI["disable_functions"], False, False]
    too_large = requests.post(far.shop.url, data=b"x" * ((int(HOST_MOST_BODY[:-1]) << 20) + 1), timeout=30)
    assert too_large.status_code == 413


@contextmanager
def trouble(far: Far, *troubles: Trouble) -> Iterator[list[bytes]]:
    """They befall the next chunks, one each; the heads of those that met with one."""
    assert far.way
    left, met = iter(troubles), []

    def befall(head: bytes) -> Trouble | None:
        if b"v1/files " not in head.partition(b"\r\n")[0]:
            return None
        found = next(left, None)
        if found:
            met.append(head)
        return found

    far.way.trouble = befall
    try:
        yield met
    finally:
        far.way.trouble = lambda head: None


@apart
@pytest.mark.parametrize(
    "troubles",
    [
        pytest.param([refusal(413), Trouble(body=1000)], id="413, then cut on its way"),
        pytest.param([refusal(502), Trouble(reply=20)], id="502, then an answer that is cut"),
    ],
)
def test_what_goes_wrong_between_them_is_made_up_for(far: Far, far_customer: Customer, troubles: list[Trouble]) -> None:
    with trouble(far, *troubles) as met:
        job_id = far_customer.buy()
        row = far_customer.until(job_id, "delivered")
    assert len(met) == len(troubles)
    assert digest(stored(far, row).read_bytes()) == row["sha256"]
    assert len(far_customer.mails(job_id)) == 1
    assert [order["id"] for order in far.orders(job_id)] == [row["upsampler_id"]]


@pytest.mark.skipif(not may_mount(), reason="only root, and not in every container, may mount a small disk")
def test_a_disk_that_is_full_at_the_shop_holds_the_order_and_costs_no_second_one(
    far: Far, far_customer: Customer
) -> None:

    def held() -> dict[str, str] | None:
        return (far.shop.option("smi_bridge_notices") or {}).get("hold:collect")

    with small_disk(far.shop.uploads / "smi-downloads", 66) as disk:
        others = disk / "others"
        others.write_bytes(b"x" * (3 << 20))  # less is left than what an upload leaves to the shop
        job_id = far_customer.buy()
        assert wait_for(held, "an admin is told", timeout=60)["reason"] == "disk_full"
        assert far_customer.attempts(job_id)[0]["state"] == "enlarged"
        others.unlink()
        operate(far, "resume", "collect")
        operate(far, "push", job_id)
        row = far_customer.until(job_id, "delivered")
        assert digest(stored(far, row).read_bytes()) == row["sha256"]
        assert len(far_customer.mails(job_id)) == 1
    assert [order["id"] for order in far.orders(job_id)] == [row["upsampler_id"]]
    wait_for(lambda: not held(), "the admin's notice has gone", timeout=60)


@apart
def test_php_that_is_killed_in_the_middle_of_a_chunk_costs_no_second_order(far: Far, far_customer: Customer) -> None:
    """The kernel ends it at the byte that it may not write; its successor may write all."""
    assert far.way
    struck: set[int] = set()

    def strike(head: bytes) -> None:
        is_first = not struck and b"v1/files " in head.partition(b"\r\n")[0]
        children = far.shop.php_fpm.pids()[1:]
        limit_files(children, 4096 if is_first else resource.RLIM_INFINITY)
        if is_first:
            struck.update(children)

    far.way.trouble = strike
    try:
        job_id = far_customer.buy()
        row = far_customer.until(job_id, "delivered")
    finally:
        far.way.trouble = lambda head: None
        limit_files(far.shop.php_fpm.pids()[1:])
    assert struck - set(far.shop.php_fpm.pids()), "one of them has died"
    assert digest(stored(far, row).read_bytes()) == row["sha256"]
    assert [order["id"] for order in far.orders(job_id)] == [row["upsampler_id"]]


def test_a_worker_that_is_killed_in_any_step_of_the_upload_costs_no_second_order(
    far: Far, far_customer: Customer, far_points: Points
) -> None:
    incoming, jobs, begun = far.shop.uploads / "smi-downloads" / ".incoming", {}, {}
    for point in ("upload:opened", "upload:chunk", "upload:closing", "upload:closed"):
        far_points.arm(point)
        jobs[point] = far_customer.buy()
        far_points.reached(point)
        begun[point] = [part.stat().st_ino for part in incoming.glob(f"{jobs[point]}.*")]
    for point, job_id in jobs.items():
        row = far_customer.until(job_id, "delivered")
        assert digest(stored(far, row).read_bytes()) == row["sha256"]
        if begun[point]:  # it went on where the dead one was
            assert stored(far, row).stat().st_ino == begun[point][0]
        assert [order["id"] for order in far.orders(job_id)] == [row["upsampler_id"]]
        assert len(far_customer.mails(job_id)) == 1
    assert [bool(begun[point]) for point in jobs] == [True, True, True, False]


def test_a_picture_that_can_not_be_enlarged_is_refunded(far: Far, far_customer: Customer) -> None:
    far.sandbox.fault(fault("submit_415"))
    try:
        job_id = far_customer.buy()
        row = far_customer.until(job_id, "refunded", "review")
    finally:
        far.sandbox.fault()
    assert row["state"] == "refunded"
    assert len(far_customer.mails(job_id)) == 1


def test_a_source_that_is_no_picture_is_refunded_as_beside_the_shop(far: Far, far_customer: Customer) -> None:
    (far.shop.uploads / "page.jpg").write_text("<html>not a picture</html>")
    job_id = far_customer.buy_altered(image_url=f"{far.shop.url}/wp-content/uploads/page.jpg")
    row = far_customer.until(job_id, "refunded", "review")
    assert (row["state"], row["reason"]) == ("refunded", "source_not_an_image")


def test_the_admin_sees_a_refused_result_and_a_stranger_does_not(far: Far, far_customer: Customer) -> None:
    far.sandbox.fault(fault("result_other"))
    try:
        job_id = far_customer.buy()
        far_customer.until(job_id, "review", timeout=90)
    finally:
        far.sandbox.fault()
    shop = far.shop
    page = shop.admin.get(f"{shop.url}/wp-admin/admin.php?page=smi-bridge-jobs&job={job_id}", timeout=30).text
    comparison = re.search(r'<div class="smib-compare">.*?</div>', page, re.DOTALL)
    assert comparison, "the page compares nothing"
    encoded = re.search(r'src="data:image/jpeg;base64,([^"]+)"', comparison[0])
    assert encoded
    assert max(Image.open(io.BytesIO(base64.b64decode(encoded[1]))).size) == 256
    direct = f"{shop.url}/wp-content/uploads/smi-downloads/.refused/{job_id}.1.jpg"
    assert requests.get(direct, timeout=30).status_code == 403


def test_site_health_finds_everything_in_order(far: Far, delivered: dict[str, object]) -> None:
    found = far.shop.php_json(
        "return array_map(fn($name) => array_slice(call_user_func(array("
        "'SmiBridge\\Health\\Site_Health', 'test_' . $name)), 0, 2),"
        "array('handler', 'folder', 'doors', 'leak'));"
    )
    assert [result["status"] for result in found] == ["good"] * 4, found
