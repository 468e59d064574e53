"""Addresses as browsers open them, and files of the uploads folder however their address is spelt."""

from __future__ import annotations

import unicodedata
from urllib.parse import quote

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from sidecar.core.addresses import as_opened, climbs_out, host_of, path_below, spellings

SHOP = "https://www.shop.example"
UPLOADS = f"{SHOP}/wp-content/uploads"


@pytest.mark.parametrize(
    ("text", "opened"),
    [
        ("https://cdn.example/a.jpg", "https://cdn.example/a.jpg"),
        ("  https://cdn.example/a.jpg\r\n", "https://cdn.example/a.jpg"),
        ("https://cdn.example/a b.jpg", "https://cdn.example/a%20b.jpg"),
        ("https://cdn.example/ä.jpg?ö=ü v", "https://cdn.example/%C3%A4.jpg?%C3%B6=%C3%BC%20v"),
        ("https://cdn.example/a.jpg#main", "https://cdn.example/a.jpg"),
        ("https://cdn.example/a.jpg?v=2#main", "https://cdn.example/a.jpg?v=2"),
        ("//cdn.example/a.jpg", "https://cdn.example/a.jpg"),
        ("/photos/a.jpg", f"{SHOP}/photos/a.jpg"),
        ("HTTP://CDN.example:80/a.jpg", "http://cdn.example/a.jpg"),
        ("https:\\\\cdn.example\\a.jpg", "https://cdn.example/a.jpg"),
        ("https://cdn.example/x/../a.jpg", "https://cdn.example/a.jpg"),
        ("https://cdn.example/a\n.jpg", "https://cdn.example/a.jpg"),
        ("https://bücher.example/a.jpg", "https://xn--bcher-kva.example/a.jpg"),
        ("https://cdn.example/50%.jpg", "https://cdn.example/50%.jpg"),
        ("photo.png", None),
        ("", None),
        ("https://", None),
        ("http://[::1/a.jpg", None),
        ("ftp://cdn.example/a.jpg", None),
        ("javascript:alert(1)", None),
        ("data:image/png;base64,AAAA", None),
        ("file:///etc/passwd", None),
    ],
)
def test_an_address_is_opened_as_browsers_open_it(text: str, opened: str | None) -> None:
    assert as_opened(text, SHOP) == opened


@given(st.text() | st.from_regex(r"(https?:)?//[^\s]*", fullmatch=True))
def test_whatever_stands_in_a_row_the_address_is_sound_or_none(text: str) -> None:
    opened = as_opened(text, SHOP)
    if opened is not None:
        assert opened.startswith(("http://", "https://")) and opened.isascii() and host_of(opened) is not None
        assert not set(opened) & set(" \t\r\n#\\")
        assert as_opened(opened, SHOP) == opened
        assert ".." not in (path_below(UPLOADS, opened) or "").replace("%2F", "/").split("/")


names = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="/\0"), min_size=1, max_size=12)


@given(st.lists(names, min_size=1, max_size=4), st.randoms(use_true_random=False))
def test_a_file_of_the_folder_is_found_however_its_address_is_spelt(parts: list[str], chance) -> None:
    assume(not {".", ".."} & set(parts))

    def spelt(name: str) -> str:
        def one(letter: str) -> str:
            if letter.isalnum() and chance.random() < 0.5:
                return letter
            code = "".join(f"%{byte:02x}" for byte in letter.encode())
            return code if chance.random() < 0.5 else code.upper()

        return "".join(map(one, name))

    scheme = chance.choice(("https://", "http://", "//", "HTTPS://", "https:\\\\"))
    host = chance.choice(
        ("shop.example", "www.shop.example", "WWW.Shop.Example", "shop.example:443", "www.shop.example:80")
    )
    folder = chance.choice(
        ("/wp-content/uploads/", "//wp-content//uploads///", "/x/../wp-content/uploads/", "/wp%2Dcontent/uploads/")
    )
    tail = chance.choice(("", "?ver=3", "#x", "?a#b", " ", "\n"))
    text = chance.choice(("", " ", "\r\n")) + scheme + host + folder + "/".join(map(spelt, parts)) + tail
    opened = as_opened(text, SHOP)
    assert opened is not None
    assert path_below(UPLOADS, opened) == "/".join(parts)
    assert path_below(UPLOADS, f"{UPLOADS}/" + quote("/".join(parts))) == "/".join(parts)


@given(st.text(min_size=1, max_size=20))
def test_accents_are_looked_for_in_each_way_of_writing_them(name: str) -> None:
    found = list(spellings(name))
    assert found[0] == name
    assert {unicodedata.normalize(form, name) for form in ("NFC", "NFD")} <= set(found)


@pytest.mark.parametrize(
    "address",
    [
        "https://cdn.example/wp-content/uploads/a.jpg",
        "https://shop.example:8443/wp-content/uploads/a.jpg",
        "https://shop.example/wp-content/uploads",
        "https://shop.example/wp-content/uploads-old/a.jpg",
        "https://shop.example/wp-content/a.jpg",
        "https://shop.example.evil.example/wp-content/uploads/a.jpg",
    ],
)
def test_another_folder_is_another_folder(address: str) -> None:
    assert path_below(UPLOADS, address) is None


def test_a_folder_whose_own_address_has_accents_is_found_in_both_ways_of_writing_them() -> None:
    folder = f"{SHOP}/médias"
    for form in ("NFC", "NFD"):
        opened = as_opened(unicodedata.normalize(form, f"{folder}/a.jpg"), SHOP)
        assert opened and path_below(folder, opened) == "a.jpg"


@pytest.mark.parametrize(
    ("text", "climbs"),
    [
        (f"{UPLOADS}/../../wp-config.php", True),
        (f"{UPLOADS}/2026/../../x.png", True),
        (f"{UPLOADS}/%2e%2E/x.png", True),
        (f"{UPLOADS}\\..\\x.png", True),
        ("/wp-content/uploads/../x.png", True),
        (f"{SHOP}/a/../wp-content/uploads/x.png", False),
        (f"{UPLOADS}/a..b/x.png", False),
        ("https://cdn.example/uploads/../x.png", False),
        (f"{SHOP}/x.png?a=/../", False),
    ],
)
def test_an_address_that_climbs_out_of_the_folder_is_known(text: str, climbs: bool) -> None:
    assert climbs_out(UPLOADS, text) == climbs
