"""The settings page in a real browser: connecting, the secret and its change, mails, constants that win."""

import os
import pwd
import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import expect

from sidecar.core.connection_string import Connection, parse
from sidecar.core.version import VERSION
from tests.bridge.conftest import BRIDGE, SECRET
from tests.testbed.shop import DEMO_SHOP, Shop
from tests.testbed.wordpress import NEWEST
from tests.ui.axe import findings
from tests.ui.conftest import Ui

PAGE = "/wp-admin/admin.php?page=smi-bridge-settings"


def _reset(ui: Ui) -> Ui:
    """The settings of a connected bridge, whatever a test did to them."""
    ui.shop.php(
        f"update_option('smi_bridge_secret', '{SECRET}'); update_option('smi_bridge_previous_secret', '');"
        f"update_option('smi_bridge_sidecar_url', '{ui.sidecar.url}');"
        "delete_option('smi_bridge_mail'); delete_option('smi_bridge_paused'); delete_option('smi_bridge_circuit');"
        "delete_option('smi_bridge_output_format');"
        "update_option('smi_download_expiry_hours', 24); SmiBridge\\Core\\Staging_Lock::lock();"
    )
    ui.sidecar.secret = SECRET
    return ui


@pytest.fixture
def ui(ui: Ui) -> Iterator[Ui]:
    yield ui
    _reset(ui)


@pytest.fixture
def ui_everywhere(ui_everywhere: Ui) -> Iterator[Ui]:
    yield ui_everywhere
    _reset(ui_everywhere)


def test_the_secret_is_in_no_page_until_somebody_asks(ui: Ui):
    ui.shop.option("smi_upsampler_api_key", "upsampler-key-1234567890")
    page = ui.shop.admin.get(ui.url(PAGE), timeout=30).text
    assert SECRET not in page and "upsampler-key-1234567890" not in page
    assert "SMI_SECRET=whsec_c21p" in page
    env = ui.ajax("smi_bridge_env").json()["data"]["env"]
    lines = dict(line.split("=", 1) for line in env.splitlines())
    assert lines == {
        "SMI_SHOP_URL": ui.shop.url,
        "SMI_SECRET": SECRET,
        "SMI_UPLOADS_DIR": str(ui.shop.uploads),
        "SMI_PUBLIC_URL": f"{ui.shop.url}/smi",
        "UPSAMPLER_API_KEY": "upsampler-key-1234567890",
    }


def test_setup_reads_the_connection_string_that_the_bridge_writes(ui: Ui):
    ui.shop.option("smi_bridge_previous_secret", "whsec_" + "b2xkIHNlY3JldCBvZiBtb3JlIHRoYW4gMjQgYnl0ZXM=")
    text = ui.ajax("smi_bridge_env").json()["data"]["connection"]
    user = pwd.getpwuid(os.geteuid()).pw_name
    read = parse(text)
    assert read == Connection(
        shop=ui.shop.url,
        secret=SECRET,
        uploads=str(ui.shop.uploads),
        previous_secret="whsec_" + "b2xkIHNlY3JldCBvZiBtb3JlIHRoYW4gMjQgYnl0ZXM=",
        upsampler_key=read.upsampler_key,
        user=user,
        bridge=VERSION,
    )
    assert read.text() == text, "both languages write the same"


def test_the_connection_string_and_the_lines_can_be_copied_and_shown(ui: Ui):
    with ui.admin(permissions=["clipboard-read", "clipboard-write"]) as page:
        page.goto(ui.url(PAGE))
        page.locator("[data-smib-copy=connection]").click()
        expect(page.get_by_text("Copied", exact=True)).to_be_visible()
        copied = parse(page.evaluate("navigator.clipboard.readText()"))
        assert (copied.shop, copied.secret, copied.uploads) == (ui.shop.url, SECRET, str(ui.shop.uploads))
        assert page.get_by_text(copied.fingerprint, exact=True).is_visible()
        page.get_by_text("Without setup: lines for the file .env").click()
        page.locator("[data-smib-copy=env]").click()
        expect(page.get_by_text("Copied", exact=True).nth(1)).to_be_visible()
        assert f"SMI_SECRET={SECRET}" in page.evaluate("navigator.clipboard.readText()")
        assert SECRET not in page.content()
        page.locator("[data-smib-show=secret]").click()
        expect(page.locator("#smib-secret-value")).to_have_text(SECRET)
        page.locator("[data-smib-show=secret]").click()
        expect(page.locator("#smib-secret-value")).to_have_text(re.compile("^whsec_c21p•+$"))


