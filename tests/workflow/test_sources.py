"""Where a bought picture lies, and what befalls it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from sidecar.adapters.fetch import FetchResponse, Head, Refused
from sidecar.adapters.sources import Sources
from sidecar.adapters.transfers import Transfer
from sidecar.core.errors import ConfigurationError, GivenUp, PermanentError, SidecarError, TemporaryError
from sidecar.core.job import Job
from sidecar.core.parts import Part
from sidecar.workflow.recovery.table import TABLE
from tests.fakes.fetcher import png
from tests.images.handmade import encoded, orientation_block

URL = "https://shop.example/wp-content/uploads"


class Elsewhere:
    """A fetcher that has one picture, or raises."""

    def __init__(self, data: bytes = b"", error: SidecarError | None = None, late: SidecarError | None = None) -> None:
        self.data, self.error, self.late = data, error, late
        self.announced, self.looks, self.fetches = True, 0, 0

    def head_bytes(self, url: str, n: int, **how: Any) -> Head:
        if self.error:
            raise self.error
        self.looks += 1
        return Head(self.data[:n], len(self.data) if self.announced else None, len(self.data) < n)

    @contextmanager
    def stream(self, url: str, *, max_bytes: int, deadline_s: float, **how: Any) -> Iterator[FetchResponse]:
        if self.error:
            raise self.error
        self.fetches += 1
        yield FetchResponse(200, len(self.data), self._chunks())

    def _chunks(self) -> Iterator[bytes]:
        yield self.data[:100]
        if self.late:
            raise self.late
        yield self.data[100:]


def _with_long_head() -> dict[str, tuple[bytes, int, int]]:
    """Name -> file, its orientation, how often it is fetched whole: only if its first 256 KB do not tell."""
    jpeg, webp = encoded("JPEG"), encoded("WEBP", size=(400, 300), quality=100)
    exif = b"\xff\xe1" + (len(orientation_block(6)) + 2).to_bytes(2, "big") + orientation_block(6)
    xmp = b"\xff\xe1\xff\xfb" + b"http://ns.adobe.com/xmp/extension/\0".ljust(65529, b"Q")
    turned = encoded("WEBP", size=(400, 300), quality=100, exif=orientation_block(6))
    long_webp = turned[: turned.index(b"EXIF")] + b"XYZ \0\0\x08\0" + bytes(8 << 16) + turned[turned.index(b"EXIF") :]
    long_webp = long_webp[:4] + (len(long_webp) - 8).to_bytes(4, "little") + long_webp[8:]
    return {
        "jpeg": (jpeg[:2] + exif + jpeg[2:] + bytes(400_000), 6, 0),
        "jpeg, long head": (jpeg[:2] + xmp * 6 + exif + jpeg[2:], 6, 1),
        "jpeg, Exif twice": (jpeg[:2] + exif + exif[:-6] + b"\0\3" + exif[-4:] + jpeg[2:] + bytes(400_000), 6, 1),
        "webp": (webp + bytes(400_000), 1, 0),
        "webp, Exif behind": (long_webp, 6, 1),
        "png": (png(8, 6) + bytes(400_000), 1, 0),
    }


LONG = _with_long_head()


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


def fetched(sources: Sources, job: Job, **how: Any) -> bytes:
    with sources.stream(job, max_bytes=10**6, deadline_s=60, **how) as response:
        return b"".join(response.chunks)


@pytest.mark.parametrize(
    "info",
    [
        {"source_url": f"{URL}/2026/%C3%A4%20photo.png"},
        {"source_url": "http://shop.example/wp-content/uploads/2026/ä photo.png?ver=3"},
        {"source_type": "upload", "source_url": "/var/www/x/2026/ä photo.png", "source_path": "2026/ä photo.png"},
        {"source_url": "https://cdn.example/other.png", "source_path": "2026/ä photo.png"},
        {"source_url": "https://cdn.example/other.png", "source_path": "2026/a\u0308 photo.png"},
        {"source_url": "//www.shop.example/wp-content/uploads/2026/ä photo.png"},
        {"source_url": "/wp-content/uploads/2026/ä photo.png"},
        {"source_url": " https://SHOP.example:443//wp-content/uploads/2026/a%CC%88%20photo.png#main\n"},
        {"source_url": "https://shop.example/wp-content/uploads/x/../2026/%c3%a4 photo.png?v=2#x"},
    ],
)
def test_a_picture_in_the_uploads_folder_is_read_where_it_lies(uploads: Path, info: dict) -> None:
    source = sources(uploads).inspect(job(**info))
    assert source.path == uploads / "2026" / "ä photo.png"
    assert (source.info.width, source.info.height, source.bytes) == (8, 6, len(png(8, 6)))
    assert source.url == f"{URL}/2026/%C3%A4%20photo.png"
    assert sources(uploads).name(source.path) == "2026/ä photo.png"


def test_a_picture_elsewhere_is_known_by_its_first_bytes(uploads: Path) -> None:
    source = sources(uploads, Elsewhere(png(8, 6))).inspect(job(source_url="https://cdn.example/photo.png"))
    assert (source.path, source.bytes, source.info.width) == (None, len(png(8, 6)), 8)


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
        ({"source_url": f"{URL}/a%00.png"}, "source_url_invalid"),
        ({"source_url": f"{URL}/" + "x" * 5000}, "source_gone"),
        ({"source_url": ""}, "source_url_invalid"),
        ({"source_url": "https://"}, "source_url_invalid"),
    ],
)
def test_a_source_that_can_not_be_had_says_why(uploads: Path, info: dict, code: str) -> None:
    for ask in (sources(uploads).inspect, sources(uploads).local_path):
        with pytest.raises(PermanentError) as caught:
            ask(job(**info))
        assert caught.value.code == code


def test_a_file_whose_name_is_no_utf_8_is_found_by_its_bytes(uploads: Path) -> None:
    (uploads / os.fsdecode(b"f\xfcr.png")).write_bytes(png(8, 6))
    source = sources(uploads).inspect(job(source_url=f"{URL}/f%FCr.png"))
    assert source.url == f"{URL}/f%FCr.png"


def test_the_folders_own_address_is_known_beside_that_of_a_cdn(uploads: Path) -> None:
    ours = Sources(
        Elsewhere(png(4, 4)),
        uploads_dir=uploads,
        uploads_url="https://cdn.example/media",
        shop_url="https://shop.example",
    )
    assert (
        ours.inspect(job(source_url=f"{URL}/2026/ä photo.png")).url
        == "https://cdn.example/media/2026/%C3%A4%20photo.png"
    )
    assert ours.inspect(job(source_url=f"{URL}/2026/offloaded.png")).path is None


def test_a_folder_that_is_not_mounted_says_nothing_about_its_files(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        sources(tmp_path / "away").inspect(job(source_url=f"{URL}/a.png"))
    assert caught.value.code == "folder_not_writable"


def test_a_wall_that_rises_between_two_requests_says_nothing_about_the_file(uploads: Path) -> None:
    with pytest.raises(PermanentError) as caught:
        fetched(sources(uploads, Elsewhere(b"<html>Just a moment")), job(source_url="https://cdn.example/x"))
    assert caught.value.code == "source_refused"


def test_another_servers_address_is_asked_for_as_browsers_do(uploads: Path) -> None:
    source = sources(uploads, Elsewhere(png(8, 6))).inspect(job(source_url=" //cdn.example/ä b.png#x"))
    assert source.url == "https://cdn.example/%C3%A4%20b.png"


def test_a_link_that_leads_to_itself_is_a_source_that_is_gone(uploads: Path) -> None:
    (uploads / "loop.png").symlink_to(uploads / "loop.png")
    with pytest.raises(PermanentError) as caught:
        sources(uploads).inspect(job(source_url=f"{URL}/loop.png"))
    assert caught.value.code == "source_gone"


def test_a_link_in_the_uploads_folder_that_leads_out_of_it_is_not_followed(uploads: Path) -> None:
    (uploads / "link.png").symlink_to(uploads.parent / "secret.png")
    with pytest.raises(PermanentError) as caught:
        sources(uploads).inspect(job(source_url=f"{URL}/link.png"))
    assert caught.value.code == "source_outside_uploads"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Refused(404, "shop.example"), "source_gone"),
        (Refused(404, "cdn.example"), "source_refused"),
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
    calls: list[Callable[[], object]] = [
        lambda: fetched(sources(uploads, fetcher), job(source_url="https://cdn.example/x"))
    ]
    if not late:
        calls.append(lambda: sources(uploads, fetcher).inspect(job(source_url="https://cdn.example/x")))
    for call in calls:
        with pytest.raises(PermanentError if isinstance(error, PermanentError) else TemporaryError) as caught:
            call()
        assert caught.value.code == code and error.detail in caught.value.detail
        assert not {"refetch", "resubmit"} & dict(TABLE[code].steps).keys(), "no line about results"


@pytest.mark.parametrize(
    ("data", "here", "elsewhere"),
    [
        (b"<!doctype html>" * 9, "source_not_an_image", "source_refused"),
        (b'{"error": "forbidden"}', "source_not_an_image", "source_refused"),
        (b"", "source_not_an_image", "source_refused"),
        (b"GIF89a" + bytes(99), "source_unsupported", "source_refused"),
        (png(8, 6)[:30], "source_not_an_image", "source_not_an_image"),
    ],
)
def test_what_another_server_sends_instead_of_a_picture_says_nothing_about_the_file(
    uploads: Path, data: bytes, here: str, elsewhere: str
) -> None:
    (uploads / "x.png").write_bytes(data)
    for source_url, code in ((f"{URL}/x.png", here), ("https://cdn.example/x.png", elsewhere)):
        with pytest.raises(PermanentError) as caught:
            sources(uploads, Elsewhere(data)).inspect(job(source_url=source_url))
        assert caught.value.code == code


SIGNED = "https://shop.example/?smi-bridge=source&job=job-1"


class AtTheShop(Elsewhere):
    """A shop on another machine: what its public address shows, and what the bridge, or a wall, answers."""

    def __init__(self, public: bytes, signed: bytes | SidecarError, *, is_bridge: bool = True) -> None:
        super().__init__(public)
        self.signed, self.is_bridge = signed, is_bridge

    def head_bytes(self, url: str, n: int, **how: Any) -> Head:
        if url != SIGNED:
            return super().head_bytes(url, n, **how)
        if isinstance(self.signed, SidecarError):
            raise self.signed
        return Head(self.signed[:n], len(self.signed), True, {"Smi-Bridge": "source"} if self.is_bridge else {})


PAGE = b"<!doctype html>" * 9


@pytest.mark.parametrize(
    ("shop", "type", "code"),
    [
        (AtTheShop(PAGE, PAGE), "attachment", "source_not_an_image"),
        (AtTheShop(PAGE, b""), "attachment", "source_not_an_image"),
        (AtTheShop(b"GIF89a" + bytes(99), b"GIF89a" + bytes(99)), "attachment", "source_unsupported"),
        (AtTheShop(b"", PAGE), "upload", "source_not_an_image"),  # it has no public address
        (AtTheShop(PAGE, PAGE, is_bridge=False), "attachment", "source_refused"),
        (AtTheShop(b"", PAGE, is_bridge=False), "upload", "source_refused"),
        (AtTheShop(PAGE, png(8, 6)), "attachment", "source_refused"),
        (AtTheShop(PAGE, Refused(404, "shop.example")), "attachment", "source_refused"),
        (AtTheShop(PAGE, TemporaryError("fetch_unavailable", "HTTP 503")), "attachment", "source_refused"),
    ],
)
def test_a_file_at_a_shop_elsewhere_is_judged_as_on_the_disk_if_the_bridge_itself_hands_it_out(
    shop: AtTheShop, type: str, code: str
) -> None:
    far = Sources(
        shop, uploads_dir=None, uploads_url=URL, shop_url="https://shop.example", signed=lambda job_id: SIGNED
    )
    with pytest.raises(PermanentError) as caught:
        far.inspect(job(source_type=type, source_url=f"{URL}/x.png", source_path="x.png"))
    assert caught.value.code == code


def test_a_format_that_the_address_names_as_well_is_the_files_own(uploads: Path) -> None:
    with pytest.raises(PermanentError) as caught:
        sources(uploads, Elsewhere(b"GIF89a" + bytes(99))).inspect(job(source_url="https://cdn.example/x.GIF?v=2"))
    assert caught.value.code == "source_unsupported"


@pytest.mark.parametrize("host", ["shop.example", "www.shop.example", "media.shop.example", "cdn.example"])
@pytest.mark.parametrize("status", [401, 402, 403, 404, 406, 410, 416, 451])
def test_only_the_shops_own_server_can_say_that_a_source_is_gone(uploads: Path, host: str, status: int) -> None:
    ours = Sources(
        Elsewhere(error=Refused(status, host)),
        uploads_dir=uploads,
        uploads_url="https://media.shop.example/uploads",
        shop_url="https://www.shop.example",
    )
    with pytest.raises(PermanentError) as caught:
        ours.inspect(job(source_url=f"https://{host}/photo.jpg"))
    gone = host != "cdn.example" and status in (404, 410)
    assert caught.value.code == ("source_gone" if gone else "source_refused")
    assert str(status) in caught.value.detail and host in caught.value.detail


def test_no_refusal_by_a_server_is_refunded_by_itself() -> None:
    assert TABLE["source_refused"].ending == "review"


@pytest.mark.parametrize("announced", [True, False])
@pytest.mark.parametrize("name", LONG)
def test_a_picture_is_the_same_wherever_it_lies_and_its_metadata_lie(uploads: Path, name: str, announced: bool) -> None:
    data, orientation, fetches = LONG[name]
    (uploads / "long").write_bytes(data)
    here = sources(uploads).inspect(job(source_url=f"{URL}/long"))
    fetcher = Elsewhere(data)
    fetcher.announced = announced
    elsewhere, far = sources(uploads, fetcher), job(source_url="https://cdn.example/x")
    there = elsewhere.inspect(far)
    if there is None:
        (uploads / "whole").write_bytes(fetched(elsewhere, far))
        there = elsewhere.inspect_file(far, uploads / "whole")
    assert there.info == here.info and here.info.orientation == orientation
    assert there.bytes in (len(data), None if not fetches and not announced else len(data))
    assert (fetcher.looks, fetcher.fetches) == (1, fetches)


def test_a_picture_elsewhere_is_fetched_whole(uploads: Path) -> None:
    assert fetched(sources(uploads, Elsewhere(png(8, 6))), job(source_url="https://cdn.example/x")) == png(8, 6)


def test_nothing_is_judged_by_the_first_bytes_of_a_picture_that_drips(uploads: Path) -> None:
    class Drips(Elsewhere):
        def _chunks(self) -> Iterator[bytes]:
            yield from (self.data[at : at + 1] for at in range(len(self.data)))

    assert fetched(sources(uploads, Drips(png(8, 6))), job(source_url="https://cdn.example/x")) == png(8, 6)
    with pytest.raises(PermanentError) as caught:
        fetched(sources(uploads, Drips(b"<html>")), job(source_url="https://cdn.example/x"))
    assert caught.value.code == "source_refused"


def test_the_rest_of_a_picture_is_no_web_page(uploads: Path) -> None:
    class Goes(Elsewhere):
        @contextmanager
        def stream(self, url: str, **how: Any) -> Iterator[FetchResponse]:
            yield FetchResponse(200, 5, iter([b"<html"]), begins_at=9)

    part = Part(uploads, "", 9, 14, '"v1"', False)
    assert fetched(sources(uploads, Goes()), job(source_url="https://cdn.example/x"), begun=part) == b"<html"


def test_a_look_can_be_ended_from_another_thread(uploads: Path) -> None:
    transfer = Transfer()
    transfer.give_up()

    class Far(Elsewhere):
        def head_bytes(self, url: str, n: int, *, watched: Any) -> Head:
            watched(lambda: None)
            return super().head_bytes(url, n)

    with pytest.raises(GivenUp):
        sources(uploads, Far(png(8, 6))).inspect(job(source_url="https://cdn.example/x"), transfer)
