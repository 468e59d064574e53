"""Finished files travel through the shop's door: the sidecar's own adapter against the real bridge."""

from __future__ import annotations

import base64
import hashlib
import os
import random
import time
from pathlib import Path
from typing import Any

import pytest
import requests

from sidecar.adapters.rest_files import LEAST_CHUNK, RestFiles
from sidecar.adapters.shop import ShopDoor
from sidecar.core.errors import ConfigurationError, StaleClaim, TemporaryError
from sidecar.core.job import Job
from tests.bridge.conftest import Bridge
from tests.bridge.uploads import AS_OF, Door, at_upsampler, made, publish, some

NEWEST_ONLY = True  # nothing here depends on the version of WordPress


def test_a_file_arrives_byte_for_byte_and_not_before_it_is_whole(
    bridge: Bridge, files: RestFiles, door: Door, downloads: Path
) -> None:
    job_id, data = at_upsampler(bridge), some(3)
    name = files.name(job_id, 4, "png", AS_OF)
    files._chunk = 1 << 20

    def not_there_yet(*chunk: object) -> None:
        assert not (downloads / name).exists()

    door.trouble = not_there_yet
    assert publish(files, job_id, data) == name
    assert (downloads / name).read_bytes() == data
    assert (downloads / ".htaccess").read_text().startswith("# Paid files")
    assert list((downloads / ".incoming").glob(f"{job_id}*")) == [] and files.temps() == []
    assert len(door.chunks) >= 2
    assert (files.size(name), files.sha256(name)) == (len(data), hashlib.sha256(data).hexdigest())
    assert files.of_job(job_id) == [name] and name in {file.name for file in files.stored()}


def test_a_repeated_upload_sends_no_byte_twice(bridge: Bridge, files: RestFiles, door: Door, downloads: Path) -> None:
    job_id, data = at_upsampler(bridge), some(1)
    publish(files, job_id, data)
    door.chunks.clear()
    name = publish(files, job_id, data)
    assert door.chunks == [] and (downloads / name).read_bytes() == data


def test_a_copy_of_a_source_that_is_brought_again_is_young_again(
    bridge: Bridge, files: RestFiles, door: Door, downloads: Path, tmp_path: Path
) -> None:
    """The copies of a day ago are thrown away."""
    job_id = at_upsampler(bridge)
    name, local = f".sources/{job_id}.1.png", tmp_path / "copy.png"
    for _ in range(2):
        local.write_bytes(b"a copy")
        files.publish_copy(local, name, Job(job_id, 1, "submitting"))
        assert (downloads / name).stat().st_mtime > time.time() - 3600
        os.utime(downloads / name, (time.time() - 80_000,) * 2)
    assert len(door.chunks) == 1


def test_what_a_proxy_refuses_goes_in_smaller_pieces(
    bridge: Bridge, files: RestFiles, door: Door, downloads: Path
) -> None:
    job_id, data = at_upsampler(bridge), some(2.5)
    door.trouble = lambda data, body: (413, {}) if len(body) > 600_000 else None
    name = publish(files, job_id, data)
    assert (downloads / name).read_bytes() == data
    assert max(length for offset, length in door.chunks if offset) <= 1 << 20


def test_a_body_that_a_proxy_cuts_leaves_the_upload_as_it_was(
    bridge: Bridge, files: RestFiles, door: Door, downloads: Path
) -> None:
    job_id, data = at_upsampler(bridge), some(1)
    cut = iter([True])
    door.trouble = lambda data, body: ShopDoor.send_chunk(door, data, body[:-1000]) if next(cut, False) else None
    assert (downloads / publish(files, job_id, data)).read_bytes() == data
    assert [offset for offset, _ in door.chunks][:2] == [0, 0]


