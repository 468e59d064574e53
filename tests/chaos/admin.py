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
DELIVERED = "SELECT job_id FROM wp_smi_bridge_ledger WHERE state = 'delivered'"


class Admin(threading.Thread):
    """Acts every other second until `ended`. `renewed`: jobs whose link was renewed, or is to be when the sidecar
    comes; `resent`: those whose customer is mailed by the door then."""

    def __init__(self, whole: Whole, chance: random.Random, ended: threading.Event) -> None:
        super().__init__(daemon=True)
        self._whole, self._chance, self._ended = whole, chance, ended
        self._is_pulled = not whole.sidecar.process("web").running
        self.renewed: set[str] = set()
        self.resent: set[str] = set()

    def run(self) -> None:
        while not self._ended.wait(self._chance.uniform(1, 3)):
            try:
                if self._chance.random() < 0.08:
                    self._hold_for_a_while()
                elif rows := self._whole.shop.sql(f"{DELIVERED} ORDER BY RAND() LIMIT 1"):
                    act = self._resend if self._is_pulled and self._chance.random() < 0.5 else self._renew
                    act(rows[0]["job_id"])
            except pymysql.err.Error:
                continue  # MariaDB is down at the moment

    def _renew(self, job_id: str) -> None:
        if self._act(action="renew", job_id=job_id) in ("renewed", "under_way"):
            self.renewed.add(job_id)

    def _resend(self, job_id: str) -> None:
        """The link has ended, so it is renewed first. (A sidecar that is reached answers at once.)"""
        self._whole.shop.sql(f"UPDATE wp_smi_bridge_ledger SET expires_at = '2020-01-01' WHERE job_id = '{job_id}'")
        if self._act(action="resend", job_id=job_id) == "under_way":
            self.renewed.add(job_id)
            self.resent.add(job_id)

    def _hold_for_a_while(self) -> None:
        stage = self._chance.choice(("submit", "collect"))
        self._act(hold=True, stage=stage)  # it may have arrived though its answer was lost
        self._ended.wait(self._chance.uniform(0, HELD_S))
        self._insist(lambda: self._act(hold=False, stage=stage) == "ok")

    def resume_all(self) -> None:
        """The sidecar runs again, and so does the shop: nothing that an admin has held stays held."""
        for stage in ("submit", "collect"):
            if not self._insist(lambda stage=stage: self._act(hold=False, stage=stage) == "ok"):
                raise AssertionError(f"the hold of {stage} could not be ended for {PATIENCE_S} s")

    def renew_all(self) -> None:
        """Links that have ended though they were to be renewed: some requests, and some answers, were cut off."""
        self._insist(self._none_has_ended, every_s=3.0)

    def _none_has_ended(self) -> bool:
        rows = self._whole.shop.sql(f"{DELIVERED} AND expires_at < '2021-01-01'")
        for row in rows:
            self._renew(row["job_id"])
        return not rows

    def _insist(self, done: Callable[[], bool], every_s: float = 0.3) -> bool:
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until:
            if done():
                return True
            time.sleep(every_s)
        return False

    def _act(self, **order: object) -> str:
        """The code of the answer; "": there was none."""
        try:
            answer = requests.post(f"{self._whole.shop.url}/?rest_route=/chaos/v1/act", json=order, timeout=20)
            return answer.json()["code"] if answer.ok else ""
        except (requests.RequestException, ValueError):
            return ""
