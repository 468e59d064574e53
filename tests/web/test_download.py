"""The customer's download: the file and its headers, and every way in which a link opens nothing."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from urllib.parse import unquote

import pytest
from redis.exceptions import OutOfMemoryError

from sidecar.core.errors import TemporaryError
from sidecar.core.messages import site_hash
from sidecar.core.tokens import DownloadGrant, TokenMaker
from sidecar.web.download import file_name
from tests.web.conftest import Web


def stored(web: Web) -> bytes:
    return web.rig.files.path(web.rig.row().delivery["path"]).read_bytes()


# ---------------------------------------------------------------------- the file
def test_the_link_brings_the_file_whole(web: Web) -> None:
    link = web.deliver()
    answer = web.client.get(link)
    assert (answer.status_code, answer.data) == (200, stored(web))
    assert hashlib.sha256(answer.data).hexdigest() == web.rig.row().delivery["sha256"]
    headers = answer.headers
    assert headers["Content-Length"] == str(len(stored(web)))
    assert headers["Content-Type"] == "image/png"
    assert headers["ETag"] == f'"{web.rig.row().delivery["sha256"]}"'
    assert headers["Accept-Ranges"] == "bytes"
    assert headers["Cache-Control"] == "private, no-store"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["X-Robots-Tag"] == "noindex, nofollow"
    assert headers["X-Content-Type-Options"] == "nosniff"


def test_a_file_name_after_the_token_changes_nothing(web: Web) -> None:
    link = web.deliver()
    assert web.client.get(f"{link}/Sunrise%204x.png").data == stored(web)


def test_head_tells_the_same_without_the_bytes(web: Web) -> None:
    link = web.deliver()
    whole, head = web.client.get(link), web.client.head(link)
    assert (head.status_code, head.data) == (200, b"")
    for name in ("Content-Length", "Content-Type", "ETag", "Accept-Ranges", "Content-Disposition"):
        assert head.headers[name] == whole.headers[name]


@pytest.mark.parametrize(
    ("asked", "begin", "end"),
    [("bytes=0-9", 0, 10), ("bytes=100-", 100, None), ("bytes=-7", -7, None), ("bytes=5-5", 5, 6)],
)
def test_a_part_is_exactly_that_part(web: Web, asked: str, begin: int, end: int | None) -> None:
    link = web.deliver()
    whole = stored(web)
    answer = web.client.get(link, headers={"Range": asked})
    part = whole[begin:end]
    assert (answer.status_code, answer.data) == (206, part)
    assert answer.headers["Content-Length"] == str(len(part))
    first = begin % len(whole)
    assert answer.headers["Content-Range"] == f"bytes {first}-{first + len(part) - 1}/{len(whole)}"


def test_a_download_in_two_halves_is_whole(web: Web) -> None:
    link = web.deliver()
    first = web.client.get(link, headers={"Range": "bytes=0-999"})
    second = web.client.get(link, headers={"Range": "bytes=1000-", "If-Range": first.headers["ETag"]})
    assert first.data + second.data == stored(web)


def test_a_part_of_another_file_is_not_stuck_to_the_first_half(web: Web) -> None:
    link = web.deliver()
    answer = web.client.get(link, headers={"Range": "bytes=1000-", "If-Range": '"another"'})
    assert (answer.status_code, answer.data) == (200, stored(web))


def test_a_range_beyond_the_end_is_not_satisfiable(web: Web) -> None:
    link = web.deliver()
    answer = web.client.get(link, headers={"Range": "bytes=99999999-"})
    assert answer.status_code == 416
    assert answer.headers["Content-Range"] == f"bytes */{len(stored(web))}"


def test_what_the_client_has_already_is_not_sent_again(web: Web) -> None:
    link = web.deliver()
    etag = web.client.get(link).headers["ETag"]
    answer = web.client.get(link, headers={"If-None-Match": etag})
    assert (answer.status_code, answer.data) == (304, b"")


def test_a_link_opens_any_number_of_times(web: Web) -> None:
    link = web.deliver()
    assert [web.client.get(link).status_code for _ in range(5)] == [200] * 5


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Sunrise", "Sunrise 4x.png"),
        ("Émile Zolà – ☀", "Émile Zolà – ☀ 4x.png"),
        ('a/b\\c:d*e?"f"<g>|h', "a b c d e f g h 4x.png"),
        ("  ..  ", "image 4x.png"),
        ("", "image 4x.png"),
        ("x\r\nSet-Cookie: a=b", "x Set-Cookie a=b 4x.png"),
        ("日本", "日本 4x.png"),
        ("y" * 300, "y" * 80 + " 4x.png"),
    ],
)
def test_the_file_is_named_after_the_picture(web: Web, title: str, name: str) -> None:
    link = web.deliver(title=title[:200])
    assert file_name(web.rig.job()) == name
    header = web.client.get(link).headers["Content-Disposition"]
    assert header.startswith('attachment; filename="')
    assert unquote(header.rpartition("filename*=UTF-8''")[2]) == name
    assert header.isascii() and "\n" not in header and "\r" not in header
    plain = header.split('"')[1]
    assert plain.endswith("4x.png")


@pytest.mark.parametrize("mode", ["x-accel", "x-sendfile", "stream"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("extra", [{}, {"Range": "bytes=5-9"}, {"If-None-Match": '"other"'}])
def test_what_a_link_opens_is_answered_without_flask(
    tmp_path: Path, mode: str, method: str, extra: dict[str, str]
) -> None:
    web = Web(tmp_path, SMI_DOWNLOAD_MODE=mode)
    link = web.deliver()
    web.client.application.dispatch_request = None
    answer = web.client.open(link, method=method, headers=extra)
    assert answer.status_code == (206 if "Range" in extra and mode == "stream" else 200)


def test_a_link_that_opens_nothing_is_looked_at_once(web: Web) -> None:
    """The ledger is asked for a job that memory does not know: a request to WordPress."""
    link = web.deliver()
    web.rig.flush_all()
    web.rig.shop.rows.clear()
    before = web.rig.shop.requests
    assert web.client.get(link).status_code == 410
    assert web.rig.shop.requests == before + 1


@pytest.mark.parametrize("mode", ["x-accel", "x-sendfile"])
def test_the_web_server_sends_the_bytes_where_it_can(tmp_path: Path, mode: str) -> None:
    web = Web(tmp_path, SMI_DOWNLOAD_MODE=mode)
    link = web.deliver()
    answer = web.client.get(link)
    assert (answer.status_code, answer.data) == (200, b"")
    if mode == "x-accel":
        assert answer.headers["X-Accel-Redirect"] == "/smi-internal/2026/11/job-1_4x.png"
    else:
        assert answer.headers["X-Sendfile"] == str(web.rig.files.path("2026/11/job-1_4x.png"))
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert answer.headers["ETag"] and "attachment" in answer.headers["Content-Disposition"]


def test_apache_gets_the_bytes_of_a_path_as_the_disk_has_them(tmp_path: Path) -> None:
    """A header is Latin-1 (PEP 3333), and a path need not be: each download of such a shop was a 500."""
    folder = tmp_path / "Žluťoučké bücher 100%"
    folder.mkdir()
    web = Web(folder, SMI_DOWNLOAD_MODE="x-sendfile")
    answer = web.client.get(web.deliver())
    path = web.rig.files.path("2026/11/job-1_4x.png")
    assert answer.headers["X-Sendfile"].encode("latin-1") == os.fsencode(path)


@pytest.mark.parametrize("mode", ["x-accel", "x-sendfile"])
def test_what_a_web_server_sends_while_a_rerun_is_under_way_has_an_etag_of_its_own(tmp_path: Path, mode: str) -> None:
    web = Web(tmp_path, SMI_DOWNLOAD_MODE=mode)
    link = web.deliver()
    delivered = web.client.get(link).headers["ETag"]
    web.rig.push("job.paid", web.rig.shop.rerun("job-1", force=True))
    path = web.rig.files.path(web.rig.shop.rows["job-1"][0].delivery["path"])
    before = web.client.get(link).headers["ETag"]
    path.rename(path.with_suffix(".old"))
    path.write_bytes(path.with_suffix(".old").read_bytes()[::-1])
    after = web.client.get(link).headers["ETag"]
    assert len({delivered, before, after}) == 3


# ---------------------------------------------------------------------- what opens nothing
def sorry(web: Web, link: str, status: int, words: str) -> None:
    """A small readable page, with the right status, and nothing else on it."""
    for method in (web.client.get, web.client.head):
        answer = method(link)
        assert answer.status_code == status
        assert answer.mimetype == "text/html"
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
    page = web.client.get(link).get_data(as_text=True)
    assert words in page and "https://shop.example" in page
    for leak in ("Traceback", "job-1", str(web.uploads), "smi-downloads", link):
        assert leak not in page


def test_a_wrong_token(web: Web) -> None:
    link = web.deliver()
    for wrong in ("x", link[:-1], link.swapcase(), link + "x", "/download/%00", "/download/..%2f..%2fetc%2fpasswd"):
        wrong = wrong if wrong.startswith("/") else f"/download/{wrong}"
        sorry(web, wrong.replace("/DOWNLOAD/", "/download/"), 404, "can’t find that download")


def test_an_expired_token(web: Web) -> None:
    link = web.deliver()
    web.rig.clock.advance(25 * 3600)
    sorry(web, link, 410, "expired")


@pytest.mark.parametrize(
    ("asked", "language", "words"),
    [
        ("de-AT,de;q=0.9,en;q=0.8", "de", "Dieser Link ist abgelaufen"),
        ("fr-FR,fr", "en", "This link has expired"),
        ("en-US,de;q=0.5", "en", "This link has expired"),
        ("../../etc", "en", "This link has expired"),
    ],
)
def test_the_page_speaks_the_browsers_language(web: Web, asked: str, language: str, words: str) -> None:
    link = web.deliver()
    web.rig.clock.advance(25 * 3600)
    answer = web.client.get(link, headers={"Accept-Language": asked})
    page = answer.get_data(as_text=True)
    assert f'<html lang="{language}">' in page and f"<title>{words}</title>" in page and words in page
    assert (answer.headers["Content-Language"], answer.headers["Vary"]) == (language, "Accept-Language")


@pytest.mark.parametrize("how", ["stop", "refunded_elsewhere"])
def test_a_revoked_link(web: Web, how: str) -> None:
    link = web.deliver()
    web.rig.push("job.cancel", getattr(web.rig.shop, how)("job-1"))
    sorry(web, link, 410, "no longer valid")


@pytest.mark.parametrize("how", ["stop", "refunded_elsewhere"])
def test_a_revoked_link_stays_revoked_when_memory_is_lost(web: Web, how: str) -> None:
    link = web.deliver()
    getattr(web.rig.shop, how)("job-1")
    web.rig.flush_all()
    sorry(web, link, 410, "no longer valid")


def test_a_missing_file(web: Web) -> None:
    link = web.deliver()
    web.rig.files.remove(web.rig.row().delivery["path"])
    sorry(web, link, 404, "can’t find that download")
    assert "download.missing" in [event for event, _ in web.rig.events]


def test_a_folder_that_can_not_be_looked_into_is_no_fault_of_ours(web: Web) -> None:
    """As a share that has gone stale: a system call says neither "there" nor "not there"."""
    link = web.deliver()
    folder = web.rig.files.root
    put_by = folder.rename(folder.with_name("put-by"))
    folder.symlink_to(folder.name)
    sorry(web, link, 503, "Your picture is safe")
    folder.unlink()
    put_by.rename(folder)
    assert web.client.get(link).status_code == 200


def test_a_folder_that_is_away_is_no_missing_file(web: Web) -> None:
    link = web.deliver()
    folder = web.rig.files.root
    put_by = folder.rename(folder.with_name("put-by"))
    sorry(web, link, 503, "Your picture is safe")
    assert "download.missing" not in [event for event, _ in web.rig.events]
    put_by.rename(folder)
    assert web.client.get(link).status_code == 200


def test_a_link_that_a_newer_delivery_has_replaced(web: Web) -> None:
    link = web.deliver()
    web.rig.push("job.paid", web.rig.shop.rerun("job-1"))
    web.rig.let_pass(60)
    sorry(web, link, 410, "newer link")
    assert web.client.get("/download/" + web.rig.row().delivery["token"]).status_code == 200


@pytest.mark.parametrize("force", [False, True])
def test_a_link_opens_while_a_newer_attempt_is_still_under_way(web: Web, force: bool) -> None:
    """He has paid, he has been told, and nobody has sent him another link yet."""
    link = web.deliver()
    web.rig.upsampler.put_faults({"fault": "processing_stuck"})
    web.rig.push("job.paid", web.rig.shop.rerun("job-1", force=force))
    if force:
        web.rig.let_pass(60)
    assert (web.rig.job().attempt, web.rig.job().state) != (2, "delivered")
    assert web.client.get(link).data == stored_of(web, 1)


def test_while_a_rerun_is_under_way_the_parts_of_a_file_cost_one_question_and_a_stop_counts_at_once(web: Web) -> None:
    link = web.deliver()
    web.rig.upsampler.put_faults({"fault": "processing_stuck"})
    web.rig.push("job.paid", web.rig.shop.rerun("job-1", force=True))
    web.rig.let_pass(60)
    before = web.rig.shop.requests
    for begin in range(5):
        assert web.client.get(link, headers={"Range": f"bytes={begin}-9"}).status_code == 206
    assert web.rig.shop.requests == before + 1
    web.rig.push("job.cancel", web.rig.shop.stop("job-1"))
    sorry(web, link, 410, "no longer valid")


@pytest.mark.parametrize("lost", [False, True])
def test_a_bridge_of_before_tells_of_the_good_file_only(web: Web, lost: bool) -> None:
    link = web.deliver()
    web.rig.shop.of_before = True
    data = web.rig.shop.rerun("job-1", force=True)
    if lost:
        web.rig.flush_all()
    else:
        web.rig.push("job.paid", data)
    assert web.client.get(link).data == stored_of(web, 1)
    web.rig.let_pass(90)
    sorry(web, link, 410, "newer link")
    web.rig.flush_all()
    sorry(web, link, 410, "newer link")
    assert web.client.get("/download/" + web.rig.row().delivery["token"]).status_code == 200


def stored_of(web: Web, attempt: int) -> bytes:
    row = web.rig.shop.snapshot("job-1")[attempt - 1]
    return web.rig.files.path(row.delivery["path"]).read_bytes()


def test_a_token_for_a_job_that_the_shop_does_not_know(web: Web) -> None:
    token = web.rig.tokens.download(DownloadGrant("nobody", 1, int(web.rig.clock()) + 100))
    sorry(web, f"/download/{token}", 410, "no longer valid")


def test_a_link_of_another_shop_with_equal_ids_and_equal_keys_opens_nothing(web: Web) -> None:
    web.deliver()
    job = web.rig.job()
    theirs = TokenMaker(web.rig.settings.signing_keys, site_hash("https://other.example"))
    token = theirs.download(DownloadGrant("job-1", job.attempt, job.expires_at))
    sorry(web, f"/download/{token}", 404, "can’t find that download")


@pytest.mark.parametrize("lost", [False, True])
def test_a_link_from_before_the_shop_moved_goes_on_opening(web: Web, lost: bool) -> None:
    """The ledger has it: it was made for this job, under the address of before."""
    web.rig.tokens._site = site_hash("http://www.shop.example")
    link = web.deliver()
    web.rig.tokens._site = web.rig.settings.site_hash
    if lost:
        web.rig.flush_all()
    assert web.client.get(link).data == stored(web)


def test_a_link_that_does_not_name_the_site_goes_on_opening(web: Web) -> None:
    """As version 1.0 made it."""
    web.deliver()
    job, maker = web.rig.job(), web.rig.tokens
    token = maker._dump(maker._download, ["job-1", job.attempt, job.expires_at])
    web.rig.shop.newest("job-1").delivery["token"] = token
    assert web.client.get(f"/download/{token}").data == stored(web)


def test_a_link_works_when_working_memory_has_lost_its_job(web: Web) -> None:
    link = web.deliver()
    web.rig.flush_all()
    assert web.client.get(link).data == stored(web)


def test_a_link_waits_for_a_shop_that_is_away_only_when_memory_is_lost(web: Web) -> None:
    link = web.deliver()
    web.rig.shop.away = TemporaryError("shop_unavailable", "connection refused")
    assert web.client.get(link).status_code == 200
    web.rig.flush_all()
    sorry(web, link, 503, "One moment")
    assert web.client.get(link).headers["Retry-After"]


def test_a_file_under_the_same_token_by_another_method(web: Web) -> None:
    link = web.deliver()
    assert web.client.post(link).status_code == 405
    assert web.client.post(link).mimetype == "text/html"


# ---------------------------------------------------------------------- the shop is told of the first download
def test_the_shop_hears_of_the_first_download_once(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[dict] = []
    send = web.rig.shop.send
    monkeypatch.setattr(web.rig.shop, "send", lambda messages: told.extend(messages) or send(messages))
    link = web.deliver()
    web.client.head(link)
    web.rig.let_pass(5)
    assert not web.rig.row().downloaded, "asking for the head is no download"
    for headers in ({"Range": "bytes=0-9"}, {}, {}):
        assert web.client.get(link, headers=headers).status_code in (200, 206)
    web.rig.let_pass(5)
    assert web.rig.row().downloaded
    assert [message["data"]["attempt"] for message in told if message["type"] == "job.downloaded"] == [1]


def test_a_download_of_the_file_of_before_is_that_attempts(web: Web) -> None:
    link = web.deliver()
    web.rig.shop.rerun("job-1", force=True)
    web.rig.let_pass(1)
    assert web.client.get(link).status_code == 200
    web.rig.let_pass(5)
    assert [row.downloaded for row in web.rig.shop.rows["job-1"]] == [True, False]


def test_a_delivered_job_that_was_downloaded_still_leaves_working_memory(web: Web) -> None:
    link = web.deliver()
    assert web.client.get(link).status_code == 200
    web.rig.let_pass(30 * 86400)
    assert web.rig.store.get("job-1") is None


def test_a_download_that_can_not_be_noted_is_served(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    link = web.deliver()

    def away(*_: object, **__: object) -> None:
        raise OutOfMemoryError("command not allowed when used memory > 'maxmemory'")

    monkeypatch.setattr(web.rig.store, "change", away)
    assert web.client.get(link).data == stored(web)
