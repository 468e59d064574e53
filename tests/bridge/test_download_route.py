"""The shop hands the file out itself: whole, in part, again where a browser was cut off; and to nobody else."""

from __future__ import annotations

import hashlib
import random
import secrets
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

from tests.bridge.conftest import Bridge, delivery
from tests.testbed.waiting import wait_for

NEWEST_ONLY = True  # nothing here depends on the version of WordPress

DATA = random.Random(5).randbytes(700_001)
SHA256 = hashlib.sha256(DATA).hexdigest()


@dataclass(frozen=True)
class Sold:
    job_id: str
    link: str
    path: Path

    def get(self, method: str = "GET", **headers: str) -> requests.Response:
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        return requests.request(method, self.link, headers={"Accept-Encoding": "gzip", **headers}, timeout=30)


def sell(bridge: Bridge, **changes: object) -> Sold:
    job_id, token = bridge.paid(), secrets.token_urlsafe(40)
    path = bridge.shop.uploads / "smi-downloads" / "2026" / "11" / f"{job_id}_4x.jpg"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(DATA)
    facts = {"token": token, "download_url": None, "bytes": len(DATA), "sha256": SHA256} | changes
    bridge.door.send("job.delivered", delivery(job_id, **facts))
    return Sold(job_id, f"{bridge.shop.url}/?smi-bridge=download&job={job_id}&token={token}", path)


@pytest.fixture
def sold(bridge: Bridge) -> Sold:
    return sell(bridge)


def test_the_mailed_link_is_the_shops_own_and_gives_every_byte(bridge: Bridge, sold: Sold) -> None:
    email = bridge.row(sold.job_id)["email"]
    wait_for(lambda: any(sold.job_id in mail.text for mail in bridge.shop.mails(email)), "the job's mail")
    (mail,) = [mail for mail in bridge.shop.mails(email) if sold.job_id in mail.text]
    assert "smi-bridge=download" in mail.text
    answer = sold.get()
    assert (answer.status_code, answer.content) == (200, DATA)
    assert answer.headers["Content-Length"] == str(len(DATA))
    assert answer.headers["Content-Type"] == "image/jpeg"
    assert answer.headers["Content-Disposition"].startswith("attachment; filename=")
    assert "no-store" in answer.headers["Cache-Control"]
    assert "Content-Encoding" not in answer.headers


def test_head_tells_everything_and_is_no_download(bridge: Bridge, sold: Sold) -> None:
    answer = sold.get("HEAD")
    assert (answer.status_code, answer.headers["Content-Length"], answer.content) == (200, str(len(DATA)), b"")
    assert (answer.headers["ETag"], answer.headers["Accept-Ranges"]) == (f'"{SHA256}"', "bytes")
    assert bridge.ledger(sold.job_id)[0]["downloaded_at"] is None
    sold.get(Range="bytes=0-0")
    first = bridge.ledger(sold.job_id)[0]["downloaded_at"]
    assert first is not None and bridge.history(sold.job_id).count("downloaded") == 1
    sold.get()
    assert bridge.ledger(sold.job_id)[0]["downloaded_at"] == first


@pytest.mark.parametrize(
    ("range", "begin", "end"),
    [
        ("bytes=0-99", 0, 100),
        ("bytes=300000-", 300_000, len(DATA)),
        ("bytes=-5", len(DATA) - 5, len(DATA)),
        ("bytes=-9999999", 0, len(DATA)),
        ("bytes=700000-9999999999", 700_000, len(DATA)),
    ],
)
def test_a_part_is_that_part(sold: Sold, range: str, begin: int, end: int) -> None:
    answer = sold.get(Range=range, If_Range=f'"{SHA256}"')
    assert (answer.status_code, answer.content) == (206, DATA[begin:end])
    assert answer.headers["Content-Range"] == f"bytes {begin}-{end - 1}/{len(DATA)}"
    assert answer.headers["Content-Length"] == str(end - begin)


