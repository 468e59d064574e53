"""A sandbox, the shop's side of the wire (pictures to fetch, a webhook receiver), and a client for the raw HTTP."""

from __future__ import annotations

import io
import json
import queue
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import urllib3
from PIL import Image

from sidecar.sandbox.options import SandboxOptions
from sidecar.sandbox.server import SandboxServer

WAIT_S = 20


def picture(width: int = 60, height: int = 40, kind: str = "JPEG", mode: str = "RGB", **how: object) -> bytes:
    """A picture with something on it."""
    image = Image.merge(
        "RGB", [Image.linear_gradient("L").rotate(turn).resize((width, height)) for turn in (0, 90, 45)]
    )
    file = io.BytesIO()
    image.convert(mode).save(file, kind, **how)
    return file.getvalue()


class ShopSide(ThreadingHTTPServer):
    """Serves `pictures` by path; puts each POST into `hooks`."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _ShopHandler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.pictures: dict[str, bytes] = {"/photo.jpg": picture()}
        self.hooks: queue.Queue[bytes] = queue.Queue()

    def next_hook(self) -> dict:
        return json.loads(self.hooks.get(timeout=WAIT_S))


class _ShopHandler(BaseHTTPRequestHandler):
    server: ShopSide

    def do_GET(self) -> None:
        body = self.server.pictures.get(self.path)
        self.send_response(404 if body is None else 200)
        self.end_headers()
        self.wfile.write(body or b"")

    def do_POST(self) -> None:
        self.server.hooks.put(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@dataclass
class Api:
    """The sandbox as HTTP sees it."""

    server: SandboxServer
    shop: ShopSide
    http: urllib3.PoolManager

    def call(self, method: str, path: str, body: object = None, key: str = "sandbox-key", **headers: str) -> Any:
        url = path if path.startswith("http") else self.server.url + path
        headers = {"Authorization": f"Bearer {key}", **headers}
        return self.http.request(method, url, json=body, headers=headers, retries=False, redirect=False, timeout=WAIT_S)

    def submit(
        self, path: str = "/photo.jpg", factor: float = 4, mode: str = "precise-upscale", hook: bool = True
    ) -> Any:
        order: dict = {"input": {"imageUrl": self.shop.url + path, "upscaleFactor": factor}}
        if hook:
            order["webhook"] = self.shop.url + "/hook"
        return self.call("POST", f"/api/v1/{mode}", order)

    def finished(self, **how: Any) -> dict:
        """Submits, waits for the webhook, and asks for the status."""
        job = self.submit(**how).json()["id"]
        while self.shop.next_hook().get("id") != job:
            pass
        return self.status(job)

    def status(self, job: str) -> dict:
        return self.call("GET", f"/api/v1/status/{job}").json()

    def faults(self, *rules: dict, seed: int = 0) -> Any:
        return self.call("PUT", "/sandbox/faults", {"rules": list(rules), "seed": seed})

    def bill(self) -> dict:
        return self.call("GET", "/sandbox/bill").json()


@pytest.fixture
def shop() -> Iterator[ShopSide]:
    server = ShopSide()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server
    server.shutdown()
    thread.join(30)
    server.server_close()


@pytest.fixture
def make_api(tmp_path: Path, shop: ShopSide) -> Iterator[Callable[..., Api]]:
    opened: list[Api] = []

    def make(now: Callable[[], float] | None = None, **options: Any) -> Api:
        settings = SandboxOptions(**{"folder": tmp_path / "sandbox", "delay": 0.0, **options})
        server = SandboxServer(settings, now) if now else SandboxServer(settings)
        opened.append(Api(server.start(), shop, urllib3.PoolManager()))
        return opened[-1]

    yield make
    for api in opened:
        api.http.clear()
        if not api.server.stopping.is_set():
            api.server.stop()


@pytest.fixture
def api(make_api: Callable[..., Api]) -> Api:
    return make_api()
