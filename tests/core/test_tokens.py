"""Tokens: signed strings for links; one purpose each, keys that can be replaced."""

from __future__ import annotations

import random

import pytest

from sidecar.core.messages import site_hash
from sidecar.core.tokens import DownloadGrant, TokenExpired, TokenInvalid, TokenMaker
from tests.fakes.site import SITE

KEY, NEWER = b"0123456789abcdef", b"fedcba9876543210"
GRANT = DownloadGrant("3d1f8b5e-0000-4000-8000-000000000001", 2, 2_000_000_000)
NOW = 1_795_341_600.0
OF_BEFORE = {
    "download": ".eJyLVjJOMUyzSDJN1TUAAl0TEGEBIgwQwFBJx0jHCM6NBQA7QwsM.wJlwwFl6jC45amtJkYxWDtB3uAXWaAhEHxlS_fdCnfA",
    "webhook": "WyJqLTEiLDIsM10.U_yHv-4VkwGeY-DwvlhzvB5qB0VN3MQDj7shoEfayKc",
    "source": "WyIyMDI2LzExL2EgYi5qcGciLDIwMDAwMDAwMDBd.WsnqIx273BmgY2mseA4GtjMysFyClpf0w_1D6o8L6EY",
}


def test_a_download_token_gives_back_its_grant() -> None:
    maker = TokenMaker([KEY], SITE)
    assert maker.read_download(maker.download(GRANT), now=NOW) == GRANT


def test_the_same_grant_gives_the_same_token() -> None:
    assert TokenMaker([KEY], SITE).download(GRANT) == TokenMaker([KEY], SITE).download(GRANT)


def test_a_token_fits_a_path_and_the_ledgers_column() -> None:
    token = TokenMaker([KEY], SITE).download(DownloadGrant("j" * 64, 9999, 2_000_000_000))
    assert len(token) <= 512
    assert set(token) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-")


def test_a_token_expires_on_the_second() -> None:
    maker = TokenMaker([KEY], SITE)
    token = maker.download(GRANT)
    maker.read_download(token, now=GRANT.expires_at - 1)
    with pytest.raises(TokenExpired):
        maker.read_download(token, now=GRANT.expires_at)


def test_a_forged_token_is_told_nothing_about_expiry() -> None:
    token = TokenMaker([b"somebody else's key"], SITE).download(DownloadGrant("j", 1, 1))
    with pytest.raises(TokenInvalid):
        TokenMaker([KEY], SITE).read_download(token, now=NOW)


def test_webhook_and_source_tokens_give_back_what_they_name() -> None:
    maker = TokenMaker([KEY], SITE)
    assert maker.read_webhook(maker.webhook("j-1", 2, 3)) == ("j-1", 2, 3)
    assert maker.read_source(maker.source("2026/11/a b.jpg", expires_at=int(NOW) + 9), now=NOW) == "2026/11/a b.jpg"
    with pytest.raises(TokenExpired):
        maker.read_source(maker.source("x", expires_at=int(NOW)), now=NOW)


def test_a_token_of_one_purpose_is_worthless_for_another() -> None:
    maker = TokenMaker([KEY], SITE)
    tokens = {
        "download": maker.download(GRANT),
        "webhook": maker.webhook("j-1", 1, 2_000_000_000),
        "source": maker.source("x", expires_at=2_000_000_000),
    }
    readers = {
        "download": lambda token: maker.read_download(token, now=NOW),
        "webhook": maker.read_webhook,
        "source": lambda token: maker.read_source(token, now=NOW),
    }
    for made, token in tokens.items():
        for read, reader in readers.items():
            if made != read:
                with pytest.raises(TokenInvalid):
                    reader(token)


def test_a_replaced_key_still_opens_old_links_and_the_new_one_signs() -> None:
    old = TokenMaker([KEY], SITE).download(GRANT)
    both = TokenMaker([KEY, NEWER], SITE)
    assert both.read_download(old, now=NOW) == GRANT
    assert TokenMaker([NEWER], SITE).read_download(both.download(GRANT), now=NOW) == GRANT
    with pytest.raises(TokenInvalid):
        TokenMaker([NEWER], SITE).read_download(old, now=NOW)


def test_a_token_has_one_spelling() -> None:
    """base64 has many for the same bytes."""
    maker = TokenMaker([KEY], SITE)
    good = maker.download(GRANT)
    body, _, signature = good.rpartition(".")
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    last = alphabet.index(signature[-1])
    others = [f"{body}.{signature[:-1]}{alphabet[last - last % 4 + bits]}" for bits in range(4)]
    others += [good + "=", good + "==", good + "\n", " " + good, f"{body}.{signature[:20]}!{signature[20:]}"]
    others += [
        good.replace("-", "+").replace("_", "/") + "?",
        f"{body}=.{signature}",
        f"{body}.{signature[:9]} {signature[9:]}",
    ]
    assert maker.read_download(good, now=NOW) == GRANT
    for other in others:
        if other != good:
            with pytest.raises(TokenInvalid):
                maker.read_download(other, now=NOW)


def test_any_other_string_is_invalid_and_nothing_else() -> None:
    maker, random_ = TokenMaker([KEY], SITE), random.Random(7)
    good = maker.download(GRANT)
    odd = [
        "",
        ".",
        "a.b",
        good + "x",
        good[:-1],
        good.upper(),
        "x" * 5000,
        "ä.ö",
        "\ud800.x",
        "\0",
        good.replace(".", ".."),
    ]
    for _ in range(2000):
        at = random_.randrange(len(good))
        odd.append(good[:at] + random_.choice("AZaz09-_.\n ä%") + good[at + 1 :])
    for token in odd:
        if token != good:
            with pytest.raises(TokenInvalid):
                maker.read_download(token, now=NOW)


OTHERS = site_hash("https://other.example")


def test_a_token_of_another_shop_with_the_same_keys_and_ids_opens_nothing() -> None:
    ours, theirs = TokenMaker([KEY], SITE), TokenMaker([KEY], OTHERS)
    assert theirs.read_download(ours.download(GRANT), now=NOW).elsewhere
    with pytest.raises(TokenInvalid):
        theirs.read_webhook(ours.webhook("j-1", 1, 1))
    with pytest.raises(TokenInvalid):
        theirs.read_source(ours.source("x", expires_at=2_000_000_000), now=NOW)


def test_tokens_that_do_not_name_the_site_go_on_opening() -> None:
    """Made by version 1.0 with this key: they stand in customers' mails, and Upsampler has them."""
    maker = TokenMaker([KEY], SITE)
    assert maker.read_download(OF_BEFORE["download"], now=NOW) == GRANT
    with pytest.raises(TokenExpired):
        maker.read_download(OF_BEFORE["download"], now=GRANT.expires_at)
    assert maker.read_webhook(OF_BEFORE["webhook"]) == ("j-1", 2, 3)
    assert maker.read_source(OF_BEFORE["source"], now=NOW) == "2026/11/a b.jpg"
