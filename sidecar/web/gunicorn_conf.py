"""Web: gunicorn's configuration. Address and counts come from Settings by way of the command line."""

# gunicorn looks its hooks up by name
from .fair_worker import begin as on_starting  # noqa: F401
from .fair_worker import leave as child_exit  # noqa: F401

worker_class = "sidecar.web.fair_worker.FairWorker"  # gthread, in which waiting costs no thread
preload_app = True  # what the processes need is imported once, and its memory shared
timeout = 60  # gthread: for a worker that is stuck, not for a long download
graceful_timeout = 20
keepalive = 75
worker_connections = 400  # each may have a file open, and many systems give a process 1,024 of both together
max_requests = 0
backlog = 1024
control_socket_disable = True  # nobody asks there, and it would lie in the home folder, which may be read-only
accesslog = None  # the path of a download is a secret: nothing may log it
errorlog = "-"
loglevel = "warning"
# What a header says about host, scheme and prefix is ProxyFix' to judge, which counts proxies (SMI_TRUSTED_PROXIES).
# gunicorn believes none: with its defaults a header `SCRIPT_NAME: /x` makes /x/readyz, which no web server blocks, our
# /readyz, and any other path an error whose log line holds it.
forwarder_headers = ""
secure_scheme_headers: dict[str, str] = {}
forwarded_allow_ips = ""
header_map = "drop"  # `X_Forwarded_For` is not the header that a web server has set
