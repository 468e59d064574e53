"""SMI Sidecar: delivers paid, AI-enlarged images from a WordPress shop. `create_app` is the Flask factory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .core.version import VERSION

if TYPE_CHECKING:
    from flask import Flask

    from .services import Services

__version__ = VERSION


def create_app(services: Services | None = None) -> Flask:
    """The web face as a WSGI application; without `services`, they are built from the environment."""
    from .services import Services
    from .web import build

    return build(services or Services.from_env())
