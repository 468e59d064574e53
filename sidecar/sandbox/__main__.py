"""Sandbox: the command line, ``python -m sidecar.sandbox --folder DIR``."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Sequence

from sidecar.sandbox.options import from_arguments, parser
from sidecar.sandbox.server import SandboxServer


def main(arguments: Sequence[str] | None = None) -> int:
    """Serves until SIGTERM or SIGINT; returns the exit status."""
    options = from_arguments(parser().parse_args(arguments))
    asked_to_stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: asked_to_stop.set())
    with SandboxServer(options) as sandbox:
        print(f"Upsampler sandbox: {sandbox.url}/api/v1 (key: {options.api_key})", flush=True)
        asked_to_stop.wait()  # ends: with a signal
    return 0


if __name__ == "__main__":
    sys.exit(main())
