"""What every folder of results promises (sidecar/workflow/ports/files.py), told through a `FilesUnderTest`.

A subclass gives the fixture `at`; the shared folder, the shop's door and the double in memory are held to the same
tests.
"""

from __future__ import annotations

import hashlib
import os
import resource
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Protocol

import pytest

from sidecar.adapters.files import ResultFiles
from sidecar.core.errors import ConfigurationError, PermanentError
from sidecar.workflow.ports import Files

AS_OF = 1_795_341_600.0  # 2026-11
PICTURE, ANOTHER = b"picture", b"another"
JPEG = b"\xff\xd8\xff"

STRANGERS = (
    "../escape_4x.png",
    "2026/../../escape_4x.png",
    "/etc/passwd",
    "2026/11/notes.txt",
    "2026/11/holiday.jpg",
    "2026/11/job_4x.png\n",
    "2026/11/job_4x.png.bak",
    "job_4x.png",
    ".incoming/job.c1.part",
    "2026/11",
    "",
)


class FilesUnderTest(Protocol):
    """A folder of results, and what may befall it."""

    files: Files

    def job(self, job_id: str) -> str:
        """The id of a job whose attempt 1 goes on."""

    def put(self, name: str) -> None:
        """Somebody else's file in the folder."""

    def has(self, name: str) -> bool:
        """Whether it is there still."""

    def blocked(self, name: str) -> AbstractContextManager[object]:
        """Nothing can be published under this name meanwhile."""

    def read_only(self, name: str) -> AbstractContextManager[object]:
        """The folder of this name can't be written meanwhile."""

    def full(self) -> AbstractContextManager[object]:
        """The disk on which results are made is full meanwhile."""

    def lost(self) -> Files:
        """The same, whose own folder can't be made."""

    def away(self) -> AbstractContextManager[object]:
        """The folder of finished files is not in its place meanwhile."""


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def made(files: Files, job_id: str, data: bytes = PICTURE, claim: str = "c1") -> Path:
    """A temp file that was written and closed."""
    incoming = files.incoming(job_id, claim)
    incoming.write(data)
    incoming.close()
    return incoming.path


def store(at: FilesUnderTest, job_id: str, data: bytes = PICTURE, claim: str = "c1", name: str = "") -> str:
    name = name or at.files.name(job_id, 4, "png", AS_OF)
    at.files.publish(made(at.files, job_id, data, claim), name, attempt=1, sha256=digest(data))
    return name


