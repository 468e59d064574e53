"""Downloads by way of a CDN: a real nginx signs off what the door has signed, and the shop's nginx is its origin."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from sidecar.adapters import cdn_links
from sidecar.adapters.cdn import Cdn
from sidecar.cli import checks_of_files
from sidecar.services import Services
from sidecar.workflow import cdn
from sidecar.workflow.time_limits import CDN_ALIVE_S
from tests.testbed.cdn import LINK_KEY, ORIGIN_KEY, Servers
from tests.testbed.cdn import servers as cdn_servers
from tests.testbed.places import REPOSITORY
from tests.web.conftest import Web

VECTORS = json.loads((REPOSITORY / "tests" / "vectors" / "cdn.json").read_text())


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    folder = tmp_path_factory.mktemp("cdn")
    (folder / "uploads").mkdir()
    with cdn_servers(folder, folder / "uploads") as servers:
        yield servers


@pytest.fixture
def web(servers: Servers, tmp_path: Path) -> Iterator[Web]:
    (tmp_path / "uploads").symlink_to(servers.uploads)
    web = Web(tmp_path, SMI_DOWNLOAD_MODE="redirect", SMI_CDN_URL=servers.url, SMI_CDN_KEY=LINK_KEY)
    web.rig.clock.at = float(int(time.time()))
    web.serve(cdn=Cdn(web.rig.settings, web.rig.settings.downloads_dir, clock=web.rig.clock))
    yield web
    assert web.rig.faults() == []


def _probe(web: Web) -> None:
    cdn.probe(web.client.application.extensions["services"].ports)


def _stored(web: Web, job_id: str = "job-1") -> bytes:
    return web.rig.files.path(web.rig.shop.rows[job_id][0].delivery["path"]).read_bytes()


# ---------------------------------------------------------------------- addresses
@pytest.mark.parametrize("case", VECTORS["bunny"], ids=lambda case: case["source"])
def test_bunny_as_the_vectors_say(case: dict[str, Any]) -> None:
    assert cdn_links.bunny(case["url"], case["key"], case["end"]) == case["signed"]


@pytest.mark.parametrize("case", VECTORS["secure-link"], ids=lambda case: case["source"])
def test_secure_link_as_the_vectors_say(case: dict[str, Any]) -> None:
    address = case.get("remote_addr", "")
    assert cdn_links.secure_link(case["url"], case["key"], case["end"], address) == case["signed"]


@pytest.mark.parametrize("case", VECTORS["cloudfront"], ids=lambda case: case["source"])
def test_cloudfront_as_the_vectors_say(case: dict[str, Any]) -> None:
    assert cdn_links.cloudfront(case["url"], case["key"], case["end"], case["key_id"]) == case["signed"]


@pytest.mark.parametrize("signing", ["secure-link", "bunny", "cloudfront"])
def test_an_address_names_file_content_and_end(web: Web, signing: str) -> None:
    env = {"SMI_CDN_SIGNING": signing, "SMI_CDN_KEY": _fresh_key() if signing == "cloudfront" else LINK_KEY}
    settings = web.rig.settings.from_env({**_env(web), **env, "SMI_CDN_KEY_ID": "K1"})
    address = Cdn(settings, web.uploads, clock=lambda: 1000.0).address(
        "2026/11/job-1_4x.png", version="abc", name="A b"
    )
    parts = urlsplit(address)
    query = parse_qs(parts.query)
    assert (parts.path, query["v"]) == ("/2026/11/job-1_4x.png", ["abc"])
    assert query.get("expires", query.get("Expires")) == ["1300"]


def _env(web: Web) -> dict[str, str]:
    from tests.workflow.rig import ENV

    return {**ENV, "SMI_DOWNLOAD_MODE": "redirect", "SMI_CDN_URL": web.rig.settings.cdn_url}


def _fresh_key() -> str:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    how = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return key.private_bytes(*how).decode()


# ---------------------------------------------------------------------- the door
def test_the_door_sends_the_customer_to_the_cdn_and_notes_the_download(web: Web) -> None:
    link = web.deliver(title="Sünrise")
    _probe(web)
    answer = web.client.get(link)
    assert (answer.status_code, answer.data) == (302, b"")
    assert answer.headers["Cache-Control"] == "private, no-store"
    web.rig.let_pass(10)
    assert web.rig.row().downloaded
    got = requests.get(answer.headers["Location"], timeout=10)
    assert (got.status_code, got.content) == (200, _stored(web))
    assert got.headers["Content-Disposition"] == "attachment; filename*=UTF-8''S%C3%BCnrise%204x.png"
    assert got.headers["Cache-Control"] == "private, no-store"
    assert got.headers["X-Content-Type-Options"] == "nosniff"
    head = requests.head(answer.headers["Location"], timeout=10)
    assert (head.status_code, head.headers["Content-Length"]) == (200, str(len(_stored(web))))
    part = requests.get(answer.headers["Location"], headers={"Range": "bytes=5-9"}, timeout=10)
    assert (part.status_code, part.content) == (206, _stored(web)[5:10])


def test_head_is_sent_there_too_and_is_no_download(web: Web) -> None:
    link = web.deliver()
    _probe(web)
    answer = web.client.head(link, headers={"Range": "bytes=0-1"})
    assert (answer.status_code, web.rig.row().downloaded) == (302, False)


def test_while_a_later_attempt_may_put_its_file_there_nobody_is_sent_to_the_cdn(web: Web) -> None:
    """The CDN would keep the new bytes under the version of the old ones."""
    link = web.deliver()
    _probe(web)
    assert web.client.head(link).status_code == 302
    web.rig.push("job.paid", web.rig.shop.rerun("job-1", force=True))
    assert web.client.get(link).data == _stored(web)


@pytest.mark.parametrize("method", ["get", "head"])
def test_what_opens_nothing_here_is_sent_nowhere(web: Web, method: str) -> None:
    link = web.deliver()
    _probe(web)
    ask: Callable[..., Any] = getattr(web.client, method)
    web.rig.push("job.cancel", web.rig.shop.stop("job-1"))
    assert ask(link).status_code == 410
    assert ask("/download/x").status_code == 404


def test_an_address_at_the_cdn_dies_by_itself_and_opens_nothing_else(web: Web) -> None:
    link = web.deliver()
    _probe(web)
    address = web.client.get(link).headers["Location"]
    late = Cdn(web.rig.settings, web.rig.settings.downloads_dir, clock=lambda: time.time() - 301)
    path = web.rig.row().delivery["path"]
    assert requests.get(late.address(path, version="x", name="x"), timeout=10).status_code == 410
    plain, _, query = address.partition("?")
    assert requests.get(plain, timeout=10).status_code == 403
    assert requests.get(plain.replace("_4x", "_2x") + "?" + query, timeout=10).status_code == 403
    assert requests.get(address.replace("expires=1", "expires=2"), timeout=10).status_code == 403


def test_the_shops_server_gives_files_to_nobody_but_the_cdn(web: Web, servers: Servers) -> None:
    web.deliver()
    path, shop = web.rig.row().delivery["path"], f"http://127.0.0.1:{servers.origin.port}"
    for address in (f"{shop}/wp-content/uploads/smi-downloads/{path}", f"{shop}/smi-origin/{path}"):
        assert requests.get(address, timeout=10).status_code == 403
        assert requests.get(address, headers={"Smi-Origin-Key": "guessed"}, timeout=10).status_code == 403
    ours = {"Smi-Origin-Key": ORIGIN_KEY}
    assert requests.get(f"{shop}/smi-origin/{path}", headers=ours, timeout=10).content == _stored(web)
    for other in (".incoming/x", ".htaccess", "../../wp-config.php", "2026/11/x.php", ".refused/job-1.1.jpg"):
        assert requests.get(f"{shop}/smi-origin/{other}", headers=ours, timeout=10).status_code in (403, 404)


def test_a_rerun_is_not_answered_with_the_picture_of_before(web: Web) -> None:
    """It has the same name, and the CDN has kept the other."""
    link = web.deliver()
    _probe(web)
    requests.get(web.client.get(link).headers["Location"], timeout=10)
    web.rig.files.path(web.rig.row().delivery["path"]).write_bytes(b"another picture")
    cdn_of = web.client.application.extensions["services"].ports.cdn
    address = cdn_of.address(web.rig.row().delivery["path"], version="another", name="x")
    assert requests.get(address, timeout=10).content == b"another picture"


@pytest.mark.parametrize(
    ("changes", "ok", "words"),
    [
        ({}, True, "and answers 403 else"),
        ({"SMI_CDN_KEY": "another key than the CDN has"}, False, "it answers 403"),
        ({"SMI_CDN_URL": "http://127.0.0.1:{origin}/open"}, False, "without a signature"),
        ({"SMI_CDN_URL": "http://127.0.0.1:9"}, False, "ConnectionError"),
        ({"SMI_DOWNLOAD_MODE": "stream"}, True, "not used"),
    ],
)
def test_the_doctor_tries_the_cdn(web: Web, servers: Servers, changes: dict[str, str], ok: bool, words: str) -> None:
    web.deliver()
    changes = {name: text.format(origin=servers.origin.port) for name, text in changes.items()}
    env = {**_env(web), "SMI_CDN_KEY": LINK_KEY, "SMI_UPLOADS_DIR": str(web.uploads), **changes}
    services = Services(web.rig.settings.from_env(env))
    services.__dict__["ports"] = web.rig.ports
    found = checks_of_files.cdn(services, "CDN")
    assert (found.ok, words in found.found) == (ok, True), found


@pytest.mark.parametrize(
    ("at", "fault", "mode", "ok", "words"),
    [
        ("", "", "redirect", False, "knows no CDN"),
        ("", "", "stream", True, "not used"),
        ("cdn", "", "redirect", True, "and answers 403 else"),
        ("cdn", "", "stream", True, "and answers 403 else"),
        ("cdn", "it answers 502", "redirect", False, "it answers 502; the shop"),
        ("open", "", "redirect", False, "without a signature"),
    ],
)
def test_the_doctor_asks_the_shop_where_that_hands_the_files_out(
    web: Web, servers: Servers, at: str, fault: str, mode: str, ok: bool, words: str
) -> None:
    (servers.uploads / "smi-downloads" / "cdn").mkdir(parents=True, exist_ok=True)
    (servers.uploads / "smi-downloads" / "cdn" / "1.txt").write_text("smi 1.txt\n")
    if at:
        address = {"cdn": servers.url, "open": servers.open_url}[at]
        web.rig.shop.cdn = {"probe": f"{address}/cdn/1.txt?v=probe", "fault": fault}
    env = {**_env(web), "SMI_STORAGE": "rest", "SMI_CDN_URL": "", "SMI_DOWNLOAD_MODE": mode}
    services = Services(web.rig.settings.from_env(env))
    services.__dict__["ports"] = web.rig.ports
    found = checks_of_files.cdn(services, "CDN")
    assert (found.ok, words in found.found) == (ok, True), found


# ---------------------------------------------------------------------- a dead CDN
def test_until_it_has_been_seen_to_deliver_the_door_sends_the_file(web: Web) -> None:
    assert web.client.get(web.deliver()).data == _stored(web)


def test_a_dead_cdn_is_noticed_by_the_clock_and_no_request_waits_for_it(web: Web, servers: Servers) -> None:
    link = web.deliver()
    _probe(web)
    assert web.client.get(link).status_code == 302
    servers.cdn.stop()
    try:
        _probe(web)
        web.rig.clock.advance(CDN_ALIVE_S + 1)
        _probe(web)
        answer = web.client.get(link, headers={"Range": "bytes=0-3"})
        assert (answer.status_code, answer.data) == (206, _stored(web)[:4])
        assert [event for event, _ in web.rig.events if event.startswith("cdn.")] == ["cdn.reached", "cdn.away"]
    finally:
        servers.cdn.start()
    _probe(web)
    assert web.client.get(link).status_code == 302


def test_an_origin_that_is_away_is_a_dead_cdn_once_its_probe_has_a_new_name(web: Web, servers: Servers) -> None:
    link = web.deliver()
    servers.origin.stop()
    try:
        web.rig.clock.advance(2 * 3600)
        _probe(web)
        assert web.client.get(link).status_code == 200
    finally:
        servers.origin.start()


def test_a_key_that_is_none_sends_nobody_astray(web: Web) -> None:
    link = web.deliver()
    env = {**_env(web), "SMI_CDN_SIGNING": "cloudfront", "SMI_CDN_KEY_ID": "K1", "SMI_CDN_KEY": LINK_KEY}
    web.serve(cdn=Cdn(web.rig.settings.from_env(env), web.uploads / "smi-downloads", clock=web.rig.clock))
    web.rig.store.heartbeats.record("cdn")
    assert web.client.get(link).status_code == 200
    _probe(web)
    assert [fields["detail"][:11] for event, fields in web.rig.events if event == "cdn.away"] == ["SMI_CDN_KEY"]
