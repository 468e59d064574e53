"""Entry point: a thread of the clock, in a sidecar that nobody can reach: it goes to the shop for messages."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Mapping
from typing import Any

from .core.errors import SidecarError
from .receive import receive
from .services import Services
from .workflow import mailbox
from .workflow.time_limits import VISIT_BUSY_S, VISIT_IDLE_S, VISIT_STATUS_S

SEEN_S = 60  # a sidecar that was at the shop within the last minute is connected
TURN_S = 0.9 * VISIT_BUSY_S  # after one clock's visit, the others of this sidecar need not go


class Pull:
    """The clock's visits. Acknowledgements that were not brought are lost with the process: their messages come
    again."""

    def __init__(self, services: Services):
        self._services = services
        self._ports = services.ports
        self._done: list[dict[str, Any]] = []
        self._tried: dict[str, int] = {}
        self._reported = ""
        self._status_at = time.monotonic() + VISIT_BUSY_S  # the other processes are just beginning

    def start(self, ended: threading.Event) -> None:
        """In a daemon thread, until `ended` is set."""
        threading.Thread(target=self._run, args=(ended,), name="pull", daemon=True).start()

    def _run(self, ended: threading.Event) -> None:
        wait_s = 0.0
        while not ended.wait(wait_s):
            wait_s = self.step(wait_s)

    def step(self, pause_s: float = 0.0) -> float:
        """Visit the shop after `pause_s`, unless another clock just has; returns the seconds until the next visit."""
        try:
            if pause_s and not self._done and not self._my_turn():
                return pause_s
            wait_s = self._visit()
            self._reported = ""
            return wait_s
        except SidecarError as error:
            self._report(error.code, error.detail)
        except self._ports.memory_outages:
            self._report("redis_unavailable", "")
        except Exception:  # a thread that dies would leave the shop's messages where they are
            self._ports.log("stage.broke", "A fault of ours.", stage="mailbox", exc_info=True)
        return VISIT_IDLE_S

    def _my_turn(self) -> bool:
        """For no longer than the shortest pause: what this visit finds may be a reason to come again soon."""
        return self._ports.store.heartbeats.acquire_interval("mailbox", every_s=TURN_S)

    def _visit(self) -> float:
        with_status = time.monotonic() >= self._status_at
        seen = mailbox.visit(self._ports, self._receive, self._done, with_status=with_status, tried=self._tried)
        self._done, self._tried = seen.done, seen.tried
        self._ports.store.heartbeats.record("pull", ttl_s=SEEN_S)
        if with_status:
            self._status_at = time.monotonic() + VISIT_STATUS_S
        if any(done["type"] == "hold" for done in seen.done):
            self._status_at = float("-inf")  # whoever holds a stage wants to see it
        return seen.wait_s

    def _receive(self, body: bytes, headers: Mapping[str, str]) -> tuple[dict[str, Any], int]:
        text, status = receive(self._services, body, headers)
        return json.loads(text), status

    def _report(self, code: str, detail: str) -> None:
        """Once, until it is something else or over."""
        if code != self._reported:
            sentence = "The shop could not be asked for its messages; it is tried again."
            self._ports.log("mailbox.failed", sentence, level="warning", reason=code, detail=detail)
        self._reported = code
