"""Setup: what `setup` asks a person. Each question has a flag; without a terminal, or with --yes, nothing is asked."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Callable
from pathlib import Path

from ...core.advice import advice
from ...core.connection_string import Connection, parse
from ...core.errors import ConfigurationError
from .plan import SANDBOX

_STRING = "Connection string (it is not shown): "


def missing(flag: str, what: str) -> ConfigurationError:
    """The error for a flag that is missing where nothing may be asked."""
    return ConfigurationError("flag_missing", f"{flag} is missing: {what}.")


def connection(given: str, present: dict[str, str], owner: str, may_ask: bool) -> Connection:
    """From the flag (a string, a file, or - for the standard input), else from `.env` as it is, else asked for. Raises
    ConfigurationError "connection_string_damaged", "flag_missing"."""
    if not given and present.get("SMI_SECRET"):
        return Connection(
            shop=present.get("SMI_SHOP_URL", ""),
            secret=present["SMI_SECRET"],
            uploads=present.get("SMI_UPLOADS_DIR", ""),
            uploads_url=present.get("SMI_UPLOADS_URL", ""),
            previous_secret=present.get("SMI_PREVIOUS_SECRET", ""),
            upsampler_key=present.get("UPSAMPLER_API_KEY", ""),
            user=owner,
        )
    if not given:
        if not may_ask:
            raise missing("--connect", "the connection string of SMI Bridge → Settings")
        print("Open SMI Bridge → Settings in WordPress, and copy the connection string.")
        return _asked()
    if given == "-":
        given = sys.stdin.read()
    elif not given.lstrip().startswith("smi1_"):
        given = _of_file(given)
    return parse(given)


def _asked(tries: int = 3) -> Connection:
    """Of a person, who may paste it once more."""
    for _ in range(tries - 1):
        try:
            return parse(getpass.getpass(_STRING))
        except ConfigurationError as error:
            print(f"{advice(error.code).sentence} Copy it once more.")
    return parse(getpass.getpass(_STRING))


def _of_file(given: str) -> str:
    """What stands in the file of that name. A damaged string is no file's name, and may be too long for one."""
    try:
        return Path(given).read_text(encoding="utf-8")
    except (OSError, ValueError):
        return given


def key(given: str, present: dict[str, str], found: Connection, is_sandbox: bool, may_ask: bool) -> str:
    """Upsampler's key, or SANDBOX. Raises ConfigurationError("flag_missing")."""
    if given:
        return given
    if is_sandbox:
        return SANDBOX
    known = present.get("UPSAMPLER_API_KEY") or found.upsampler_key
    if known:
        return known
    if not may_ask:
        raise missing("--key", f"Upsampler's API key, or `{SANDBOX}` to try it first")
    asked = "Upsampler's API key (empty: the sandbox, to try it first without an account): "
    return getpass.getpass(asked).strip() or SANDBOX


def agreed(question: str, ask: Callable[[str], str] = input) -> bool:
    """An empty answer is a yes."""
    return ask(f"{question} [Y/n] ").strip().lower() in ("", "y", "yes")
