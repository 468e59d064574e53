"""Console: argument parsing, and the one place of the command line that catches."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from redis.exceptions import RedisError

from ..adapters.refusals import in_words
from ..core.advice import advice, in_two_lines
from ..core.errors import ConfigurationError, SidecarError
from ..services import env_file
from . import doctor, operate, plugin, processes, setup, upgrade

GROUPS = (setup, processes, operate, doctor, upgrade, plugin)


def main(arguments: Sequence[str] | None = None, **parts: Any) -> int:
    """Exit status: 0 done, 1 failed, 2 bad arguments or configuration, 130 broken off at the keyboard. `parts`: what a
    test puts in a command's place of the real machine."""
    parser = argparse.ArgumentParser(prog=_called(), description="SMI Sidecar: paid images, enlarged and delivered.")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for group in GROUPS:
        group.add(commands)
    given, rest = parser.parse_known_args(arguments)
    if rest and given.command != "sandbox":
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    given.rest = rest
    try:
        return given.run(given, **parts) or 0
    except ConfigurationError as error:
        return _refused(error)
    except (KeyboardInterrupt, EOFError):  # Ctrl-C, Ctrl-D
        print(file=sys.stderr)
        return 130
    except SidecarError as error:
        print(f"{error.code}: {error.detail}", file=sys.stderr)
        return 1
    except RedisError as error:
        print(f"redis_unavailable: {in_words(error)}", file=sys.stderr)
        return 1


def _refused(error: ConfigurationError) -> int:
    """Says what is wrong, and returns the exit status."""
    if error.code == "connection_string_damaged":
        print(in_two_lines(advice(error.code)), file=sys.stderr)
        return 2
    if error.code in ("flag_missing", "env_unreadable", "not_written"):
        print(error.detail, file=sys.stderr)
        return 2 if error.code == "flag_missing" else 1
    if error.code != "configuration_invalid":
        print(f"{error.code}: {error.detail}", file=sys.stderr)
        return 1
    print("The configuration can't be used:", file=sys.stderr)
    for fault in error.detail.splitlines():
        print(f"  - {fault}", file=sys.stderr)
    if env_file() is None:
        print(
            "There is no .env here, nor in /etc/smi-sidecar or ~/smi-sidecar: `smi-sidecar setup` writes one.",
            file=sys.stderr,
        )
    print("`smi-sidecar settings` lists every setting.", file=sys.stderr)
    return 2


def _called() -> str:
    """As the user typed it."""
    name = Path(sys.argv[0]).name
    return name if name == "smi-sidecar" else "python -m sidecar"
