"""The shared folder of finished files and its double keep one contract; and what only a real disk can show."""

from __future__ import annotations

import errno
import hashlib
import itertools
import os
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from sidecar.adapters.files import GUARDS, ResultFiles
from sidecar.adapters.incoming import Incoming, set_mode, sync_folder
from sidecar.adapters.rest_files import RestFiles
from sidecar.core.errors import ConfigurationError, PermanentError
from tests.fakes.files import MemoryFiles
from tests.fakes.files_contract import FilesContract, RealFolder, shared_folder

NAME = "2026/11/job-1_4x.png"


@pytest.fixture
def disk(tmp_path: Path) -> ResultFiles:
    (tmp_path / "uploads").mkdir()
    return ResultFiles(tmp_path / "uploads" / "smi-downloads")


def store(files: Any, name: str = NAME, data: bytes = b"picture", claim: str = "c1") -> None:
    incoming = files.incoming(name.rpartition("/")[2].rpartition("_")[0], claim)
    incoming.write(data)
    incoming.close()
    files.publish(incoming.path, name, attempt=1, sha256="")


class TestSharedFolder(FilesContract):
    @pytest.fixture
    def at(self, tmp_path: Path) -> RealFolder:
        return shared_folder(tmp_path)


class InMemory:
    """The double as a `FilesUnderTest`."""

    def __init__(self) -> None:
        self.files = self.fake = MemoryFiles()

    def job(self, job_id: str) -> str:
        return job_id

    def put(self, name: str) -> None:
        self.fake.files[name] = b"of others"

    def has(self, name: str) -> bool:
        return name in self.fake.files

    @contextmanager
    def blocked(self, name: str = "", code: str = "folder_not_writable") -> Iterator[None]:
        self.fake.broken = ConfigurationError(code)
        yield
        self.fake.broken = None

    read_only = blocked

    def full(self) -> AbstractContextManager[None]:
        return self.blocked(code="disk_full")

    @contextmanager
    def away(self) -> Iterator[None]:
        self.fake.is_away = True
        yield
        self.fake.is_away = False

    def lost(self) -> MemoryFiles:
        lost = MemoryFiles()
        lost.broken = ConfigurationError("folder_not_writable")
        return lost


class TestInMemory(FilesContract):
    @pytest.fixture
    def at(self) -> InMemory:
        return InMemory()


# ---------------------------------------------------------------------- the disk
@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
@pytest.mark.parametrize("storage", ["local", "rest"])
def test_what_roots_doctor_makes_the_sidecars_user_can_write(tmp_path: Path, storage: str) -> None:
    """`sudo smi-sidecar setup` tests the folders before the sidecar has made them."""
    ours, nobody = tmp_path / "ours", 65534
    ours.mkdir()
    os.chown(ours, nobody, nobody)
    if storage == "local":
        ResultFiles(ours / "smi-downloads").probe()
    else:
        RestFiles(None, ours / "work" / "7a49dce334").prepare()  # type: ignore[arg-type]  # nobody is asked
    made = list(ours.rglob("*"))
    assert len(made) > 3
    assert {(path.stat().st_uid, path.stat().st_gid) for path in made} == {(nobody, nobody)}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
@pytest.mark.parametrize(("data", "owner"), [("www-data's", 65534), ("root's", 0), ("missing", 0)])
def test_in_roots_uploads_folder_it_is_the_sidecars_users_where_he_is_known(
    tmp_path: Path, data: str, owner: int
) -> None:
    """As where PHP writes by its group: root:www-data, 0775. His data folder tells who he is."""
    uploads, group = tmp_path / "uploads", 65534
    uploads.mkdir(mode=0o775)
    os.chown(uploads, 0, group)
    for name, user in (("www-data's", 65534), ("root's", 0)):
        (tmp_path / name).mkdir()
        os.chown(tmp_path / name, user, 0)
    ResultFiles(uploads / "smi-downloads", user_of=tmp_path / data).probe()
    made = list(uploads.rglob("*"))
    assert len(made) > 2
    assert {(path.stat().st_uid, path.stat().st_gid) for path in made} == {(owner, group)}


