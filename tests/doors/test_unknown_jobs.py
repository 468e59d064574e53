"""Whoever makes up job ids while the shop hangs learns nothing and stops nobody."""

from __future__ import annotations

import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import requests

from tests.doors.rig import Doors, answers_in_time


def test_sixty_polls_for_unknown_jobs_stop_nobody(doors: Doors, public: dict[str, str], server: str) -> None:
    url = public[server]

    def poll(_: int) -> tuple[int, str, float]:
        begun = time.monotonic()
        answer = requests.get(f"{url}/status/{uuid.uuid4()}", timeout=30)
        return answer.status_code, answer.headers.get("Retry-After", ""), time.monotonic() - begun

    with ThreadPoolExecutor(60) as crowd:
        polls = crowd.map(poll, range(60))
        answers_in_time(doors, url)
        told = list(polls)
    assert {(status, bool(later)) for status, later, _ in told} == {(503, True)}
    assert max(took for *_, took in told) < 10, "one after the other they would wait for two minutes"
