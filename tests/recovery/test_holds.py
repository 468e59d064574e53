"""What is ours to fix holds its stage for everybody, is told to the admin once, and goes on by itself when fixed.

No customer is refunded for it, and none is told more than that it takes longer.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from tests.recovery.cases import fault
from tests.recovery.rig import Rig, one_ending
from tests.testbed.process import limit_files
from tests.testbed.waiting import wait_for


@pytest.fixture(scope="module")
def rig(rig_factory: Callable[..., Rig]) -> Rig:
    """Time enough for holds: nothing else may end a job here."""
    return rig_factory(env={"SMI_WATCH_LIMIT_S": "120"})


@pytest.fixture(autouse=True)
def _all_well_afterwards(rig: Rig) -> Iterator[None]:
    rig.shop.mailbox.clear()
    rig.shop.php("delete_option('smi_bridge_told');")  # as if the window in which a hold is told once were over
    yield
    rig.faults()


def _admin_mails(rig: Rig) -> list[str]:
    return [mail.text for mail in rig.shop.mails(rig.shop.admin_email)]


def _held(rig: Rig, stage: str, reason: str) -> None:
    wait_for(lambda: rig.held().get(stage) == reason, f"{stage} is held for {reason}", 20)


def _held_since(rig: Rig) -> list[float]:
    return [json.loads(text)["since"] for text in rig.redis.hgetall(rig.keys.held).values()]


def _go_on(rig: Rig, *job_ids: str) -> None:
    """All are delivered by themselves, and nothing is held any more. Workers look up once a second what is held, and a
    job that passes sooner ends nothing."""
    wait_for(lambda: all(time.time() - since > 2.5 for since in _held_since(rig)), "the hold is known to all", 20)
    rig.hurry(*job_ids)
    for job_id in job_ids:
        rig.settled(job_id, timeout=60)
        assert one_ending(rig, job_id) == "delivered"
    assert rig.held() == {}


def test_a_refused_key_holds_all_submits_and_is_told_to_the_admin_once(rig: Rig) -> None:
    rig.faults(fault("submit_401"))
    first = rig.buy("key-first")
    _held(rig, "submit", "upsampler_key_refused")
    others = [rig.buy(f"key-{number}") for number in range(3)]
    wait_for(
        lambda: rig.customer.status(others[0])["phase"] in ("queued", "delayed"),
        "the customer sees that it takes longer",
    )
    wait_for(lambda: any("key" in text.lower() for text in _admin_mails(rig)), "the admin is told", 20)
    assert rig.customer.status(first)["phase"] == "delayed"
    assert [len(rig.bill(job_id)) for job_id in (first, *others)] == [0, 0, 0, 0]
    rig.faults()
    _go_on(rig, first, *others)
    assert [len(rig.bill(job_id)) for job_id in (first, *others)] == [1, 1, 1, 1]
    assert len([text for text in _admin_mails(rig) if "key" in text.lower()]) == 1


def test_used_up_credits_hold_all_submits_until_there_are_new_ones(rig: Rig) -> None:
    def credits(amount: float) -> None:
        requests.put(f"{rig.sandbox.url}/sandbox/credits", json={"credits": amount}, timeout=10).raise_for_status()

    credits(0)
    job_ids = [rig.buy(f"credits-{number}") for number in range(2)]
    _held(rig, "submit", "upsampler_credits_exhausted")
    wait_for(lambda: any("credits" in text.lower() for text in _admin_mails(rig)), "the admin is told", 20)
    credits(1000)
    _go_on(rig, *job_ids)
    assert len([text for text in _admin_mails(rig) if "credits" in text.lower()]) == 1


def test_a_key_that_is_refused_while_a_job_is_at_upsampler_loses_nothing(rig: Rig) -> None:
    rig.faults({"fault": "processing_slow", "params": {"seconds": 4}}, {"fault": "webhook_dropped"})
    job_id = rig.buy("key-at-work")
    rig.customer.until(job_id, "submitted")
    rig.shop.sql("SELECT 1")
    with _key_refused(rig):
        _held(rig, "submit", "upsampler_key_refused")
        waiting = rig.buy("key-at-work-too")
        # The one job in 30 s that tries: were it at it when the key is changed back, its answer would be lost.
        tried = "the next job has tried in vain"
        wait_for(lambda: rig.ledger(waiting)["reason"] == "upsampler_key_refused", tried, 60)
    _go_on(rig, job_id, waiting)
    assert len(rig.bill(job_id)) == len(rig.bill(waiting)) == 1


@contextmanager
def _key_refused(rig: Rig) -> Iterator[None]:
    """The account's key is changed at Upsampler, and changed back; it knows all its jobs still."""

    def restart(key: str) -> None:
        rig.sandbox.stop()
        rig.sandbox._arguments = ["--delay", "0.2", "--api-key", key]
        rig.sandbox.start()

    restart("another-key")
    try:
        yield
    finally:
        restart("sandbox-key")


