"""The doors of WordPress that are open to everybody, tried with nonsense: no fault of ours, and no link.

`SMI_FUZZ=10000 pytest tests/bridge/test_public_doors_fuzz.py` sends so many.
"""

from __future__ import annotations

import os
import random
import re
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote_from_bytes

import pytest
import requests

from tests.bridge.conftest import Bridge

NEWEST_ONLY = True  # nothing here depends on the version of WordPress
HOW_MANY = int(os.environ.get("SMI_FUZZ", "130"))
AT_ONCE = 4  # as many as the shop has PHP processes: each has its own connection
WARM = 60  # requests after which a PHP process has all that it keeps
MOST_GROWTH = 4 << 20  # bytes that a PHP process may have kept after so many more requests
pytestmark = pytest.mark.timeout(180 + HOW_MANY / 4)
DOORS = (
    "/smi-webhook/upsampler/?token={0}&mac={1}",
    "/smi-webhook/upsampler?token[]={0}&token[x]={1}",
    "/wp-json/smi-bridge/v1/status/{0}?smi_status_token={1}",
    "/?rest_route=/smi-bridge/v1/status/{0}&session_id={1}",
    "/wp-json/smi-bridge/v1/view?job={0}&locale={1}",
    "/wp-json/smi-bridge/v1/view?job[]={0}&locale[]={1}",
    "/?smi-bridge=source&job={0}&token={1}",
    "/?smi-bridge=source&job={0}&token=x&copy={1}",
    "/?smi-bridge=download&job={0}&token={1}",
    "/?smi-bridge[]=download&job[]={0}&token[]={1}",
    "/?smi_status_page={0}&smi_status_token={1}",
    "/?smi_status_page[]={0}&smi_job_id[]={1}",
    "/?smi_payment={0}&smi_job_id={1}",
)
HEADERS = ("Smi-Status-Token", "Smi-Payment-Session", "Range", "If-None-Match", "If-Range", "Content-Type")


class Fuzz:
    """One sender: the requests of its numbers, the same for the same number."""

    def __init__(self, bridge: Bridge, job: str) -> None:
        self.chance = random.Random()
        self.job = job
        self.url = bridge.shop.url
        self.http = requests.Session()

    def word(self) -> bytes:
        chance = self.chance
        return chance.choice(
            [
                b"",
                self.job.encode(),
                self.job.encode() + chance.choice([b"\0", b"\n", b"/", b" ", b"%", b"'"]),
                b"../../../wp-config.php",
                b"9" * chance.choice([10, 400]) + b".x",
                b"a.b.c",
                b".eJw" + b"A" * 40 + b".x",
                b"' OR 1=1 -- ",
                b"<script>alert(1)</script>",
                b"\xff\xfe\x00\xc0\xaf",
                "ä😀\u202e".encode(),
                chance.randbytes(chance.randint(1, 60)),
            ]
        )

    def send(self, number: int) -> requests.Response:
        chance, door = self.chance, DOORS[number % len(DOORS)]
        chance.seed(number)
        path = door.format(*(quote_from_bytes(self.word(), safe="") for _ in range(2)))
        names = chance.sample(HEADERS, chance.randint(0, 2))
        values = ["x", "bytes=0-", "bytes=9-1", "bytes=" + "0-1," * 50, '"' + "a" * 300, "application/json", "1.2.3"]
        method = chance.choice(["GET", "GET", "GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"])
        body = chance.randbytes(chance.choice([1, 300, 70_000])) if method in ("POST", "PUT") else None
        return self.http.request(
            method,
            self.url + path,
            headers={name: chance.choice(values) for name in names},
            data=body,
            timeout=30,
            allow_redirects=False,
        )

    def tried(self, numbers: Iterable[int]) -> Counter[int]:
        """How often each status came. Fails at the first fault of ours, and at a link."""
        statuses = Counter[int]()
        for number in numbers:
            answer = self.send(number)
            told = (answer.status_code, answer.request.method, answer.url, number)
            assert answer.status_code < 500, (*told, answer.text[:300])
            assert f"token-{self.job}" not in answer.text, told
            statuses[answer.status_code] += 1
        self.http.close()
        return statuses


def kept_bytes(bridge: Bridge) -> int:
    """Of all PHP processes, without what they share."""
    found = [
        re.search(r"RssAnon:\s+(\d+)", Path(f"/proc/{pid}/status").read_text()) for pid in bridge.shop.php_fpm.pids()
    ]
    return sum(int(size[1]) << 10 for size in found if size)


def test_no_nonsense_at_a_public_door_is_a_fault_of_ours_or_opens_it(bridge: Bridge) -> None:
    """The fixture looks into PHP's log afterwards: nothing of it is a warning."""
    job = bridge.bought("delivered")

    def tried(first: int, end: int) -> Counter[int]:
        lanes = [range(first + lane, end, AT_ONCE) for lane in range(AT_ONCE)]
        with ThreadPoolExecutor(AT_ONCE) as senders:
            return sum(senders.map(lambda lane: Fuzz(bridge, job).tried(lane), lanes), Counter[int]())

    answers, warm = tried(0, min(WARM, HOW_MANY)), kept_bytes(bridge)
    answers += tried(min(WARM, HOW_MANY), HOW_MANY)
    grown = kept_bytes(bridge) - warm
    print(f"{dict(answers)}; PHP keeps {warm >> 10} KB, and {grown >> 10} KB more after all")  # pytest -s shows it
    assert len(answers) > 3 and answers.total() == HOW_MANY, answers
    assert warm > 0 and grown < MOST_GROWTH * bridge.shop.php_fpm.children, grown


@pytest.mark.parametrize("word", ["%FF%FE%C0%AF", "%F0%9F%98%80", "%00"])
def test_bytes_that_the_database_takes_for_no_text_name_no_job(bridge: Bridge, word: str) -> None:
    answers = {door: requests.get(bridge.shop.url + door.format(word, word), timeout=30) for door in DOORS}
    assert [door for door, answer in answers.items() if answer.status_code >= 500] == []
