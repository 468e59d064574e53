"""A copy of the shop pauses itself, says so, and asks; nobody but an admin answers."""

import re
from collections.abc import Iterator

import pytest
import requests

from tests.integrations.conftest import Tools

LIVE = "https://live-shop.example"


@pytest.fixture
def copy(tools: Tools) -> Iterator[Tools]:
    """The shop's database says that the live site is another one."""
    tools.shop.php(
        f"add_filter('option_home', function () {{ return '{LIVE}'; }}); SmiBridge\\Core\\Staging_Lock::lock();"
    )
    yield tools
    tools.shop.php("SmiBridge\\Core\\Staging_Lock::lock();")


def paused(tools: Tools, before: str = "") -> bool:
    return tools.shop.php_json(before + "return SmiBridge\\Core\\Settings::is_paused();")


def home(address: str) -> str:
    return f"add_filter('option_home', function () {{ return '{address}'; }});"


def door(tools: Tools) -> requests.Response:
    """The answer of the door to an authentic delivery."""
    message = {"id": "m0", "type": "status", "data": {}}
    return tools.door.post(*tools.door.seal(tools.door.envelope([message])))


def press(tools: Tools, label: str) -> requests.Response:
    """Press a button of the notice on the admin's first page."""
    page = tools.shop.admin.get(tools.shop.url + "/wp-admin/index.php", timeout=30).text
    form = next(form for form in re.findall(r"<form.*?</form>", page, re.DOTALL) if f">{label}<" in form)
    fields = dict(re.findall(r'name="([^"]+)" value="([^"]*)"', form))
    return tools.shop.admin.post(tools.shop.url + "/wp-admin/admin-post.php", data=fields, timeout=30)


def notice(tools: Tools) -> bool:
    return "smib-copy" in tools.shop.admin.get(tools.shop.url + "/wp-admin/index.php", timeout=30).text


def test_the_first_connection_teaches_the_address_and_none_does_not(tools_everywhere: Tools):
    shop = tools_everywhere.shop
    shop.php("update_option('smi_bridge_site_lock', ''); update_option('smi_bridge_paused', '');")
    url = shop.option("smi_bridge_sidecar_url")
    shop.option("smi_bridge_sidecar_url", "")
    shop.php("update_option('smi_bridge_site_lock', '');")
    shop.http.get(shop.url, timeout=30)
    live = "return SmiBridge\\Core\\Staging_Lock::live_site();"
    before = shop.php_json(live)
    shop.option("smi_bridge_sidecar_url", url)
    shop.http.get(shop.url, timeout=30)
    assert (before, shop.php_json(live)) == ("", shop.url)


@pytest.mark.parametrize(
    ("address", "is_copy"),
    [
        ("https://staging.example", True),
        ("https://shop.example/staging", True),
        ("https://shop.example:8443", True),
        ("http://shop.example", False),
        ("https://SHOP.example/", False),
        ("https://shop.example", False),
    ],
)
def test_another_address_is_a_copy_and_https_alone_is_not(tools: Tools, address: str, is_copy: bool):
    tools.shop.php(home("https://shop.example") + "SmiBridge\\Core\\Staging_Lock::lock();")
    try:
        assert paused(tools, home(address)) is is_copy
    finally:
        tools.shop.php("SmiBridge\\Core\\Staging_Lock::lock();")


@pytest.mark.parametrize("site", ["https://shop.example", "http://a.io", "https://shop.example/a/very/long/path/below"])
def test_a_search_and_replace_over_the_database_misses_the_address(tools: Tools, site: str):
    tools.shop.php(home(site) + "SmiBridge\\Core\\Staging_Lock::lock();")
    try:
        stored = tools.shop.sql("SELECT option_value FROM wp_options WHERE option_name = 'smi_bridge_site_lock'")
        host = site.split("/")[2]
        for searched in (site, site.split("://")[1], host, f"//{host}", host.split(".")[0] + "."):
            assert searched not in stored[0]["option_value"]
        assert tools.shop.php_json("return SmiBridge\\Core\\Staging_Lock::live_site();") == site
    finally:
        tools.shop.php("SmiBridge\\Core\\Staging_Lock::lock();")


def test_a_copy_forwards_nothing_and_its_door_refuses(copy: Tools):
    job = copy.job()
    copy.pay(job)
    assert copy.ledger(job) == [] and copy.sidecar.received == []
    refused = door(copy)
    assert (refused.status_code, refused.json()) == (401, {"error": "unauthorized"})
    assert "copy of the live one" in copy.shop.debug_log
    assert copy.wp("retry", job).status == 1
    assert copy.door.post(b"{}", {}).content == refused.content, "from outside all refusals look the same"


def test_a_copy_mails_no_digest(copy: Tools):
    copy.shop.option("smi_bridge_digest_due", 1)
    copy.shop.php("do_action('smi_bridge_tell_admin');")
    assert copy.shop.mails() == []
    copy.shop.option("smi_bridge_digest_due", 0)


def test_this_is_the_live_site_now(copy: Tools):
    page = copy.shop.admin.get(copy.shop.url + "/wp-admin/plugins.php", timeout=30).text
    assert f"The bridge was connected as {LIVE}, and this is {copy.shop.url}." in page
    assert page.count("looks like a copy and is paused") == 1, "once in the admin bar, not in a second notice"
    press(copy, "This is the live site now")
    assert not paused(copy) and not notice(copy)
    assert door(copy).status_code == 200


def test_keep_it_paused_is_asked_once_for_each_address(copy: Tools):
    assert press(copy, "Keep it paused").status_code == 200
    assert paused(copy) and not notice(copy)
    assert (
        copy.shop.php_json(home("https://another.copy") + "return SmiBridge\\Core\\Staging_Lock::is_kept_paused();")
        is False
    )


@pytest.mark.parametrize("action", ["smi_bridge_lock_site", "smi_bridge_keep_paused"])
def test_only_an_admin_with_a_nonce_answers(copy: Tools, action: str):
    session = copy.user(f"ed{action[-4:]}", "editor")
    url = copy.shop.url + "/wp-admin/admin-post.php"
    try:
        assert "smib-copy" not in session.get(copy.shop.url + "/wp-admin/index.php", timeout=30).text
        for who, nonce in ((session, "0123456789"), (copy.shop.admin, "0123456789"), (copy.shop.admin, "")):
            assert who.post(url, data={"action": action, "_wpnonce": nonce}, timeout=30).status_code == 403
        copy.shop.http.post(url, data={"action": action}, timeout=30)
    finally:
        session.close()
    assert paused(copy) and notice(copy)


@pytest.mark.parametrize(("value", "is_paused"), [("true", True), ("false", False), ("'false'", False), ("'1'", True)])
def test_the_constant_decides_both_ways(copy: Tools, value: str, is_paused: bool):
    remove = copy.mu_plugin("staging", f"define('SMI_BRIDGE_STAGING', {value});")
    try:
        assert paused(copy) is is_paused
        assert paused(copy, home(LIVE)) is is_paused, "whatever the address"
        assert door(copy).status_code == (401 if is_paused else 200)
        assert not notice(copy), "there is nothing to ask"
    finally:
        remove()
