"""Adapter: finished files where the sidecar has no share in the uploads folder. They travel through the shop's door.

Downloads, checks and conversions happen in a work folder of this machine, as they do in the shared folder; `publish`
then uploads the file chunk by chunk, and the bridge gives it its name. The protocol is part 6 of docs/contract.md.
"""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

from ..core.errors import ConfigurationError, PermanentError, SidecarError, StaleClaim, TemporaryError
from ..core.job import Job
from .fetch.pace import Pace, PaceWatch
from .files import ResultFiles, StoredFile
from .incoming import Incoming, storage_error
from .owner import as_around

LEAST_CHUNK = 64 << 10  # bytes; below that the host's limit is not the trouble
SLOW_S = 20  # a chunk that took longer is followed by a smaller one: a break must not cost much
TRIES = 8  # failures in a row
# Of an upload, which keeps a worker: below any line that is sold, and seven of the least chunks in a window.
LEAST_PACE = Pace(8_000, window_s=60, grace_s=60)
PASSING_WALLS = (429, 503)  # maintenance, too many requests
MOST_PATIENCE = 64  # chunks of a size that goes through, before one of twice the size is tried again
ASKED_AGAIN_S = (0.5, 2.0)  # a message that got no answer
CLOSING_S = (1, 2, 4, 8, 15, 30, 60, 60, 60)  # together as long as PHP may take for a digest
PAGE = 500  # files that one answer lists
_OVER = ("unknown_job", "superseded", "settled", "cancelled")  # the attempt is not ours to finish any more


class FileDoor(Protocol):
    """What of the shop's door is used here (adapters.shop.ShopDoor)."""

    def send(self, messages: list[dict[str, Any]]) -> list[dict[str, Any]]: ...
    def send_chunk(self, data: dict[str, Any], body: bytes) -> tuple[int, dict[str, Any]]: ...


