"""Our own copies of sources: how old one is, wherever it lies."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sidecar.adapters.copies import SourceCopies
from sidecar.adapters.images import read_header
from sidecar.core.job import Job
from tests.fakes.fetcher import png

JOB = Job("job-1", 1, "submitting", factor=4)


class Shop:
    """Takes the copies of a sidecar that has no share in its folder."""

    def __init__(self) -> None:
        self.copies: dict[str, bytes] = {}

    def publish(self, copy: Path, name: str, job: Job) -> None:
        self.copies[name] = copy.read_bytes()
        copy.unlink()


@pytest.fixture(params=["in the shared folder", "at the shop"])
def copies(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[SourceCopies, Shop | None]:
    if request.param == "in the shared folder":
        return SourceCopies(tmp_path / "smi-downloads", tmp_path), None
    shop = Shop()
    return SourceCopies(tmp_path, tmp_path, shop.publish), shop


def test_a_copy_counts_while_it_is_young_and_there(copies: tuple[SourceCopies, Shop | None], tmp_path: Path) -> None:
    made_by, shop = copies
    (tmp_path / "source.png").write_bytes(png(8, 6))
    info = read_header(tmp_path / "source.png")
    assert not made_by.made_since(".sources/job-1.1.png", 0)
    copy = made_by.make(JOB, tmp_path / "source.png", info, max_bytes=10**6, max_pixels=10**6)
    [path] = made_by.all()
    assert made_by.made_since(copy.name, path.stat().st_mtime)
    if shop:
        assert (path.read_bytes(), len(shop.copies[".sources/" + path.name]) > 0) == (b"", True)
    os.utime(path, (1000, 1000))
    assert (made_by.made_since(copy.name, 1000), made_by.made_since(copy.name, 1001)) == (True, False)
    path.unlink()
    assert not made_by.made_since(copy.name, 0)


def test_the_copies_of_a_job_are_found_and_no_others(copies: tuple[SourceCopies, Shop | None], tmp_path: Path) -> None:
    made_by, _ = copies
    (tmp_path / "source.png").write_bytes(png(8, 6))
    info = read_header(tmp_path / "source.png")
    for job in (JOB, Job("job-1", 2, "submitting", factor=4), Job("job-11", 1, "submitting", factor=4)):
        made_by.make(job, tmp_path / "source.png", info, max_bytes=10**6, max_pixels=10**6)
    found = sorted(path.name.rpartition(".")[0] for path in made_by.all("job-1"))
    assert found == ["job-1.1", "job-1.2"]
    assert len(made_by.all()) == 3
