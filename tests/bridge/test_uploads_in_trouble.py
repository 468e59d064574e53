"""An upload through a host's limits, and what may befall it in each step, on either side."""

from __future__ import annotations

import fcntl
import os
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from sidecar.adapters.rest_files import ASKED_AGAIN_S, CLOSING_S, RestFiles
from sidecar.adapters.shop import ShopDoor
from sidecar.core.errors import ConfigurationError, SidecarError, StaleClaim, TemporaryError
from tests.bridge.conftest import Bridge
from tests.bridge.uploads import Door, at_upsampler, made, publish, some
from tests.testbed.disks import may_mount, small_disk
from tests.testbed.process import limit_files
from tests.testbed.waiting import wait_for

NEWEST_ONLY = True  # nothing here depends on the version of WordPress
QUARTER = 256 << 10
MEGABYTE = 1 << 20


def parts(downloads: Path, job_id: str) -> list[Path]:
    return list((downloads / ".incoming").glob(f"{job_id}.*"))


def test_forty_megabytes_pass_a_host_with_small_posts_and_little_memory(
    bridge: Bridge, files: RestFiles, door: Door, downloads: Path, tmp_path: Path
) -> None:
    """A chunk is as large as the bridge tells; PHP holds a small part of it at a time, and of the file."""
    told = tmp_path / "peaks"
    remove = bridge.mu_plugin(
        "peaks",
        "register_shutdown_function(function () { if (strpos($_SERVER['REQUEST_URI'], 'smi-bridge/v1')) {"
        f"  file_put_contents('{told}', memory_get_peak_usage(true) . \"\\n\", FILE_APPEND); }} }});",
    )
    job_id, data = at_upsampler(bridge), some(40)
    files._chunk = 32 << 20
    try:
        name = publish(files, job_id, data)
    finally:
        remove()
    assert (downloads / name).read_bytes() == data
    assert max(length for _, length in door.chunks) == 8 * MEGABYTE
    assert len(door.chunks) <= 7
    peaks = [int(line) for line in told.read_text().split()]
    assert len(peaks) == len(door.chunks) + 2 and max(peaks) < 40 * MEGABYTE


def test_what_a_proxy_never_takes_is_not_tried_for_ever(
    bridge: Bridge, files: RestFiles, door: Door, downloads: Path
) -> None:
    job_id, data = at_upsampler(bridge), some(12)
    door.trouble = lambda data, body: (413, {}) if len(body) > QUARTER else None
    files._chunk = QUARTER
    name = publish(files, job_id, data)
    assert (downloads / name).read_bytes() == data
    assert len([1 for _, length in door.chunks if length > QUARTER]) <= 3


def test_somebody_elses_good_answer_is_no_progress(
    bridge: Bridge, files: RestFiles, door: Door, downloads: Path
) -> None:
    job_id, data = at_upsampler(bridge), some(0.2)
    strange = iter([(200, {}), (200, {"status": "ok"}), (200, {"offset": "9"}), (502, {}), (0, {"error": "cut"})])
    door.trouble = lambda data, body: next(strange, None)
    assert (downloads / publish(files, job_id, data)).read_bytes() == data


STEPS = ("file.open", "chunk", "file.close")


@pytest.mark.parametrize("lost", ["request", "answer"])
@pytest.mark.parametrize("step", STEPS)
def test_a_break_in_any_step_costs_no_byte_twice(
    bridge: Bridge, files: RestFiles, door: Door, downloads: Path, step: str, lost: str
) -> None:
    """PHP dies before it has done its work, or after it; nobody hears of it. Whoever comes next goes on."""
    job_id, data = at_upsampler(bridge), some(1)
    files._chunk = QUARTER
    send, send_chunk = door.send, door.send_chunk
    tries = len(ASKED_AGAIN_S) + 1
    breaks = iter([True] * (1 if step == "chunk" else tries))

    def broken_send(messages: Any) -> Any:
        if messages[0]["type"] == step and next(breaks, False):
            if lost == "answer":
                send(messages)
            raise TemporaryError("shop_unavailable", "cut")
        return send(messages)

    def broken_chunk(chunk: dict[str, Any], body: bytes) -> Any:
        if step == "chunk" and chunk["offset"] and next(breaks, False):
            if lost == "answer":
                send_chunk(chunk, body)
            raise TemporaryError("shop_unavailable", "cut")
        return send_chunk(chunk, body)

    door.send, door.send_chunk = broken_send, broken_chunk  # type: ignore[method-assign]
    if step != "chunk":
        with pytest.raises(SidecarError) as caught:
            publish(files, job_id, data)
        # Where other questions are answered, a digest that takes too long is this file's trouble only.
        kind = (ConfigurationError, "shop_unreachable") if step == "file.open" else (TemporaryError, "upload_failed")
        assert (type(caught.value), caught.value.code) == kind
    name = publish(files, job_id, data)
    assert (downloads / name).read_bytes() == data and parts(downloads, job_id) == []
    taken = sum(length for _, length in door.chunks)
    assert taken == len(data)


