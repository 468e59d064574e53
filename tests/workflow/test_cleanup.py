"""Clean-up throws away what nobody needs any more, says what it did, and never touches what somebody may still need."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import Any

import pytest

from sidecar.adapters.copies import SourceCopies
from sidecar.adapters.files import ResultFiles
from sidecar.core.errors import TemporaryError
from sidecar.workflow import cleanup
from tests.workflow.rig import Rig

DAY = 86400
KEEP_DAYS = 7


@pytest.fixture
def uploads(tmp_path: Path) -> Path:
    (tmp_path / "uploads").mkdir()
    return tmp_path / "uploads"


@pytest.fixture
def rig(uploads: Path) -> Rig:
    """On a real disk, whose files bear the simulated time."""
    rig = Rig(files=ResultFiles(uploads / "smi-downloads"), SMI_KEEP_DAYS=str(KEEP_DAYS))
    copies = SourceCopies(uploads / "smi-downloads", uploads)
    rig.ports = dataclasses.replace(rig.ports, copies=copies)
    return rig


def put(rig: Rig, path: Path, content: bytes = b"picture") -> Path:
    """A file that is written now."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    os.utime(path, (rig.clock(), rig.clock()))
    return path


def stored(rig: Rig, job_id: str) -> Path:
    return put(rig, rig.files.root / rig.files.name(job_id, 4, "png", rig.clock()))


def delivered(rig: Rig, job_id: str = "job-1") -> Path:
    """A delivered job's file."""
    rig.buy(job_id)
    rig.let_pass(120)
    assert rig.row(job_id).state == "delivered"
    path = rig.files.path(rig.job(job_id).path)
    os.utime(path, (rig.clock(), rig.clock()))
    return path


def days_pass(rig: Rig, days: float) -> None:
    rig.clock.at += days * DAY


def run(rig: Rig, **how: Any) -> dict[str, Any]:
    return {name: value for name, value in cleanup.run(rig.ports, **how).as_dict().items() if value}


def test_a_file_goes_when_its_link_has_been_dead_for_the_time_of_grace(rig: Rig) -> None:
    path = delivered(rig)
    size = path.stat().st_size
    days_pass(rig, 1 + KEEP_DAYS - 0.1)  # a link lives for a day
    assert run(rig) == {"kept": 1} and path.is_file()
    days_pass(rig, 0.2)
    assert run(rig) == {"expired": 1, "bytes": size}
    assert not path.exists()


def test_a_renewed_link_keeps_its_file(rig: Rig) -> None:
    path = delivered(rig)
    days_pass(rig, KEEP_DAYS)
    row = rig.row()
    answer = rig.push("job.renew", {"job_id": "job-1", "attempt": 1, "expiry_hours": 240})
    row.delivery |= {"expires_at": answer["expires_at"], "token": answer["token"]}  # as the bridge writes it down
    days_pass(rig, 10)
    assert run(rig) == {"kept": 1} and path.is_file()


@pytest.mark.parametrize("state", ["paid", "submitting", "submitted", "enlarged", "stored", "refunding", "review"])
def test_a_file_of_a_job_that_is_not_settled_or_waits_for_a_person_stays_however_old(rig: Rig, state: str) -> None:
    path = delivered(rig)
    rig.row().state = state
    days_pass(rig, 1000)
    assert run(rig) == {"kept": 1} and path.is_file()


def test_the_good_file_of_before_stays_while_a_rerun_is_under_way(rig: Rig) -> None:
    path = delivered(rig)
    days_pass(rig, 100)
    rig.shop.rerun("job-1")
    assert run(rig) == {"kept": 1} and path.is_file()


def test_a_file_without_an_owner_goes_after_the_time_of_grace(rig: Rig) -> None:
    path = stored(rig, "nobodys-job")
    days_pass(rig, KEEP_DAYS - 0.1)
    assert run(rig) == {"kept": 1}
    days_pass(rig, 0.2)
    assert run(rig) == {"orphans": 1, "bytes": 7}
    assert not path.exists()


def test_a_file_that_a_delivered_job_does_not_own_any_more_is_an_orphan(rig: Rig) -> None:
    path = delivered(rig)
    other = put(rig, path.with_name("job-1_8x.png"))
    days_pass(rig, KEEP_DAYS + 0.5)
    assert run(rig) == {"orphans": 1, "kept": 1, "bytes": 7}
    assert path.is_file() and not other.exists()


