"""Core: readers of environment variables: text in, typed value out; a ValueError says what is allowed."""

from __future__ import annotations

import hashlib
import ipaddress
import math
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from .messages import decode_secret


def _split(text: str) -> SplitResult:
    """Nothing of the text stands in the fault: it may hold a password."""
    try:
        parts = urlsplit(text)
        _ = parts.port  # read only here
    except ValueError:
        raise ValueError("can't be read as an address") from None
    return parts


def lookup(env: Mapping[str, str], name: str, read_file: Callable[[Path], str]) -> str | None:
    """The text of a variable, or of the file that `name`_FILE names; None where neither is set. Raises ValueError,
    OSError."""
    text, file = env.get(name), env.get(f"{name}_FILE")
    if file and text:
        raise ValueError(f"and {name}_FILE are both set: which one counts?")
    # Some editors put a mark before the first letter of a file.
    return (
        read_file(Path(file)).strip().removeprefix("\ufeff") if file else (text.strip() if text is not None else None)
    )


def url(text: str) -> str:
    """An address of http or https without query, fragment and user name; the slash at its end goes."""
    if " " in text or not text.isprintable():  # line breaks, which the parser drops in silence, are no signs either
        raise ValueError("must hold no blank and no sign that can't be seen")
    parts = _split(text)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("must be an http:// or https:// address")
    if parts.query or parts.fragment or "@" in parts.netloc:
        raise ValueError("must have no query, fragment or user name")
    return text.rstrip("/")


def plain_url(text: str) -> str:
    """As `url`, in ASCII: it stands in a header, or in the first line of a request."""
    if not text.isascii():
        raise ValueError("must be ASCII: an international name in its xn-- form, a path percent-encoded")
    return url(text)


def optional_plain_url(text: str) -> str:
    """As `plain_url`, or ""."""
    return plain_url(text) if text else ""


def optional_url(text: str) -> str:
    """As `url`, or ""."""
    return url(text) if text else ""


def optional_url_with_user(text: str) -> str:
    """A Sentry DSN (https://docs.sentry.io/concepts/key-terms/dsn-explainer/), whose key stands where a user name
    would, or ""."""
    if text and (_split(text).scheme not in ("http", "https") or not _split(text).username):
        raise ValueError("must be the https:// address that Sentry shows, with its key")
    return text


_ENCODE = (
    "a user name and a password must be percent-encoded there "
    "(# is %23, / is %2F, ? is %3F, @ is %40, [ is %5B, % is %25)"
)


def redis_url(text: str) -> str:
    """An address as redis-py takes it (redis://, rediss://, unix://), or "". No fault quotes a part of it: what stands
    where a port should may be the password."""
    if not text:
        return text
    if not text.startswith(("redis://", "rediss://", "unix://")):
        raise ValueError("must begin with redis://, rediss:// or unix://")
    try:
        parts = _split(text)
    except ValueError as error:
        raise ValueError(f"{error}: {_ENCODE}") from None
    # A sign that would have had to be encoded ends the password early, and the rest of it is taken for something else.
    torn = "#" in text or "@" in parts.path + parts.query or any(letter <= " " for letter in text)
    number = parts.path.strip("/")
    if torn or (parts.scheme != "unix" and number and not number.isdecimal()):
        raise ValueError(f"can't be read, or its end is not the number of a database: {_ENCODE}")
    if parts.scheme == "unix" and not number:
        raise ValueError("names no socket")
    return text


EXAMPLE_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # Standard Webhooks' test vector: known to everybody


def secret(text: str) -> bytes:
    """The bytes of a shared secret, ``whsec_`` and base64 (Standard Webhooks)."""
    found = decode_secret(text)
    if found == decode_secret(EXAMPLE_SECRET):
        raise ValueError("is the example of the documentation, which everybody knows: copy the bridge's own")
    return found


EXAMPLE_CDN_KEY = "replace-this-key-of-the-cdn"  # stands in deploy/nginx-cdn.conf
# Keys of the vendors' published examples, by their SHA-256 without white space: a key in PEM is long.
_PUBLISHED_KEYS = {
    hashlib.sha256(key.encode()).hexdigest()
    for key in (EXAMPLE_CDN_KEY, "SecurityKey", "229248f0-f007-4bf9-ba1f-bbf1b4ad9d40")
}
_PUBLISHED_KEYS.add("12bb36d8a8ff8110ce0c56c0dc6e072458d37c5748f6a6ec81094ff77d3b60b9")  # CloudFront's


