"""Web: gunicorn in this process, as its own command would start it."""

from __future__ import annotations

import sys

from gunicorn.app.wsgiapp import run

from ..core.env import in_address
from ..core.settings import Settings
from . import build, fair_worker  # noqa: F401 -- found by name later: loaded with the rest, before a supervisor forks


def serve(settings: Settings) -> None:
    """Until SIGTERM. Its options stand in gunicorn_conf.py and, for this machine, in GUNICORN_CMD_ARGS."""
    sys.argv = ["gunicorn", "--config", "python:sidecar.web.gunicorn_conf"]
    sys.argv += ["--bind", f"{in_address(settings.bind)}:{settings.port}"]
    sys.argv += ["--workers", str(settings.web_processes), "--threads", str(settings.web_threads)]
    sys.argv += ["sidecar:create_app()"]
    run()