def test_the_address_is_saved_and_a_bad_one_is_refused_in_words(ui_everywhere: Ui):
    ui = ui_everywhere
    with ui.admin() as page:
        page.goto(ui.url(PAGE))
        page.locator("#smib-url").fill(ui.sidecar.url + "/")
        page.locator("#smib-connect ~ ol").get_by_role("button", name="Save").click()
        expect(page.get_by_text("Settings saved.")).to_be_visible()
        assert ui.shop.option("smi_bridge_sidecar_url") == ui.sidecar.url
        page.locator("#smib-url").evaluate("e => { e.type = 'text'; e.value = 'ftp://user:pw@x'; }")
        page.locator("#smib-connect ~ ol").get_by_role("button", name="Save").click()
        expect(page.get_by_text("must look like http://127.0.0.1:8321")).to_be_visible()
        assert ui.shop.option("smi_bridge_sidecar_url") == ui.sidecar.url


def test_the_word_none_stands_for_a_sidecar_that_comes_by_itself(ui: Ui):
    assert ui.shop.php_json("return SmiBridge\\Admin\\Settings_Page::clean_sidecar_url(' None ');") == "none"
    ui.shop.option("smi_bridge_sidecar_url", "none")
    page = ui.shop.admin.get(ui.url(PAGE), timeout=60).text
    assert 'name="smi_bridge_sidecar_url" value="none"' in page
    lines = ui.ajax("smi_bridge_env").json()["data"]["env"].splitlines()
    assert "SMI_BIND=none" in lines and not [line for line in lines if line.startswith("SMI_PUBLIC_URL")]
    ui.shop.php("delete_option('smi_bridge_sidecar_health');")
    report = ui.shop.php_json("return SmiBridge\\Health\\Connection_Test::report();")
    assert (report["ok"], "comes for its messages" in report["findings"][0]["text"]) == (False, False)
    ui.door.send(
        "mailbox.collect", {"sidecar": "pull-1", "status": {"version": "1.0.0", "workers": 3, "scheduler": True}}
    )
    report = ui.shop.php_json("return SmiBridge\\Health\\Connection_Test::report();")
    texts = [finding["text"] for finding in report["findings"]]
    assert report["ok"] and "comes for its messages by itself" in texts[0] and "3 workers are alive." in texts[1]


def test_the_connection_test_says_that_all_is_well(ui_everywhere: Ui):
    with ui_everywhere.admin() as page:
        page.goto(ui_everywhere.url(PAGE))
        page.get_by_role("button", name="Test connection").click()
        expect(page.get_by_text("Everything works in both directions.")).to_be_visible()
        expect(page.get_by_text("2 workers are alive.")).to_be_visible()
        assert findings(page, ".smib-admin") == []