def test_an_upload_goes_on_where_a_dead_worker_has_left_it(
    bridge: Bridge, files: RestFiles, door: Door, downloads: Path
) -> None:
    job_id, data = at_upsampler(bridge), some(2)
    files._chunk = 512 << 10

    class Killed(BaseException):
        pass

    def die(data: dict[str, Any], body: bytes) -> None:
        if data["offset"]:
            raise Killed

    door.trouble = die
    with pytest.raises(Killed):
        publish(files, job_id, data)
    door.trouble, before = lambda data, body: None, len(door.chunks)
    files.discard_temps(job_id)
    assert (downloads / publish(files, job_id, data)).read_bytes() == data
    assert door.chunks[before][0] == 512 << 10


def test_a_shop_that_does_not_get_better_is_left_for_later(bridge: Bridge, files: RestFiles, door: Door) -> None:
    job_id = at_upsampler(bridge)
    door.trouble = lambda data, body: (502, {})
    with pytest.raises(TemporaryError) as caught:
        publish(files, job_id, some(1))
    assert caught.value.code == "upload_failed"
    assert door.chunks[-1][1] == LEAST_CHUNK


def test_bytes_that_are_damaged_on_the_way_are_sent_again(
    bridge: Bridge, files: RestFiles, door: Door, downloads: Path
) -> None:
    job_id, data = at_upsampler(bridge), some(1)
    damaged = iter([True])

    def turn_a_bit(data: dict[str, Any], body: bytes) -> Any:
        return ShopDoor.send_chunk(door, data, b"\x00" + body[1:]) if next(damaged, False) else None

    door.trouble = turn_a_bit
    assert (downloads / publish(files, job_id, data)).read_bytes() == data


@pytest.mark.parametrize("state", ["refunded", "delivered", "refunding"])
def test_an_attempt_that_has_ended_takes_no_file(bridge: Bridge, files: RestFiles, downloads: Path, state: str) -> None:
    job_id = bridge.job()
    bridge.open(job_id, state=state)
    with pytest.raises(StaleClaim):
        publish(files, job_id, some(0.1))
    assert list(downloads.rglob(f"*{job_id}*")) == []


def test_an_attempt_that_was_superseded_takes_no_file(bridge: Bridge, files: RestFiles) -> None:
    job_id = at_upsampler(bridge)
    bridge.open(job_id, attempt=2)
    with pytest.raises(StaleClaim):
        publish(files, job_id, some(0.1))


def test_no_upload_bears_the_name_of_another_job(bridge: Bridge, files: RestFiles, door: Door) -> None:
    mine, other = at_upsampler(bridge), at_upsampler(bridge)
    path, _, digest = made(files, mine, some(0.1))
    file = {"job_id": mine, "attempt": 1, "bytes": path.stat().st_size, "sha256": digest}
    (result,) = door.send(
        [{"id": "x", "type": "file.open", "data": {**file, "name": files.name(other, 4, "png", AS_OF)}}]
    )
    assert (result["status"], result["reason"]) == ("refused", "invalid")


def test_a_chunk_that_was_stolen_fits_nowhere_else(
    bridge: Bridge, files: RestFiles, door: Door, downloads: Path
) -> None:
    """The same request again, and one with another body: neither changes a byte."""
    job_id, data = at_upsampler(bridge), some(1)
    stolen: list[tuple[bytes, dict[str, str]]] = []
    exchange = door._exchange

    def spy(address: str, body: bytes, headers: dict[str, str]) -> Any:
        if "smi-envelope" in headers:
            stolen.append((address, body, headers))
        return exchange(address, body, headers)

    door._exchange = spy  # type: ignore[method-assign]
    files._chunk = 256 << 10
    name = publish(files, job_id, data)
    address, body, headers = stolen[1]
    again = requests.post(address, data=body, headers=headers, timeout=10)
    assert (again.status_code, again.json()["error"]) == (409, "not_announced")
    _, name2, digest2 = made(files, job_id, data[::-1])
    file = {"job_id": job_id, "attempt": 1, "name": name2, "bytes": len(data), "sha256": digest2}
    assert door.send([{"id": "x", "type": "file.open", "data": file}])[0]["data"]["offset"] == 0
    assert requests.post(address, data=body, headers=headers, timeout=10).json()["error"] == "not_announced"
    assert (downloads / name).read_bytes() == data


