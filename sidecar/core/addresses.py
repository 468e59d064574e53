"""Core: addresses as browsers open them (WHATWG URL Standard), and which of them name a file of a folder."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from urllib.parse import unquote

from ada_url import URL

_ABSOLUTE = re.compile(r"[\x00-\x20]*(https?:)?[/\\]", re.IGNORECASE)
_CLIMBS = re.compile(r"(^|[/\\])(\.|%2e){2}([/\\]|$)", re.IGNORECASE)
_USUAL_PORTS = ("", "80", "443")


def as_opened(text: str, base: str) -> str | None:
    """The http or https address that a browser requests for `text` on a page of `base`; None if it is none.

    Blanks, line breaks, letters of all kinds, backslashes and dots in the path are written as they are sent; a fragment
    is never sent. An address relative to its page is none: nobody knows the page.
    """
    if not _ABSOLUTE.match(text):
        return None
    try:
        url = URL(text, base=base)
    except ValueError:
        return None
    if url.protocol not in ("http:", "https:"):
        return None
    url.hash = ""
    return url.href


def host_of(address: str) -> str:
    """The host's name by which servers are told apart: lower case, without port and ``www.``; "" if there is none."""
    try:
        return URL(address).hostname.removeprefix("www.")
    except ValueError:
        return ""


def host_as_sent(address: str) -> str:
    """Host and port as they stand in the header of a request, in ASCII (RFC 5891); the address is taken for a sound
    one."""
    return URL(address).host


def origin(address: str) -> str:
    """As browsers name it, in ASCII and without a path (RFC 6454), though a site may live in a folder."""
    return URL(address).origin


def path_below(folder: str, address: str) -> str | None:
    """The path of a file below the folder at `folder`, decoded; None if `address` (as `as_opened` gives it) lies
    elsewhere. http and https, ``www.``, usual ports and doubled slashes make no difference, nor does the query."""
    ours, theirs = URL(folder), URL(address)
    if host_of(folder) != host_of(address):
        return None
    if ours.port != theirs.port and not {ours.port, theirs.port} <= set(_USUAL_PORTS):
        return None
    root, path = _segments(ours.pathname), _segments(theirs.pathname)
    below = path[len(root) :]
    return "/".join(below) if below and list(map(_composed, path[: len(root)])) == list(map(_composed, root)) else None


def climbs_out(folder: str, text: str) -> bool:
    """Whether an address begins below `folder` and leaves it by ``..``: nobody writes that in good faith."""
    plain = re.split("[?#]", text, maxsplit=1)[0]
    begin = _CLIMBS.search(plain)
    opened = as_opened(plain[: begin.start() + 1] + "x", folder) if begin else None
    return opened is not None and path_below(folder, opened) is not None


def spellings(path: str) -> Iterator[str]:
    """A path as it stands, and with its accents composed and decomposed: file systems and editors differ there."""
    yield from dict.fromkeys((path, _composed(path), unicodedata.normalize("NFD", path)))


def _composed(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def _segments(pathname: str) -> list[str]:
    """Bytes that are no UTF-8 become what a file name has for them (surrogates)."""
    return [part for part in unquote(pathname, errors="surrogateescape").split("/") if part]