class FilesContract:
    """Subclass it, name the subclass Test…, and give it a fixture `at`."""

    @pytest.fixture
    def job_id(self, at: FilesUnderTest) -> str:
        return at.job(f"job-{uuid.uuid4().hex[:12]}")

    # ------------------------------------------------------------------ publishing
    def test_a_name_is_made_of_month_job_and_factor(self, at: FilesUnderTest) -> None:
        assert at.files.name("job-1", 4, "png", AS_OF) == "2026/11/job-1_4x.png"

    def test_nothing_is_there_before_it_is_published_and_all_of_it_then(self, at: FilesUnderTest, job_id: str) -> None:
        files, name = at.files, at.files.name(job_id, 4, "png", AS_OF)
        store(at, at.job(f"{job_id}0"))  # the folder is there
        incoming = files.incoming(job_id, "c1")
        incoming.write(b"pic")
        incoming.write(memoryview(b"ture"))
        incoming.close()
        assert (incoming.bytes, incoming.sha256) == (7, digest(PICTURE))
        assert incoming.path == files.temp_path(job_id, "c1", "part") and incoming.path in files.temps()
        assert files.hash_file(incoming.path) == (7, digest(PICTURE))
        assert (files.size(name), files.sha256(name), files.of_job(job_id)) == (None, "", [])
        files.publish(incoming.path, name, attempt=1, sha256=digest(PICTURE))
        incoming.discard()
        assert (files.size(name), files.sha256(name), files.of_job(job_id)) == (7, digest(PICTURE), [name])
        assert incoming.path not in files.temps()

    def test_a_published_file_is_listed_with_its_bytes_and_its_time(self, at: FilesUnderTest, job_id: str) -> None:
        name = store(at, job_id)
        (found,) = [file for file in at.files.stored() if file.name == name]
        assert found.bytes == 7 and abs(found.modified - time.time()) < 3600

    def test_a_file_that_is_published_twice_is_there_once(self, at: FilesUnderTest, job_id: str) -> None:
        name = store(at, job_id)
        assert store(at, job_id, claim="c2") == name
        assert (at.files.of_job(job_id), at.files.sha256(name)) == ([name], digest(PICTURE))
        assert not [path for path in at.files.temps() if path.name.startswith(job_id)]

    def test_a_second_publication_replaces_the_first(self, at: FilesUnderTest, job_id: str) -> None:
        store(at, job_id)
        name = store(at, job_id, ANOTHER, claim="c2")
        assert (at.files.of_job(job_id), at.files.sha256(name)) == ([name], digest(ANOTHER))

    @pytest.mark.parametrize("name", STRANGERS)
    def test_nothing_is_published_under_a_name_that_is_not_ours(
        self, at: FilesUnderTest, job_id: str, name: str
    ) -> None:
        temp = made(at.files, job_id)
        with pytest.raises(PermanentError) as caught:
            at.files.publish(temp, name, attempt=1, sha256=digest(PICTURE))
        assert caught.value.code == "path_outside" and temp in at.files.temps()

    @pytest.mark.parametrize("name", STRANGERS[:3])
    def test_a_name_that_leaves_the_folder_has_no_place(self, at: FilesUnderTest, name: str) -> None:
        with pytest.raises(PermanentError) as caught:
            at.files.path(name)
        assert caught.value.code == "path_outside"

    # ------------------------------------------------------------------ what is not there, and what is not ours
    def test_what_is_not_there_has_no_size_and_no_digest_and_is_not_removed(
        self, at: FilesUnderTest, job_id: str
    ) -> None:
        assert at.files.of_job("nobody") == []
        store(at, job_id)
        files, name = at.files, at.files.name(f"nobody-{uuid.uuid4().hex}", 4, "png", AS_OF)
        assert (files.size(name), files.sha256(name), files.remove(name)) == (None, "", False)
        assert files.of_job("nobody") == []

    @pytest.mark.parametrize("name", STRANGERS)
    def test_under_a_name_that_is_not_ours_nothing_is_told_or_removed(self, at: FilesUnderTest, name: str) -> None:
        files = at.files
        assert (files.size(name), files.sha256(name), files.remove(name)) == (None, "", False)

    def test_a_file_of_others_is_not_listed_and_stays(self, at: FilesUnderTest, job_id: str) -> None:
        mine = store(at, job_id)
        for name in ("2026/11/holiday.jpg", "2026/11/notes.txt", f"{mine}.bak"):
            at.put(name)
            assert name not in {file.name for file in at.files.stored()}
            assert (at.files.size(name), at.files.sha256(name), at.files.remove(name)) == (None, "", False)
            assert at.has(name)
        assert at.files.of_job(job_id) == [mine]

    def test_a_folder_that_is_away_is_not_taken_for_files_that_are_gone(self, at: FilesUnderTest, job_id: str) -> None:
        """What is gone is made anew, which is billed; what a customer wants erased would lie there again later."""
        files, name = at.files, store(at, job_id)
        with at.away():
            for ask in (
                lambda: files.size(name),
                lambda: files.sha256(name),
                lambda: files.remove(name),
                lambda: files.of_job(job_id),
            ):
                self.is_ours_to_fix(ask, "folder_not_writable")
        assert (files.size(name), files.of_job(job_id)) == (7, [name])

    # ------------------------------------------------------------------ removing
    def test_a_file_is_removed_once(self, at: FilesUnderTest, job_id: str) -> None:
        name = store(at, job_id)
        assert [at.files.remove(name) for _ in range(2)] == [True, False]
        assert (at.files.size(name), at.files.of_job(job_id)) == (None, [])
        assert name not in {file.name for file in at.files.stored()}

    def test_the_files_of_a_job_are_found_by_their_names(self, at: FilesUnderTest) -> None:
        """Erasing a customer's data must not depend on working memory, which forgets a settled job after a day."""
        job = f"j{uuid.uuid4().hex[:8]}"
        first, second, longer, shorter = f"2026/11/{job}_1_4x.png", f"2027/01/{job}_1_8x.jpg", f"{job}_11", job
        for job_id, name in ((f"{job}_1", first), (f"{job}_1", second), (longer, ""), (shorter, "")):
            store(at, at.job(job_id), name=name)
        assert sorted(at.files.of_job(f"{job}_1")) == [first, second]
        assert at.files.of_job(shorter) == [f"2026/11/{job}_4x.png"]

    def test_a_job_that_is_erased_leaves_nothing_and_its_neighbour_all(self, at: FilesUnderTest, job_id: str) -> None:
        files, neighbour = at.files, at.job(f"{job_id}1")
        for id in (job_id, neighbour):
            store(at, id)
            made(files, id, claim="c2")
        for name in files.of_job(job_id):
            assert files.remove(name)
        files.discard_temps(job_id)
        left = [*files.of_job(job_id), *(path.name for path in files.temps())]
        assert left == [f"{neighbour}.c2.part"]
        assert len(files.of_job(neighbour)) == 1

    # ------------------------------------------------------------------ temp files
    def test_a_discarded_download_leaves_nothing_to_publish(self, at: FilesUnderTest, job_id: str) -> None:
        files = at.files
        incoming = files.incoming(job_id, "c1")
        incoming.write(b"half")
        incoming.discard()
        incoming.discard()
        assert incoming.path not in files.temps()
        for attempt in (
            lambda: files.hash_file(incoming.path),
            lambda: files.publish(incoming.path, files.name(job_id, 4, "png", AS_OF), attempt=1, sha256=digest(b"")),
        ):
            self.is_ours_to_fix(attempt, "folder_not_writable")
        assert files.of_job(job_id) == []

    def test_the_temps_of_one_job_are_thrown_away_and_no_others(self, at: FilesUnderTest, job_id: str) -> None:
        longer = at.job(f"{job_id}1")
        mine, other = made(at.files, job_id), made(at.files, longer)
        at.files.discard_temps(job_id)
        at.files.discard_temps(job_id)
        assert mine not in at.files.temps() and other in at.files.temps()
        at.files.publish(other, at.files.name(longer, 4, "png", AS_OF), attempt=1, sha256=digest(PICTURE))

    def test_two_tries_write_into_different_files(self, at: FilesUnderTest, job_id: str) -> None:
        stale = at.files.incoming(job_id, "c1")
        stale.write(ANOTHER)
        name = store(at, job_id, claim="c2")
        stale.discard()
        assert at.files.sha256(name) == digest(PICTURE)

    # ------------------------------------------------------------------ trouble
    def is_ours_to_fix(self, attempt: Callable[[], Any], code: str) -> None:
        with pytest.raises(ConfigurationError) as caught:
            attempt()
        assert caught.value.code == code

    def test_what_may_be_repeated_is(self, at: FilesUnderTest, job_id: str) -> None:
        for _ in range(2):
            at.files.prepare()
            at.files.probe()
            at.files.keep_refused(job_id, 1, JPEG)

    def test_a_file_that_can_not_get_its_name_gets_it_later(self, at: FilesUnderTest, job_id: str) -> None:
        name = at.files.name(job_id, 4, "png", AS_OF + 5 * 365 * 86_400)  # a month that no other test has
        temp = made(at.files, job_id)

        def publish() -> None:
            at.files.publish(temp, name, attempt=1, sha256=digest(PICTURE))

        with at.blocked(name):
            self.is_ours_to_fix(publish, "folder_not_writable")
            assert at.files.size(name) is None and temp in at.files.temps()
        publish()
        assert (at.files.size(name), at.files.sha256(name)) == (7, digest(PICTURE))

    def test_a_file_that_can_not_be_removed_is_not_told_to_be_gone(self, at: FilesUnderTest, job_id: str) -> None:
        name = store(at, job_id)
        with at.read_only(name):
            self.is_ours_to_fix(lambda: at.files.remove(name), "folder_not_writable")
        assert at.files.of_job(job_id) == [name] and at.files.remove(name)

    def test_a_full_disk_is_told(self, at: FilesUnderTest, job_id: str) -> None:
        incoming = at.files.incoming(job_id, "c1")

        def write() -> None:
            incoming.write(b"x" * (1 << 20))
            incoming.close()

        with at.full():
            self.is_ours_to_fix(write, "disk_full")
        incoming.discard()
        assert incoming.path not in at.files.temps()

    def test_a_folder_that_can_not_be_made_is_told(self, at: FilesUnderTest, job_id: str) -> None:
        files = at.lost()
        for attempt in (files.prepare, files.probe, lambda: files.incoming(job_id, "c1")):
            self.is_ours_to_fix(attempt, "folder_not_writable")


