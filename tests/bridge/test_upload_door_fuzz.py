"""The door for bytes, tried by strangers, thieves, and a sidecar that has gone mad: no file appears, nothing breaks.

`SMI_FUZZ=10000 pytest tests/bridge/test_upload_door_fuzz.py` sends so many.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import random
import time
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests

from sidecar.adapters.rest_files import RestFiles
from sidecar.core.messages import TO_SHOP, Signer, decode_secret
from tests.bridge.conftest import SECRET, Bridge
from tests.bridge.uploads import AS_OF, Door, at_upsampler, made, publish, some

NEWEST_ONLY = True  # nothing here depends on the version of WordPress
HOW_MANY = int(os.environ.get("SMI_FUZZ", "300"))
AT_ONCE = 4  # as many as the shop has PHP processes: each has its own connection
pytestmark = pytest.mark.timeout(180 + HOW_MANY / 4)
REFUSED = (401, '{"error":"unauthorized"}')
NAMES = [
    "../../../wp-config.php",
    "2026/11/../../evil.php",
    "2026/11/{job}_4x.php",
    "2026/11/{job}_4x.jpg\0.php",
    "2026/11/{job}_4x.jpg\n",
    "/etc/passwd",
    ".htaccess",
    "2026/11/{other}_4x.png",
    "{job}",
    "",
    "2026/11/{job}_4x.png",
]
NOTHING: list[Any] = [{"removed": 0}, {"bytes": None, "modified": None, "sha256": None}]
NUMBERS: list[Any] = [-1, 0, 1, 1 << 62, 1e400, 1.5, "7", None, True, [], {}, "1e3"]


class Fuzz:
    """Requests to the door, and who sends them: the same for the same number."""

    def __init__(self, bridge: Bridge, job: str, other: str, name: str) -> None:
        self.chance = random.Random()
        self.url = f"{bridge.shop.url}/wp-json/smi-bridge/v1/files"
        self.messages = f"{bridge.shop.url}/wp-json/smi-bridge/v1/messages"
        self.signer = Signer(decode_secret(SECRET), direction=TO_SHOP, site=bridge.shop.url)
        self.wrong = Signer(decode_secret(SECRET)[::-1], direction=TO_SHOP, site=bridge.shop.url)
        self.elsewhere = Signer(decode_secret(SECRET), direction=TO_SHOP, site="https://other.example")
        self.job, self.other, self.name = job, other, name
        self.http = requests.Session()
        self.kinds: dict[str, Callable[[], tuple[str, bytes, dict[str, Any], set[int]]]] = {
            "noise": self.noise,
            "stranger": self.stranger,
            "altered": self.altered,
            "reflected": self.reflected,
            "nonsense": self.nonsense,
            "unannounced": self.unannounced,
            "nonsense message": self.nonsense_message,
        }

    def body(self) -> bytes:
        return self.chance.randbytes(self.chance.choice([0, 1, 100, 5000, 70_000]))

    def data(self, body: bytes) -> dict[str, Any]:
        digest = hashlib.sha256(body).hexdigest()
        file = {"job_id": self.job, "attempt": 1, "name": self.name, "bytes": max(1, len(body)), "sha256": digest}
        return {**file, "offset": 0, "length": max(1, len(body)), "digest": digest}

    def sealed(self, signer: Signer, data: dict[str, Any], type: str = "file.chunk") -> tuple[bytes, dict[str, Any]]:
        envelope, headers = signer.seal(type, data, now=time.time())
        return envelope, headers | {"smi-envelope": base64.urlsafe_b64encode(envelope).decode()}

    # --- each: address, body, headers, statuses that are right
    def noise(self) -> tuple[str, bytes, dict[str, Any], set[int]]:
        headers = {"webhook-id": "msg_1", "webhook-timestamp": str(int(time.time()))}
        headers["webhook-signature"] = self.chance.choice(["v1," + "A" * 43 + "=", "v1,", "", "v2,x", "v1,A " * 40])
        headers["smi-envelope"] = base64.urlsafe_b64encode(self.body()[:3000]).decode()
        for name in self.chance.sample(sorted(headers), self.chance.randint(0, 2)):
            del headers[name]
        return self.url, self.body(), headers, {401}

    def stranger(self) -> tuple[str, bytes, dict[str, Any], set[int]]:
        body = self.body()
        signer = self.chance.choice([self.wrong, self.elsewhere])
        return self.url, body, self.sealed(signer, self.data(body))[1], {401}

    def altered(self) -> tuple[str, bytes, dict[str, Any], set[int]]:
        """A real request, of which something was changed: its place, its job, its time."""
        body = self.body()
        data = self.data(body)
        _, headers = self.sealed(self.signer, data)
        change: dict[str, Any] = {"job_id": self.other, "offset": 5, "name": "2026/11/x_4x.jpg", "digest": "0" * 64}
        key = self.chance.choice([*sorted(change), "time"])
        if key == "time":
            sealed_at = int(headers["webhook-timestamp"])
            headers["webhook-timestamp"] = str(sealed_at - self.chance.choice([1, 301, 86_400]))
        else:
            envelope = json.loads(base64.urlsafe_b64decode(headers["smi-envelope"]))
            envelope["data"][key] = change[key]
            headers["smi-envelope"] = base64.urlsafe_b64encode(json.dumps(envelope).encode()).decode()
        return self.url, body, headers, {401}

    def reflected(self) -> tuple[str, bytes, dict[str, Any], set[int]]:
        """A message for the other door, and a chunk's envelope as a message."""
        envelope, headers = self.sealed(self.signer, self.data(b"x"), self.chance.choice(["batch", "file.open", "x"]))
        return self.url, envelope, headers, {400}

    def nonsense(self) -> tuple[str, bytes, dict[str, Any], set[int]]:
        """Authentic, and out of its mind."""
        body = self.body()
        data = self.data(body)
        for key in self.chance.sample(sorted(data), self.chance.randint(1, 3)):
            wrong = [*NUMBERS, "x" * 70, self.chance.choice(NAMES).format(job=self.job, other=self.other)]
            data[key] = self.chance.choice(wrong)
            if self.chance.random() < 0.2:
                del data[key]
        return self.url, body, self.sealed(self.signer, data)[1], {400, 401, 409}

    def unannounced(self) -> tuple[str, bytes, dict[str, Any], set[int]]:
        body = self.body() or b"x"
        job = self.chance.choice([self.job, self.other, "nobody"])
        attempt = self.chance.choice([1, 2, 9])
        data = {**self.data(body), "job_id": job, "attempt": attempt}
        return self.url, body, self.sealed(self.signer, data)[1], {409}

    def nonsense_message(self) -> tuple[str, bytes, dict[str, Any], set[int]]:
        data = self.data(b"x")
        file = {key: data[key] for key in ("job_id", "attempt", "name", "bytes", "sha256")}
        job, name = self.chance.choice(
            [
                (self.other, self.name),
                ("nobody", self.name),
                *((self.job, n.format(job=self.job, other=self.other)) for n in NAMES[:-1]),
            ]
        )
        type = self.chance.choice(["file.open", "file.close", "file.remove", "file.stat", "file.refused"])
        wrong = {
            "file.remove": {"names": [name]},
            "file.stat": {"name": name},
            "file.refused": {"job_id": "../" + job, "attempt": 1, "jpeg": "/9j/"},
        }.get(type, {**file, "job_id": job, "name": name})
        messages = {"messages": [{"id": "x", "type": type, "data": wrong}]}
        envelope, headers = self.signer.seal("batch", messages, now=time.time())
        return self.messages, envelope, headers, {200, 400}

    def tried(self, numbers: Iterable[int]) -> Counter[str]:
        """How often each kind had which status. Fails at the first that is not right."""
        statuses = Counter[str]()
        for number in numbers:
            self.chance.seed(number)
            kind = list(self.kinds)[number % len(self.kinds)]
            url, body, headers, right = self.kinds[kind]()
            sent = {key: value for key, value in headers.items() if isinstance(value, str)}
            answer = self.http.post(url, data=body, headers=sent, timeout=30)
            assert answer.status_code in right, (number, kind, answer.status_code, answer.text[:300], headers)
            if answer.status_code == 401:
                assert (answer.status_code, answer.text) == REFUSED
            if answer.status_code == 200:
                (result,) = answer.json()["results"]
                assert result["status"] == "refused" or result["data"] in NOTHING, (number, body, result)
            statuses[f"{kind}: {answer.status_code}"] += 1
        self.http.close()
        return statuses


