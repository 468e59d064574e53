"""The doors of WordPress that are open to everybody, tried with nonsense: no fault of ours, and no link.

`SMI_FUZZ=10000 pytest tests/bridge/test_public_doors_fuzz.py` sends so many.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote_from_bytes

import pytest
import requests

from tests.bridge.conftest import Bridge

NEWEST_ONLY = True  # nothing here depends on the version of WordPress
HOW_MANY = int(os.environ.get("SMI_FUZZ", "130"))
CLIENTS = 4  # at a time
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
    """One client: its requests, by chance of its own."""

    def __init__(self, url: str, job: str, number: int) -> None:
        self.chance = random.Random(number)
        self.job = job
        self.url = url
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

    def send(self, door: str) -> requests.Response:
        chance = self.chance
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


def test_no_nonsense_at_a_public_door_is_a_fault_of_ours_or_opens_it(bridge: Bridge) -> None:
    """The fixture looks into PHP's log afterwards: nothing of it is a warning."""
    job = bridge.bought("delivered")

    def tried(client: int) -> Counter[int]:
        fuzz, answers = Fuzz(bridge.shop.url, job, client), Counter[int]()
        for number in range(client, HOW_MANY, CLIENTS):
            answer = fuzz.send(DOORS[number % len(DOORS)])
            assert answer.status_code < 500, (answer.status_code, answer.request.method, answer.url, answer.text[:300])
            assert f"token-{job}" not in answer.text, answer.url
            answers[answer.status_code] += 1
        fuzz.http.close()
        return answers

    with ThreadPoolExecutor(CLIENTS) as clients:
        answers = sum(clients.map(tried, range(CLIENTS)), Counter[int]())
    assert answers.total() == HOW_MANY
    assert len(answers) > 3, answers


@pytest.mark.parametrize("word", ["%FF%FE%C0%AF", "%F0%9F%98%80", "%00"])
def test_bytes_that_the_database_takes_for_no_text_name_no_job(bridge: Bridge, word: str) -> None:
    answers = {door: requests.get(bridge.shop.url + door.format(word, word), timeout=30) for door in DOORS}
    assert [door for door, answer in answers.items() if answer.status_code >= 500] == []
