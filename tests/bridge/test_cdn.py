"""What the shop hands out, by way of a CDN: a real nginx checks what PHP has signed; its origin is that folder."""

from __future__ import annotations

import json
import socket
import subprocess
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from sidecar.adapters import cdn_links
from tests.bridge.conftest import BRIDGE, Bridge
from tests.bridge.test_download_route import DATA, Sold, sell
from tests.testbed.cdn import LINK_KEY, Servers
from tests.testbed.cdn import servers as cdn_servers
from tests.testbed.places import REPOSITORY, reserve_port
from tests.testbed.waiting import wait_for

NEWEST_ONLY = True  # nothing here depends on the version of WordPress

VECTORS = REPOSITORY / "tests" / "vectors" / "cdn.json"
Define = Callable[..., None]


# As if a look with these constants had found all well.
FOUND_WELL = (
    "add_filter('pre_option_smi_bridge_cdn', fn() => array('at' => time(), 'why' => '',"
    " 'of' => SmiBridge\\Files\\Cdn::settings_mark()));"
)


@pytest.fixture(scope="module")
def servers(shared_bridge: Bridge, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    with cdn_servers(tmp_path_factory.mktemp("cdn"), shared_bridge.shop.uploads) as servers:
        yield servers


@pytest.fixture
def define(bridge: Bridge) -> Iterator[Define]:
    """Constants of wp-config.php, without the beginning of their names; each call takes the place of the one before."""
    undo: list[Callable[[], None]] = []

    def define(**constants: str) -> None:
        while undo:
            undo.pop()()
        lines = [f"define('SMI_BRIDGE_CDN_{name}', '{value}');" for name, value in constants.items()]
        undo.append(bridge.mu_plugin(f"cdn-{uuid.uuid4().hex}", "\n".join(lines)))  # a new name: PHP keeps old code

    yield define
    while undo:
        undo.pop()()
    bridge.shop.sql("DELETE FROM wp_options WHERE option_name = 'smi_bridge_cdn'")


@pytest.fixture
def cdn(define: Define, servers: Servers) -> Servers:
    define(URL=servers.url, KEY=LINK_KEY)
    return servers


@pytest.fixture
def sold(bridge: Bridge) -> Sold:
    return sell(bridge)


def visit(bridge: Bridge) -> str:
    """The sidecar comes, as it does every minute; what the bridge then finds at the CDN."""
    bridge.shop.sql("DELETE FROM wp_options WHERE option_name = 'smi_bridge_cdn'")
    bridge.door.send("jobs.unfinished", {"limit": 1})
    wait_for(lambda: _seen(bridge), "a look at the CDN", timeout=20)
    return bridge.shop.option("smi_bridge_cdn")["why"]


def _seen(bridge: Bridge) -> list[dict[str, Any]]:
    return bridge.shop.sql("SELECT option_value FROM wp_options WHERE option_name = 'smi_bridge_cdn'")


def ask(sold: Sold, method: str = "GET", **headers: str) -> requests.Response:
    return requests.request(method, sold.link, headers=headers, timeout=30, allow_redirects=False)


# ---------------------------------------------------------------------- addresses
def test_php_signs_addresses_and_judges_keys_as_the_vectors_say() -> None:
    core, script = BRIDGE / "includes" / "core", REPOSITORY / "tests" / "php_versions" / "php" / "cdn-links.php"
    files = (core / "class-signature.php", core / "class-cdn-links.php", script)
    code = "define('ABSPATH', '/');" + "".join(f"require '{file}';" for file in files)
    command = ["php", "-r", f"{code} echo json_encode(cdn_links('{VECTORS}'));"]
    found = json.loads(subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout)
    vectors = json.loads(VECTORS.read_text())
    for signing in ("secure-link", "bunny", "cloudfront"):
        assert found[signing] == [case["signed"] for case in vectors[signing]]
    assert found["keys"] == [case["is_key"] for case in vectors["keys"]]
    assert found["no_key"] == ""


@pytest.mark.parametrize("signing", ["secure-link", "bunny", "cloudfront"])
def test_both_languages_give_the_same_address(bridge: Bridge, signing: str) -> None:
    key = LINK_KEY if signing != "cloudfront" else _rsa_key()
    address = bridge.shop.php_json(
        f"define('SMI_BRIDGE_CDN_URL', 'https://cdn.example/x/'); define('SMI_BRIDGE_CDN_SIGNING', '{signing}');"
        f"define('SMI_BRIDGE_CDN_KEY', {json.dumps(key)}); define('SMI_BRIDGE_CDN_KEY_ID', 'K1');"
        "define('SMI_BRIDGE_CDN_LINK_S', '60');"
        f"{FOUND_WELL}"
        "return array(time(), SmiBridge\\Files\\Cdn::address('2026/11/j_4x.png', 'abc', 'Sünrise & co 4x.png'));"
    )
    now, address = address
    query = parse_qs(urlsplit(address).query)
    (end,) = map(int, query.get("expires") or query["Expires"])
    assert end - now in (60, 61)
    plain = "https://cdn.example/x/2026/11/j_4x.png?v=abc"
    assert (
        address
        == {
            "secure-link": lambda: cdn_links.secure_link(f"{plain}&name=S%C3%BCnrise%20%26%20co%204x.png", key, end),
            "bunny": lambda: cdn_links.bunny(plain, key, end),
            "cloudfront": lambda: cdn_links.cloudfront(plain, key, end, "K1"),
        }[signing]()
    )


def _rsa_key() -> str:
    """A fresh one: the vectors' is known to everybody."""
    command = ["openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout


# ---------------------------------------------------------------------- the route
def test_the_customer_is_sent_to_the_cdn_and_the_download_is_noted(bridge: Bridge, cdn: Servers, sold: Sold) -> None:
    assert visit(bridge) == ""
    head = ask(sold, "HEAD", Range="bytes=0-1")
    assert (head.status_code, bridge.ledger(sold.job_id)[0]["downloaded_at"]) == (302, None)
    answer = ask(sold)
    assert (answer.status_code, answer.content) == (302, b"")
    assert "no-store" in answer.headers["Cache-Control"]
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert bridge.history(sold.job_id).count("downloaded") == 1
    assert ask(sold).status_code == 302 and bridge.history(sold.job_id).count("downloaded") == 1
    got = requests.get(answer.headers["Location"], timeout=10)
    assert (got.status_code, got.content) == (200, DATA)
    assert got.headers["Content-Disposition"].startswith("attachment; filename*=UTF-8''")
    assert got.headers["Content-Disposition"].endswith("%204x.jpg")
    head = requests.head(answer.headers["Location"], timeout=10)
    assert (head.status_code, head.headers["Content-Length"]) == (200, str(len(DATA)))
    part = requests.get(sold.link, headers={"Range": "bytes=5-9"}, timeout=10)  # repeated there, as clients do
    assert (part.status_code, part.content) == (206, DATA[5:10])


def test_while_a_later_attempt_may_put_its_file_there_nobody_is_sent_to_the_cdn(
    bridge: Bridge, cdn: Servers, sold: Sold
) -> None:
    """The CDN would keep the new bytes under the version of the old ones."""
    assert visit(bridge) == "" and ask(sold, "HEAD").status_code == 302
    bridge.open(sold.job_id, attempt=2)
    answer = ask(sold)
    assert (answer.status_code, answer.content) == (200, DATA)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_what_opens_nothing_here_is_sent_nowhere(bridge: Bridge, cdn: Servers, sold: Sold, method: str) -> None:
    assert visit(bridge) == ""

    def after(**columns: object) -> int:
        changes = ", ".join(f"{name} = %s" for name in columns)
        bridge.shop.sql(f"UPDATE wp_smi_bridge_ledger SET {changes} WHERE job_id = %s", *columns.values(), sold.job_id)
        answer = ask(sold, method)
        assert ("Location" in answer.headers) is (answer.status_code == 302)
        return answer.status_code

    assert after(expires_at="2020-01-01 00:00:00") == 410
    assert after(expires_at="2099-01-01 00:00:00", revoked_at="2026-01-01 00:00:00") == 410
    assert after(revoked_at=None) == 302
    assert ask(Sold(sold.job_id, sold.link[:-1], sold.path), method).status_code == 404
    sold.path.unlink()
    assert ask(sold, method).status_code == 404


def test_the_folder_stays_closed_and_an_address_opens_nothing_else(bridge: Bridge, cdn: Servers, sold: Sold) -> None:
    assert visit(bridge) == ""
    address = ask(sold).headers["Location"]
    plain, _, query = address.partition("?")
    other = sell(bridge)
    assert requests.get(plain, timeout=10).status_code == 403
    assert requests.get(f"{plain.replace(sold.job_id, other.job_id)}?{query}", timeout=10).status_code == 403
    for place in ("wp-content/uploads/smi-downloads", "smi-origin"):
        assert requests.get(f"{cdn.origin.url}/{place}/2026/11/{sold.path.name}", timeout=10).status_code == 403


def test_a_sidecar_that_comes_by_itself_keeps_the_cdn_in_use(bridge: Bridge, cdn: Servers, sold: Sold) -> None:
    address = bridge.shop.option("smi_bridge_sidecar_url")
    bridge.option("smi_bridge_sidecar_url", "none")
    try:
        assert visit(bridge) == ""
        assert requests.get(sold.link, timeout=30).content == DATA
        assert ask(sold).status_code == 302
    finally:
        bridge.option("smi_bridge_sidecar_url", address)


# ---------------------------------------------------------------------- a CDN that does not deliver
def own_way(sold: Sold) -> None:
    answer = ask(sold, Range="bytes=0-3")
    assert (answer.status_code, answer.content) == (206, DATA[:4])


def status(bridge: Bridge) -> dict[str, str]:
    return bridge.door.send("status", {})["data"]["cdn"]


def site_health(bridge: Bridge) -> str | None:
    """The level of Site Health's finding; None: it does not look."""
    return bridge.shop.php_json(
        "$tests = SmiBridge\\Health\\Site_Health::tests(array())['direct'];"
        "return isset($tests['smi_bridge_cdn']) ? $tests['smi_bridge_cdn']['test']()['status'] : null;"
    )


def test_until_it_has_been_seen_to_deliver_the_shop_sends_the_file(bridge: Bridge, cdn: Servers, sold: Sold) -> None:
    own_way(sold)
    assert status(bridge)["fault"].startswith("nobody has looked")


def test_without_one_nothing_is_looked_at(bridge: Bridge, sold: Sold) -> None:
    bridge.door.send("jobs.unfinished", {"limit": 1})
    own_way(sold)
    assert (status(bridge), _seen(bridge), site_health(bridge)) == (None, [], None)


def test_a_dead_cdn_is_noticed_at_a_visit_and_is_taken_back_at_another(
    bridge: Bridge, cdn: Servers, sold: Sold
) -> None:
    assert visit(bridge) == ""
    assert ask(sold).status_code == 302
    cdn.cdn.stop()
    try:
        assert visit(bridge) != ""
        own_way(sold)
        assert "Failed to connect" in status(bridge)["fault"]
        assert site_health(bridge) == "recommended"
    finally:
        cdn.cdn.start()
    assert visit(bridge) == ""
    assert (ask(sold).status_code, site_health(bridge)) == (302, "good")
    bridge.shop.php("update_option('smi_bridge_cdn', array('at' => time() - 151, 'why' => ''));")  # the sidecar is away
    own_way(sold)


@contextmanager
def black_hole() -> Iterator[tuple[str, threading.Event, threading.Event]]:
    """Its address; what is set when somebody has asked; what lets it answer, 404."""
    asked, may_answer, port = threading.Event(), threading.Event(), reserve_port()

    def serve(listening: socket.socket) -> None:
        connection, _ = listening.accept()
        with connection:
            connection.recv(4096)
            asked.set()
            may_answer.wait(20)
            connection.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

    with socket.create_server(("127.0.0.1", port)) as listening:
        listening.settimeout(20)
        thread = threading.Thread(target=serve, args=(listening,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{port}", asked, may_answer
        may_answer.set()
        thread.join(20)


def test_nobody_waits_for_a_cdn_that_is_silent(bridge: Bridge, define: Define, sold: Sold) -> None:
    """Neither the sidecar at whose visit it is looked at, nor a customer meanwhile."""
    with black_hole() as (url, asked, may_answer):
        define(URL=url, KEY=LINK_KEY)
        bridge.door.send("jobs.unfinished", {"limit": 1})
        assert asked.wait(20)
        own_way(sold)
        assert _seen(bridge) == [], "the look still goes on"
        may_answer.set()
        wait_for(lambda: _seen(bridge), "the end of the look", timeout=20)
    assert status(bridge)["fault"] == "it answers 404"
    own_way(sold)


def test_another_key_than_the_cdns_sends_nobody_astray(
    bridge: Bridge, define: Define, servers: Servers, sold: Sold
) -> None:
    define(URL=servers.url, KEY="another key than the CDN has")
    assert visit(bridge) == "it answers 403"
    own_way(sold)


def test_what_was_found_with_other_constants_sends_nobody_astray(
    bridge: Bridge, define: Define, servers: Servers, cdn: Servers, sold: Sold
) -> None:
    assert visit(bridge) == ""
    assert ask(sold).status_code == 302
    define(URL=servers.url, KEY="another key than the CDN has")
    own_way(sold)


@pytest.mark.parametrize(
    ("constants", "words"),
    [
        ({"URL": "ftp://cdn.example"}, "_URL"),
        ({"URL": "https://cdn.example/?a=1"}, "_URL"),
        ({"SIGNING": "md5"}, "_SIGNING"),
        ({"KEY": ""}, "_KEY must have"),
        ({"KEY": "replace-this-key-of-the-cdn"}, "_KEY must"),
        ({"SIGNING": "cloudfront"}, "_KEY_ID"),
    ],
)
def test_constants_that_can_not_be_are_named_and_the_shop_sends_the_file(
    bridge: Bridge, constants: dict[str, str], words: str
) -> None:
    all = {"URL": "https://cdn.example", "KEY": LINK_KEY} | constants
    lines = "".join(f"define('SMI_BRIDGE_CDN_{name}', '{value}');" for name, value in all.items())
    fault, address = bridge.shop.php_json(
        f"{lines} {FOUND_WELL}"
        "return array(SmiBridge\\Files\\Cdn::fault(), SmiBridge\\Files\\Cdn::address('a', 'b', 'c'));"
    )
    assert words in fault and address == ""


def test_a_key_that_is_no_rsa_key_is_found_out_at_a_visit(
    bridge: Bridge, define: Define, servers: Servers, sold: Sold
) -> None:
    define(URL=servers.url, KEY=LINK_KEY, SIGNING="cloudfront", KEY_ID="K1")
    assert "RSA" in visit(bridge)
    own_way(sold)


def test_the_key_is_said_nowhere(bridge: Bridge, cdn: Servers, sold: Sold) -> None:
    assert visit(bridge) == "" and ask(sold).status_code == 302
    said = json.dumps(bridge.door.send("status", {}))
    said += bridge.shop.php("print_r(SmiBridge\\Health\\Site_Health::debug(array()));")
    said += json.dumps(bridge.shop.sql("SELECT option_name, option_value FROM wp_options"), default=str)
    said += bridge.shop.debug_log
    assert "smi_bridge_cdn" in said and LINK_KEY not in said