def test_the_connection_test_visits_the_public_address(ui: Ui):
    usual = dict(ui.sidecar.status)
    found = {}
    try:
        for url in (ui.sidecar.url, "http://127.0.0.1:9"):
            ui.sidecar.status |= {"public_url": url}
            answer = ui.ajax("smi_bridge_test_connection").json()["data"]
            found[url] = [f["level"] for f in answer["findings"] if f["title"] == "Public address"]
            assert answer["ok"] is True
    finally:
        ui.sidecar.status.clear()
        ui.sidecar.status |= usual
    assert found == {ui.sidecar.url: ["ok"], "http://127.0.0.1:9": ["warn"]}  # not reached from here: who knows


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("port", "Nothing listens at that port"),
        ("secret", "different secrets"),
        ("workers", "No worker is alive"),
        ("way_back", "hears this site, but does not reach it"),
        ("public", "does not lead to the sidecar"),
    ],
)
def test_the_connection_test_names_each_fault(ui: Ui, fault: str, words: str):
    usual = dict(ui.sidecar.status)
    try:
        if fault == "port":
            ui.shop.option("smi_bridge_sidecar_url", "http://127.0.0.1:9")
        elif fault == "secret":
            ui.sidecar.secret = "whsec_" + "YW5vdGhlciBzZWNyZXQgb2YgbW9yZSB0aGFuIDI0IGJ5dGVz"
        elif fault == "workers":
            ui.sidecar.status |= {"workers": 0}
        elif fault == "public":  # its line was copied into .env, and the web server knows nothing of it
            ui.sidecar.status |= {"public_url": ui.url("/smi")}
        else:
            ui.sidecar.status |= {"shop_door": {"ok": False, "ms": None, "error": "timeout"}}
        with ui.admin() as page:
            page.goto(ui.url(PAGE))
            page.get_by_role("button", name="Test connection").click()
            expect(page.locator("#smib-report .bad")).to_contain_text(words)
            expect(page.get_by_text("Not everything works yet.")).to_be_visible()
    finally:
        ui.sidecar.status.clear()
        ui.sidecar.status |= usual


def test_a_new_secret_keeps_the_old_one_until_the_change_is_ended(ui: Ui):
    with ui.admin() as page:
        page.on("dialog", lambda dialog: dialog.accept())
        page.goto(ui.url(PAGE))
        page.get_by_role("button", name="Make a new secret").click()
        expect(page.get_by_text("There is a new secret.")).to_be_visible()
        new = ui.shop.option("smi_bridge_secret")
        assert new.startswith("whsec_") and new != SECRET
        assert ui.shop.option("smi_bridge_previous_secret") == SECRET
        assert f"SMI_PREVIOUS_SECRET={SECRET}" in ui.ajax("smi_bridge_env").json()["data"]["env"]
        assert ui.door.send("status", {})["status"] == "done", "the old one still opens the door"
        page.get_by_role("button", name="End the change").click()
        expect(page.get_by_text("The old secret is no longer accepted.")).to_be_visible()
        assert ui.shop.option("smi_bridge_previous_secret") == ""


def test_mail_settings_are_cleaned_and_kept(ui_everywhere: Ui):
    ui = ui_everywhere
    with ui.admin() as page:
        page.goto(ui.url(PAGE))
        page.get_by_role("checkbox", name="A person looks at it").uncheck()
        page.get_by_label("Support contact").fill("https://shop.example/help?x=1")
        page.get_by_label("Digest goes to").fill("one@shop.example, nonsense; two@shop.example")
        page.get_by_label("Download links end after").fill("48")
        page.get_by_label("Format of finished pictures").select_option("png")
        page.get_by_role("button", name="Save changes").click()
        expect(page.get_by_text("Settings saved.")).to_be_visible()
        expect(page.get_by_role("checkbox", name="A person looks at it")).not_to_be_checked()
    mail = ui.shop.option("smi_bridge_mail")
    assert mail["off"] == ["review"]
    assert mail["support"] == "https://shop.example/help?x=1"
    assert mail["admin"] == "one@shop.example, two@shop.example"
    assert int(ui.shop.option("smi_download_expiry_hours")) == 48
    assert ui.shop.php_json("return SmiBridge\\Core\\Settings::output_format();") == "png"
    assert "SMI_OUTPUT_FORMAT" not in ui.ajax("smi_bridge_env").json()["data"]["env"], "the jobs carry it"
    assert ui.shop.option("smi_bridge_sidecar_url") == ui.sidecar.url, "nothing else was changed"


def test_hostile_settings_are_dropped(ui: Ui):
    clean = ui.shop.php_json(
        "return SmiBridge\\Admin\\Settings_Page::clean_mail(['support' => 'javascript:alert(1)', 'from_name' => '<b>x</b>',"  # noqa: E501
        " 'from_address' => 'x', 'accent' => 'red;}', 'on' => ['delivered', 'nonsense', ['x']], 'reminder' => -5,"
        " 'admin' => ['x'], 'unknown' => 1]);"
    )
    assert clean == {
        "from_name": "x",
        "off": ["reminder", "delayed", "review", "refunded", "message", "admin"],
    }
    for hours, cleaned in (("0", 1), ("99999999", 87600), ("x", 24), ([1], 24)):
        assert ui.shop.php_json(f"return SmiBridge\\Admin\\Settings_Page::clean_hours({_php(hours)});") == cleaned


