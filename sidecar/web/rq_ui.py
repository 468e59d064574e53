"""Face: rq-dashboard behind a login, where the operator has asked for it (SMI_RQ_DASHBOARD_PASSWORD)."""

from __future__ import annotations

import hmac

from flask import Flask, Response, request

from ..adapters.connections import socket_path
from ..core.errors import ConfigurationError
from ..core.settings import Settings

PREFIX = "/rq"


def mount(app: Flask, settings: Settings) -> None:
    """Hang rq-dashboard under /rq. Raises ConfigurationError when it is asked for and not installed."""
    try:
        import rq_dashboard
    except ImportError as error:
        raise ConfigurationError(
            "configuration_invalid", "SMI_RQ_DASHBOARD_PASSWORD needs the package: pip install 'smi-sidecar[dashboard]'"
        ) from error
    app.config.from_object(rq_dashboard.default_settings)
    app.config["RQ_DASHBOARD_REDIS_URL"] = settings.redis_url or f"unix://{socket_path(settings.data_dir)}"
    app.config["RQ_DASHBOARD_SERIALIZER"] = "rq.serializers.JSONSerializer"
    rq_dashboard.web.setup_rq_connection(app)
    app.register_blueprint(rq_dashboard.blueprint, url_prefix=PREFIX)
    password = settings.rq_dashboard_password.encode()

    @app.before_request
    def guard() -> Response | None:
        if request.path != PREFIX and not request.path.startswith(PREFIX + "/"):
            return None
        given = request.authorization.password if request.authorization else None
        if given is not None and hmac.compare_digest(given.encode(), password):
            return None
        return Response("A login is needed.\n", 401, {"WWW-Authenticate": 'Basic realm="SMI Sidecar queues"'})
