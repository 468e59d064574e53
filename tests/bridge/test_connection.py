"""The connection test: what is wrong, in plain words, by its cause."""

import re
import socket
import time
from email.utils import formatdate
from typing import Any

import pytest

from sidecar.core.advice import advice
from sidecar.core.env import EXAMPLE_SECRET
from tests.bridge.conftest import Bridge
from tests.testbed.php_command import PhpCommand
from tests.testbed.site import run_php

NEWEST_ONLY = True  # nothing here depends on the version of WordPress


def findings(bridge: Bridge, prelude: str = "") -> list[dict[str, Any]]:
    return bridge.shop.php_json(f"{prelude} return SmiBridge\\Health\\Connection_Test::tested();")


def with_url(url: str) -> str:
    return f"add_filter('pre_option_smi_bridge_sidecar_url', function () {{ return '{url}'; }});"


def test_all_is_well_both_ways(bridge: Bridge) -> None:
    there, back = findings(bridge)
    assert (there["check"], there["code"], there["level"]) == ("to_sidecar", "ok", "ok")
    assert (back["check"], back["code"], back["detail"]) == ("to_shop", "ok", "13 ms")
    assert there["detail"].endswith(" ms")
    assert bridge.sidecar.wait("status")[-1].data == {"round_trip": True}


def test_the_public_address_is_learnt_on_the_way(bridge: Bridge) -> None:
    bridge.sidecar.status["public_url"] = "https://shop.example/smi/"
    try:
        findings(bridge)
        assert bridge.shop.php_json("return SmiBridge\\Core\\Settings::public_url();") == "https://shop.example/smi"
        bridge.sidecar.status["public_url"] = "javascript:alert(1)"
        findings(bridge)
        assert bridge.shop.php_json("return SmiBridge\\Core\\Settings::public_url();") == ""
    finally:
        bridge.sidecar.status["public_url"] = None
        findings(bridge)


@pytest.mark.parametrize("url", ["", "ftp://sidecar.example", "sidecar:8321", "http://"])
def test_a_missing_or_odd_address_is_named(bridge: Bridge, url: str) -> None:
    (finding,) = findings(bridge, with_url(url))
    assert (finding["check"], finding["code"], finding["level"]) == ("settings", "bridge_not_connected", "bad")
    assert "address" in finding["text"]


def test_a_missing_secret_is_named(bridge: Bridge) -> None:
    (finding,) = findings(bridge, "add_filter('pre_option_smi_bridge_secret', function () { return 'whsec_short'; });")
    assert finding["code"] == "secret_malformed"
    assert "secret" in finding["text"]


def test_the_documentations_example_is_no_secret(bridge: Bridge) -> None:
    """Everybody knows it: nothing is sent with it, and nothing that was signed with it is believed."""
    prelude = f"add_filter('pre_option_smi_bridge_secret', function () {{ return '{EXAMPLE_SECRET}'; }});"
    (finding,) = findings(bridge, prelude)
    assert finding["code"] == "secret_is_the_example"
    assert EXAMPLE_SECRET not in str(finding)
    assert bridge.shop.php_json(f"{prelude} return SmiBridge\\Core\\Settings::keys('to-shop');") == []


def test_a_port_where_nobody_listens_is_named(bridge: Bridge) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        (finding,) = findings(bridge, with_url(f"http://127.0.0.1:{free.getsockname()[1]}"))
    assert finding["code"] == "refused"
    assert "127.0.0.1" in finding["text"]


def test_an_unknown_name_is_named(bridge: Bridge) -> None:
    (finding,) = findings(bridge, with_url("http://no-such-host.invalid:8321"))
    assert finding["code"] == "dns"
    assert "no-such-host.invalid" in finding["text"]


def test_silence_is_named(bridge: Bridge) -> None:
    with socket.socket() as hole:
        hole.bind(("127.0.0.1", 0))
        hole.listen(4)
        url = f"http://127.0.0.1:{hole.getsockname()[1]}"
        impatient = "new SmiBridge\\Wire\\Sidecar_Client(new SmiBridge\\Wire\\Http_Client(100, 200))"
        (finding,) = bridge.shop.php_json(
            f"{with_url(url)} return (new SmiBridge\\Health\\Connection_Test({impatient}))->run();"
        )
    assert finding["code"] == "timeout"


def test_a_plain_server_behind_an_https_address_is_named(bridge: Bridge) -> None:
    (finding,) = findings(bridge, with_url(bridge.sidecar.url.replace("http:", "https:")))
    assert finding["code"] == "tls"


def test_somebody_else_at_that_address_is_named(bridge: Bridge) -> None:
    (finding,) = findings(bridge, with_url(bridge.shop.url))
    assert finding["code"] == "no_sidecar"
    assert finding["fix"] == advice("no_sidecar", url=bridge.shop.url).command
    assert finding["detail"] in ("HTTP 404", "HTTP 405")


def test_a_sick_sidecar_is_named(bridge: Bridge) -> None:
    bridge.sidecar.answer.status, bridge.sidecar.answer.body = 502, {}
    (finding,) = findings(bridge)
    assert finding["code"] == "busy"


def test_another_secret_is_named(bridge: Bridge) -> None:
    other = "whsec_" + "c29tZWJvZHkgZWxzZSdzIHNlY3JldCBvZiAzMiBieXQ="
    (finding,) = findings(bridge, f"add_filter('pre_option_smi_bridge_secret', function () {{ return '{other}'; }});")
    assert finding["code"] == "wrong_secret"
    assert bridge.sidecar.refused == 2, "also asked which site it serves"