def test_a_folder_that_is_lost_is_told_of_by_the_next_file(tmp_path: Path) -> None:
    files = ResultFiles(tmp_path / "smi-downloads")
    files.incoming("job-1", "c1").discard()
    (tmp_path / "smi-downloads").rename(tmp_path / "put-by")
    (tmp_path / "smi-downloads").write_text("")
    files.discard_temps("job-1")
    with pytest.raises(ConfigurationError) as caught:
        files.incoming("job-1", "c2")
    assert caught.value.code == "folder_not_writable"


def test_the_thumbnails_of_one_job_are_found_and_no_others(disk: ResultFiles) -> None:
    for job_id, attempt in (("job-1", 1), ("job-1", 2), ("job-11", 1)):
        disk.keep_refused(job_id, attempt, b"\xff\xd8\xff")
    assert sorted(path.name for path in disk.refused("job-1")) == ["job-1.1.jpg", "job-1.2.jpg"]
    assert len(disk.refused()) == 3


def test_a_link_may_lead_elsewhere_within_the_folder_but_not_out_of_it(disk: ResultFiles, tmp_path: Path) -> None:
    store(disk)
    (tmp_path / "elsewhere").mkdir()
    (disk.root / "2025").symlink_to("2026")
    (disk.root / "2024").symlink_to(tmp_path / "elsewhere")
    assert disk.path(NAME.replace("2026", "2025")) == disk.path(NAME)
    with pytest.raises(PermanentError, match="path_outside"):
        disk.path(NAME.replace("2026", "2024"))


def test_a_temp_file_lies_in_the_same_file_system_as_its_final_name(disk: ResultFiles) -> None:
    incoming = disk.incoming("job-1", "c1")
    incoming.close()
    assert incoming.path.is_relative_to(disk.root)
    disk.publish(incoming.path, NAME, attempt=1, sha256="")
    assert os.stat(disk.path(NAME)).st_dev == os.stat(disk.root).st_dev


def test_two_claims_write_into_different_temp_files(disk: ResultFiles) -> None:
    first, second = disk.incoming("job-1", "c1"), disk.incoming("job-1", "c2")
    first.write(b"stale")
    second.write(b"fresh")
    second.close()
    disk.publish(second.path, NAME, attempt=1, sha256="")
    first.discard()
    assert disk.path(NAME).read_bytes() == b"fresh"


@pytest.mark.parametrize("chunks", [2, 5, 9], ids=["held", "beyond what is held", "by a thread"])
def test_a_spare_is_whole_where_it_is_needed_and_nothing_where_it_is_not(disk: ResultFiles, chunks: int) -> None:
    wanted, thrown = disk.incoming("job-1", "c1"), disk.incoming("job-1", "c2")
    for number in range(chunks):
        for incoming in (wanted, thrown):
            incoming.write(bytes([number]) * (1 << 20), spare=True)
    assert (thrown.path.stat().st_size == 0) == (chunks == 2)
    wanted.close()
    thrown.discard()
    assert wanted.path.read_bytes() == b"".join(bytes([number]) * (1 << 20) for number in range(chunks))
    assert wanted.bytes == chunks << 20 and not thrown.path.exists()
    with pytest.raises(RuntimeError):
        _ = wanted.sha256


def test_a_spare_that_is_wanted_after_all_goes_on_as_a_file(disk: ResultFiles) -> None:
    incoming = disk.incoming("job-1", "c1")
    incoming.write(b"pic", spare=True)
    incoming.write(b"ture")
    incoming.close()
    assert incoming.path.read_bytes() == b"picture"


def test_small_chunks_are_written_together(disk: ResultFiles) -> None:
    incoming = disk.incoming("job-1", "c1")
    for _ in range(15):
        incoming.write(b"x" * (1 << 16))
    assert incoming.path.stat().st_size == 0
    incoming.write(b"x" * (1 << 16))
    assert incoming.path.stat().st_size == 1 << 20
    incoming.write(b"the end")
    incoming.close()
    assert incoming.path.stat().st_size == incoming.bytes == (1 << 20) + 7
    assert incoming.sha256 == hashlib.sha256(b"x" * (1 << 20) + b"the end").hexdigest()


