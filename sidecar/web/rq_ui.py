"""Face: rq-dashboard behind a login, where the operator has asked for it (SMI_RQ_DASHBOARD_PASSWORD)."""

from __future__ import annotations

import hmac

from flask import Flask, Response, request
from werkzeug.routing import Rule

from ..adapters.connections import place
from ..adapters.workqueue import WakeUp, WakeUpQueue, forbid_pickle
from ..core.errors import ConfigurationError
from ..services import Services

PREFIX = "/rq"


def mount(app: Flask, services: Services) -> None:
    """Hang rq-dashboard under /rq. Raises ConfigurationError when it is asked for and not installed."""
    try:
        import rq_dashboard
    except ImportError as error:
        raise ConfigurationError(
            "configuration_invalid", "SMI_RQ_DASHBOARD_PASSWORD needs the package: pip install 'smi-sidecar[dashboard]'"
        ) from error
    settings = services.settings
    forbid_pickle()
    pages = rq_dashboard.web
    pages.Job, pages.Queue = WakeUp, WakeUpQueue
    # Else it makes a client of its own for each request, without our time limits.
    pages.from_url = lambda *_address, **_options: (None, services.rq_redis)
    app.redis_conn = services.rq_redis  # type: ignore[attr-defined]  # rq-dashboard looks for it there
    app.config["RQ_DASHBOARD_REDIS_URL"] = (place(settings.redis_url, settings.data_dir),)  # only shown
    # Its pages ask for the icon at an endpoint of Flask's that an application without static files does not have.
    app.url_map.add(Rule(f"{PREFIX}/static/<path:filename>", endpoint="static", build_only=True))
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