class RestFiles:
    """Same methods as ResultFiles; but no finished file lies here. What asks the shop raises as the port says."""

    name = staticmethod(ResultFiles.name)
    owner = staticmethod(ResultFiles.owner)

    def __init__(
        self,
        door: FileDoor,
        work: Path,
        *,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
        crash_point: Callable[[str], None] = lambda name: None,
    ):
        """`work`: a folder for files that are being made, on a disk of this machine."""
        self._door = door
        self._work = ResultFiles(work, file_mode=0o600, folder_mode=0o700)
        self._sleep, self._clock, self._crash_point = sleep, clock, crash_point
        self._chunk = 8 << 20  # bytes; what has gone through
        self._patience = 1  # so many go through before a larger one is tried; each failure makes it more
        self._through = 0  # in a row, of this size
        self.root = work

    # ------------------------------------------------------------------ files that are being made
    def prepare(self) -> None:
        try:
            for folder in (self.root.parent, self.root):
                if not folder.is_dir():
                    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                    as_around(folder)
        except OSError as error:
            raise storage_error(error, self._work.root) from error
        self._work.prepare()

    def incoming(self, job_id: str, claim: str, suffix: str = "part") -> Incoming:
        self.prepare()
        return self._work.incoming(job_id, claim, suffix)

    def temp_path(self, job_id: str, claim: str, suffix: str) -> Path:
        return self._work.temp_path(job_id, claim, suffix)

    def hash_file(self, path: Path) -> tuple[int, str]:
        return self._work.hash_file(path)

    def discard_temps(self, job_id: str) -> None:
        self._work.discard_temps(job_id)

    def temps(self) -> list[Path]:
        return self._work.temps()

    def refused(self, job_id: str = "*") -> list[Path]:
        """None lie here: the bridge forgets its own, by age and with the customer."""
        return []

    # ------------------------------------------------------------------ finished files, at the shop
    def publish(self, temp: Path, name: str, *, attempt: int, sha256: str) -> None:
        """Upload a closed file; it has its name when this returns. Goes on where an earlier try was broken off.

        Raises ConfigurationError disk_full, folder_not_writable, shop_unreachable, shop_walled and others of the door;
        TemporaryError upload_failed, uploads_full; StaleClaim when the shop has ended the attempt; PermanentError
        path_outside.
        """
        job_id = self.owner(name)
        if job_id is None:
            raise PermanentError("path_outside", name)
        self._publish(temp, {"job_id": job_id, "attempt": attempt, "name": name, "sha256": sha256})

    def publish_copy(self, copy: Path, name: str, job: Job) -> None:
        """As `publish`, for a copy of a job's source, which the shop hands out to Upsampler. `name`: below
        smi-downloads."""
        _, sha256 = self._work.hash_file(copy)
        self._publish(copy, {"job_id": job.job_id, "attempt": job.attempt, "name": name, "sha256": sha256})

    def _publish(self, temp: Path, file: dict[str, Any]) -> None:
        try:
            file = {**file, "bytes": temp.stat().st_size}
            self._bring(temp, file)
            temp.unlink(missing_ok=True)
        except OSError as error:  # of the work folder: the door's own are SidecarErrors
            raise storage_error(error, temp) from error

    def _bring(self, temp: Path, file: dict[str, Any]) -> None:
        for last in (False, True):
            self._upload(temp, file)
            self._crash_point("upload:closing")
            closed = self._close(file)
            if closed["status"] == "done":
                self._crash_point("upload:closed")
                return
            if last or closed["reason"] not in ("incomplete", "damaged", "not_announced"):
                raise self._error("file.close", closed, str(file["job_id"]))

    def _close(self, file: dict[str, Any]) -> dict[str, Any]:
        """A proxy may leave before a large file is hashed. PHP goes on meanwhile, and keeps what it finds out."""
        for pause in CLOSING_S:
            closed = self._send("file.close", file)
            if closed.get("reason") != "busy":
                break
            self._sleep(pause)
        return closed

    def path(self, name: str) -> Path:
        raise PermanentError("path_outside", f"{name} lies at the shop")

    def size(self, name: str) -> int | None:
        return None if self.owner(name) is None else self._ask("file.stat", {"name": name})["bytes"]

    def sha256(self, name: str) -> str:
        if self.owner(name) is None:
            return ""
        return self._ask("file.stat", {"name": name, "digest": True})["sha256"] or ""

    def remove(self, name: str) -> bool:
        return self.owner(name) is not None and bool(self._ask("file.remove", {"names": [name]})["removed"])

    def of_job(self, job_id: str) -> list[str]:
        return [file.name for file in self._listed(job_id)]

    def stored(self) -> Iterator[StoredFile]:
        return self._listed(None)

    def keep_refused(self, job_id: str, attempt: int, thumbnail: bytes) -> None:
        self._ask("file.refused", {"job_id": job_id, "attempt": attempt, "jpeg": base64.b64encode(thumbnail).decode()})

    def probe(self) -> None:
        """The work folder can be used, and the shop answers questions about files, and to bytes, which something in
        front of it may treat otherwise. Also raises ConfigurationError shop_walled."""
        self.prepare()
        self._work.probe()
        self._ask("file.list", {"limit": 1})
        body = bytes(range(256)) * 4
        digest = hashlib.sha256(body).hexdigest()
        file = {"job_id": "probe", "attempt": 1, "name": self.name("probe", 2, "png", time.time()), "sha256": digest}
        chunk = {**file, "bytes": len(body), "offset": 0, "length": len(body), "digest": digest}
        status, answer = self._door.send_chunk(chunk, body)
        if (status, answer.get("error")) != (409, "not_announced"):
            raise ConfigurationError("shop_walled", answer.get("wall") or f"bytes were answered {status} {answer}")

    # ------------------------------------------------------------------ the way there
    def _upload(self, temp: Path, file: dict[str, Any]) -> None:
        """Bring all bytes to the shop, in chunks as large as go through."""
        watch = PaceWatch(LEAST_PACE, self._clock)
        offset, limit, failures = *self._open(file), 0
        self._crash_point("upload:opened")
        with temp.open("rb") as bytes_of:
            while offset < file["bytes"]:
                bytes_of.seek(offset)
                body = bytes_of.read(min(self._chunk, limit))
                began = self._clock()
                status, answer = self._chunk_sent(file, offset, body)
                if status == 200 and isinstance(answer.get("offset"), int):
                    offset, failures = answer["offset"], 0
                    self._crash_point("upload:chunk")
                    self._went_through(limit, slow=self._clock() - began > SLOW_S)
                    self._must_be_quick(watch, len(body))
                    continue
                failures += 1
                if status == 507:
                    raise ConfigurationError("disk_full", "the shop's disk is full")
                if failures == TRIES and answer.get("wall") and status not in PASSING_WALLS:
                    raise ConfigurationError("shop_walled", answer["wall"])
                if failures == TRIES:
                    raise TemporaryError("upload_failed", f"the shop answered {status} {answer} to a chunk")
                if answer.get("error") not in ("offset", "busy", "not_announced", "database"):
                    self._broke(len(body))
                self._must_be_quick(watch, 0)
                self._sleep(0 if answer.get("error") == "offset" else min(8.0, 0.25 * 2**failures))
                offset, limit = self._open(file)

    @staticmethod
    def _must_be_quick(watch: PaceWatch, bytes: int) -> None:
        try:
            watch.came(bytes)
        except TemporaryError as error:
            raise TemporaryError("upload_failed", f"the shop takes the file too slowly: {error.detail}") from error

    def _went_through(self, limit: int, *, slow: bool) -> None:
        """Try a larger one, but not at once where larger ones have failed: a limit that a proxy has stays, and a chunk
        that it refuses has travelled for nothing."""
        self._through += 1
        if slow:
            self._chunk, self._through = max(LEAST_CHUNK, self._chunk // 2), 0
        elif self._through >= self._patience:
            self._chunk, self._through = min(2 * self._chunk, max(limit, self._chunk)), 0

    def _broke(self, length: int) -> None:
        self._chunk = max(LEAST_CHUNK, min(self._chunk, length) // 2)
        self._patience, self._through = min(MOST_PATIENCE, 4 * self._patience), 0

    def _open(self, file: dict[str, Any]) -> tuple[int, int]:
        """(how much of it is there, the largest chunk), in bytes."""
        opened = self._ask("file.open", file)
        return int(opened["offset"]), max(LEAST_CHUNK, int(opened["chunk"]))

    def _chunk_sent(self, file: dict[str, Any], offset: int, body: bytes) -> tuple[int, dict[str, Any]]:
        digest = hashlib.sha256(body).hexdigest()
        try:
            return self._door.send_chunk({**file, "offset": offset, "length": len(body), "digest": digest}, body)
        except TemporaryError as error:
            return 0, {"error": error.detail}

    def _listed(self, job_id: str | None) -> Iterator[StoredFile]:
        after: str | None = None
        while True:  # ends: with the last page; each question has a timeout
            page = self._ask("file.list", {"job_id": job_id, "after": after, "limit": PAGE})
            yield from (StoredFile(it["name"], it["bytes"], it["modified"]) for it in page["files"])
            after = page["next"]
            if after is None:
                return

    def _ask(self, type: str, data: dict[str, Any]) -> dict[str, Any]:
        result = self._send(type, data)
        if result["status"] != "done":
            raise self._error(type, result, data.get("job_id", ""))
        return result["data"]

    def _send(self, type: str, data: dict[str, Any]) -> dict[str, Any]:
        for pause in (*ASKED_AGAIN_S, None):
            try:
                return self._door.send([{"id": type, "type": type, "data": data}])[0]
            except TemporaryError as error:
                if pause is None:  # one job tries now and then, instead of each until it is given up
                    if self._hashes(type, data) and self._answers():
                        raise TemporaryError("upload_failed", f"{type}: {error.detail}") from error
                    raise ConfigurationError("shop_unreachable", error.detail) from error
                self._sleep(pause)
        raise AssertionError("the loop returns or raises")

    @staticmethod
    def _hashes(type: str, data: dict[str, Any]) -> bool:
        """Whether the answer may take longer than others: how long, lies with the file."""
        return type == "file.close" or bool(data.get("digest"))

    def _answers(self) -> bool:
        """Whether the shop answers a small question."""
        try:
            self._door.send([{"id": "file.list", "type": "file.list", "data": {"limit": 1}}])
        except TemporaryError:
            return False
        return True

    @staticmethod
    def _error(type: str, result: dict[str, Any], job_id: str) -> SidecarError:
        reason = str(result.get("reason"))
        if reason in _OVER:
            return StaleClaim(job_id)
        if reason in ("disk_full", "folder_not_writable"):
            return ConfigurationError(reason, "at the shop")
        if reason == "uploads_full":
            return TemporaryError(reason, "too many uploads are under way at the shop")
        if reason == "unknown_type":
            return ConfigurationError("shop_door_missing", f"the bridge does not know {type}: it is older than we are")
        return TemporaryError("upload_failed", f"{type}: {reason}")
