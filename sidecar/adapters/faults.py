"""Adapter: faults of ours to Sentry, for operators who have one. Nothing that names a customer or opens a link goes."""

from __future__ import annotations

import re
import sys
from typing import Any

from ..core.errors import ConfigurationError

_TOKEN = re.compile(r"(/(?:download|sources|upsampler)/)[^/\s\"'?]+")
_KEY = re.compile(r"whsec_[A-Za-z0-9+/=]+")


def report_to(dsn: str) -> None:
    """Set Sentry up for this process. Raises ConfigurationError("configuration_invalid") when the package is not
    installed."""
    try:
        import sentry_sdk
    except ImportError as error:
        raise ConfigurationError(
            "configuration_invalid", "SENTRY_DSN needs the package: pip install 'smi-sidecar[sentry]'"
        ) from error
    sentry_sdk.init(
        dsn=dsn,
        send_default_pii=False,
        include_local_variables=False,  # they hold tokens and addresses
        max_request_body_size="never",
        traces_sample_rate=0.0,
        before_send=lambda event, hint: scrub(event),
    )


def report(error: BaseException) -> None:
    """Tell Sentry of an exception, if it was set up; else do nothing."""
    if "sentry_sdk" in sys.modules:
        sys.modules["sentry_sdk"].capture_exception(error)


def scrub(value: Any) -> Any:
    """The same structure with every token and secret in its strings blotted out."""
    if isinstance(value, str):
        return _KEY.sub("whsec_***", _TOKEN.sub(r"\1***", value))
    if isinstance(value, dict):
        return {name: scrub(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [scrub(item) for item in value]
    return value
