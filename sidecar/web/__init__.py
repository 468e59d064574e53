"""Face: HTTP. Each file is one door; `build` hangs them all into a Flask application."""

from __future__ import annotations

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from ..services import Services
from . import download, errors, health, messages, metrics, rq_ui, sources, status, webhooks


def build(services: Services) -> Flask:
    app = Flask("sidecar", static_folder=None, template_folder="templates")
    app.config.update(MAX_CONTENT_LENGTH=2 << 20, TRAP_HTTP_EXCEPTIONS=False)
    app.extensions["services"] = services
    proxies = services.settings.trusted_proxies
    if proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=proxies, x_proto=proxies, x_host=proxies, x_prefix=proxies)
    for door in (messages, webhooks, status, download, sources, health, metrics):
        app.register_blueprint(door.blueprint)
    if services.settings.rq_dashboard_password:
        rq_ui.mount(app, services.settings)
    errors.register(app)
    return app
