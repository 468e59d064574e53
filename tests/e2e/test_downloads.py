"""The customer's download in each of its ways: nginx sends the bytes, Apache does, the sidecar does; or the shop hands
them out: PHP does, or has nginx or Apache do it."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import requests

from sidecar.core.tokens import DownloadGrant, TokenMaker
from tests.testbed.apache import Apache
from tests.testbed.customer import Customer
from tests.testbed.places import REPOSITORY
from tests.testbed.sidecar import Sidecar
from tests.testbed.waiting import wait_for
from tests.testbed.whole import Whole

OPERATORS_OWN = ("messages", "metrics", "readyz", "rq", "rq/queues")
TITLE = "Über den “Hügeln”: 1/2"


@dataclass(frozen=True)
class Served:
    """One delivered file, and where one web server offers it."""

    link: str
    bytes: int
    sha256: str
    logs: Path

    def get(self, method: str = "GET", **headers: str) -> requests.Response:
        headers.setdefault("Accept-Encoding", "identity")
        return requests.request(method, self.link, headers=headers, timeout=30)


@contextmanager
def one_more_web_process(whole: Whole, folder: Path, mode: str) -> Iterator[Sidecar]:
    """A second web process beside the Whole's own, on the same working memory, with another download mode."""
    env = {name: value for name, value in whole.sidecar.env.items() if name != "PORT"}
    with Sidecar.start(folder, {**env, "SMI_DOWNLOAD_MODE": mode}, ["web"]) as sidecar:
        yield sidecar


def apache_before(whole: Whole, folder: Path, port: int) -> Apache:
    """Apache with deploy/apache.conf, as its first lines tell an admin to adjust it."""
    text = (REPOSITORY / "deploy" / "apache.conf").read_text()
    text = text.replace("http://127.0.0.1:8321/", f"http://127.0.0.1:{port}/")
    text = text.replace("/var/www/html/wp-content/uploads", str(whole.shop.uploads))
    text = text.replace("${APACHE_LOG_DIR}", str(folder)).replace("# CustomLog", "CustomLog")
    return Apache(folder, whole.shop.root, whole.shop.php_fpm.port, text)


@pytest.fixture(scope="module")
def delivered(newest: Whole, buyer: Customer) -> dict[str, Any]:
    photo = buyer.photo("large.jpg", 400, 300)
    newest.shop.sql("UPDATE wp_posts SET post_title = %s WHERE ID = %s", TITLE, photo)
    return buyer.until(buyer.buy(photo), "delivered")


@contextmanager
def sent_by(whole: Whole, header: str) -> Iterator[None]:
    """wp-config.php as its owner writes it: who sends what the shop hands out."""
    file = whole.shop.root / "wp-config.php"
    before = file.read_text()
    line = f"define( 'SMI_BRIDGE_SENDFILE', '{header}' );" if header else ""
    file.write_text(before.replace("<?php", f"<?php {line}", 1))
    whole.shop.php_fpm.restart()  # it may have kept the file for some seconds
    try:
        yield
    finally:
        file.write_text(before)
        whole.shop.php_fpm.restart()


WAYS = ("nginx", "apache", "sidecar", "php", "php, sent by nginx", "php, sent by apache")