def test_one_message_without_an_answer_holds_nothing_up(
    bridge: Bridge, files: RestFiles, door: Door, downloads: Path
) -> None:
    job_id, send, breaks = at_upsampler(bridge), door.send, iter([True, False, True])

    def broken(messages: Any) -> Any:
        if next(breaks, False):
            raise TemporaryError("shop_unavailable", "502")
        return send(messages)

    door.send = broken  # type: ignore[method-assign]
    publish(files, job_id, some(0.1))


def test_php_that_is_killed_in_the_middle_of_a_chunk_goes_on_there(
    bridge: Bridge, files: RestFiles, door: Door, downloads: Path
) -> None:
    """The kernel ends it with a signal as it writes the byte that it may not. (No log is as large as that.)"""
    job_id, data = at_upsampler(bridge), some(9)
    files._chunk = 4 * MEGABYTE
    may_write = 6 * MEGABYTE
    struck = iter([True])
    there: list[int] = []

    def strike(chunk: dict[str, Any], body: bytes) -> Any:
        if not (chunk["offset"] and next(struck, False)):
            return None
        limit_files(bridge.shop.php_fpm.pids()[1:], may_write)
        try:
            answer = ShopDoor.send_chunk(door, chunk, body)
        finally:
            limit_files(bridge.shop.php_fpm.pids()[1:])
        (part,) = parts(downloads, job_id)
        there.append(part.stat().st_size)
        return answer

    door.trouble = strike
    name = publish(files, job_id, data)
    assert (downloads / name).read_bytes() == data
    assert there == [may_write]
    assert door.chunks[2][0] == may_write  # after it has asked, not at the chunk's beginning


