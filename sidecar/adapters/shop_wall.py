"""Adapter: what answers in the bridge's place. A firewall, a login, a redirect: its first words, and the cure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from ..core.errors import ConfigurationError, SidecarError, TemporaryError

REDIRECTS = (301, 302, 303, 307, 308)
_STANDS_THERE = (200, 401, 403, 405, 406, 410, 429, 451, 503, *REDIRECTS)
_PASSES = (429, 503)  # maintenance, too many requests: may go by itself
_MAY_BE_EMPTY = (200, *_PASSES)  # a shop that has lost its answer, or is overloaded, is away
_OURS = ('{"results":', '{"error":', '{"offset":')
# All that the bridge refuses with (docs/contract.md, parts 1 and 6): a firewall may have an `error` of its own.
_REFUSALS = frozenset(
    {
        *("unauthorized", "message_invalid", "message_unknown_type"),
        *("message_id_reused", "message_answered", "database"),
        *("not_announced", "busy", "disk_full"),  # of bytes; its other refusals of them name the offset
    }
)
# What asks for a browser: by its address, or its first words (Cloudflare, Sucuri, DDoS-Guard, Imunify360, captchas).
_CHALLENGE = re.compile(
    r"just a moment|captcha|challenge|checking (if the site|your browser)|verify(ing)? (that )?you are (a )?human|"
    r"are you (a )?(human|robot)|not a (ro)?bot|enable javascript|ddos protection|browser (check|verification)",
    re.IGNORECASE,
)
FIRST_WORDS = 400  # characters in which a challenge says what it is
MOST_WORDS = 120  # characters of a stranger that are shown


def bridge_answer(data: bytes) -> dict[str, Any] | None:
    """The bridge's JSON, also when a plugin has printed something before or behind it; None when there is none."""
    text = data.decode(errors="replace")
    for start in sorted(place for mark in _OURS if (place := text.find(mark)) >= 0):
        try:
            found, _ = json.JSONDecoder().raw_decode(text, start)
        except ValueError:
            continue
        if _is_ours(found):
            return found
    try:
        found = json.loads(data)
    except ValueError:
        return None
    return found if _is_ours(found) else None


def _is_ours(found: object) -> bool:
    if not isinstance(found, dict):
        return False
    error = found.get("error")
    return "results" in found or "offset" in found or (isinstance(error, str) and error in _REFUSALS)


def refusal(address: str, status: int, headers: Mapping[str, str], data: bytes) -> SidecarError | None:
    """The error for an answer that is not the bridge's: "shop_door_missing", or "shop_walled" with its first words and
    the cure; None when the shop is simply away."""
    if status == 404:
        return ConfigurationError("shop_door_missing", f"{address} answered 404: is the bridge active?")
    words = _words(status, headers, data)
    if status not in _STANDS_THERE or (status == 200 and words[:1] in ("[", "{")):
        return None
    if not words and status in _MAY_BE_EMPTY:
        return None
    detail = f"{address} answered {status}, not by the bridge: {words or 'nothing'}. {_cure(status, headers, data)}"
    if status in _PASSES:
        return TemporaryError("shop_walled", detail)
    return ConfigurationError("shop_walled", detail)


def _words(status: int, headers: Mapping[str, str], data: bytes) -> str:
    """Its first words, or where it sends us; no query, which may hold a token."""
    if status in REDIRECTS:
        to = urlsplit(headers.get("Location", ""))
        return f"go to {to._replace(query='', fragment='').geturl()[:MOST_WORDS]}"
    text = _visible(data)
    return f"“{text[:MOST_WORDS]}”" if text and text[0] not in "[{" else text[:MOST_WORDS]


def _visible(data: bytes) -> str:
    """What a person would read of a page; scripts are no words, though a login's may name a captcha."""
    text = re.sub(r"(?is)<(style|script)\b.*?</\1>", " ", data[:20000].decode(errors="replace"))
    return " ".join(re.sub(r"<[^>]*>", " ", text).split())


def _cure(status: int, headers: Mapping[str, str], data: bytes) -> str:
    """What lets us in, as far as the answer tells."""
    to = headers.get("Location", "")
    asks = _CHALLENGE.search(to.partition("?")[0] if status in REDIRECTS else _visible(data)[:FIRST_WORDS])
    if "cf-mitigated" in headers or asks:
        return "A bot challenge, which no program passes: let this machine's address skip it."
    if status in REDIRECTS and not re.search(r"log-?in|signin|auth", to, re.IGNORECASE):
        return "Set SMI_SHOP_URL (or SMI_SHOP_ADDRESS) to the address that needs no redirect."
    if status in REDIRECTS or status == 200:
        return "A login or “coming soon” page: except POST requests with smi-bridge in their address from it."
    if status == 401 and "WWW-Authenticate" in headers:
        return "A password by the web server: except the address with smi-bridge from it, or set SMI_SHOP_ADDRESS."
    if status in _PASSES:
        return "Maintenance, or too many requests: if it stays, except this machine's address from it."
    return "A firewall or security plugin: allow POST to it from this machine's address, user agent smi-sidecar."
