"""Settings: every fault is reported, all of them at once; secrets may stand in files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sidecar.core.env import EXAMPLE_CDN_KEY
from sidecar.core.errors import ConfigurationError
from sidecar.core.settings import Settings, described
from tests.testbed.places import REPOSITORY

SECRET = "whsec_6eCm2wFPrp+RDgdtIEudJKmH0zOwNXXTYavPTykUCGQ="
NEEDED = {
    "SMI_SHOP_URL": "https://Shop.example/",
    "SMI_SECRET": SECRET,
    "SMI_UPLOADS_DIR": "/srv/uploads",
    "UPSAMPLER_API_KEY": "key",
}


def read(**changes: str | None) -> Settings:
    return Settings.from_env({name: text for name, text in {**NEEDED, **changes}.items() if text is not None})


def faults(**changes: str | None) -> str:
    with pytest.raises(ConfigurationError) as caught:
        read(**changes)
    assert caught.value.code == "configuration_invalid"
    return caught.value.detail


def test_four_settings_are_enough() -> None:
    settings = read()
    assert settings.site == "https://shop.example"
    assert settings.uploads_base_url == "https://Shop.example/wp-content/uploads"
    assert settings.downloads_dir == Path("/srv/uploads/smi-downloads")
    assert (settings.port, settings.watch_limit_s, settings.webhooks) == (8321, 900, "auto")


def test_an_empty_environment_names_everything_that_is_missing() -> None:
    with pytest.raises(ConfigurationError) as caught:
        Settings.from_env({})
    assert [line.split()[0] for line in caught.value.detail.splitlines()] == list(NEEDED)


def test_where_files_go_through_the_shops_door_no_uploads_folder_is_needed_and_the_shop_hands_them_out() -> None:
    settings = read(
        SMI_STORAGE="rest", SMI_UPLOADS_DIR=None, SMI_DATA_DIR="/srv/data", SMI_PUBLIC_URL="https://a.example"
    )
    assert settings.downloads_dir == Path("/srv/data/work") / settings.site_hash
    assert (settings.download_address("token"), settings.at_the_shop) == ("", True)
    assert read(SMI_PUBLIC_URL="https://a.example").download_address("token") == "https://a.example/download/token"
    assert "SMI_UPLOADS_DIR" in faults(SMI_STORAGE="local", SMI_UPLOADS_DIR=None)
    handed_out = faults(SMI_STORAGE="rest", SMI_PUBLIC_URL="https://a.example", SMI_DOWNLOAD_MODE="x-accel")
    assert handed_out.startswith("SMI_DOWNLOAD_MODE")


def test_all_faults_are_reported_at_once_contradictions_too() -> None:
    found = faults(
        SMI_SECRET="hunter2",
        PORT="http",
        SMI_FILE_MODE="rw",
        SMI_WEBHOOKS="direct",
        SMI_FIRST_POLL_S="600",
        SMI_WATCH_LIMIT_S="60",
        SMI_UPLOADS_DIR="relative",
    ).splitlines()
    assert [line.split()[0].split("=")[0] for line in found] == [
        "SMI_SECRET",
        "PORT",
        "SMI_FILE_MODE",
        "SMI_WEBHOOKS",
        "SMI_FIRST_POLL_S",
        "SMI_UPLOADS_DIR",
    ]


def test_no_fault_quotes_a_secret() -> None:
    assert "hunter2" not in faults(SMI_SECRET="hunter2", SMI_PREVIOUS_SECRET="whsec_hunter2")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("SMI_SHOP_URL", "shop.example"),
        ("SMI_SHOP_URL", "ftp://shop.example"),
        ("SMI_SHOP_URL", "https://user@shop.example"),
        ("SMI_SHOP_URL", "https://shop.example/?x=1"),
        ("SMI_SHOP_URL", "http://[::1"),
        ("SMI_PUBLIC_URL", "//x"),
        ("PORT", "0"),
        ("PORT", "65536"),
        ("PORT", "²"),
        ("SMI_WORKERS", "-1"),
        ("SMI_FIRST_POLL_S", "nan"),
        ("SMI_FIRST_POLL_S", "soon"),
        ("SMI_FILE_MODE", "1777"),
        ("SMI_CHECK_PICTURE", "maybe"),
        ("SMI_OUTPUT_FORMAT", "gif"),
        ("SMI_LINK_KEYS", "short"),
        ("REDIS_URL", "http://localhost"),
        ("SMI_ACCEL_PREFIX", "internal"),
    ],
)
def test_a_value_that_makes_no_sense_is_refused_by_name(name: str, text: str) -> None:
    assert faults(**{name: text}).startswith(name + " ")


@pytest.mark.parametrize(
    "changes",
    [
        {"SMI_DOWNLOAD_MODE": "x-accel"},
        {"SMI_PREVIOUS_SECRET": SECRET},
        {"SMI_WEBHOOKS": "direct"},
        {"SMI_FIRST_POLL_S": "30", "SMI_WATCH_LIMIT_S": "30"},
    ],
)
def test_a_configuration_that_contradicts_itself_is_refused(changes: dict[str, str]) -> None:
    assert faults(**changes)


def test_a_secret_may_stand_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text(SECRET + "\n")
    assert read(SMI_SECRET=None, SMI_SECRET_FILE=str(file)).secret == read().secret


def test_a_value_and_a_file_at_the_same_time_is_a_fault() -> None:
    assert "SMI_SECRET_FILE are both set" in faults(SMI_SECRET_FILE="/run/secret")


def test_a_file_that_can_not_be_read_is_a_fault_of_that_setting(tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    assert faults(UPSAMPLER_API_KEY=None, UPSAMPLER_API_KEY_FILE=str(tmp_path / "gone")).startswith(
        "UPSAMPLER_API_KEY "
    )
    assert faults(UPSAMPLER_API_KEY=None, UPSAMPLER_API_KEY_FILE=str(tmp_path / "binary")).startswith(
        "UPSAMPLER_API_KEY "
    )


def test_an_empty_value_counts_as_not_set() -> None:
    assert read(PORT="", SMI_PUBLIC_URL="  ").port == 8321


def test_links_are_signed_by_keys_of_their_own_or_derived_from_the_secrets_newest_last() -> None:
    assert read(SMI_LINK_KEYS="a" * 16 + " , " + "b" * 16).signing_keys == (b"a" * 16, b"b" * 16)
    other = "whsec_" + "QUJD" * 8
    rotated = read(SMI_SECRET=other, SMI_PREVIOUS_SECRET=SECRET)
    assert rotated.signing_keys[0] == read().signing_keys[0]
    assert rotated.secrets[0] != read().secret


@pytest.mark.parametrize(
    ("changes", "address"),
    [
        ({"SMI_PUBLIC_URL": "https://shop.example/smi/"}, "https://shop.example/smi/webhooks/upsampler/T"),
        ({}, "https://Shop.example/smi-webhook/upsampler/?token=T"),
        (
            {"SMI_PUBLIC_URL": "https://x.example", "SMI_WEBHOOKS": "shop"},
            "https://Shop.example/smi-webhook/upsampler/?token=T",
        ),
        ({"SMI_WEBHOOKS": "off"}, None),
    ],
)
def test_where_upsampler_reports(changes: dict[str, str], address: str | None) -> None:
    assert read(**changes).webhook_address("T") == address


def test_every_setting_is_described_and_its_default_is_accepted() -> None:
    names = [item["name"] for item in described()]
    assert len(names) == len(set(names)) and all(item["help"] for item in described())
    read(**{item["name"]: item["default"] for item in described() if item["default"] is not None})
    assert {item["name"] for item in described() if item["default"] is None} == set(NEEDED)


@pytest.mark.parametrize("name", ["SMI_SECRET", "SMI_PREVIOUS_SECRET"])
def test_the_example_of_the_documentation_is_no_secret(name: str) -> None:
    example = next(item["example"] for item in described() if item["name"] == "SMI_SECRET")
    found = faults(**{name: example})
    assert found.startswith(f"{name} is the example")
    assert str(example) not in found


@pytest.mark.parametrize("sign", list("#/?[\t \n"))
@pytest.mark.parametrize("scheme", ["redis", "rediss"])
def test_a_redis_password_that_is_not_percent_encoded_is_told_with_its_cure(scheme: str, sign: str) -> None:
    found = faults(REDIS_URL=f"{scheme}://user:hunter{sign}swordfish@127.0.0.1:6379/0")
    assert found.startswith("REDIS_URL ")
    assert "percent-encoded" in found
    assert "hunter" not in found
    assert "swordfish" not in found


def test_a_number_before_the_sign_is_no_port() -> None:
    """`12` alone would be one, and the rest of the password a path."""
    found = faults(REDIS_URL="redis://:12/swordfish@127.0.0.1:6379/0")
    assert "percent-encoded" in found
    assert "swordfish" not in found


@pytest.mark.parametrize(
    "url",
    [
        "redis://:p%23w%2Fd@10.0.0.4:6379/0",
        "rediss://user:a@b:c@redis.example",
        "redis://[::1]:6379/1?socket_keepalive=True",
        "unix:///run/redis.sock?db=1",
    ],
)
def test_a_sound_redis_url_is_taken_as_it_is(url: str) -> None:
    assert read(REDIS_URL=url).redis_url == url


@pytest.mark.parametrize("name", ["SENTRY_DSN", "REDIS_URL", "SMI_PUBLIC_URL"])
@pytest.mark.parametrize(
    "start", ["https://user:hunter2@[shop", "https://user:hunter2\u2100@shop", "https://u@shop:hunter2"]
)
def test_an_address_that_cant_be_read_is_not_quoted(name: str, start: str) -> None:
    assert "hunter2" not in faults(**{name: start})


VECTORS = json.loads((REPOSITORY / "tests" / "vectors" / "cdn.json").read_text())
CDN = {
    "SMI_PUBLIC_URL": "https://a.example",
    "SMI_DOWNLOAD_MODE": "redirect",
    "SMI_CDN_URL": "https://cdn.example/",
    "SMI_CDN_KEY": "a key of some length",
}


def test_downloads_by_a_cdn_need_its_address_and_its_key() -> None:
    settings = read(**CDN)
    assert (settings.cdn_url, settings.cdn_signing, settings.cdn_link_s) == ("https://cdn.example", "secure-link", 300)
    for name in ("SMI_CDN_URL", "SMI_CDN_KEY"):
        assert "SMI_CDN_URL and SMI_CDN_KEY" in faults(**{**CDN, name: ""})
    assert "SMI_CDN_KEY_ID" in faults(**CDN, SMI_CDN_SIGNING="cloudfront")


@pytest.mark.parametrize(
    "where", [{"SMI_STORAGE": "rest"}, {"SMI_PUBLIC_URL": ""}, {"SMI_BIND": "none", "SMI_PUBLIC_URL": ""}]
)
def test_where_the_shop_hands_files_out_its_own_settings_name_the_cdn(where: dict[str, str]) -> None:
    shops = {"SMI_DOWNLOAD_MODE": "redirect", "SMI_PUBLIC_URL": "https://a.example"} | where
    assert not read(**shops).hands_out
    assert "SMI_BRIDGE_CDN_" in faults(**shops, SMI_CDN_KEY="a key of some length")
    assert "SMI_DOWNLOAD_MODE" in faults(**{**shops, "SMI_DOWNLOAD_MODE": "x-accel"})


@pytest.mark.parametrize("case", VECTORS["keys"], ids=lambda case: case["key"][:30])
def test_a_key_is_long_enough_and_stands_in_no_documentation(case: dict[str, Any]) -> None:
    for spelled in (case["key"], case["key"].replace("\n", "\\n"), f" {case['key']} "):
        env = {**CDN, "SMI_CDN_KEY": spelled}
        assert read(**env).cdn_key == case["key"].strip() if case["is_key"] else "SMI_CDN_KEY" in faults(**env)
    assert EXAMPLE_CDN_KEY in (REPOSITORY / "deploy" / "nginx-cdn.conf").read_text()