@pytest.mark.skipif(not may_mount(), reason="only root, and not in every container, may mount a small disk")
def test_a_disk_without_room_is_asked_first_and_one_that_runs_full_keeps_what_is_whole(
    bridge: Bridge, files: RestFiles, door: Door, downloads: Path
) -> None:
    job_id, data = at_upsampler(bridge), some(1)
    files._chunk = QUARTER
    with small_disk(downloads, 66) as disk:
        filler = disk / "others"
        filler.write_bytes(b"x" * (2 * MEGABYTE))
        with pytest.raises(ConfigurationError) as caught:
            publish(files, job_id, data)
        assert (caught.value.code, door.chunks, parts(downloads, job_id)) == ("disk_full", [], [])
        filler.unlink()

        def fill(chunk: dict[str, Any], body: bytes) -> None:
            if chunk["offset"]:
                free = os.statvfs(disk)
                filler.write_bytes(b"x" * (free.f_bavail * free.f_frsize - QUARTER // 2))

        door.trouble = fill
        with pytest.raises(ConfigurationError) as caught:
            publish(files, job_id, data)
        assert caught.value.code == "disk_full"
        assert [part.stat().st_size for part in parts(downloads, job_id)] == [QUARTER]
        filler.unlink()
        door.trouble, before = lambda chunk, body: None, len(door.chunks)
        name = publish(files, job_id, data)
        assert door.chunks[before][0] == QUARTER and (downloads / name).read_bytes() == data


@pytest.mark.skipif(not may_mount(), reason="only root, and not in every container, may mount a small disk")
def test_what_others_have_announced_is_not_promised_again(
    bridge: Bridge, files: RestFiles, door: Door, downloads: Path
) -> None:
    """Each alone has room, both together have not; the one that was let in goes on."""
    mine, other = at_upsampler(bridge), at_upsampler(bridge)
    data = some(2)
    with small_disk(downloads, 67) as disk:
        (disk / ".incoming").mkdir()
        path, name, digest = made(files, mine, data)
        file = {"job_id": mine, "attempt": 1, "name": name, "bytes": len(data), "sha256": digest}
        assert files._open(file)[0] == 0
        with pytest.raises(TemporaryError) as caught:
            publish(files, other, data[::-1])
        assert (caught.value.code, parts(downloads, other)) == ("uploads_full", [])
        files.publish(path, name, attempt=1, sha256=digest)
        assert (downloads / name).read_bytes() == data


def test_a_close_beside_another_one_waits_for_it(bridge: Bridge, files: RestFiles, door: Door, downloads: Path) -> None:
    """PHP that was left by its proxy still reads the file: nobody reads it a second time meanwhile."""
    job_id, data = at_upsampler(bridge), some(0.1)
    send = door.send
    held: list[Any] = []
    waited: list[float] = []

    def locked(messages: Any) -> Any:
        if messages[0]["type"] == "file.close" and not held:
            held.append(parts(downloads, job_id)[0].open("r+b"))
            fcntl.flock(held[0], fcntl.LOCK_EX)
        return send(messages)

    def let_go(seconds: float) -> None:
        waited.append(seconds)
        if len(waited) == 2:
            held[0].close()

    door.send, files._sleep = locked, let_go  # type: ignore[method-assign]
    assert (downloads / publish(files, job_id, data)).read_bytes() == data
    assert waited == list(CLOSING_S[:2])


def test_the_digest_of_a_large_file_is_made_once_in_an_hour(
    bridge: Bridge, files: RestFiles, door: Door, downloads: Path
) -> None:
    """Told by bytes that were changed behind its back: whoever reads the file again notices."""
    job_id, data = at_upsampler(bridge), bytes(33 * MEGABYTE)
    name = publish(files, job_id, data)
    digest, stored = files.sha256(name), downloads / name
    before = stored.stat()
    with stored.open("r+b") as file:
        file.write(b"?")
    os.utime(stored, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert files.sha256(name) == digest
    for note in (downloads / ".incoming").glob(f"{job_id}.*.digest"):
        os.utime(note, (time.time() - 3700,) * 2)
    assert files.sha256(name) != digest
    with stored.open("r+b") as file:
        file.write(b"\0")
    os.utime(stored, (time.time() - 100,) * 2)
    assert files.sha256(name) == digest, "a file that has changed is read at once"
    bridge.shop.php(f"SmiBridge\\Interfaces\\Privacy\\Erasure::of('{job_id}');")
    assert list((downloads / ".incoming").glob(f"{job_id}.*")) == []


@pytest.mark.parametrize("state", ["refunded", "delivered"])
def test_an_order_that_ends_in_the_middle_of_an_upload_leaves_nothing_of_it(
    bridge: Bridge, files: RestFiles, door: Door, downloads: Path, state: str
) -> None:
    job_id, data = at_upsampler(bridge), some(1)
    files._chunk = QUARTER

    def end(chunk: dict[str, Any], body: bytes) -> None:
        if chunk["offset"]:
            bridge.shop.sql("UPDATE wp_smi_bridge_ledger SET state = %s WHERE job_id = %s", state, job_id)

    door.trouble = end
    with pytest.raises(StaleClaim):
        publish(files, job_id, data)
    assert parts(downloads, job_id) == [] and list(downloads.glob(f"*/*/{job_id}*")) == []


def test_two_workers_with_the_same_file_do_not_mix_it_up(
    bridge: Bridge, door: Door, downloads: Path, tmp_path: Path
) -> None:
    """A worker that wakes up late uploads beside its successor: both end well, with one whole file."""
    job_id, data = at_upsampler(bridge), some(2)
    both = [RestFiles(Door(bridge, door.secret), tmp_path / str(n), sleep=lambda seconds: None) for n in range(2)]
    for files in both:
        files._chunk = QUARTER
    ready = [made(files, job_id, data) for files in both]
    ended: list[object] = []

    def upload(number: int) -> None:
        path, name, digest = ready[number]
        for _ in range(4):
            try:
                ended.append(both[number].publish(path, name, attempt=1, sha256=digest))
                return
            except TemporaryError:
                continue

    threads = [threading.Thread(target=upload, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert ended == [None, None]
    assert (downloads / ready[0][1]).read_bytes() == data and parts(downloads, job_id) == []


def test_half_uploads_and_old_thumbnails_are_forgotten_daily(bridge: Bridge, files: RestFiles, downloads: Path) -> None:
    job_id, young = at_upsampler(bridge), at_upsampler(bridge)
    for id in (job_id, young):
        files.keep_refused(id, 1, b"\xff\xd8\xff")
        part = downloads / ".incoming" / f"{id}.1.5000.0123.part"
        part.parent.mkdir(exist_ok=True)
        part.write_bytes(b"x")
    of = {id: [*downloads.glob(f".incoming/{id}.*"), *downloads.glob(f".refused/{id}.*")] for id in (job_id, young)}
    for path, age in zip(of[job_id], (86_400, 90 * 86_400), strict=True):
        os.utime(path, (time.time() - age - 60,) * 2)
    bridge.shop.php("do_action('smi_bridge_daily');")
    assert [path.exists() for path in of[job_id] + of[young]] == [False, False, True, True]
    os.utime(of[young][0], (0, 0))
    bridge.shop.option("smi_bridge_tidied", 0)  # WP-Cron has not run: the sidecar's visit makes up for it
    bridge.door.send("jobs.unfinished", {"after": 0, "limit": 1})
    wait_for(lambda: not of[young][0].exists(), "the clean-up behind the visit")
    assert of[young][1].exists()


def test_a_customer_who_is_forgotten_leaves_no_half_upload_and_no_thumbnail(
    bridge: Bridge, files: RestFiles, downloads: Path
) -> None:
    job_id, other = bridge.job(), bridge.job()
    for id in (job_id, other):
        bridge.open(id, state="refunded")
        files.keep_refused(id, 1, b"\xff\xd8\xff")
        (downloads / ".incoming").mkdir(exist_ok=True)
        (downloads / ".incoming" / f"{id}.1.5000.0123.part").write_bytes(b"x")
    bridge.shop.php(f"SmiBridge\\Interfaces\\Privacy\\Erasure::of('{job_id}');")
    left = {path.name.partition(".")[0] for path in downloads.glob(".[ir]*/*")}
    assert job_id not in left and other in left
