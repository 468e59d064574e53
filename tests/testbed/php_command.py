"""PHP's command line, kept warm: each script runs in a fork of one process, which has compiled WordPress before."""

import json
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.testbed import php
from tests.testbed.process import Process
from tests.testbed.system import find_program

TIME_LIMIT = 120  # seconds for one script


class PhpCommand(Process):
    """Starts at its first script: a call takes half of the time of a `php` that starts anew."""

    def __init__(self, folder: Path, root: Path, ini: Mapping[str, str]) -> None:
        super().__init__("php-command", folder)
        self.working_folder = root
        self._ini = dict(ini)
        self._calls: Path | None = None

    def command(self) -> Sequence[str]:
        php_program = find_program("php") or "php"
        return [php_program, *php.as_options(self._ini), str(php.HERE / "forked.php"), str(self._socket)]

    def is_ready(self) -> bool:
        try:
            self._connected().close()
        except OSError:
            return False
        return True

    def run(self, script: str, *arguments: str, code: str = "") -> "subprocess.CompletedProcess[str]":
        """Run one of the testbed's scripts, with `code` as its standard input. Raises TimeoutError."""
        if not self.running:
            self.start()
        folder = Path(tempfile.mkdtemp(dir=self._folder_of_calls()))
        (folder / "in").write_text(code)
        order = {"script": str(php.HERE / script), "arguments": arguments, "folder": str(folder)}
        with self._connected() as connection:
            connection.sendall(json.dumps(order).encode() + b"\n")
            status = b""
            while piece := connection.recv(16):  # ends: the connection has a time limit
                status += piece
        printed, complaints = ((folder / name).read_text() for name in ("out", "err"))
        shutil.rmtree(folder)
        return subprocess.CompletedProcess([script, *arguments], int(status), printed, complaints)

    def kill(self) -> None:
        super().kill()
        if self._calls is not None:
            shutil.rmtree(self._calls, ignore_errors=True)
            self._calls = None

    def _folder_of_calls(self) -> Path:
        """Nobody else may look into it. A socket's path may have 107 bytes only: it can't lie in the shop's folder."""
        if self._calls is None:
            self._calls = Path(tempfile.mkdtemp(prefix="smi-php-"))
        return self._calls

    @property
    def _socket(self) -> Path:
        return self._folder_of_calls() / "socket"

    def _connected(self) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(TIME_LIMIT)
        try:
            connection.connect(str(self._socket))
        except OSError:
            connection.close()
            raise
        return connection
