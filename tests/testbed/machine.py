"""A machine of its own for the sidecar, as far as one kernel can give it: no network but a loopback, and a folder of
ours that can't be seen from there. What it is to reach comes by a `Wire`."""

from __future__ import annotations

import ctypes
import os
import socket
import subprocess
import threading
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import TypeVar

from tests.testbed.process import Process

Made = TypeVar("Made")
CLONE_NEWNET = 0x40000000


@cache
def may_have_namespaces() -> bool:
    """Whether this user may make network and mount namespaces, as root outside of a strict container may."""
    if os.geteuid() != 0:
        return False
    tried = subprocess.run(["unshare", "--net", "--mount", "true"], capture_output=True, timeout=120)
    return tried.returncode == 0


class Machine(Process):
    """Two namespaces and a process that sleeps in them. `hidden`: a folder that is empty there."""

    def __init__(self, folder: Path, hidden: Path) -> None:
        super().__init__("machine", folder)
        self.hidden = hidden

    def command(self) -> Sequence[str]:
        begin = (
            f"ip link set lo up && mount -t tmpfs none '{self.hidden}' && touch '{self._sign}' && exec sleep infinity"
        )
        return ["unshare", "--net", "--mount", "/bin/sh", "-c", begin]

    def launch(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self._sign.unlink(missing_ok=True)
        super().launch()

    def is_ready(self) -> bool:
        return self._sign.exists()

    @property
    def _sign(self) -> Path:
        return self.folder / "machine.ready"

    def entered(self, working_folder: Path) -> list[str]:
        """Goes before a command line that is to run there; the command keeps its process id."""
        return ["nsenter", "--target", str(self.pid), "--net", "--mount", f"--wd={working_folder}", "--"]

    def within(self, make: Callable[[], Made]) -> Made:
        """What `make` returns in a thread that is in this network: a socket belongs to where it was made."""
        made: list[Made] = []
        failed: list[BaseException] = []

        def run() -> None:
            try:
                self._enter()
                made.append(make())
            except BaseException as error:
                failed.append(error)

        thread = threading.Thread(target=run)
        thread.start()
        thread.join(30)
        if failed:
            raise failed[0]
        return made[0]

    def _enter(self) -> None:
        """The calling thread's network becomes this one. (Python has `os.setns` from 3.12 on.)"""
        network = os.open(f"/proc/{self.pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        try:
            if ctypes.CDLL(None, use_errno=True).setns(network, CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), "setns")
        finally:
            os.close(network)

    def listener(self, port: int) -> socket.socket:
        return self.within(lambda: socket.create_server(("127.0.0.1", port), backlog=128))

    def connection(self, port: int) -> socket.socket:
        return self.within(lambda: socket.create_connection(("127.0.0.1", port), 5))


def listener(port: int) -> socket.socket:
    """The same two of this machine."""
    return socket.create_server(("127.0.0.1", port), backlog=128)


def connection(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), 5)
