"""Sandbox: the HTTP server around the stand-in. HTTP/1.1 with keep-alive, a thread for each connection.

The standard library's server rather than a WSGI one: faults such as a lost answer or a file cut in the middle need the
socket itself, and it costs less CPU a request than any framework.
"""

from __future__ import annotations

import socket
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from http.server import ThreadingHTTPServer

from sidecar.sandbox.handler import Handler
from sidecar.sandbox.options import SandboxOptions
from sidecar.sandbox.stand_in import StandIn


class SandboxServer(ThreadingHTTPServer):
    """`with SandboxServer(options) as sandbox: sandbox.url …` listens at once and serves in threads of its own."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 256
    allow_reuse_address = True

    def __init__(self, options: SandboxOptions, now: Callable[[], float] = time.time):
        super().__init__((options.host, options.port), Handler)
        self.options = options
        self.url = f"http://{options.host}:{self.server_port}"
        self.stopping = threading.Event()
        self.cut: set[int] = set()  # sockets that end without the usual farewell
        self._open: set[socket.socket] = set()
        self.stand_in = StandIn(options, now)
        self.stand_in.base_url = self.stand_in.base_url or self.url
        self._thread: threading.Thread | None = None

    def start(self) -> SandboxServer:
        """Serves in the background."""
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()
        return self

    def stop(self) -> None:
        """Ends hanging answers, stops serving, closes the bill."""
        self.stopping.set()
        if self._thread is not None:
            self.shutdown()
            self._thread.join()  # ends: it was shut down
        self.server_close()
        for connection in list(self._open):  # kept alive by clients: their threads wait for a request
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self.stand_in.stop()

    def __enter__(self) -> SandboxServer:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def server_bind(self) -> None:
        """Binds without looking up the host's own name, which may take seconds."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = self.socket.getsockname()[:2]

    def process_request(self, request, client_address) -> None:
        """Remembers the connection for `stop`."""
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request) -> None:
        """Closes a cut connection without a shutdown: with SO_LINGER 0 the client sees a reset."""
        self._open.discard(request)
        if id(request) in self.cut:
            self.cut.discard(id(request))
            request.close()
        else:
            super().shutdown_request(request)

    def handle_error(self, request, client_address) -> None:
        """Logs every error but that of a client that has gone away."""
        if not self.stopping.is_set() and not isinstance(sys.exception(), (ConnectionError, TimeoutError)):
            super().handle_error(request, client_address)
