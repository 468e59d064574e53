"""Somebody who has got hold of webhook addresses, and others who guess: none of them may achieve anything."""

from __future__ import annotations

import random
import threading
import uuid

import pymysql
import requests

from sidecar.core.settings import Settings
from sidecar.core.tokens import TokenMaker
from tests.testbed.whole import Whole


class ForgedWebhooks(threading.Thread):
    """Posts twice a second until `ended`."""

    def __init__(self, whole: Whole, tokens: TokenMaker, chance: random.Random, ended: threading.Event) -> None:
        super().__init__(daemon=True)
        self._whole, self._tokens, self._chance, self._ended = whole, tokens, chance, ended
        self._settings = Settings.from_env(whole.sidecar.env)

    def run(self) -> None:
        while not self._ended.wait(0.5):
            try:
                self._post()
            except (requests.RequestException, pymysql.err.Error):
                continue  # the shop or the sidecar is down at the moment

    def _post(self) -> None:
        rows = self._whole.shop.sql(
            "SELECT job_id, submission, upsampler_id FROM wp_smi_bridge_ledger ORDER BY RAND() LIMIT 1"
        )
        if not rows:
            return
        job_id, submission = rows[0]["job_id"], rows[0]["submission"] or 1
        token = self._chance.choice(
            [
                self._tokens.webhook(job_id, 1, submission),
                self._tokens.webhook(job_id, 1, submission + 1),
                self._tokens.webhook(job_id, 2, 1),
                "guessed." + "x" * 40,
            ]
        )
        upsampler_id = self._chance.choice([rows[0]["upsampler_id"], uuid.uuid4().hex, None])
        body = self._chance.choice(
            [
                {"id": upsampler_id, "status": "FAILED", "error": "forged"},
                {"id": upsampler_id, "status": "SUCCESS", "imageUrl": "http://127.0.0.1:9/evil.png"},
                {"job_id": upsampler_id, "status": "completed", "result_url": "http://169.254.169.254/"},
                {"event": "job.failed", "job_id": upsampler_id},
            ]
        )
        requests.post(self._chance.choice(self._addresses(token)), json=body, timeout=10)

    def _addresses(self, token: str) -> list[str]:
        """The sidecar's, the shop's, and the one that Upsampler is told."""
        shop, told = self._whole.shop.url, self._settings.webhook_address(token)
        assert told
        return [f"{shop}/smi/webhooks/upsampler/{token}", f"{shop}/smi-webhook/upsampler/?token={token}", told]
