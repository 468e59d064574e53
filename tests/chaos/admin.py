"""An admin at work meanwhile: renews links, and holds a stage now and then."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable

import pymysql
import requests

from tests.testbed.whole import Whole

PATIENCE_S = 60  # for an order that must not be lost
HELD_S = 4.0


class Admin(threading.Thread):
    """Acts every other second until `ended`. `renewed`: jobs whose link was renewed, or is to be when the sidecar
    comes; `held`: how often a stage was held."""

    def __init__(self, whole: Whole, chance: random.Random, ended: threading.Event) -> None:
        super().__init__(daemon=True)
        self._whole, self._chance, self._ended = whole, chance, ended
        self.renewed: set[str] = set()
        self.held = 0

    def run(self) -> None:
        while not self._ended.wait(self._chance.uniform(1, 3)):
            if self._chance.random() < 0.08:
                self._hold_for_a_while()
            else:
                self._renew()

    def _renew(self) -> None:
        try:
            rows = self._whole.shop.sql(
                "SELECT job_id FROM wp_smi_bridge_ledger WHERE state = 'delivered' ORDER BY RAND() LIMIT 1"
            )
        except pymysql.err.Error:
            return  # MariaDB is down at the moment
        if rows and self._act(action="renew", job_id=rows[0]["job_id"]) in ("renewed", "under_way"):
            self.renewed.add(rows[0]["job_id"])

    def _hold_for_a_while(self) -> None:
        stage = self._chance.choice(("submit", "collect"))
        self._act(hold=True, stage=stage)  # it may have arrived though its answer was lost
        self._ended.wait(self._chance.uniform(0, HELD_S))
        self._insist(lambda: self._act(hold=False, stage=stage) == "ok")
        self.held += 1

    def resume_all(self) -> None:
        """The sidecar runs again, and so does the shop: nothing that an admin has held stays held."""
        for stage in ("submit", "collect"):
            if not self._insist(lambda stage=stage: self._act(hold=False, stage=stage) == "ok"):
                raise AssertionError(f"the hold of {stage} could not be ended for {PATIENCE_S} s")

    def _insist(self, done: Callable[[], bool]) -> bool:
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until:
            if done():
                return True
            time.sleep(0.3)
        return False

    def _act(self, **order: object) -> str:
        """The code of the answer; "": there was none."""
        try:
            answer = requests.post(f"{self._whole.shop.url}/?rest_route=/chaos/v1/act", json=order, timeout=20)
            return answer.json()["code"] if answer.ok else ""
        except (requests.RequestException, ValueError):
            return ""
