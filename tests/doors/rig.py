"""The web process as it is shipped, over a real Redis and a shop that we control; and both web servers before it."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import requests

from sidecar.core.job import Job
from sidecar.core.messages import TO_SIDECAR, Signer, new_secret
from sidecar.core.tokens import DownloadGrant
from sidecar.services import Services
from tests.testbed.apache import Apache
from tests.testbed.nginx import Nginx
from tests.testbed.places import REPOSITORY
from tests.testbed.redis_server import RedisServer
from tests.testbed.sidecar import Sidecar

ENOUGH = 256 << 10
FILE_BYTES = 48 << 20  # more than all buffers between the sidecar and a reader hold
JOB = "3d1f8b5e-0000-4000-8000-00000000d00d"


class SilentShop:
    """Takes connections, reads, and never answers. `asked`: how many requests are open or were."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._taken: list[socket.socket] = []
        threading.Thread(target=self._take, daemon=True).start()

    @property
    def asked(self) -> int:
        return len(self._taken)

    def _take(self) -> None:
        with contextlib.suppress(OSError):
            while True:  # ends: close() closes the listener
                self._taken.append(self._listener.accept()[0])  # ends: close() closes it

    def close(self) -> None:
        for connection in [self._listener, *self._taken]:
            connection.close()


class Doors:
    """One web process and what stands before it. A context manager."""

    def __init__(self, folder: Path, redis: RedisServer, **env: str) -> None:
        self.folder, self.shop = folder, SilentShop()
        self.uploads = folder / "uploads"
        (self.uploads / "smi-downloads").mkdir(parents=True)
        self.env = {
            "SMI_SHOP_URL": self.shop.url,
            "SMI_SECRET": new_secret(),
            "SMI_UPLOADS_DIR": str(self.uploads),
            "SMI_PUBLIC_URL": "https://shop.example/smi",
            "UPSAMPLER_API_KEY": "none",
            "REDIS_URL": redis.url,
            **env,
        }
        self.services = Services.from_env(self.env)
        self.sidecar = Sidecar.start(folder / "sidecar", self.env, ["web"])
        settings = self.services.settings
        self.signer = Signer(settings.secret, direction=TO_SIDECAR, site=settings.site)
        self.token = self._deliver()
        self.webhook_token = self.services.ports.tokens.webhook(JOB, 1, 1)

    def _deliver(self) -> str:
        """A delivered job as working memory has it, with a file of no content that takes no space."""
        file = self.uploads / "smi-downloads" / "large.png"
        file.touch()
        os.truncate(file, FILE_BYTES)
        grant = DownloadGrant(JOB, 1, int(time.time()) + 86400)
        token = self.services.ports.tokens.download(grant)
        self.services.redis.flushall()
        job = Job(
            JOB,
            1,
            "delivered",
            factor=4,
            path="large.png",
            bytes=FILE_BYTES,
            sha256="0" * 64,
            format="png",
            token=token,
            download_url=f"https://shop.example/smi/download/{token}",
            expires_at=grant.expires_at,
        )
        assert self.services.ports.store.create(job, due_at=None, settled=True)
        return token

    @property
    def log(self) -> str:
        return self.sidecar.log("web")

    def sealed(self, type: str = "hold", data: dict | None = None) -> tuple[bytes, dict[str, str]]:
        """Body and headers of a signed message; one that needs no answer of the shop."""
        given = {"stage": "submit", "held": False} if data is None else data
        return self.signer.seal(type, given, now=time.time())

    def close(self) -> None:
        self.sidecar.stop()
        self.shop.close()
        self.services.redis.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # ------------------------------------------------------------------ the web servers before it
    def nginx(self, folder: Path, port: int | None = None, replaced: Sequence[tuple[str, str]] = ()) -> Nginx:
        """`port`: another one than the web process listens on. `replaced`: words of the snippet, and what stands there
        instead."""

        def adjusted(name: str, *changes: tuple[str, str]) -> Path:
            file = folder / f"shipped-{name}"
            file.write_text(_shipped(name, changes))
            return file

        snippet = adjusted("nginx.conf", ("/var/www/html/wp-content/uploads", str(self.uploads)), *replaced)
        upstream = adjusted("nginx-upstream.conf", ("127.0.0.1:8321", f"127.0.0.1:{port or self.sidecar.port}"))
        return Nginx(folder, self._root(folder), 9, snippet=snippet, upstream=upstream)

    def apache(self, folder: Path, port: int | None = None, replaced: Sequence[tuple[str, str]] = ()) -> Apache:
        text = _shipped("apache.conf", replaced)
        text = text.replace("http://127.0.0.1:8321/", f"http://127.0.0.1:{port or self.sidecar.port}/")
        text = text.replace("/var/www/html/wp-content/uploads", str(self.uploads))
        text = text.replace("${APACHE_LOG_DIR}", str(folder)).replace("# CustomLog", "CustomLog")
        return Apache(folder, self._root(folder), 9, text)

    def _root(self, folder: Path) -> Path:
        root = folder / "root"
        root.mkdir(exist_ok=True)
        return root