def everything(bridge: Bridge) -> dict[str, int]:
    """Files of the shop and their sizes, logs apart."""
    site = bridge.shop.root
    return {
        str(path): path.stat().st_size
        for folder in (site / "wp-content", bridge.shop.folder / "php-temp")
        for path in folder.rglob("*")
        if path.is_file() and path.suffix != ".log"
    }


def test_no_request_that_is_not_the_sidecars_own_leaves_a_file(bridge: Bridge, files: RestFiles, door: Door) -> None:
    publish(files, at_upsampler(bridge), b"x")  # the folder and its guards are there
    job, other = at_upsampler(bridge), at_upsampler(bridge)
    bridge.open(other, attempt=2, state="refunded")
    name, before = files.name(job, 4, "png", AS_OF), everything(bridge)
    lanes = [range(lane, HOW_MANY, AT_ONCE) for lane in range(AT_ONCE)]
    with ThreadPoolExecutor(AT_ONCE) as senders:
        answers = sum(senders.map(lambda lane: Fuzz(bridge, job, other, name).tried(lane), lanes), Counter[str]())
    print(dict(answers))  # pytest -s shows it
    assert everything(bridge) == before
    assert {answer.partition(":")[0] for answer in answers} == set(Fuzz(bridge, job, other, name).kinds)
    assert answers.total() == HOW_MANY


def test_a_stolen_chunk_fits_no_other_job_with_the_very_same_picture(
    bridge: Bridge, files: RestFiles, door: Door, downloads: Path
) -> None:
    """Two customers have bought the same: name, size and digest agree, the job does not."""
    mine, other, data = at_upsampler(bridge), at_upsampler(bridge), some(0.5)
    stolen: list[tuple[str, bytes, dict[str, str]]] = []
    exchange = door._exchange

    def spy(address: str, body: bytes, headers: dict[str, str]) -> Any:
        if "smi-envelope" in headers:
            stolen.append((address, body, dict(headers)))
        return exchange(address, body, headers)

    door._exchange = spy  # type: ignore[method-assign]
    name = publish(files, mine, data)
    path, other_name, digest = made(files, other, data)
    file = {"job_id": other, "attempt": 1, "name": other_name, "bytes": len(data), "sha256": digest}
    assert door.send([{"id": "x", "type": "file.open", "data": file}])[0]["data"]["offset"] == 0
    for address, body, headers in stolen:
        assert requests.post(address, data=body, headers=headers, timeout=10).status_code == 409
    (part,) = (downloads / ".incoming").glob(f"{other}.*")
    assert part.stat().st_size == 0 and (downloads / name).read_bytes() == data
    path.unlink()
