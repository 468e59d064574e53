"""An upload through the shop's door that is too slow or stands before a wall gives its worker back, and says why."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sidecar.adapters.rest_files import TRIES, RestFiles
from sidecar.core.errors import ConfigurationError, SidecarError, TemporaryError

BYTES = 4 << 20


class Door:
    """A shop that answers each chunk after `seconds`, with `answer` in place of its own."""

    def __init__(self, seconds: float, answer: tuple[int, dict[str, Any]] | None = None) -> None:
        self.now, self.there, self.chunks = 0.0, 0, 0
        self.seconds, self.answer = seconds, answer

    def send(self, messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [{"id": "x", "status": "done", "data": {"offset": self.there, "chunk": 8 << 20}}]

    def send_chunk(self, data: dict[str, Any], body: bytes) -> tuple[int, dict[str, Any]]:
        self.now += self.seconds
        self.chunks += 1
        if self.answer:
            return self.answer
        self.there = data["offset"] + len(body)
        return 200, {"offset": self.there}


def uploaded(tmp_path: Path, door: Door, chunk: int = 64 << 10) -> SidecarError | None:
    files = RestFiles(door, tmp_path / "work", sleep=lambda seconds: None, clock=lambda: door.now)
    files._chunk = chunk
    incoming = files.incoming("job-1", "claim")
    incoming.write(bytes(BYTES))
    incoming.close()
    try:
        files.publish(incoming.path, files.name("job-1", 4, "png", 0), attempt=1, sha256=incoming.sha256)
    except SidecarError as error:
        return error
    return None


def test_a_shop_that_takes_a_chunk_in_80_seconds_keeps_a_worker_for_minutes_only(tmp_path: Path) -> None:
    door = Door(80)
    error = uploaded(tmp_path, door)
    assert isinstance(error, TemporaryError) and (error.code, "too slowly" in error.detail) == ("upload_failed", True)
    assert door.now <= 240 and door.there > 0, "what is there is gone on with"


def test_chunks_that_fail_slowly_end_as_soon(tmp_path: Path) -> None:
    door = Door(90, (504, {}))
    error = uploaded(tmp_path, door)
    assert error is not None and error.code == "upload_failed" and door.now <= 270


def test_a_slow_line_is_no_reason_to_give_up(tmp_path: Path) -> None:
    door = Door(6)  # 64 KiB in 6 s: 11 kB/s
    assert uploaded(tmp_path, door) is None
    assert door.there == BYTES


class Line(Door):
    """An honest line of `speed` bytes a second. The door waits for 90 s for a chunk; then nobody knows what came."""

    def __init__(self, speed: float) -> None:
        super().__init__(0)
        self.speed = speed

    def send_chunk(self, data: dict[str, Any], body: bytes) -> tuple[int, dict[str, Any]]:
        self.seconds = min(90, 0.5 + len(body) / self.speed)
        return super().send_chunk(data, body) if self.seconds < 90 else self._cut()

    def _cut(self) -> tuple[int, dict[str, Any]]:
        self.now += 90
        return 0, {"error": "no answer"}


@pytest.mark.parametrize(("kbps", "tries"), [(9, 3), (12, 2), (30, 2), (50, 1), (1000, 1)])
def test_an_honest_line_brings_its_file_however_slow_it_is_above_the_least_speed(
    tmp_path: Path, kbps: int, tries: int
) -> None:
    """The first chunks of 8 MB do not go through on most of these: each try begins with what the last one learnt."""
    line = Line(kbps * 1000)
    files = RestFiles(line, tmp_path / "work", sleep=lambda seconds: None, clock=lambda: line.now)
    incoming = files.incoming("job-1", "claim")
    incoming.write(bytes(12_000_000))
    incoming.close()
    name = files.name("job-1", 4, "png", 0)
    for _ in range(tries - 1):
        with pytest.raises(TemporaryError, match="too slowly"):
            files.publish(incoming.path, name, attempt=1, sha256=incoming.sha256)
    files.publish(incoming.path, name, attempt=1, sha256=incoming.sha256)
    assert line.there == 12_000_000


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [
        (403, ConfigurationError, "shop_walled"),
        (503, TemporaryError, "upload_failed"),
    ],
)
def test_a_wall_that_stops_bytes_only_is_named_and_holds_the_stage(
    tmp_path: Path, status: int, kind: type, code: str
) -> None:
    """As for messages: no paid job uses up its tries at a wall, which a person has to open. Maintenance passes."""
    wall = "https://shop.example answered, not by the bridge: “Denied”. Allow POST to it."
    door = Door(0.1, (status, {"wall": wall}))
    error = uploaded(tmp_path, door)
    assert (type(error), error and error.code, door.chunks) == (kind, code, TRIES)
    assert error is not None and "Denied" in error.detail