def test_strangers_get_one_and_the_same_refusal_and_write_nothing(bridge: Bridge, downloads: Path) -> None:
    chance = random.Random(7)
    before = sorted(downloads.rglob("*")) if downloads.exists() else []
    url = f"{bridge.shop.url}/?rest_route=/smi-bridge/v1/files"
    headers = {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(int(time.time())),
        "webhook-signature": "v1," + "A" * 43 + "=",
    }
    answers = set()
    for _ in range(60):
        envelope = base64.urlsafe_b64encode(chance.randbytes(chance.randint(0, 300))).decode()
        tried = {**headers, "smi-envelope": envelope} if chance.random() < 0.8 else headers
        answer = requests.post(url, data=chance.randbytes(chance.randint(0, 3000)), headers=tried, timeout=10)
        answers.add((answer.status_code, answer.text))
    assert answers == {(401, '{"error":"unauthorized"}')}
    assert (sorted(downloads.rglob("*")) if downloads.exists() else []) == before


def test_uploads_that_nobody_goes_on_with_are_forgotten_and_do_not_fill_the_disk(
    bridge: Bridge, files: RestFiles, door: Door, downloads: Path
) -> None:
    left = downloads / ".incoming" / "gone.1.5000000000.0123.part"
    left.parent.mkdir(parents=True, exist_ok=True)
    left.write_bytes(b"x")
    remove = bridge.mu_plugin("cap", "add_filter('smi_bridge_uploads_under_way', fn() => 5000000001);")
    try:
        with pytest.raises(TemporaryError) as caught:
            publish(files, at_upsampler(bridge), some(0.1))
        assert caught.value.code == "uploads_full"
        os.utime(left, (time.time() - 90_000,) * 2)
        publish(files, at_upsampler(bridge), some(0.1))
        assert not left.exists()
    finally:
        remove()


def test_a_folder_that_can_not_be_written_is_the_owners_to_fix(
    bridge: Bridge, files: RestFiles, downloads: Path
) -> None:
    job_id = at_upsampler(bridge)
    remove = bridge.mu_plugin("nowhere", "add_filter('upload_dir', fn($d) => ['basedir' => '/proc/nowhere'] + $d);")
    try:
        with pytest.raises(ConfigurationError) as caught:
            publish(files, job_id, some(0.1))
        assert caught.value.code == "folder_not_writable"
    finally:
        remove()


def test_finished_files_are_listed_page_by_page_and_removed(bridge: Bridge, files: RestFiles, downloads: Path) -> None:
    jobs = [at_upsampler(bridge) for _ in range(3)]
    names = [publish(files, job_id, b"x" * 10) for job_id in jobs]
    (downloads / "2026" / "11" / "notes.txt").write_text("not ours")
    listed, after = [], None
    for _ in range(100):
        page = files._ask("file.list", {"limit": 1, "after": after})
        listed += [file["name"] for file in page["files"]]
        after = page["next"]
        if after is None:
            break
    assert set(names) <= set(listed) and listed == sorted(listed)
    assert files.remove(names[0]) and not files.remove(names[0])
    assert files.size(names[0]) is None


def test_the_admin_sees_a_refused_result(bridge: Bridge, files: RestFiles, downloads: Path) -> None:
    job_id = at_upsampler(bridge)
    files.keep_refused(job_id, 1, b"\xff\xd8\xff" + b"x" * 100)
    assert (downloads / ".refused" / f"{job_id}.1.jpg").read_bytes()[:3] == b"\xff\xd8\xff"
    with pytest.raises(TemporaryError):
        files.keep_refused(job_id, 1, b"<?php")
