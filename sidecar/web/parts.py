"""Web: how a door reaches the parts of its process."""

from __future__ import annotations

from flask import current_app

from ..services import Services
from ..workflow.ports import Ports


def services() -> Services:
    """Those of the application that answers the request at hand."""
    return current_app.extensions["services"]


def ports() -> Ports:
    return current_app.extensions["services"].ports