@pytest.fixture(scope="module", params=WAYS)
def served(
    request: pytest.FixtureRequest, newest: Whole, delivered: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("served")
    facts = (delivered["bytes"], delivered["sha256"], folder)
    if request.param == "nginx":
        yield Served(delivered["download_url"], *facts)
    elif request.param.startswith("php"):
        at_shop = f"/?smi-bridge=download&job={delivered['job_id']}&token={delivered['token']}"
        if request.param == "php":
            yield Served(newest.shop.url + at_shop, *facts)
        elif request.param.endswith("nginx"):
            with sent_by(newest, "X-Accel-Redirect: /smi-internal/"):
                yield Served(newest.shop.url + at_shop, *facts)
        else:
            with sent_by(newest, "X-Sendfile"), apache_before(newest, folder, newest.sidecar_port) as apache:
                yield Served(apache.url + at_shop, *facts)
    elif request.param == "sidecar":
        with one_more_web_process(newest, folder, "stream") as sidecar:
            yield Served(f"{sidecar.url}/download/{delivered['token']}", *facts)
    else:
        with (
            one_more_web_process(newest, folder, "x-sendfile") as sidecar,
            apache_before(newest, folder, sidecar.port) as apache,
        ):
            yield Served(f"{apache.url}/smi/download/{delivered['token']}", *facts)


def test_the_whole_file_comes_with_its_exact_length_and_a_decent_name(served: Served) -> None:
    answer = served.get()
    assert answer.status_code == 200
    assert hashlib.sha256(answer.content).hexdigest() == served.sha256
    assert answer.headers["Content-Length"] == str(served.bytes)
    assert answer.headers["Content-Type"] == "image/jpeg"
    name = answer.headers["Content-Disposition"]
    assert name.startswith('attachment; filename="Uber den')
    assert "filename*=UTF-8''%C3%9Cber%20den%20%E2%80%9CH%C3%BCgeln%E2%80%9D%201%202%204x.jpg" in name


def test_no_cache_keeps_it_no_search_engine_lists_it_and_no_referrer_betrays_it(served: Served) -> None:
    headers = served.get().headers
    assert "no-store" in headers["Cache-Control"]
    assert headers["Referrer-Policy"] == "no-referrer"
    assert "noindex" in headers["X-Robots-Tag"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "X-Accel-Redirect" not in headers
    assert "X-Sendfile" not in headers


def test_head_tells_the_length_and_sends_nothing(served: Served) -> None:
    answer = served.get("HEAD")
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["Content-Length"] == str(served.bytes)
    assert answer.headers["ETag"] == served.get().headers["ETag"]
    if "Apache" not in answer.headers["Server"]:  # which need not announce what it does
        assert answer.headers["Accept-Ranges"] == "bytes"


@pytest.mark.parametrize(
    ("asked", "part"),
    [("bytes=0-9", slice(0, 10)), ("bytes=1000-1999", slice(1000, 2000)), ("bytes=-7", slice(-7, None))],
)
def test_a_broken_off_download_goes_on_where_it_ended(served: Served, asked: str, part: slice) -> None:
    whole = served.get().content
    answer = served.get(Range=asked)
    assert (answer.status_code, answer.content) == (206, whole[part])
    start = part.indices(len(whole))[0]
    assert answer.headers["Content-Range"] == f"bytes {start}-{start + len(whole[part]) - 1}/{served.bytes}"


def test_the_rest_is_sent_only_if_the_file_is_still_the_same(served: Served) -> None:
    etag = served.get("HEAD").headers["ETag"]
    assert served.get(Range="bytes=100-", **{"If-Range": etag}).status_code == 206
    other = served.get(Range="bytes=100-", **{"If-Range": '"another-file"'})
    assert (other.status_code, len(other.content)) == (200, served.bytes)


def test_a_range_beyond_the_end_is_refused(served: Served) -> None:
    answer = served.get(Range=f"bytes={served.bytes + 1}-")
    assert answer.status_code == 416
    if "Apache" not in answer.headers["Server"]:  # which does not tell the length here
        assert answer.headers["Content-Range"] == f"bytes */{served.bytes}"


@pytest.mark.parametrize("served", ["nginx", "apache", "sidecar"], indirect=True)
def test_any_file_name_may_be_appended_to_the_address(served: Served) -> None:
    with_name = replace(served, link=f"{served.link}/evening%204x.jpg")
    assert len(with_name.get().content) == served.bytes


# --- links that open nothing


@pytest.fixture(scope="module")
def tokens(newest: Whole) -> TokenMaker:
    """Signs as the sidecar does: its secret is ours."""
    return newest.sidecar.tokens


def _refused(whole: Whole, token: str, status: int, words: str) -> None:
    for method in ("GET", "HEAD"):
        answer = requests.request(method, f"{whole.shop.url}/smi/download/{token}", timeout=30)
        assert answer.status_code == status
        assert answer.headers["Content-Type"].startswith("text/html")
        assert "no-store" in answer.headers["Cache-Control"]
        assert answer.headers["Referrer-Policy"] == "no-referrer"
    page = requests.get(f"{whole.shop.url}/smi/download/{token}", timeout=30).text
    assert words in page
    assert len(page) < 5000
    assert "Traceback" not in page
    assert str(REPOSITORY) not in page


@pytest.mark.parametrize("token", ["x", "a.b.c", "WyJ4IiwxLDFd.AAAA", "ä" * 300, "A" * 3000])
def test_a_link_that_we_did_not_sign_finds_nothing(newest: Whole, token: str) -> None:
    _refused(newest, token, 404, "We can’t find that download")


def test_a_token_of_another_purpose_finds_nothing(newest: Whole, delivered: dict[str, Any], tokens: TokenMaker) -> None:
    _refused(newest, tokens.webhook(delivered["job_id"], 1, 1), 404, "We can’t find that download")


def test_an_expired_link_names_the_newer_one(newest: Whole, delivered: dict[str, Any], tokens: TokenMaker) -> None:
    expired = tokens.download(DownloadGrant(delivered["job_id"], delivered["attempt"], 1_700_000_000))
    _refused(newest, expired, 410, "There is a newer link")


def test_a_link_to_an_unknown_attempt_or_a_forgotten_job_says_so(
    newest: Whole, delivered: dict[str, Any], tokens: TokenMaker
) -> None:
    _refused(newest, tokens.download(DownloadGrant(delivered["job_id"], 7, 1 << 40)), 410, "There is a newer link")
    _refused(newest, tokens.download(DownloadGrant("never-sold", 1, 1 << 40)), 410, "no longer valid")


def test_a_refund_in_the_payment_providers_dashboard_revokes_the_link(newest: Whole, buyer: Customer) -> None:
    attempt = buyer.until(buyer.buy(), "delivered")
    assert requests.head(attempt["download_url"], timeout=30).status_code == 200
    newest.shop.php(f"smi_demo_shop_refund_outside('{attempt['job_id']}');")
    wait_for(lambda: requests.head(attempt["download_url"], timeout=30).status_code == 410, "the link is revoked")
    _refused(newest, attempt["token"], 410, "This link is no longer valid")


def test_a_file_that_was_deleted_by_hand_is_missed_politely(newest: Whole, buyer: Customer) -> None:
    attempt = buyer.until(buyer.buy(), "delivered")
    (newest.shop.uploads / "smi-downloads" / attempt["path"]).unlink()
    _refused(newest, attempt["token"], 404, "We can’t find that download")


# --- secrets


@pytest.mark.parametrize("served", ["nginx", "apache", "sidecar"], indirect=True)
def test_no_log_ever_holds_a_token(newest: Whole, delivered: dict[str, Any], served: Served) -> None:
    """What this test's requests have written: others ask the shop itself, whose web server has no snippet for that."""

    def logs() -> dict[Path, bytes]:
        return {log: log.read_bytes() for folder in (newest.folder, served.logs) for log in folder.rglob("*.log")}

    before = {log: len(text) for log, text in logs().items()}
    assert served.get().status_code == 200
    served.get(Range="bytes=0-1", Referer=served.link)
    mark = uuid.uuid4().hex  # a line is written when the answer is out
    requests.get(f"{newest.shop.url}/wp-json/?{mark}", timeout=30)
    wait_for(lambda: any(mark.encode() in text for text in logs().values()), "what came before is written")
    assert any(b"POST /wp-json/smi-bridge/v1/messages" in text for text in logs().values())
    for log, text in logs().items():
        assert delivered["token"].encode() not in text[before.get(log, 0) :], log


@pytest.fixture
def apache(newest: Whole, tmp_path: Path) -> Callable[[str], Apache]:
    """An Apache with this snippet only."""
    return lambda snippet: Apache(tmp_path, newest.shop.root, newest.shop.php_fpm.port, snippet)


def test_apache_keeps_paid_files_closed_even_without_a_word_in_its_configuration(
    newest: Whole, delivered: dict[str, Any], apache: Callable[[str], Apache]
) -> None:
    """By the .htaccess that lies in the folder."""
    with apache("") as server:
        assert requests.get(f"{server.url}/wp-includes/images/blank.gif", timeout=30).status_code == 200
        address = f"{server.url}/wp-content/uploads/smi-downloads/{delivered['path']}"
        assert requests.get(address, timeout=30).status_code == 403


def test_apache_keeps_paid_files_closed_where_htaccess_is_switched_off(
    newest: Whole, delivered: dict[str, Any], tmp_path: Path
) -> None:
    """By the snippet; and signed messages and figures are not for the public either."""
    (newest.shop.uploads / "smi-downloads" / ".htaccess").rename(tmp_path / "htaccess")
    try:
        with apache_before(newest, tmp_path, newest.sidecar_port) as server:
            address = f"{server.url}/wp-content/uploads/smi-downloads/{delivered['path']}"
            assert requests.get(address, timeout=30).status_code == 403
            for path in OPERATORS_OWN:
                assert requests.post(f"{server.url}/smi/{path}", timeout=30).status_code == 403
            assert requests.get(f"{server.url}/smi/status/{delivered['job_id']}", timeout=30).status_code == 200
    finally:
        (tmp_path / "htaccess").rename(newest.shop.uploads / "smi-downloads" / ".htaccess")


def test_nginx_keeps_signed_messages_and_figures_from_the_public(newest: Whole) -> None:
    for path in (*OPERATORS_OWN, "%6dessages", "/messages", "x/../messages"):
        assert requests.post(f"{newest.shop.url}/smi/{path}", timeout=30).status_code == 404
    assert requests.get(f"{newest.sidecar.url}/healthz", timeout=30).status_code == 200
