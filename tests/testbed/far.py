"""A shop on plain PHP hosting, and its sidecar on a machine from which only the shop and Upsampler can be reached."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from tests.testbed import machine
from tests.testbed.machine import Machine, may_have_namespaces
from tests.testbed.places import REPOSITORY
from tests.testbed.whole import Whole
from tests.testbed.wire import Wire

# The sidecar's environment in this mode. With `SMI_BIND=none` besides, the shop can't call it either.
FAR = {"SMI_STORAGE": "rest", "SMI_UPLOADS_DIR": "", "SMI_PUBLIC_URL": "", "SMI_DOWNLOAD_MODE": "stream"}

# What a host of the usual kind allows: small posts, little memory, little time, no programs.
HOST_INI = {
    "post_max_size": "8M",
    "upload_max_filesize": "8M",
    "memory_limit": "128M",
    "max_execution_time": "30",
    "disable_functions": "exec,passthru,shell_exec,system,proc_open,popen,pcntl_exec,set_time_limit",
}
HOST_MOST_BODY = "10m"


class Far(Whole):
    """A `Whole` like that. Where namespaces may be had, the sidecar's processes are in a network of their own, with a
    way to the shop and to Upsampler, and do not see the shop's folder; elsewhere only settings keep them apart.

    `way`: from the sidecar to the shop; what happens there is up to `way.trouble`. None without namespaces.
    `entered`: goes before a command line that is to run on the sidecar's machine.
    """

    way: Wire | None = None
    entered: Sequence[str] = ()

    def host(self) -> dict[str, Any]:
        return {"ini": HOST_INI, "most_body": HOST_MOST_BODY}

    def settings(self) -> dict[str, str]:
        return {**super().settings(), **FAR}

    def machine(self, env: Mapping[str, str]) -> Sequence[str]:
        if not may_have_namespaces():
            return ()
        self._machine = Machine(self.folder / "machine", hidden=self.shop.folder).start()
        self._wires = []
        self.way = self.lead_out(self.shop.nginx.port, http=True)
        self.lead_out(self.sandbox_port)
        if redis := urlsplit(env.get("REDIS_URL", "")).port:
            self.lead_out(redis)
        if env.get("SMI_BIND") != "none":
            connect = partial(self._machine.connection, self.sidecar_port)
            self._wires.append(Wire(machine.listener(self.sidecar_port), connect).__enter__())
        self.entered = self._machine.entered(REPOSITORY)
        return self.entered

    def lead_out(self, port: int, *, http: bool = False) -> Wire:
        """What listens at a port here can be reached there from now on."""
        wire = Wire(self._machine.listener(port), partial(machine.connection, port), http=http).__enter__()
        self._wires.append(wire)
        return wire

    def stop(self) -> None:
        super().stop()
        for wire in getattr(self, "_wires", ()):
            wire.stop()
        if hasattr(self, "_machine"):
            self._machine.stop()