@pytest.mark.parametrize("range", ["bytes=700001-", "bytes=99999999-", "bytes=-0"])
def test_a_part_that_is_not_there_is_refused(sold: Sold, range: str) -> None:
    answer = sold.get(Range=range)
    assert (answer.status_code, answer.content) == (416, b"")
    assert answer.headers["Content-Range"] == f"bytes */{len(DATA)}"


@pytest.mark.parametrize("range", ["bytes=5-1", "bytes=0-1,4-5", "bytes=-", "bytes=a-b", "lines=1-2", "bytes 0-1"])
def test_what_is_no_range_of_ours_gives_the_whole_file(sold: Sold, range: str) -> None:
    answer = sold.get(Range=range)
    assert (answer.status_code, answer.content) == (200, DATA)


def test_a_part_of_another_file_gives_the_whole_one_and_a_known_file_is_not_sent(sold: Sold) -> None:
    assert sold.get(Range="bytes=5-9", If_Range='"other"').status_code == 200
    known = sold.get(If_None_Match=f'"x", "{SHA256}"')
    assert (known.status_code, known.content) == (304, b"")


def test_a_download_that_breaks_is_resumed(sold: Sold) -> None:
    with requests.get(sold.link, stream=True, timeout=30) as begun:
        got = begun.raw.read(200_000)
        etag = begun.headers["ETag"]
    rest = sold.get(Range=f"bytes={len(got)}-", If_Range=etag)
    assert got + rest.content == DATA


def test_a_large_file_arrives_whole_though_php_is_ended_on_the_way(bridge: Bridge, sold: Sold) -> None:
    """As a host does after some seconds: the browser sees that bytes are missing, and asks for the rest."""
    large = DATA * 60
    sold.path.write_bytes(large)
    got, etag, ended = bytearray(), "", 0
    parts = urlsplit(sold.link)
    for _ in range(6):
        headers = {"Range": f"bytes={len(got)}-", "If-Range": etag} if got else {}
        with closing(HTTPConnection(parts.netloc, timeout=30)) as connection:
            connection.request("GET", f"{parts.path}?{parts.query}", headers=headers)
            answer = connection.getresponse()
            etag = answer.headers["ETag"]
            assert answer.status == (206 if got else 200)
            assert int(answer.headers["Content-Length"]) == len(large) - len(got)
            got += answer.read(2 << 20)
            if ended < 3:
                bridge.shop.php_fpm.kill()
                bridge.shop.php_fpm.start()
                ended += 1
            while block := answer.read(1 << 16):
                got += block
        if len(got) == len(large):
            break
    assert (ended, bytes(got) == large) == (3, True)
    assert bridge.history(sold.job_id).count("downloaded") == 1


def test_a_link_that_opens_nothing_says_why(bridge: Bridge, sold: Sold) -> None:
    def set_to(**columns: object) -> int:
        changes = ", ".join(f"{name} = %s" for name in columns)
        bridge.shop.sql(f"UPDATE wp_smi_bridge_ledger SET {changes} WHERE job_id = %s", *columns.values(), sold.job_id)
        return sold.get().status_code

    assert set_to(expires_at="2020-01-01 00:00:00") == 410
    assert "expired" in sold.get().text
    assert set_to(expires_at="2099-01-01 00:00:00", revoked_at="2026-01-01 00:00:00") == 410
    assert set_to(revoked_at=None, state="refunded") == 410
    assert set_to(state="delivered") == 200
    sold.path.unlink()
    assert sold.get().status_code == 404


def test_a_folder_that_is_away_is_no_reason_to_say_that_the_picture_is_gone(bridge: Bridge, sold: Sold) -> None:
    folder = sold.path.parents[2]
    put_by = folder.rename(folder.with_name("put-by"))
    try:
        answer = sold.get()
        health = bridge.shop.php_json("return SmiBridge\\Health\\Site_Health::test_folder();")
    finally:
        put_by.rename(folder)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "60")
    assert "safe" in answer.text and "no-store" in answer.headers["Cache-Control"]
    assert (health["status"], sold.get().status_code) == ("critical", 200)


