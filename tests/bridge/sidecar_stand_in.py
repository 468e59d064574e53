"""The sidecar, as far as the bridge can see it: a door that checks signatures with the reference library and remembers.

Keys are derived here a second time, from docs/contract.md and not from the sidecar's code.
"""

import base64
import hashlib
import hmac
import json
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from sidecar.core.version import VERSION


def direction_key(secret: str, direction: str) -> bytes:
    """The HMAC key of one direction, as docs/contract.md derives it."""
    raw = base64.b64decode(secret.removeprefix("whsec_"))
    return hmac.new(raw, f"smi-bridge/v1/{direction}".encode(), hashlib.sha256).digest()


def rfc3339(unix: float) -> str:
    return datetime.fromtimestamp(int(unix), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass
class Answer:
    """What the stand-in says next; `body` of None means the usual answer of the type; text is sent as a web page.
    `is_lost`: the message is taken, and nobody hears of it."""

    status: int = 200
    body: dict[str, Any] | str | None = None
    is_lost: bool = False
    date: str | None = None
    delay: float = 0


@dataclass
class Received:
    type: str
    data: dict[str, Any]
    audience: str
    headers: dict[str, str]
    connection: tuple[str, int]


class SidecarStandIn:
    """A context manager. `received`: authentic messages, in their order; `refused`: how many were not authentic."""

    def __init__(self, secret: str, site: str) -> None:
        self.secret, self.site = secret, site
        self.received: list[Received] = []
        self.webhooks: list[tuple[str, bytes]] = []
        self.refused = 0
        self.answer = Answer()
        self.status: dict[str, Any] = {"public_url": None, "shop_door": {"ok": True, "ms": 12.5, "error": None}}
        self._arrived = threading.Condition()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> "SidecarStandIn":
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def forget(self) -> None:
        self.received.clear()
        self.webhooks.clear()
        self.refused = 0
        self.answer = Answer()

    def wait(self, type: str, count: int = 1, timeout: float = 10) -> list[Received]:
        """The messages of that type, once there are `count`. Raises TimeoutError."""
        deadline = time.monotonic() + timeout
        with self._arrived:
            while len(found := [message for message in self.received if message.type == type]) < count:
                if not self._arrived.wait(deadline - time.monotonic()):
                    raise TimeoutError(f"{len(found)} of {count} {type}; there are {[m.type for m in self.received]}")
        return found

    def _usual(self, type: str) -> dict[str, Any]:
        if type == "status":
            return {"site": self.site, "version": VERSION, "time": rfc3339(time.time()), **self.status}
        if type == "job.renew":
            return {"token": "renewed", "download_url": None, "expires_at": rfc3339(time.time() + 7200)}
        return {"stored": True}

    def _take(
        self, body: bytes, headers: dict[str, str], connection: tuple[str, int]
    ) -> tuple[int, dict[str, Any] | str]:
        try:
            message = Webhook(direction_key(self.secret, "to-sidecar")).verify(body, headers)
        except WebhookVerificationError:
            self.refused += 1
            return 401, {"error": "unauthorized"}
        any_site = message["audience"] == "sidecar:?" and message["type"] == "status"
        if message["audience"] != f"sidecar:{self.site}" and not any_site:
            self.refused += 1
            return 401, {"error": "unauthorized"}
        with self._arrived:
            self.received.append(Received(message["type"], message["data"], message["audience"], headers, connection))
            self._arrived.notify_all()
        usual = self._usual(message["type"])
        return self.answer.status, usual if self.answer.body is None else self.answer.body

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        stand_in = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                if self.path.startswith("/webhooks/upsampler/"):
                    stand_in.webhooks.append((self.path.rsplit("/", 1)[1], body))
                    status, answer = 202, {}
                else:
                    headers = {name.lower(): value for name, value in self.headers.items()}
                    status, answer = stand_in._take(body, headers, self.client_address)
                self._say(status, answer)

            def do_GET(self) -> None:
                there = self.path == "/healthz"
                self._say(200 if there else 404, {"ok": there})

            def _say(self, status: int, answer: dict[str, Any] | str) -> None:
                if stand_in.answer.is_lost:
                    self.close_connection = True
                    return
                text = (answer if isinstance(answer, str) else json.dumps(answer)).encode()
                self.send_response_only(status)
                self.send_header("Date", stand_in.answer.date or self.date_time_string())
                self.send_header("Content-Type", "text/html" if isinstance(answer, str) else "application/json")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *arguments: object) -> None:
                pass

        return Handler


@dataclass
class ShopDoor:
    """Signs messages to the shop's door, as the sidecar does."""

    url: str
    site: str
    secret: str
    session: Any
    last: dict[str, Any] = field(default_factory=dict)
    counter: int = 0

    def seal(
        self, body: dict[str, Any] | bytes, *, at: float | None = None, id: str = "", key: bytes | None = None
    ) -> tuple[bytes, dict[str, str]]:
        """Body and headers of a signed request."""
        at = time.time() if at is None else at
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        id = id or "msg_" + hashlib.sha256(f"{self.counter}{time.time_ns()}".encode()).hexdigest()[:32]
        self.counter += 1
        webhook = Webhook(key or direction_key(self.secret, "to-shop"))
        signature = webhook.sign(id, datetime.fromtimestamp(int(at), UTC), raw.decode())
        return raw, {
            "webhook-id": id,
            "webhook-timestamp": str(int(at)),
            "webhook-signature": signature,
            "Content-Type": "application/json",
        }

    def envelope(self, messages: list[dict[str, Any]], *, at: float | None = None) -> dict[str, Any]:
        return {
            "type": "batch",
            "timestamp": rfc3339(time.time() if at is None else at),
            "audience": f"shop:{self.site}",
            "data": {"messages": messages},
        }

    def post(self, body: bytes, headers: dict[str, str], path: str = "/wp-json/smi-bridge/v1/messages") -> Any:
        return self.session.post(self.url + path, data=body, headers=headers, timeout=30)

    def batch(self, *messages: tuple[str, dict[str, Any]], **how: Any) -> list[dict[str, Any]]:
        """Results of one delivery of (type, data) pairs. Raises AssertionError unless it is answered by 200."""
        listed = [{"id": f"m{index}", "type": type, "data": data} for index, (type, data) in enumerate(messages)]
        at = time.time()
        answer = self.post(*self.seal(self.envelope(listed, at=at), at=at, **how))
        assert answer.status_code == 200, (answer.status_code, answer.text[:2000])
        results = answer.json()["results"]
        assert [result["id"] for result in results] == [message["id"] for message in listed]
        return results

    def send(self, type: str, data: dict[str, Any]) -> dict[str, Any]:
        """The result of one message."""
        return self.batch((type, data))[0]