def test_what_is_not_ours_stays(rig: Rig, uploads: Path) -> None:
    strangers = [
        put(rig, uploads / "sell-my-images" / "2020" / "01" / "job-1_4x.png"),  # where the shop itself put them
        put(rig, uploads / "2026" / "11" / "photo_4x.jpg"),
        put(rig, rig.files.root / "2026" / "11" / "photo of the bay.jpg"),
        put(rig, rig.files.root / "2026" / "11" / "notes.txt"),
        put(rig, rig.files.root / "2026" / "11" / "job-1_4x.png.bak"),
        put(rig, rig.files.root / "job-1_4x.png"),
    ]
    rig.files.prepare()
    guards = list(rig.files.root.glob(".htaccess")) + list(rig.files.root.glob("index.*"))
    days_pass(rig, 4000)
    cleanup.run(rig.ports)
    assert all(path.is_file() for path in strangers + guards) and guards


def test_temp_files_copies_of_sources_and_thumbnails_go_after_their_time(rig: Rig) -> None:
    temp = put(rig, rig.files.root / ".incoming" / "job-1.abc.part")
    copy = put(rig, rig.files.root / ".sources" / "job-1.1.jpg")
    refused = put(rig, rig.files.root / ".refused" / "job-1.1.jpg")
    days_pass(rig, 0.9)
    assert run(rig) == {}
    days_pass(rig, 0.2)
    assert run(rig) == {"temps": 1, "sources": 1, "bytes": 14}
    assert not temp.exists() and not copy.exists() and refused.is_file()
    days_pass(rig, 90)
    assert run(rig) == {"temps": 1, "bytes": 7}
    assert not refused.exists()


def test_what_is_kept_for_an_unfinished_job_stays_as_long_as_the_job_is_unfinished(rig: Rig) -> None:
    """A finished file waits for its shop, which may be away for days, and so may a stage be held. When it is back,
    the clean-up may come before the jobs: Upsampler has not kept their results for as long."""
    rig.buy()
    rig.work()
    kept = [put(rig, rig.files.root / ".incoming" / f"job-1{end}") for end in (".kept", ".kept.json", ".source.kept")]
    days_pass(rig, 3)
    assert run(rig) == {}
    assert all(path.is_file() for path in kept)
    rig.store.forget("job-1")
    assert run(rig) == {"temps": 3, "bytes": 21}


def test_a_dry_run_tells_the_same_and_throws_nothing_away(rig: Rig) -> None:
    files = [
        delivered(rig),
        stored(rig, "nobodys-job"),
        put(rig, rig.files.root / ".incoming" / "job-1.abc.part"),
        put(rig, rig.files.root / ".sources" / "job-1.1.jpg"),
    ]
    days_pass(rig, 30)
    told = run(rig, dry_run=True)
    assert all(path.is_file() for path in files)
    assert told.pop("dry_run") is True
    assert (told["expired"], told["orphans"], told["temps"], told["sources"]) == (1, 1, 1, 1)
    assert run(rig) == told
    assert not any(path.exists() for path in files)


def test_while_the_ledger_can_not_be_asked_nothing_that_was_bought_goes(rig: Rig) -> None:
    path, orphan = delivered(rig), stored(rig, "nobodys-job")
    days_pass(rig, 1000)
    rig.shop.away = TemporaryError("shop_unavailable", "connection refused")
    with pytest.raises(TemporaryError):
        cleanup.run(rig.ports)
    assert path.is_file() and orphan.is_file()


def test_files_that_go_while_clean_up_looks_do_not_stop_it(rig: Rig) -> None:
    """A temp file gets its final name, a customer is forgotten: between the list and the look."""
    temps = [put(rig, rig.files.root / ".incoming" / f"job-{number}.abc.part") for number in range(3)]
    paths = [stored(rig, f"nobodys-{number}") for number in range(3)]
    days_pass(rig, 30)

    class Vanishing:
        def __init__(self, files: ResultFiles) -> None:
            self._files = files

        def __getattr__(self, name: str) -> Any:
            return getattr(self._files, name)

        def temps(self) -> list[Path]:
            listed = sorted(self._files.temps())
            listed[0].unlink()
            return listed

        def stored(self) -> Any:
            listed = sorted(self._files.stored(), key=lambda file: file.name)
            self._files.remove(listed[0].name)
            return iter(listed)

    rig.ports = dataclasses.replace(rig.ports, files=Vanishing(rig.files))
    assert run(rig) == {"orphans": 2, "temps": 2, "bytes": 28}
    assert not any(path.exists() for path in temps + paths)


def test_it_tells_how_far_it_is(rig: Rig) -> None:
    for number in range(cleanup.PAGE + 1):
        stored(rig, f"job-{number}")
    told: list[int] = []
    cleanup.run(rig.ports, dry_run=True, progress=told.append)
    assert told == [cleanup.PAGE, cleanup.PAGE + 1]