def test_a_file_that_goes_between_look_and_send_is_told_as_gone_and_counts_as_no_download(
    bridge: Bridge, sold: Sold
) -> None:
    remove = bridge.mu_plugin(
        "goes", "add_filter('smi_bridge_sendfile_header', function ($h, $path) { unlink($path); return $h; }, 10, 2);"
    )
    try:
        answer = sold.get()
    finally:
        remove()
    assert answer.status_code == 404 and "can’t find that download" in answer.text.replace("&#8217;", "’")
    assert bridge.ledger(sold.job_id)[0]["downloaded_at"] is None


def test_a_database_that_refuses_is_no_reason_to_show_the_customer_a_fatal_error(bridge: Bridge, sold: Sold) -> None:
    remove = bridge.mu_plugin(
        "refuses",
        "add_filter('query', function ($sql) { $GLOBALS['wpdb']->suppress_errors();"
        " return strpos($sql, 'FROM wp_smi_bridge_ledger') ? 'nonsense' : $sql; });",
    )
    try:
        link = sold.get()
        status = requests.get(f"{bridge.shop.url}/wp-json/smi-bridge/v1/status/{sold.job_id}", timeout=30)
    finally:
        remove()
    assert (link.status_code, link.headers["Retry-After"]) == (503, "60") and "safe" in link.text
    assert (status.status_code, status.json()) == (503, {"error": "database"})
    assert "no-store" in status.headers["Cache-Control"]


def test_a_newer_attempt_has_its_own_link_and_while_it_is_under_way_the_old_one_opens(
    bridge: Bridge, sold: Sold
) -> None:
    bridge.open(sold.job_id, attempt=2)
    assert sold.get().status_code == 200
    bridge.door.send("job.delivered", delivery(sold.job_id, attempt=2, token="t" * 40, download_url=None))
    assert sold.get().status_code == 410


def test_strangers_get_nothing(bridge: Bridge, sold: Sold) -> None:
    other = sell(bridge)
    token = other.link.rpartition("=")[2]
    for link in (
        f"{sold.link.rpartition('=')[0]}={token}",
        sold.link[:-1],
        f"{sold.link.rpartition('=')[0]}=",
        f"{bridge.shop.url}/?smi-bridge=download",
        f"{bridge.shop.url}/?smi-bridge=download&job[]=1&token[]=2",
    ):
        assert requests.get(link, timeout=30).status_code == 404, link


@pytest.mark.parametrize(
    ("constant", "header"),
    [("X-LiteSpeed-Location: /downloads/", "/downloads/{}"), ("X-Accel-Redirect: /smi-internal", "/smi-internal/{}")],
)
def test_a_constant_names_the_web_servers_header(bridge: Bridge, sold: Sold, constant: str, header: str) -> None:
    """Its form; what the server makes of it is the server's."""
    remove = bridge.mu_plugin(
        "sendfile",
        f"define('SMI_BRIDGE_SENDFILE', '{constant}');"
        "add_filter('smi_bridge_sendfile_header', function ($h) { return 'X-Seen: ' . $h; });",
    )
    try:
        seen = sold.get().headers["X-Seen"]
    finally:
        remove()
    name = "/".join(sold.path.parts[-3:])
    assert seen == f"{constant.partition(':')[0]}: {header.format(name)}"


def test_a_web_server_may_send_the_file_instead(bridge: Bridge, sold: Sold) -> None:
    remove: Callable[[], None] = bridge.mu_plugin(
        "sendfile", "add_filter('smi_bridge_sendfile_header', fn($h, $path, $name) => 'X-Test-File: ' . $name, 10, 3);"
    )
    try:
        answer = sold.get()
        bridge.open(sold.job_id, attempt=2)
        found, during = sold.path.stat(), sold.get()
    finally:
        remove()
    assert answer.headers["X-Test-File"] == f"2026/11/{sold.job_id}_4x.jpg"
    assert (answer.content, answer.headers["ETag"]) == (b"", f'"{SHA256}"')
    own = f'"{found.st_size:x}-{int(found.st_mtime):x}-{found.st_ino:x}"'
    assert during.headers["ETag"] == own, "a rerun may put its file there"
