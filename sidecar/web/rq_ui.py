"""Web: rq-dashboard behind a login, where the operator has asked for it (SMI_RQ_DASHBOARD_PASSWORD).

Its pages show names out of Redis as they are: whoever can write there could put a script into an admin's browser. So
its templates escape here whatever they show, and only the scripts that came with the page run.
"""

from __future__ import annotations

import hmac
import secrets

from flask import Flask, Response, request
from werkzeug.routing import Rule

from ..adapters.connections import place
from ..adapters.workqueue import WakeUp, WakeUpQueue, forbid_pickle
from ..core.errors import ConfigurationError
from ..services import Services

PREFIX = "/rq"
_SCRIPT = '<script type="text/javascript">'  # the one of each page that stands in it
# Its templates say `<%=`, which is underscore's word for "as it is": let it be the word for "escaped", too.
_ESCAPE = "_.templateSettings.interpolate = /(?!)()/; _.templateSettings.escape = /<%[-=]([\\s\\S]+?)%>/g;"
# The templates become functions at run time (unsafe-eval) and have style attributes; nothing else is asked for.
_POLICY = (
    "default-src 'none'; script-src 'self' 'nonce-{nonce}' 'unsafe-eval'; style-src 'self'; "
    "style-src-attr 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)


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
        if not _is_ours():
            return None
        given = request.authorization.password if request.authorization else None
        if given is not None and hmac.compare_digest(given.encode(), password):
            return None
        return Response("A login is needed.\n", 401, {"WWW-Authenticate": 'Basic realm="SMI Sidecar queues"'})

    @app.after_request
    def fence(response: Response) -> Response:
        if not _is_ours():
            return response
        nonce = secrets.token_urlsafe(16)
        if response.mimetype == "text/html":
            ours = f'<script nonce="{nonce}">'
            response.set_data(response.get_data(as_text=True).replace(_SCRIPT, f"{ours}{_ESCAPE}</script>{ours}"))
        response.headers["Content-Security-Policy"] = _POLICY.format(nonce=nonce)
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Cache-Control"] = "no-store"
        response.headers["Referrer-Policy"] = "no-referrer"
        return response


def _is_ours() -> bool:
    return request.path == PREFIX or request.path.startswith(PREFIX + "/")
