"""Adapter, pure part: which URLs and addresses a fetch may go to. Opens no connection."""

from __future__ import annotations

import ipaddress
import re

from requests_hardened.ip_filter import InvalidIPAddress, filter_host
from urllib3.exceptions import LocationParseError
from urllib3.util import Url, parse_url

from sidecar.core.errors import PermanentError

_PORTS = {"http": 80, "https": 443}
_UNCLEAN = re.compile(r"[\x00-\x20\x7f\\]")
_USER = re.compile(r"[a-z]+:/*[^/?#]*@", re.IGNORECASE)  # also an empty one, which parsers drop in silence
# "2130706433", "0x7f.1", "0177.0.0.1": numbers that inet_aton reads as an address and no honest URL contains.
_ODD_NUMBER = re.compile(r"(0x[0-9a-f]*|[0-9]+)", re.IGNORECASE)
_GLOBAL_UNICAST = ipaddress.ip_network("2000::/3")


def refuse(why: str) -> PermanentError:
    """The error for a URL or an address to which no request goes."""
    return PermanentError("fetch_refused_address", why)


def parse_public_url(url: str) -> Url:
    """The parts of a URL that may be tried: http or https, a host, no user name, nothing that parsers read differently.

    Says nothing yet about where the host's name leads: `require_public` does, at the moment of connecting.
    Raises PermanentError("fetch_refused_address").
    """
    if not isinstance(url, str) or len(url) > 8192 or _UNCLEAN.search(url):
        raise refuse("the URL holds blanks, control characters or backslashes, or is too long")
    try:
        parts = parse_url(url)
    except LocationParseError as error:
        raise refuse("not a URL") from error
    if parts.scheme not in _PORTS:
        raise refuse("only http and https URLs are fetched")
    if _USER.match(url):
        raise refuse("a URL with a user name is not fetched")
    if not parts.host or parts.port == 0:
        raise refuse("the URL names no host")
    last_label = parts.host.rstrip(".").rpartition(".")[2]
    if _ODD_NUMBER.fullmatch(last_label) and not _is_dotted_quad(parts.host):
        raise refuse("a host written as a number is not fetched")
    return parts


def require_public(address: str) -> None:
    """Refuses an IP address (text form) that is not reachable for everybody on the Internet. Raises
    PermanentError("fetch_refused_address").

    Three judges, all must agree: requests-hardened's list (private, loopback, NAT64, 6to4, carrier NAT, …), Python's
    `is_global`, and for IPv6 the one block that is handed out for public use (2000::/3), outside of which the first two
    let ``fec0::1`` or ``::127.0.0.1`` pass.
    """
    try:
        ip = ipaddress.ip_address(address)
        filter_host(address, 80, allow_loopback=False)  # a literal: no name is looked up
    except (ValueError, InvalidIPAddress) as error:
        raise refuse("the host's address is not public") from error
    if ip.version == 6 and ip.ipv4_mapped is not None:
        ip = ip.ipv4_mapped
    unicast = ip.version == 4 or ip in _GLOBAL_UNICAST
    if not ip.is_global or ip.is_multicast or ip.is_reserved or not unicast:
        raise refuse("the host's address is not public")


def _is_dotted_quad(host: str) -> bool:
    try:
        ipaddress.IPv4Address(host)
    except ValueError:
        return False
    return True
