"""A whole WordPress on one version of PHP: WordPress Playground (PHP as WebAssembly, SQLite), on 127.0.0.1."""

import json
import secrets
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import requests

from tests.testbed.node import NODE, packages
from tests.testbed.places import REPOSITORY, reserve_port
from tests.testbed.process import Process
from tests.testbed.shop import DEMO_SHOP
from tests.testbed.site import PhpError, copy_files, write_configuration
from tests.testbed.wordpress import wordpress_files

HERE = Path(__file__).resolve().parent
PLUGINS = {"smi-demo-shop": DEMO_SHOP, "smi-bridge": REPOSITORY / "wp-bridge-plugin"}


class Playground(Process):
    """A context manager. The site is installed while it starts; its plugins are there, not activated."""

    def __init__(self, folder: Path, php: str, wordpress: str) -> None:
        super().__init__("playground", folder)
        self.php = php
        self.port = reserve_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.root = folder / "wordpress"
        self.http = requests.Session()
        self._key = secrets.token_hex(16)
        copy_files(wordpress_files(wordpress), self.root)
        write_configuration(
            self.root,
            0,
            {"WP_DEBUG_LOG": "/wordpress/wp-content/debug.log", "DISABLE_WP_CRON": True, "SMI_TESTS_KEY": self._key},
        )
        shutil.copy(HERE / "php" / "run-over-http.php", self.root)
        shutil.copy(HERE / "php" / "catch-mails.php", self.root / "wp-content" / "mu-plugins")

    def command(self) -> Sequence[str]:
        cli = packages() / "node_modules" / "@wp-playground" / "cli" / "wp-playground.js"
        mounts = [("--mount-before-install", f"{self.root}:/wordpress")]
        mounts += [("--mount", f"{folder}:/wordpress/wp-content/plugins/{name}") for name, folder in PLUGINS.items()]
        return [
            *(str(NODE), str(cli), "server"),
            *("--php", self.php, "--port", str(self.port), "--workers", "1"),
            *(word for mount in mounts for word in mount),
            *("--wordpress-install-mode", "install-from-existing-files-if-needed"),
        ]

    def environment(self) -> Mapping[str, str]:
        return {"PATH": "/usr/bin:/bin", "HOME": str(self.folder), "TMPDIR": str(self.folder)}

    def is_ready(self) -> bool:
        return "Ready!" in self.log_tail()

    def start(self, timeout: float = 200) -> Self:
        super().start(timeout)
        try:
            # The very first request loses its body.
            self.http.get(f"{self.url}/wp-json/", timeout=120).raise_for_status()
        except BaseException:
            self.stop()
            raise
        return self

    def run(self, code: str) -> Any:
        """What `code` returns inside WordPress, as JSON can hold it. Raises PhpError when it breaks off."""
        answer = self.http.post(
            f"{self.url}/run-over-http.php", data=code.encode(), headers={"X-Tests-Key": self._key}, timeout=120
        )
        printed, mark, result = answer.text.rpartition("\x1e")
        if not mark or printed.strip():
            raise PhpError(
                f"PHP {self.php} answered {answer.status_code}: {answer.text[-2000:]}\n{self.debug_log[-2000:]}"
            )
        return json.loads(result)

    def mails(self, to: str) -> list[dict[str, Any]]:
        """What was handed to wp_mail() for that address, in its order."""
        file = self.root / "wp-content" / "mails.jsonl"
        mails = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
        return [mail for mail in mails if mail["to"] in (to, [to])]

    @property
    def debug_log(self) -> str:
        file = self.root / "wp-content" / "debug.log"
        return file.read_text(errors="replace") if file.exists() else ""

    def stop(self, timeout: float = 10) -> None:
        self.http.close()
        super().stop(timeout)