def cdn_key(text: str) -> str:
    """A text that is shared with the CDN, or a private key in PEM, whose line ends may be written as a backslash and an
    n."""
    text = text.replace("\\n", "\n")  # a PEM in one line of an .env file
    if text and hashlib.sha256("".join(text.split()).encode()).hexdigest() in _PUBLISHED_KEYS:
        raise ValueError("is the example of a documentation, which everybody knows")
    if text and len(text) < 16:
        raise ValueError("must have at least 16 characters")
    return text


def optional_secret(text: str) -> bytes:
    """As `secret`, or b""."""
    return secret(text) if text else b""


def keys(text: str) -> tuple[bytes, ...]:
    """Keys of links, parted by commas: the last one signs, all of them verify (the order of itsdangerous)."""
    keys = tuple(key.strip().encode() for key in text.split(",") if key.strip())
    if any(len(key) < 16 for key in keys):
        raise ValueError("each key must have at least 16 characters")
    return keys


def hosts(text: str) -> frozenset[str]:
    """Names, or name:port, parted by commas; in small letters."""
    return frozenset(host.strip().lower() for host in text.split(",") if host.strip())


_WHOLE = re.compile("-?[0-9]{1,18}")
_OCTAL = re.compile("(?:0o)?[0-7]{1,4}")


def whole(low: int, high: int) -> Callable[[str], int]:
    """Whole numbers, both ends allowed."""

    def read(text: str) -> int:
        value = int(text) if _WHOLE.fullmatch(text) else None
        if value is None or not low <= value <= high:
            raise ValueError(f"must be a whole number from {low} to {high}")
        return value

    return read


def seconds(low: float, high: float) -> Callable[[str], float]:
    """Numbers of seconds, with a point or without, both ends allowed."""

    def read(text: str) -> float:
        try:
            value = float(text) if text.isascii() and "_" not in text else math.nan
        except ValueError:
            value = math.nan
        if not low <= value <= high:
            raise ValueError(f"must be a number of seconds from {low:g} to {high:g}")
        return value

    return read


def choice(*allowed: str) -> Callable[[str], str]:
    """One of these words, as it is written."""

    def read(text: str) -> str:
        if text not in allowed:
            raise ValueError("must be one of " + ", ".join(allowed))
        return text

    return read


def octal(least: int) -> Callable[[str], int]:
    """A mode, e.g. 0644: no more than 0777, and `least` bits of it."""

    def read(text: str) -> int:
        mode = int(text, 8) if _OCTAL.fullmatch(text) else -1
        if not 0 <= mode <= 0o777:
            raise ValueError("must be an octal file mode such as 0644")
        if mode & least != least:
            raise ValueError(f"must allow the sidecar itself to use what it makes (at least {least:04o})")
        return mode

    return read


def flag(text: str) -> bool:
    """1, true, yes or 0, false, no, in small or large letters."""
    if text.lower() not in ("0", "1", "true", "false", "yes", "no"):
        raise ValueError("must be 1 or 0")
    return text.lower() in ("1", "true", "yes")


def visible(text: str) -> str:
    """ASCII without blanks, as it stands in a header. No fault quotes it."""
    if not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError("holds a blank or a sign that is none of ASCII's: copy it once more")
    return text


def listens_at(text: str) -> str:
    """An address of this machine, a name, or `none`; a port is a setting of its own."""
    if _HOST.fullmatch(text):
        return text
    try:
        ipaddress.ip_address(text.removeprefix("[").removesuffix("]"))
    except ValueError:
        raise ValueError(
            "must be an address such as 127.0.0.1 or ::1, a host's name, or none; without a port"
        ) from None
    return text


_HOST = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,251}[A-Za-z0-9_])?")


def text(text: str) -> str:
    """Any text, as it is."""
    return text


def local_address(bind: str) -> str:
    """Where the web process is reached from its own machine, as it stands in an address: SMI_BIND, if that is one."""
    if bind in ("", "0.0.0.0", "::", "[::]"):
        return "127.0.0.1"
    return in_address(bind)


def in_address(host: str) -> str:
    """A host as it stands before a port: an IPv6 address in brackets (RFC 3986, 3.2.2)."""
    return f"[{host}]" if ":" in host and not host.startswith("[") else host
