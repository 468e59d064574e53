"""A shop's door that takes every message at once, for measurements of the sidecar alone. Checks nothing."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class ShopStandIn(ThreadingHTTPServer):
    """`url`; `delivered` counts the jobs whose delivery it was told. A context manager."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.delivered: set[str] = set()
        self._thread = threading.Thread(target=self.serve_forever, daemon=True)

    def take(self, message: dict) -> dict:
        data: dict = {}
        if message["type"] == "job.delivered":
            self.delivered.add(message["data"]["job_id"])
            data = {"mail": "sent"}
        if message["type"] == "job.submitting":
            data = {"upsampler_id": None}
        if message["type"] == "jobs.unfinished":
            data = {"jobs": [], "next": None}
        return {"id": message["id"], "status": "done", "reason": None, "data": data}

    def __enter__(self) -> ShopStandIn:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: ShopStandIn

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        results = [self.server.take(message) for message in body["data"]["messages"]]
        answer = json.dumps({"results": results}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        pass