def test_another_site_is_named(bridge: Bridge) -> None:
    bridge.sidecar.site = "https://other.example"
    try:
        (finding,) = findings(bridge)
    finally:
        bridge.sidecar.site = bridge.shop.url
    assert finding["code"] == "wrong_site"
    assert "https://other.example" in finding["text"] and bridge.shop.url in finding["text"]


@pytest.mark.parametrize("skew", [-1000, 1000])
def test_a_wrong_clock_is_named(bridge: Bridge, skew: int) -> None:
    bridge.sidecar.answer.date = formatdate(time.time() + skew, usegmt=True)
    site, bridge.sidecar.site = bridge.sidecar.site, "https://refuses.example"
    try:
        (finding,) = findings(bridge)
    finally:
        bridge.sidecar.site = site
    assert finding["code"] == "clocks_apart"
    seconds = int(re.search(r"are (\d+) s apart", finding["text"])[1])
    assert abs(seconds - abs(skew)) < 30


@pytest.mark.parametrize(
    ("error", "code"),
    [
        ("shop_unavailable", "shop_silent"),
        ("shop_refused", "shop_refused"),
        ("shop_door_missing", "shop_door_blocked"),
        ("shop_refused_message", "shop_refused_message"),
        ("shop_walled", "shop_walled"),
        ("new", "shop_not_reached"),
    ],
)
def test_a_way_back_that_is_blocked_is_named(bridge: Bridge, error: str, code: str) -> None:
    usual = bridge.sidecar.status["shop_door"]
    bridge.sidecar.status["shop_door"] = {"ok": False, "ms": 3, "error": error}
    try:
        there, back = findings(bridge)
    finally:
        bridge.sidecar.status["shop_door"] = usual
    assert there["level"] == "ok"
    assert (back["check"], back["code"], back["detail"]) == ("to_shop", code, error)


def test_a_connection_that_breaks_for_a_reason_without_a_name_is_called_so(bridge: Bridge) -> None:
    odd = "['status' => 0, 'error' => 'new', 'message' => 'Something new.']"
    (finding,) = findings(bridge, f"add_filter('smi_bridge_pre_send', function () {{ return {odd}; }});")
    assert (finding["code"], finding["detail"]) == ("network", "Something new.")
    assert finding["text"] == advice("network", host="127.0.0.1").sentence


def test_a_paused_copy_is_told_that_it_is_one(bridge: Bridge) -> None:
    *_, last = findings(bridge, "add_filter('pre_option_smi_bridge_paused', function () { return '1'; });")
    assert (last["check"], last["level"], last["code"]) == ("paused", "warn", "site_is_a_copy")


def test_no_proxy_of_the_machine_stands_between_bridge_and_sidecar(bridge: Bridge) -> None:
    prelude = "putenv('http_proxy=http://127.0.0.1:9'); putenv('all_proxy=http://127.0.0.1:9');"
    assert [finding["code"] for finding in findings(bridge, prelude)] == ["ok", "ok"]


def report(bridge: Bridge, **ini: str) -> str:
    """What the settings page and Site Health say, as one text."""
    code = "return SmiBridge\\Health\\Connection_Test::report();"
    shop = bridge.shop
    with PhpCommand(shop.folder / "other-host", shop.root, {**shop.ini, **ini}) as command:
        said = run_php(command, shop.url, code)[1]
    return "\n".join(" ".join(map(str, finding.values())) for finding in said["findings"])


def test_versions_that_do_not_fit_are_told(bridge: Bridge) -> None:
    version = bridge.shop.php_json("return SMI_BRIDGE_VERSION;")
    assert advice("versions_apart", bridge=version, sidecar="9.0.0").sentence not in report(bridge)
    before, bridge.sidecar.status["version"] = bridge.sidecar.status.get("version"), "9.0.0"
    try:
        assert advice("versions_apart", bridge=version, sidecar="9.0.0").sentence in report(bridge)
    finally:
        bridge.sidecar.status["version"] = before


def test_a_sidecar_without_workers_and_clock_is_told(bridge: Bridge) -> None:
    usual = dict(bridge.sidecar.status)
    bridge.sidecar.status |= {"workers": 0, "scheduler": False}
    try:
        said = report(bridge)
    finally:
        bridge.sidecar.status.clear()
        bridge.sidecar.status |= usual
    assert all(advice(code).sentence in said for code in ("no_worker", "no_scheduler"))


def test_a_php_without_curl_is_told(bridge: Bridge) -> None:
    sentence = advice("no_php_curl").sentence
    assert sentence not in report(bridge)
    assert sentence in report(bridge, disable_functions="curl_init")


def test_it_works_without_curl_as_well(bridge: Bridge) -> None:
    """PHP without the curl extension: WordPress' own HTTP carries the message."""
    answer = bridge.shop.php_json(
        """
        $client = new SmiBridge\\Wire\\Http_Client(500, 2000);
        $by_wordpress = new ReflectionMethod($client, 'by_wordpress');
        $by_wordpress->setAccessible(true);
        $send = function ($url) use ($client, $by_wordpress) {
            $headers = ['Content-Type' => 'application/json'];
            return $by_wordpress->invoke($client, $url, '{}', $headers)['error'] ?? 'none';
        };
        return [$send(SmiBridge\\Core\\Settings::sidecar_url() . '/messages'), $send('http://127.0.0.1:9/'),
                $send('http://no-such-host.invalid/')];
        """
    )
    assert answer == ["none", "refused", "dns"]