def _shipped(name: str, changes: Sequence[tuple[str, str]]) -> str:
    text = (REPOSITORY / "deploy" / name).read_text()
    for what, to in changes:
        assert what in text, what
        text = text.replace(what, to)
    return text


def connect(url: str, timeout: float = 20) -> socket.socket:
    place = urlsplit(url)
    connection = socket.create_connection((place.hostname, place.port), timeout=timeout)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def exchange(url: str, request: bytes, timeout: float = 20, *, close: bool = False) -> bytes:
    """Exactly these bytes on a connection of their own; what comes back until it is closed, or the first part of much.
    `close`: say that nothing more will come."""
    with connect(url, timeout) as connection:
        with contextlib.suppress(OSError):
            connection.sendall(request)
            if close:
                connection.shutdown(socket.SHUT_WR)
        answer = b""
        with contextlib.suppress(ConnectionResetError):
            while len(answer) < ENOUGH and (part := connection.recv(65536)):
                answer += part
    return answer


def status_of(answer: bytes) -> int:
    """0: closed without a word."""
    line = answer.partition(b"\r\n")[0].split(b" ")
    return int(line[1]) if len(line) > 1 and line[1].isdigit() else 0


@contextlib.contextmanager
def slow_senders(url: str, number: int, request: bytes, every_s: float = 0.5) -> Iterator[list[socket.socket]]:
    """So many clients that send all but the end of `request` at once, and then a byte now and again."""
    connections = [connect(url) for _ in range(number)]
    over = threading.Event()

    def drip() -> None:
        while not over.wait(every_s):
            for connection in connections:
                with contextlib.suppress(OSError):
                    connection.send(b"x")

    for connection in connections:
        connection.sendall(request)
    thread = threading.Thread(target=drip, daemon=True)
    thread.start()
    try:
        yield connections
    finally:
        over.set()
        thread.join(30)
        for connection in connections:
            connection.close()


def answers_in_time(doors: Doors, public: str, within_s: float = 5) -> None:
    """What customers and the shop need works: a poll, a message, the probe, the beginning of a download. Whoever is
    stopped waits for ten seconds at least, until the slow ones are given up.

    `public`: the address that browsers use, e.g. http://127.0.0.1:80/smi.
    """
    body, headers = doors.sealed()
    took = {}
    for name, ask in {
        "status": lambda: requests.get(f"{public}/status/{JOB}", timeout=within_s),
        "message": lambda: requests.post(f"{doors.sidecar.url}/messages", data=body, headers=headers, timeout=within_s),
        "probe": lambda: requests.get(f"{doors.sidecar.url}/healthz", timeout=within_s),
        "download": lambda: requests.get(
            f"{public}/download/{doors.token}", headers={"Range": "bytes=0-9"}, timeout=within_s
        ),
    }.items():
        begun = time.monotonic()
        assert ask().ok, name
        took[name] = round(time.monotonic() - begun, 2)
    assert max(took.values()) < within_s, took