def test_a_large_file_is_hashed_and_written_behind_the_check(disk: ResultFiles) -> None:
    chunks = [bytes([number]) * (1 << 20) for number in range(12)]
    incoming = disk.incoming("job-1", "c1")
    for chunk in chunks:
        incoming.write(chunk)
    assert incoming.bytes == 12 << 20
    incoming.close()
    assert incoming.path.read_bytes() == b"".join(chunks)
    assert incoming.sha256 == hashlib.sha256(b"".join(chunks)).hexdigest()
    assert "incoming" not in {thread.name for thread in threading.enumerate()}


@pytest.mark.parametrize("good", [0, 6])
def test_a_disk_that_is_full_is_told_by_a_later_chunk_or_at_the_end(
    disk: ResultFiles, monkeypatch: pytest.MonkeyPatch, good: int
) -> None:
    write, written = os.write, itertools.count()

    def full(fd: int, data: memoryview) -> int:
        if next(written) >= good:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(fd, data)

    incoming = disk.incoming("job-1", "c1")
    monkeypatch.setattr(os, "write", full)
    with pytest.raises(ConfigurationError) as caught:
        for _ in range(good + 1):
            incoming.write(b"x" * (1 << 20))
        incoming.close()
    monkeypatch.undo()
    assert caught.value.code == "disk_full"
    incoming.discard()
    assert not incoming.path.exists()
    assert "incoming" not in {thread.name for thread in threading.enumerate()}


def test_a_large_download_that_is_given_up_leaves_nothing(disk: ResultFiles) -> None:
    incoming = disk.incoming("job-1", "c1")
    for _ in range(20):
        incoming.write(b"x" * (1 << 20))
    incoming.discard()
    assert not incoming.path.exists()
    assert "incoming" not in {thread.name for thread in threading.enumerate()}


def test_the_folder_is_guarded_for_apache_and_iis_and_lists_nothing(disk: ResultFiles) -> None:
    disk.prepare()
    disk.prepare()
    assert {path.name for path in disk.root.iterdir()} == {*GUARDS, ".incoming"}
    guard = (disk.root / ".htaccess").read_text()
    assert "Require all denied" in guard and "Deny from all" in guard
    assert "Deny" in (disk.root / "web.config").read_text()


def test_a_guard_that_has_gone_or_is_empty_is_written_again_with_the_next_file(disk: ResultFiles) -> None:
    disk.prepare()
    (disk.root / ".htaccess").unlink()
    (disk.root / "web.config").write_text("")
    disk.incoming("job-1", "c1").discard()
    assert {name: (disk.root / name).read_text() for name in GUARDS} == GUARDS


def test_an_owners_own_guard_is_not_overwritten(disk: ResultFiles) -> None:
    disk.prepare()
    (disk.root / ".htaccess").write_text("# mine\n")
    disk.prepare()
    assert (disk.root / ".htaccess").read_text() == "# mine\n"


def test_guards_and_strangers_are_not_among_the_stored_files(disk: ResultFiles) -> None:
    store(disk)
    (disk.root / "2026/11/notes.txt").write_text("x")
    assert [file.name for file in disk.stored()] == [NAME]
    assert disk.temps() == []


def test_modes_are_as_set_whatever_the_umask(tmp_path: Path) -> None:
    files = ResultFiles(tmp_path / "d", file_mode=0o640, folder_mode=0o750)
    before = os.umask(0o077)
    try:
        store(files)
    finally:
        os.umask(before)
    assert files.path(NAME).stat().st_mode & 0o777 == 0o640
    assert {p.stat().st_mode & 0o777 for p in (files.root / "2026", files.root / "2026/11")} == {0o750}


