"""Console: `plugin` hands out the bridge, ready to upload in WordPress."""

from __future__ import annotations

import sys

from ..adapters import bridge_zip


def add(commands) -> None:
    help = "write the bridge's zip to the standard output, ready to upload in WordPress"
    commands.add_parser("plugin", help=help, description=help).set_defaults(run=_plugin)


def _plugin(given) -> int:
    """A terminal is no place for a zip."""
    if sys.stdout.isatty():
        print("Write it to a file: smi-sidecar plugin > smi-bridge.zip", file=sys.stderr)
        return 2
    sys.stdout.buffer.write(bridge_zip.packed())
    return 0