def test_a_copy_of_the_site_says_so_and_can_be_made_the_live_one(ui: Ui):
    ui.shop.option("smi_bridge_site_lock", ["https://live.", "example"])
    with ui.admin() as page:
        page.goto(ui.url(PAGE))
        expect(page.get_by_text("This site looks like a copy.")).to_be_visible()
        page.get_by_role("button", name="This is the live site now").click()
        expect(page.get_by_text("This address is the live site now.")).to_be_visible()
    assert ui.shop.php_json("return SmiBridge\\Core\\Settings::is_paused();") is False


def test_a_copy_by_a_constant_is_told_what_decides_it(ui: Ui):
    remove = ui.mu_plugin("staging", "define('SMI_BRIDGE_STAGING', true);")
    try:
        page = ui.shop.admin.get(ui.url(PAGE), timeout=30).text
        assert "A constant in wp-config.php says so" in page
        assert "smi_bridge_lock_site" not in page
        assert "Nothing is forwarded, mailed or refunded from here." in page
        assert "was connected as" not in page, "no other address is known"
        ui.shop.option("smi_bridge_site_lock", ["hts/lv.xml", "tp:/ieeape"])
        assert "was connected as https://live.example, and this is" in ui.shop.admin.get(ui.url(PAGE), timeout=30).text
    finally:
        ui.shop.php("SmiBridge\\Core\\Staging_Lock::lock();")
        remove()


def test_each_wrong_contact_is_told_under_its_own_name(ui: Ui):
    codes = ui.shop.php_json(
        "require_once ABSPATH . 'wp-admin/includes/template.php';"
        "SmiBridge\\Admin\\Settings_Page::clean_mail(['support' => 'nobody', 'from_address' => 'nobody']);"
        "return array_column(get_settings_errors('smi_bridge_mail'), 'code');"
    )
    assert codes == ["support", "from_address"]


def test_constants_of_wp_config_win_and_are_shown_as_fixed(shop_factory: Callable[..., Shop]):
    constants = {"SMI_BRIDGE_SIDECAR_URL": "http://127.0.0.1:8321", "SMI_BRIDGE_SECRET": SECRET}
    shop = shop_factory(NEWEST, [BRIDGE, DEMO_SHOP], constants=constants)
    try:
        page = shop.admin.get(shop.url + PAGE, timeout=30).text
        assert "Fixed in wp-config.php by <code>SMI_BRIDGE_SIDECAR_URL</code>" in page
        assert "Fixed in wp-config.php by <code>SMI_BRIDGE_SECRET</code>" in page
        assert "Make a new secret" not in page
        assert 'name="smi_bridge_sidecar_url"' not in page
        nonce = re.search(r'name="_wpnonce" value="([0-9a-f]+)"', page)
        assert nonce
        shop.admin.post(
            f"{shop.url}/wp-admin/options.php",
            data={
                "option_page": "smi_bridge",
                "action": "update",
                "_wpnonce": nonce[1],
                "smi_bridge_sidecar_url": "http://evil.example",
                "smi_download_expiry_hours": "24",
            },
            timeout=30,
        )
        assert not shop.option("smi_bridge_sidecar_url")
    finally:
        shop.stop()


def test_the_page_is_reached_from_the_menus_and_the_list_of_plugins(ui: Ui):
    with ui.admin() as page:
        page.goto(ui.url("/wp-admin/plugins.php"))
        page.locator("tr[data-plugin^=smi-bridge]").get_by_role("link", name="Settings").click()
        expect(page.get_by_role("heading", name="SMI Bridge settings")).to_be_visible()
        page.goto(ui.url("/wp-admin/options-general.php"))
        page.locator("#menu-settings").get_by_role("link", name="SMI Bridge").click()
        expect(page.get_by_role("heading", name="SMI Bridge settings")).to_be_visible()


def _php(value: object) -> str:
    return f"'{value}'" if isinstance(value, str) else "[1]"
