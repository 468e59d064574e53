"""Face: argument parsing, and the one place of the command line that catches."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from redis.exceptions import RedisError

from ..adapters.refusals import in_words
from ..core.errors import ConfigurationError, SidecarError
from . import doctor, operate, plugin, processes

GROUPS = (processes, operate, doctor, plugin)


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status: 0 done, 1 failed, 2 bad arguments or configuration."""
    parser = argparse.ArgumentParser(prog=_called(), description="SMI Sidecar: paid images, enlarged and delivered.")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for group in GROUPS:
        group.add(commands)
    given, rest = parser.parse_known_args(arguments)
    if rest and given.command != "sandbox":
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    given.rest = rest
    try:
        return given.run(given) or 0
    except ConfigurationError as error:
        if error.code != "configuration_invalid":
            print(f"{error.code}: {error.detail}", file=sys.stderr)
            return 1
        print("The configuration can't be used:", file=sys.stderr)
        for fault in error.detail.splitlines():
            print(f"  - {fault}", file=sys.stderr)
        print("Every setting is listed in deploy/env.example.", file=sys.stderr)
        return 2
    except SidecarError as error:
        print(f"{error.code}: {error.detail}", file=sys.stderr)
        return 1
    except RedisError as error:
        print(f"redis_unavailable: {in_words(error)}", file=sys.stderr)
        return 1


def _called() -> str:
    """As the user typed it."""
    name = Path(sys.argv[0]).name
    return name if name == "smi-sidecar" else "python -m sidecar"
