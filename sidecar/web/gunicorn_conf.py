"""Face: gunicorn's configuration. Address and counts come from Settings by way of the command line."""

from .fair_worker import leave as child_exit  # noqa: F401 -- gunicorn looks its hooks up by name

worker_class = "sidecar.web.fair_worker.FairWorker"  # gthread: downloads hold a thread, not a process
preload_app = True  # what the processes need is imported once, and its memory shared
timeout = 60  # gthread: for a worker that is stuck, not for a long download
graceful_timeout = 20
keepalive = 75
max_requests = 0
backlog = 1024
accesslog = None  # the path of a download is a secret: nothing may log it
errorlog = "-"
loglevel = "warning"
forwarded_allow_ips = "*"  # ProxyFix counts the proxies (SMI_TRUSTED_PROXIES), gunicorn need not judge them
