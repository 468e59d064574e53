"""SMI Sidecar: delivers paid, AI-enlarged images from a WordPress shop. `create_app` is the Flask factory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .core.version import VERSION

if TYPE_CHECKING:
    from flask import Flask

    from .services import Services

__version__ = VERSION


def create_app(services: Services | None = None) -> Flask:
    """The web application (WSGI). Without `services` they are those of this process."""
    from .adapters import memory
    from .services import services as of_this_process
    from .web import build

    if services is not None:
        return build(services)
    app = build(of_this_process())
    memory.look_for_cycles_rarely()
    return app
