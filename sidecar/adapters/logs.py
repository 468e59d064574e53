"""Adapter: log lines by structlog: one sentence plus fields, JSON for machines or text for people."""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping
from contextlib import suppress
from typing import Any

from . import faults
from .memory import without

with without("rich"):  # colours for tracebacks, which we do not ask for: 3 MB, and a fifth of the time to start
    import structlog

_logger: Any = structlog.get_logger()  # `configure` binds it once: to find its parts anew costs as much as a line
# Fields that would let a reader of the log act as somebody else.
_SECRET = frozenset({"token", "secret", "api_key", "email", "authorization", "download_url", "result_url"})


def _mask(logger: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for name in _SECRET & event.keys():
        event[name] = "***"
    return event


def configure(*, format: str, level: str, site: str = "") -> None:
    """Set up structlog and the standard library's logging alike. Call once a process. `site`: its hash, for each line
    that names none itself."""

    def name_site(logger: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        event.setdefault("site", site)
        return event

    number = getattr(logging, level.upper())
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _mask,
        *([name_site] if site else []),
    ]
    renderer = structlog.processors.JSONRenderer() if format == "json" else structlog.dev.ConsoleRenderer(colors=False)
    structlog.configure(
        processors=[*shared, structlog.processors.format_exc_info, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    global _logger
    _logger = structlog.get_logger().bind()
    logging.basicConfig(
        level=max(number, logging.WARNING), stream=sys.stderr, format="%(levelname)s %(name)s %(message)s"
    )


def bind(**fields: Any):
    """A context manager: every line inside carries these fields."""
    return structlog.contextvars.bound_contextvars(**fields)


def log(event: str, sentence: str, *, level: str = "info", **fields: Any) -> None:
    """`event`: stable dotted name; `sentence`: for people."""
    if event in ("stage.broke", "shop.away", "message.refused") and level == "info":
        level = "error" if event == "stage.broke" else "warning"
    if fields.get("exc_info") and (error := sys.exc_info()[1]):
        faults.report(error)
    # The log's disk is full, or its reader is gone, or it is closed (ValueError): no reason to fail a paid job.
    with suppress(OSError, ValueError):
        getattr(_logger, level)(sentence, log_event=event, **fields)
