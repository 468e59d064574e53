"""Core: readers of environment variables: text in, typed value out; a ValueError says what is allowed."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

from .messages import decode_secret


def url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("must be an http:// or https:// address")
    if parts.query or parts.fragment or parts.username:
        raise ValueError("must have no query, fragment or user name")
    return text.rstrip("/")


def optional_url(text: str) -> str:
    return url(text) if text else ""


def optional_url_with_user(text: str) -> str:
    """A Sentry DSN: the key stands where a user name would."""
    if text and (urlsplit(text).scheme not in ("http", "https") or not urlsplit(text).username):
        raise ValueError("must be the https:// address that Sentry shows, with its key")
    return text


def redis_url(text: str) -> str:
    if text and urlsplit(text).scheme not in ("redis", "rediss", "unix"):
        raise ValueError("must begin with redis://, rediss:// or unix://")
    return text


def secret(text: str) -> bytes:
    return decode_secret(text)


def optional_secret(text: str) -> bytes:
    return decode_secret(text) if text else b""


def keys(text: str) -> tuple[bytes, ...]:
    keys = tuple(key.strip().encode() for key in text.split(",") if key.strip())
    if any(len(key) < 16 for key in keys):
        raise ValueError("each key must have at least 16 characters")
    return keys


def hosts(text: str) -> frozenset[str]:
    return frozenset(host.strip().lower() for host in text.split(",") if host.strip())


def whole(low: int, high: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        value = int(text) if text.lstrip("-").isdigit() else None
        if value is None or not low <= value <= high:
            raise ValueError(f"must be a whole number from {low} to {high}")
        return value

    return read


def seconds(low: float, high: float) -> Callable[[str], float]:
    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = -1.0
        if not low <= value <= high:
            raise ValueError(f"must be a number of seconds from {low:g} to {high:g}")
        return value

    return read


def choice(*allowed: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in allowed:
            raise ValueError("must be one of " + ", ".join(allowed))
        return text

    return read


def octal(text: str) -> int:
    try:
        mode = int(text, 8)
    except ValueError:
        mode = -1
    if not 0 <= mode <= 0o777:
        raise ValueError("must be an octal file mode such as 0644")
    return mode


def flag(text: str) -> bool:
    if text.lower() not in ("0", "1", "true", "false", "yes", "no"):
        raise ValueError("must be 1 or 0")
    return text.lower() in ("1", "true", "yes")


def text(text: str) -> str:
    return text