def test_a_folder_that_can_not_be_made_is_ours_to_fix(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    files = ResultFiles(tmp_path / "file" / "smi-downloads")
    for attempt in (files.prepare, files.probe, lambda: files.incoming("job-1", "c1")):
        with pytest.raises(ConfigurationError) as caught:
            attempt()
        assert caught.value.code == "folder_not_writable"


def test_an_uploads_folder_that_is_not_mounted_is_not_made_anew(tmp_path: Path) -> None:
    files = ResultFiles(tmp_path / "uploads" / "smi-downloads")
    with pytest.raises(ConfigurationError):
        files.incoming("job-1", "c1")
    assert not (tmp_path / "uploads").exists()


def test_a_folder_that_vanishes_in_mid_download_is_ours_to_fix(disk: ResultFiles) -> None:
    import shutil

    incoming = disk.incoming("job-1", "c1")
    incoming.write(b"x")
    incoming.close()
    shutil.rmtree(disk.root)
    with pytest.raises(ConfigurationError) as caught:
        disk.publish(incoming.path, NAME, attempt=1, sha256="")
    assert caught.value.code == "folder_not_writable"
    incoming.discard()


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_full_disk_is_ours_to_fix(disk: ResultFiles) -> None:
    disk.prepare()
    full = disk.temp_path("job-1", "c1", "part")
    incoming = disk.incoming("job-1", "c1")
    always_full = os.open("/dev/full", os.O_WRONLY)
    os.dup2(always_full, incoming._fd)
    os.close(always_full)
    with pytest.raises(ConfigurationError) as caught:
        incoming.write(b"x" * 100_000)
        incoming.close()
    assert caught.value.code == "disk_full"
    incoming.discard()
    assert not full.exists()


def test_a_symlink_in_the_place_of_a_temp_file_is_not_followed(disk: ResultFiles, tmp_path: Path) -> None:
    disk.prepare()
    victim = tmp_path / "victim"
    victim.write_text("untouched")
    disk.temp_path("job-1", "c1", "part").symlink_to(victim)
    with pytest.raises(ConfigurationError):
        disk.incoming("job-1", "c1")
    assert victim.read_text() == "untouched"


def test_the_uploads_folder_may_be_reached_by_a_link_also_on_the_first_of_a_month(tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir()
    (tmp_path / "uploads").symlink_to("shared")
    files = ResultFiles(tmp_path / "uploads" / "smi-downloads")
    store(files)
    assert (tmp_path / "shared" / "smi-downloads" / NAME).read_bytes() == b"picture"


def test_a_work_folder_that_can_not_be_made_holds_instead_of_breaking(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError) as caught:
        RestFiles(None, tmp_path / "file" / "work").prepare()  # type: ignore[arg-type]  # nobody is asked
    assert caught.value.code == "folder_not_writable"


def turn_to_itself(folder: Path) -> None:
    """What a system call says of it is neither "not there" nor "there": as of a share that has gone stale."""
    folder.symlink_to(folder.name)


@pytest.mark.parametrize("where", ["the folder", "a month"])
def test_what_can_not_be_looked_at_is_not_taken_for_gone_and_breaks_nothing(disk: ResultFiles, where: str) -> None:
    disk.prepare()
    if where == "the folder":
        disk.root.rename(disk.root.with_name("put-by"))
        turn_to_itself(disk.root)
    else:
        (disk.root / "2026").mkdir()
        turn_to_itself(disk.root / "2026" / "11")
    for ask in (disk.size, disk.sha256, disk.remove):
        with pytest.raises(ConfigurationError) as caught:
            ask(NAME)
        assert caught.value.code == "folder_not_writable"
    assert list(disk.stored()) == []


def test_a_file_system_that_can_not_sync_a_folder_is_no_fault() -> None:
    """As SMB before Linux 5.6; proc has no such call either."""
    sync_folder(Path("/proc"))
    with pytest.raises(FileNotFoundError):
        sync_folder(Path("/proc/nothing-there"))


def test_a_file_system_without_modes_is_no_fault(tmp_path: Path) -> None:
    """As FAT, and shares that belong to one user; proc refuses a mode in the same way."""
    odd = Path("/proc/self/comm")
    with pytest.raises(PermissionError):
        odd.chmod(0o640)
    set_mode(odd, 0o640)
    os.close(Incoming(odd, 0o640)._fd)
    with pytest.raises(FileNotFoundError):
        set_mode(tmp_path / "nothing-there", 0o640)
