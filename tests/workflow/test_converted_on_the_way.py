"""Who bought a JPEG gets one that was made while its PNG came: whole and alone in its folder, or not at all."""

from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path

import pytest

from sidecar.adapters.files import INCOMING, ResultFiles
from sidecar.adapters.images import ImageInfo, read_header
from tests.images.handmade import Png, encoded, scanlines
from tests.workflow.rig import Rig
from tests.workflow.test_repaired_results import Listening, OneResult, repairs
from tests.workflow.test_slow_results import Server

PAID = (32, 24)
RESULT = encoded("PNG", size=PAID)
JPEG = ImageInfo("jpeg", 8, 6, "RGB")


def files_of(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("[0-9]*/*/*"))


def temps_of(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / INCOMING).iterdir())


def jpeg_rig(folder: Path, server: object, **env: str) -> Rig:
    """A shop whose customer has paid for 32 x 24 pixels of a JPEG."""
    folder.mkdir()
    rig = Rig(files=ResultFiles(folder), **env)
    rig.ports = dataclasses.replace(rig.ports, fetcher=server)  # type: ignore[arg-type]
    rig.sources.info["https://shop.example/photos/job-1.png"] = JPEG
    rig.buy()
    return rig


def delivered(rig: Rig, folder: Path) -> Path:
    """The only file, of which the shop was told the truth."""
    assert rig.row().state == "delivered"
    (file,) = files_of(folder)
    row, data = rig.row().delivery or {}, file.read_bytes()
    assert (row["bytes"], row["sha256"], row["format"]) == (
        len(data),
        hashlib.sha256(data).hexdigest(),
        read_header(file).format,
    )
    assert temps_of(folder) == []
    return file


@pytest.mark.parametrize(
    ("env", "suffix"),
    [({}, ".jpg"), ({"SMI_OUTPUT_FORMAT": "keep"}, ".png"), ({"SMI_OUTPUT_FORMAT": "webp"}, ".webp")],
)
def test_the_customer_gets_the_family_that_he_bought_from(tmp_path: Path, env: dict[str, str], suffix: str) -> None:
    server = OneResult(RESULT)
    rig = jpeg_rig(tmp_path / "files", server, **env)
    rig.let_pass(1200)
    assert (delivered(rig, tmp_path / "files").suffix, server.fetches) == (suffix, 1)


@pytest.mark.parametrize(
    "result", [encoded("PNG", "P", PAID), encoded("WEBP", size=PAID), encoded("JPEG", size=PAID), bytes(Png(33, 24))]
)
def test_what_cannot_be_made_on_the_way_is_made_from_the_file(tmp_path: Path, result: bytes) -> None:
    rig = jpeg_rig(tmp_path / "files", OneResult(result))
    rig.let_pass(1200)
    info = read_header(delivered(rig, tmp_path / "files"))
    assert (info.format, info.width, info.height) == ("jpeg", *PAID)


def test_bytes_that_are_no_pixels_are_left_out_and_told(tmp_path: Path) -> None:
    rig = jpeg_rig(tmp_path / "files", OneResult(bytes(Png(*PAID, pixels=scanlines(*PAID, 24, False) + b"\0"))))
    rig.ports = dataclasses.replace(rig.ports, shop=Listening(rig.shop))  # type: ignore[arg-type]
    rig.let_pass(1200)
    assert delivered(rig, tmp_path / "files").suffix == ".jpg"
    assert repairs(rig) == ["1 bytes among its pixels that are none were left out"]


def test_of_a_fault_nothing_stays(tmp_path: Path) -> None:
    server = OneResult(RESULT[:-30] + bytes(18) + RESULT[-12:])
    rig = jpeg_rig(tmp_path / "files", server)
    rig.let_pass(3600)
    assert (rig.row().state, rig.row().reason) == ("review", "result_corrupt")
    assert server.fetches > 1 and files_of(tmp_path / "files") == [] and temps_of(tmp_path / "files") == []


def test_one_that_came_slowly_is_converted_from_the_disk(tmp_path: Path) -> None:
    server = Server()
    server.data = RESULT
    rig = jpeg_rig(tmp_path / "files", server)
    rig.transfers.slow = True
    rig.let_pass(60)
    rig.transfers.finish()
    rig.transfers.slow = False
    rig.work()
    assert (delivered(rig, tmp_path / "files").suffix, len(server.sent)) == (".jpg", 1)


def test_one_that_broke_off_is_gone_on_with_and_converted(tmp_path: Path) -> None:
    """Half a JPEG is worth nothing, half a PNG is: it is kept as it came."""
    server = Server()
    server.data, server.breaks_at = RESULT, 400
    rig = jpeg_rig(tmp_path / "files", server)
    rig.let_pass(1200)
    assert delivered(rig, tmp_path / "files").suffix == ".jpg"
    assert server.sent == [(0, 400), (400, len(RESULT) - 400)]


def test_the_same_result_gives_the_same_file(tmp_path: Path) -> None:
    found = []
    for name in ("one", "other"):
        rig = jpeg_rig(tmp_path / name, OneResult(RESULT))
        rig.let_pass(1200)
        found.append(delivered(rig, tmp_path / name).read_bytes())
    assert found[0] == found[1]
