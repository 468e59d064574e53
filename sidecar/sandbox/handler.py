"""Sandbox: one HTTP connection: routes, the key, JSON in and out, and the faults of submit and status."""

from __future__ import annotations

import json
import socket
import struct
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING

from sidecar.sandbox.answers import status_answer, submit_answer
from sidecar.sandbox.enlarge import Refused
from sidecar.sandbox.faults import BadRule, Rule, Strike
from sidecar.sandbox.files import send_result
from sidecar.sandbox.stand_in import MODES

if TYPE_CHECKING:
    from sidecar.sandbox.server import SandboxServer

MAX_BODY = 1 << 20
_GATEWAY_PAGE = b"<html><head><title>%d</title></head><body>Bad gateway</body></html>"
_REFUSALS = {"submit_500", "submit_503", "submit_429", "submit_401", "submit_402", "submit_413", "submit_415"}
_REFUSALS |= {"submit_400"}


class Cut(Exception):
    """End this connection now, without another byte."""


class Handler(BaseHTTPRequestHandler):
    """Serves one connection until the client closes it."""

    protocol_version = "HTTP/1.1"
    server_version = "upsampler-sandbox"
    disable_nagle_algorithm = True
    wbufsize = 1 << 16
    timeout = 120
    server: SandboxServer

    def do_GET(self) -> None:
        """Status calls, results, the bill, the faults in force (docs/sandbox.md has the addresses)."""
        self._serve(self._get)

    def do_POST(self) -> None:
        """Submits."""
        self._serve(self._post)

    def do_PUT(self) -> None:
        """Settings in mid-run."""
        self._serve(self._put)

    def log_message(self, *_: object) -> None:
        """Keeps quiet: the bill tells what happened."""

    def answer(self, status: int, body: dict | bytes, *, kind: str = "text/html", wait: object = None) -> None:
        """A whole answer; a dict goes out as JSON. `wait`: for Retry-After, seconds."""
        if isinstance(body, dict):
            body, kind = json.dumps(body).encode(), "application/json"
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        if wait is not None:
            self.send_header("Retry-After", str(wait))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def _serve(self, route) -> None:
        self.url_path = self.path.partition("?")[0]
        try:
            length = int(self.headers.get("Content-Length", 0))
            if length > MAX_BODY:
                self.close_connection = True
                return self.answer(413, {"error": "Request too large"})
            self.body = self.rfile.read(length)
            route()
        except Cut:
            self._cut()
        return None

    def _cut(self) -> None:
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.server.cut.add(id(self.request))

    def _get(self) -> None:
        if self.url_path.startswith("/api/v1/status/"):
            if self._key_is_right():
                self._status(self.url_path.rpartition("/")[2])
        elif self.url_path.startswith("/results/"):
            send_result(self, self.url_path.rpartition("/")[2])
        elif self.url_path == "/sandbox/bill" and self._is_near():
            stand_in = self.server.stand_in
            self.answer(200, {**stand_in.bill.summary(), "credits_left": round(stand_in.credits, 4)})
        elif self.url_path == "/sandbox/faults" and self._is_near():
            self.answer(200, self.server.stand_in.faults.show())
        elif self.url_path == "/sandbox/health":
            self.answer(200, {"ok": True})
        else:
            self.answer(404, {"error": "Not found"})

    def _post(self) -> None:
        mode = self.url_path.removeprefix("/api/v1/")
        if mode not in MODES:
            return self.answer(404, {"error": "Not found"})
        return self._submit(mode) if self._key_is_right() else None

    def _put(self) -> None:
        if not self._is_near():
            return self.answer(404, {"error": "Not found"})
        data = self._json() or {}
        stand_in = self.server.stand_in
        if self.url_path == "/sandbox/faults":
            try:
                rules = [Rule.parse(raw) for raw in data.get("rules", [])]
            except (BadRule, TypeError) as error:
                return self.answer(400, {"error": str(error)})
            stand_in.faults.replace(rules, data.get("seed", 0))
            return self.answer(200, stand_in.faults.show())
        if self.url_path == "/sandbox/credits" and isinstance(data.get("credits"), (int, float)):
            stand_in.credits = float(data["credits"])
            return self.answer(200, {"credits": stand_in.credits})
        return self.answer(400, {"error": "Nothing to set here"})

    def _submit(self, mode: str) -> None:
        data = self._json() or {}
        fields = data["input"] if isinstance(data.get("input"), dict) else data
        image_url = fields.get("imageUrl") or fields.get("image_url")
        factor = fields.get("upscaleFactor", fields.get("scale_factor"))
        if not isinstance(image_url, str) or not image_url.startswith(("http://", "https://")):
            return self.answer(400, {"error": {"message": "input.imageUrl must be an http(s) URL"}})
        if isinstance(factor, bool) or not isinstance(factor, (int, float)) or not 1 <= factor <= MODES[mode]:
            return self.answer(400, {"error": {"message": f"input.upscaleFactor must be 1 to {MODES[mode]}"}})
        webhook = data.get("webhook") or data.get("webhook_url")
        stand_in = self.server.stand_in
        number, again = stand_in.number(image_url)
        strikes = stand_in.faults.strikes("submit", image_url=image_url, number=number, again=again, occasion=1)
        strike = strikes[0] if strikes else Strike("", {})
        if strike.name in _REFUSALS:
            status = int(strike.name.rpartition("_")[2])
            return self.answer(status, {"error": strike.params["text"]}, wait=strike.params.get("wait"))
        if strike.name == "submit_reset":
            raise Cut
        failed = str(strike.params["text"]) if strike.name == "submit_failed" else None
        try:
            job = stand_in.accept(
                mode=mode, image_url=image_url, factor=factor, webhook=webhook, number=number, again=again,
                failed=failed,
            )  # fmt: skip
        except Refused as refused:
            return self.answer(refused.status, {"error": refused.words})
        try:
            self._answer_submit(strike, submit_answer(job, self.server.options.wire, failed=failed))
        finally:
            stand_in.answered(job)
        return None

    def _answer_submit(self, strike: Strike, answer: dict) -> None:
        if strike.name == "submit_lost":
            raise Cut
        if strike.name in ("submit_502", "submit_504"):
            status = int(strike.name.rpartition("_")[2])
            return self.answer(status, _GATEWAY_PAGE % status)
        if strike.name == "submit_unreadable":
            return self.answer(200, b"<html>OK</html>")
        if strike.name == "submit_hang":
            self.server.stopping.wait(float(strike.params["seconds"]))
        return self.answer(200, answer)

    def _status(self, job_id: str) -> None:
        stand_in = self.server.stand_in
        job = stand_in.job(job_id)
        if job is None:
            return self.answer(404, {"error": "Job not found"})
        strikes = stand_in.strikes("status", job)
        strike = strikes[0] if strikes else Strike("", {})
        if strike.name == "status_reset":
            raise Cut
        if strike.name == "status_drip":
            return self._drip(float(strike.params["rate"]))
        if strike.name == "status_html":
            return self.answer(200, b"<html>OK</html>")
        if strike.name == "status_hang":
            self.server.stopping.wait(float(strike.params["seconds"]))
        elif strike.name:
            status = int(strike.name.rpartition("_")[2])
            return self.answer(status, {"error": f"HTTP {status}"}, wait=strike.params.get("wait"))
        return self.answer(200, status_answer(job, stand_in.clock.now(), stand_in.base_url, self.server.options.wire))

    def _drip(self, rate: float) -> None:
        """An answer that never comes to its end: each byte is in time."""
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        while not self.server.stopping.wait(1 / rate):
            self.wfile.write(b" ")
        raise Cut

    def _json(self) -> dict | None:
        try:
            data = json.loads(self.body)
        except (ValueError, RecursionError):
            return None
        return data if isinstance(data, dict) else None

    def _key_is_right(self) -> bool:
        right = self.headers.get("Authorization") == f"Bearer {self.server.options.api_key}"
        if not right:
            self.answer(401, {"error": "Invalid API key"})
        return right

    def _is_near(self) -> bool:
        """Bill and faults are for this machine only."""
        return self.client_address[0] in ("127.0.0.1", "::1", "::ffff:127.0.0.1")
