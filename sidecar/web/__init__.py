"""Web: HTTP. Each file is one door; `build` hangs them all into a Flask application."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from ..services import Services
from . import download, errors, health, messages, metrics, rq_ui, sources, status, webhooks
from .front import MAX_BODY, Front, body_limit


class _App(Flask):
    """Flask that keeps the path of a request out of the log: the path of a download is a secret. `body_limit` is for
    the worker (fair_worker.py)."""

    body_limit: Callable[[str, str], int]

    def log_exception(self, exc_info: Any) -> None:
        self.logger.error("A request has failed, and so has our handling of that.", exc_info=exc_info)


def build(services: Services) -> Flask:
    """The application with all its doors. Raises ConfigurationError when rq-dashboard is asked for and not
    installed."""
    app = _App("sidecar", static_folder=None, template_folder="templates")
    app.config.update(MAX_CONTENT_LENGTH=MAX_BODY, TRAP_HTTP_EXCEPTIONS=False)
    app.extensions["services"] = services
    app.body_limit = body_limit(services)
    proxies = services.settings.trusted_proxies
    if proxies:
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]  # as Flask's documentation says
            app.wsgi_app, x_for=proxies, x_proto=proxies, x_host=proxies, x_prefix=proxies
        )
    quick = {"messages": messages.answer, "webhooks": webhooks.answer, "download": download.answer}
    app.wsgi_app = Front(app.wsgi_app, services, quick)  # type: ignore[method-assign]  # as above
    for door in (messages, webhooks, status, download, sources, health, metrics):
        app.register_blueprint(door.blueprint)
    if services.settings.rq_dashboard_password:
        rq_ui.mount(app, services)
    errors.register(app)
    return app
