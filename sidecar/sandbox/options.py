"""Sandbox: what can be set at the start. `parser` is the command line, `SandboxOptions` the same for tests."""

from __future__ import annotations

import argparse
from dataclasses import dataclass, fields
from pathlib import Path

WEBHOOK_SHAPES = ("live", "documented", "event", "none")
WIRE_SHAPES = ("live", "documented")


@dataclass(frozen=True)
class SandboxOptions:
    """Seconds, credits, megapixels; `port` 0 picks a free one."""

    folder: Path
    host: str = "127.0.0.1"
    port: int = 0
    api_key: str = "sandbox-key"
    public_url: str = ""
    delay: float = 1.0
    credits: float = 1_000_000.0
    result_ttl: float = 3 * 3600.0
    webhook: str = "live"
    wire: str = "live"
    canned: Path | None = None
    workers: int = 2
    max_output_mp: float = 800.0


def parser() -> argparse.ArgumentParser:
    """The command line of `python -m sidecar.sandbox`."""
    words = argparse.ArgumentParser(prog="python -m sidecar.sandbox", description="An Upsampler stand-in.")
    add = words.add_argument
    add("--folder", type=Path, required=True, help="where results and the bill are kept")
    add("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    add("--port", type=int, default=9000, help="port to listen on (default: %(default)s)")
    add("--api-key", default="sandbox-key", help="the key that submits must carry (default: %(default)s)")
    add("--public-url", default="", help="how others reach it, for result URLs (default: http://host:port)")
    add("--delay", type=float, default=1.0, help="seconds a job takes at least (default: %(default)s)")
    add("--instant", action="store_true", help="the same as --delay 0")
    add("--canned", type=Path, help="serve this image as every result: no source is fetched, nothing enlarged")
    add("--credits", type=float, default=1_000_000.0, help="credits in the account (default: %(default)s)")
    add("--result-ttl", type=float, default=3 * 3600.0, help="seconds a result URL lives (default: 3 hours)")
    add("--webhook", choices=WEBHOOK_SHAPES, default="live", help="shape of the webhook (default: %(default)s)")
    add("--wire", choices=WIRE_SHAPES, default="live", help="shape of the answers (default: %(default)s)")
    add("--workers", type=int, default=2, help="images enlarged at a time (default: %(default)s)")
    add("--max-output-mp", type=float, default=800.0, help="larger outputs are refused (default: %(default)s)")
    return words


def from_arguments(arguments: argparse.Namespace) -> SandboxOptions:
    """The options that a command line names."""
    values = {field.name: getattr(arguments, field.name) for field in fields(SandboxOptions)}
    if arguments.instant:
        values["delay"] = 0.0
    return SandboxOptions(**values)
