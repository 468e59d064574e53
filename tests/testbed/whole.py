"""The whole system on one machine: a real WordPress with bridge and demo shop, nginx, the sidecar's processes, the
sandbox. What `make demo`, the end-to-end tests, chaos and the benchmarks start."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

import requests

from sidecar.core.messages import new_secret
from sidecar.core.tokens import TokenInvalid

from .places import REPOSITORY, release_port, reserve_port
from .process import Process
from .shop import DEMO_SHOP, Shop
from .sidecar import ALL, Sidecar

BRIDGE = REPOSITORY / "wp-bridge-plugin"
API_KEY = "sandbox-key"

# The settings of a sidecar that shares no folder with the shop, and that nobody can reach.
PULLED = {
    "SMI_BIND": "none",
    "SMI_STORAGE": "rest",
    "SMI_UPLOADS_DIR": "",
    "SMI_PUBLIC_URL": "",
    "SMI_DOWNLOAD_MODE": "stream",
}


class Sandbox(Process):
    """The Upsampler stand-in, `python -m sidecar sandbox`."""

    def __init__(self, folder: Path, port: int, arguments: Sequence[str] = ()) -> None:
        super().__init__("sandbox", folder)
        self.working_folder = REPOSITORY
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self._arguments = arguments

    def command(self) -> Sequence[str]:
        line = [sys.executable, "-m", "sidecar", "sandbox", "--port", str(self.port), "--api-key", API_KEY]
        return [*line, "--folder", str(self.folder / "sandbox"), *self._arguments]

    def is_ready(self) -> bool:
        try:
            return requests.get(f"{self.url}/sandbox/bill", timeout=5).ok
        except requests.RequestException:
            return False

    def bill(self) -> list[dict]:
        return requests.get(f"{self.url}/sandbox/bill", timeout=10).json()["submits"]

    def fault(self, *rules: Mapping[str, object]) -> None:
        """Put these rules (`{"fault": "webhook_dropped", …}`, see sidecar/sandbox/faults.py) in the place of all
        others; none: all is well. Raises HTTPError for a rule that the sandbox does not understand."""
        answer = requests.put(f"{self.url}/sandbox/faults", json={"rules": list(rules)}, timeout=10)
        answer.raise_for_status()


def webhook_token(address: str) -> str:
    """The sidecar's own address ends with it; the shop's has it in its query."""
    place = urlsplit(address)
    return parse_qs(place.query)["token"][0] if place.query else place.path.rpartition("/")[2]


class Whole:
    """Make one with `Whole.start`; a context manager that stops it all."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.secret = new_secret()
        self._private_hosts: tuple[str, ...] = ()
        self.sidecar_port, self.sandbox_port = reserve_port(), reserve_port()
        self.shop: Shop
        self.sidecar: Sidecar
        self.sandbox = Sandbox(folder / "sandbox", self.sandbox_port)

    @classmethod
    def start(
        cls,
        folder: Path,
        *,
        version: str = "7.1",
        plugins: Sequence[Path] = (DEMO_SHOP, BRIDGE),
        env: Mapping[str, str] | None = None,
        sandbox: Sequence[str] = (),
        processes: Sequence[str] = ALL,
        php_children: int = 4,
        connected: bool = True,
        private_hosts: Sequence[str] = (),
        progress: Callable[[str], None] = lambda line: None,
    ) -> Whole:
        """Start everything in `folder`; ready to sell when this returns, unless the bridge is left unconnected.
        `private_hosts`: further ones that the sidecar may fetch from."""
        whole = cls(folder.resolve())
        whole._private_hosts = tuple(private_hosts)
        whole.folder.mkdir(parents=True, exist_ok=True)
        try:
            whole._start(version, plugins, env or {}, sandbox, processes, php_children, connected, progress)
        except BaseException:
            whole.stop()
            raise
        return whole

    def _start(self, version, plugins, env, sandbox, processes, php_children, connected, progress) -> None:
        site = self.folder / "site"
        uploads = site / "wordpress" / "wp-content" / "uploads"
        snippet = self._adjusted("nginx.conf", "/var/www/html/wp-content/uploads", str(uploads))
        upstream = self._adjusted("nginx-upstream.conf", "127.0.0.1:8321", f"127.0.0.1:{self.sidecar_port}")
        progress("starting the Upsampler stand-in")
        self.sandbox = Sandbox(self.folder / "sandbox", self.sandbox_port, sandbox)
        self.sandbox.launch()
        progress(f"starting WordPress {version} with MariaDB, php-fpm and nginx")
        self.shop = Shop.start(
            site,
            version,
            plugins,
            php_children=php_children,
            nginx_snippet=snippet,
            nginx_upstream=upstream,
            constants={
                "SMI_BRIDGE_SIDECAR_URL": "none"
                if env.get("SMI_BIND") == "none"
                else f"http://127.0.0.1:{self.sidecar_port}",
                "SMI_BRIDGE_SECRET": self.secret,
            }
            if connected
            else {},
            progress=progress,
            **self.host(),
        )
        progress("starting the sidecar: " + ", ".join(processes))
        settings = {**self.settings(), **env}
        self.sidecar = Sidecar.start(
            self.folder / "sidecar", settings, processes, port=self.sidecar_port, entered=self.machine(settings)
        )
        self.sandbox.wait_ready()

    def _adjusted(self, name: str, what: str, to: str) -> Path:
        """A file of deploy/, as its first lines tell an admin to adjust it."""
        text = (REPOSITORY / "deploy" / name).read_text()
        assert what in text
        copy = self.folder / name
        copy.write_text(text.replace(what, to))
        return copy

    def host(self) -> dict[str, Any]:
        """What the shop's host is like: further arguments of `Shop.start`."""
        return {}

    def machine(self, env: Mapping[str, str]) -> Sequence[str]:
        """Called when the shop is up. What goes before the command lines of the sidecar's processes."""
        return ()

    def settings(self) -> dict[str, str]:
        """The sidecar's environment."""
        return {
            "SMI_SHOP_URL": self.shop.url,
            "SMI_SECRET": self.secret,
            "SMI_UPLOADS_DIR": str(self.shop.uploads),
            "SMI_PUBLIC_URL": f"{self.shop.url}/smi",
            "SMI_DOWNLOAD_MODE": "x-accel",
            "UPSAMPLER_API_KEY": API_KEY,
            "UPSAMPLER_URL": f"{self.sandbox.url}/api/v1",
            "SMI_PRIVATE_HOSTS": ",".join(
                (f"127.0.0.1:{self.sandbox_port}", self.shop.url.partition("//")[2], *self._private_hosts)
            ),
            "SMI_LOG_FORMAT": "text",
        }

    def orders(self, job_id: str) -> list[dict[str, Any]]:
        """What Upsampler has accepted, and billed, for a job, oldest first; other jobs may be worked on meanwhile."""
        return [order for billed, order in self.billed() if billed == job_id]

    def billed(self) -> list[tuple[str, dict[str, Any]]]:
        """All that it has accepted, with the job that an order is for: its webhook's token names it. "" if another
        secret has signed it."""
        tokens = self.sidecar.tokens

        def job_of(order: Mapping[str, Any]) -> str:
            try:
                return tokens.read_webhook(webhook_token(str(order["webhook"])))[0]
            except TokenInvalid:
                return ""

        return [(job_of(order), order) for order in self.sandbox.bill()]

    @contextmanager
    def paused(self, name: str) -> Iterator[None]:
        """A process of the sidecar stands still while the block runs, with its children; then it goes on."""
        members = self.sidecar.process(name).pids()

        def send(number: int) -> None:
            for pid in members:
                with suppress(ProcessLookupError):  # a child that has done its work ends
                    os.kill(pid, number)

        try:
            send(signal.SIGSTOP)
            yield
        finally:
            send(signal.SIGCONT)

    @contextmanager
    def changed(self, **settings: str | None) -> Iterator[None]:
        """The sidecar with some settings changed (None: at their default) while the block runs; its store goes on."""
        before = dict(self.sidecar.env)
        self._restart_with({**before, **settings})
        try:
            yield
        finally:
            self._restart_with(before)

    def _restart_with(self, env: Mapping[str, str | None]) -> None:
        self.sidecar.env.clear()
        self.sidecar.env.update({name: value for name, value in env.items() if value is not None})
        processes = [self.sidecar.process(name) for name in ("web", "worker", "cron")]
        for process in processes:
            if process.running:
                process.signal(process.stop_signal)
        for process in processes:
            process.stop()
            process.launch()
        for process in processes:
            process.wait_ready()
        # What the bridge has met meanwhile is forgotten: else it waits before the next payment is pushed.
        self.shop.sql("DELETE FROM wp_options WHERE option_name = 'smi_bridge_circuit'")

    def stop(self) -> None:
        for name in ("sidecar", "shop", "sandbox"):
            part = getattr(self, name, None)
            if part is not None:
                part.stop()
        release_port(self.sandbox_port)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