# ---------------------------------------------------------------------- a real folder, here or at the shop
def may_mount() -> bool:
    return (
        os.geteuid() == 0
        and not subprocess.run(["unshare", "--mount", "true"], capture_output=True, timeout=120).returncode
    )


class RealFolder:
    """A `FilesUnderTest` whose finished files lie in a folder that can be looked into."""

    def __init__(self, files: Any, folder: Path, lost: Callable[[], Any]) -> None:
        self.files: Files = files
        self.folder, self.lost = folder, lost

    def job(self, job_id: str) -> str:
        return job_id

    def put(self, name: str) -> None:
        (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / name).write_bytes(b"of others")

    def has(self, name: str) -> bool:
        return (self.folder / name).is_file()

    @contextmanager
    def blocked(self, name: str) -> Iterator[None]:
        year = self.folder / name.partition("/")[0]
        year.parent.mkdir(parents=True, exist_ok=True)
        year.write_text("in the way")
        try:
            yield
        finally:
            year.unlink()

    @contextmanager
    def read_only(self, name: str) -> Iterator[None]:
        if not may_mount():
            pytest.skip("only root, and not in every container, may make a folder that root can't write")
        month = str((self.folder / name).parent)
        subprocess.run(["mount", "--bind", month, month], check=True, timeout=120)
        try:
            subprocess.run(["mount", "-o", "remount,bind,ro", month], check=True, timeout=120)
            yield
        finally:
            subprocess.run(["umount", "--lazy", month], check=True, timeout=120)

    @contextmanager
    def away(self) -> Iterator[None]:
        put_by = self.folder.rename(self.folder.with_name("put-by"))
        self.folder.write_text("")
        try:
            yield
        finally:
            self.folder.unlink()
            put_by.rename(self.folder)

    @contextmanager
    def full(self) -> Iterator[None]:
        """No file may grow beyond 64 KiB."""
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (64 << 10, hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def shared_folder(tmp_path: Path) -> RealFolder:
    """The uploads folder of a shop on this machine."""
    folder = tmp_path / "uploads" / "smi-downloads"
    folder.parent.mkdir()
    (tmp_path / "file").write_text("in the way")
    return RealFolder(ResultFiles(folder), folder, lambda: ResultFiles(tmp_path / "file" / "smi-downloads"))