@contextmanager
def _largest_file(rig: Rig, size: int) -> Iterator[None]:
    """No worker may write more than `size` bytes into a file: a full disk, as far as one process can see it."""
    workers = rig.sidecar.process("worker").pids()
    limit_files(workers, size)
    try:
        yield
    finally:
        limit_files(workers)


def test_a_full_disk_holds_the_collecting_and_leaves_no_half_file(rig: Rig) -> None:
    with _largest_file(rig, 3_000):
        job_ids = [rig.buy(f"full-{number}") for number in range(2)]
        _held(rig, "collect", "disk_full")
        wait_for(lambda: any("disk" in text.lower() for text in _admin_mails(rig)), "the admin is told", 20)
        wait_for(lambda: rig.leftovers() == [], "what was begun before the hold was known is thrown away")
        assert [
            path for path in (rig.shop.uploads / "smi-downloads").rglob("*_4x.*") if path.stem[:36] in job_ids
        ] == []
    _go_on(rig, *job_ids)
    assert [len(rig.bill(job_id)) for job_id in job_ids] == [1, 1]  # what was enlarged is not paid for again


def _may_mount() -> bool:
    with tempfile.TemporaryDirectory() as folder:
        command = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", folder]
        if os.geteuid() or subprocess.run(command, capture_output=True, check=False, timeout=120).returncode:
            return False
        subprocess.run(["umount", folder], check=True, timeout=120)
        return True


@pytest.mark.skipif(not _may_mount(), reason="only root, and not in every container, may mount a small disk")
def test_a_small_disk_that_runs_full_holds_the_collecting(rig: Rig) -> None:
    folder = rig.shop.uploads / "smi-downloads" / ".incoming"
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4k", "tmpfs", str(folder)], check=True, timeout=120)
    try:
        job_id = rig.buy("small-disk")
        _held(rig, "collect", "disk_full")
    finally:
        subprocess.run(["umount", str(folder)], check=True, timeout=120)
    _go_on(rig, job_id)


def test_a_lost_folder_holds_the_collecting_until_it_is_back(rig: Rig) -> None:
    with _folder_lost(rig.shop.uploads / "smi-downloads", rig.whole.folder / "put-by"):
        job_id = rig.buy("lost-folder")
        _held(rig, "collect", "folder_not_writable")
        wait_for(lambda: any("folder" in text.lower() for text in _admin_mails(rig)), "the admin is told", 20)
    _go_on(rig, job_id)


@contextmanager
def _folder_lost(folder: Path, put_by: Path) -> Iterator[None]:
    """A file stands in its place: also root can't make it again."""
    folder.mkdir(exist_ok=True)
    folder.rename(put_by)
    folder.write_text("")
    try:
        yield
    finally:
        folder.unlink()
        put_by.rename(folder)


def test_uploads_on_a_volume_that_is_not_mounted_are_not_made_anew(rig: Rig) -> None:
    """Else the file would lie on the wrong disk, and be hidden when the volume comes back."""
    uploads, put_by = rig.shop.uploads, rig.whole.folder / "uploads-put-by"
    job_id = rig.buy("no-volume")
    rig.customer.until(job_id, "delivered")
    rig.faults({"fault": "processing_slow", "params": {"seconds": 2}})
    job_id = rig.buy("no-volume-2")
    rig.customer.until(job_id, "submitted")
    uploads.rename(put_by)
    try:
        _held(rig, "collect", "folder_not_writable")
        assert not uploads.exists()
    finally:
        put_by.rename(uploads)
    _go_on(rig, job_id)
