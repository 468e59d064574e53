"""Where a bought picture lies, and what befalls it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sidecar.adapters.fetch.fetcher import FetchResponse
from sidecar.adapters.sources import Sources
from sidecar.core.errors import ConfigurationError, PermanentError, SidecarError, TemporaryError
from sidecar.core.job import Job
from sidecar.workflow.recovery.table import TABLE
from tests.fakes.fetcher import png

URL = "https://shop.example/wp-content/uploads"


class Elsewhere:
    """A fetcher that has one picture, or raises."""

    def __init__(self, data: bytes = b"", error: SidecarError | None = None, late: SidecarError | None = None) -> None:
        self.data, self.error, self.late = data, error, late

    def head_bytes(self, url: str, n: int) -> bytes:
        if self.error:
            raise self.error
        return self.data[:n]

    @contextmanager
    def stream(self, url: str, *, max_bytes: int, deadline_s: float) -> Iterator[FetchResponse]:
        if self.error:
            raise self.error
        yield FetchResponse(200, "image/png", len(self.data), self._chunks())

    def _chunks(self) -> Iterator[bytes]:
        yield self.data[:100]
        if self.late:
            raise self.late
        yield self.data[100:]


def job(**info: object) -> Job:
    return Job("job-1", 1, "submitting", **info)


@pytest.fixture
def uploads(tmp_path: Path) -> Path:
    (tmp_path / "uploads" / "2026").mkdir(parents=True)
    (tmp_path / "uploads" / "2026" / "ä photo.png").write_bytes(png(8, 6))
    (tmp_path / "secret.png").write_bytes(png(8, 6))
    return tmp_path / "uploads"


def sources(uploads: Path, fetcher: Elsewhere | None = None) -> Sources:
    return Sources(fetcher or Elsewhere(), uploads_dir=uploads, uploads_url=URL)


@pytest.mark.parametrize(
    "info",
    [
        {"source_url": f"{URL}/2026/%C3%A4%20photo.png"},
        {"source_url": "http://shop.example/wp-content/uploads/2026/ä photo.png?ver=3"},
        {"source_type": "upload", "source_url": "/var/www/x/2026/ä photo.png", "source_path": "2026/ä photo.png"},
        {"source_url": "https://cdn.example/other.png", "source_path": "2026/ä photo.png"},
    ],
)
def test_a_picture_in_the_uploads_folder_is_read_where_it_lies(uploads: Path, info: dict) -> None:
    source = sources(uploads).look(job(**info))
    assert source.path == uploads / "2026" / "ä photo.png"
    assert (source.info.width, source.info.height, source.bytes) == (8, 6, len(png(8, 6)))
    assert source.url == f"{URL}/2026/%C3%A4%20photo.png"
    assert sources(uploads).name(source.path) == "2026/ä photo.png"


def test_a_picture_elsewhere_is_known_by_its_first_bytes(uploads: Path) -> None:
    source = sources(uploads, Elsewhere(png(8, 6))).look(job(source_url="https://cdn.example/photo.png"))
    assert (source.path, source.bytes, source.info.width) == (None, None, 8)


@pytest.mark.parametrize(
    ("info", "code"),
    [
        ({"source_type": "upload", "source_url": "/etc/passwd"}, "source_outside_uploads"),
        ({"source_type": "upload", "source_path": "../secret.png"}, "source_outside_uploads"),
        ({"source_url": f"{URL}/../../../secret.png"}, "source_outside_uploads"),
        ({"source_url": f"{URL}/%2e%2e/secret.png"}, "source_outside_uploads"),
        ({"source_url": f"{URL}/gone.png"}, "source_gone"),
        ({"source_url": f"{URL}/2026"}, "source_gone"),
        ({"source_url": "ftp://shop.example/photo.png"}, "source_url_invalid"),
        ({"source_url": "file:///etc/passwd"}, "source_url_invalid"),
        ({"source_url": "photo.png"}, "source_url_invalid"),
        ({"source_url": ""}, "source_url_invalid"),
        ({"source_url": "https://"}, "source_url_invalid"),
    ],
)
def test_a_source_that_can_not_be_had_says_why(uploads: Path, info: dict, code: str) -> None:
    for ask in (
        lambda: sources(uploads).look(job(**info)),
        lambda: sources(uploads).obtain(job(**info), uploads / "copy", max_bytes=10**6),
    ):
        with pytest.raises(PermanentError) as caught:
            ask()
        assert caught.value.code == code
    assert not (uploads / "copy").exists()


def test_a_link_in_the_uploads_folder_that_leads_out_of_it_is_not_followed(uploads: Path) -> None:
    (uploads / "link.png").symlink_to(uploads.parent / "secret.png")
    with pytest.raises(PermanentError) as caught:
        sources(uploads).look(job(source_url=f"{URL}/link.png"))
    assert caught.value.code == "source_outside_uploads"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (PermanentError("result_gone", "HTTP 404"), "source_gone"),
        (PermanentError("result_too_large", "more than 1 byte"), "source_too_large"),
        (PermanentError("fetch_refused_address", "private"), "fetch_refused_address"),
        (TemporaryError("result_cut", "the connection ended early"), "fetch_failed"),
        (TemporaryError("fetch_unavailable", "HTTP 503"), "fetch_unavailable"),
    ],
)
@pytest.mark.parametrize("late", [False, True])
def test_what_befalls_a_source_on_its_way_is_not_told_as_a_fault_of_the_result(
    uploads: Path, error: SidecarError, code: str, late: bool
) -> None:
    fetcher = Elsewhere(png(8, 6), late=error) if late else Elsewhere(error=error)
    calls = [
        lambda: sources(uploads, fetcher).obtain(job(source_url="https://cdn.example/x"), uploads / "c", max_bytes=9)
    ]
    if not late:
        calls.append(lambda: sources(uploads, fetcher).look(job(source_url="https://cdn.example/x")))
    for call in calls:
        with pytest.raises(type(error)) as caught:
            call()
        assert caught.value.code == code and caught.value.detail == error.detail
        assert not {"refetch", "resubmit"} & dict(TABLE[code].steps).keys(), "no line about results"
    assert not (uploads / "c").exists()


@pytest.mark.parametrize(
    ("data", "code"), [(b"<!doctype html>" * 9, "source_not_an_image"), (b"GIF89a" + bytes(99), "source_unsupported")]
)
def test_what_is_no_picture_of_ours_is_told_from_its_first_bytes(uploads: Path, data: bytes, code: str) -> None:
    (uploads / "x.png").write_bytes(data)
    for source_url, fetcher in ((f"{URL}/x.png", None), ("https://cdn.example/x", Elsewhere(data))):
        with pytest.raises(PermanentError) as caught:
            sources(uploads, fetcher).look(job(source_url=source_url))
        assert caught.value.code == code


def test_a_picture_elsewhere_is_fetched_whole(uploads: Path) -> None:
    into = uploads / "fetched"
    fetched = sources(uploads, Elsewhere(png(8, 6))).obtain(
        job(source_url="https://cdn.example/x"), into, max_bytes=10**6
    )
    assert (fetched, into.read_bytes()) == (into, png(8, 6))


def test_a_full_disk_is_ours_to_fix(uploads: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        sources(uploads, Elsewhere(png(8, 6))).obtain(
            job(source_url="https://cdn.example/x"), uploads / "gone" / "x", max_bytes=10**6
        )
    assert caught.value.code == "folder_not_writable"
