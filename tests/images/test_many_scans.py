"""A progressive JPEG of a few KB may name thousands of scans, each a pass over all pixels: hours in a decoder, which
nothing ends before it is done. No time is measured here: what is not decoded takes none."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import pytest
from PIL import Image

from sidecar.adapters.copies import SourceCopies
from sidecar.adapters.images import can_fit, check_picture, compress_source, read_header, read_header_bytes, upright
from sidecar.adapters.images.jpeg import scans
from sidecar.core.errors import PermanentError
from sidecar.core.job import Job
from sidecar.core.pictures import MOST_PASSES, ImageInfo
from tests.images.handmade import encoded, orientation_block


def segment(code: int, body: bytes) -> bytes:
    return bytes((0xFF, code)) + struct.pack(">H", len(body) + 2) + body


def bits(text: str) -> bytes:
    """Filled up with ones, and stuffed (ITU-T T.81, F.1.2.3)."""
    text += "1" * (-len(text) % 8)
    return bytes(int(text[at : at + 8], 2) for at in range(0, len(text), 8)).replace(b"\xff", b"\xff\0")


def many_scans(number: int, *, side: int = 64, between: bytes = b"", exif: bytes = b"") -> bytes:
    """A grey picture of one colour: a scan of its means, and so many that say that nothing else is there."""
    tables = encoded("JPEG", "L", (8, 8))
    quantization = tables[tables.index(b"\xff\xdb") :][:69]
    two_bits = bytes([0, 1, *[0] * 14])  # one code, of two bits
    blocks = (-(-side // 8)) ** 2
    frame = segment(0xC2, struct.pack(">BHHB", 8, side, side, 1) + bytes((1, 0x11, 0)))
    codes = segment(0xC4, b"\x00" + two_bits + b"\x00") + segment(0xC4, b"\x10" + two_bits + b"\xe0")
    means = segment(0xDA, bytes((1, 1, 0, 0, 0, 0))) + bits("00" * blocks)
    nothing = segment(0xDA, bytes((1, 1, 0, 1, 63, 0))) + bits(("00" + "1" * 14) * -(-blocks // 32767))
    head = b"\xff\xd8" + (segment(0xE1, b"Exif\0\0" + exif.removeprefix(b"Exif\0\0")) if exif else b"")
    return head + quantization + frame + codes + means + (between + nothing) * number + b"\xff\xd9"


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (encoded("JPEG"), 1),
        (many_scans(0), 1),
        (many_scans(300), 301),
        (many_scans(20, between=segment(0xE5, b"\xff\xd9" * 9)), 21),
        (many_scans(20, between=b"\0junk\xff\xff"), 21),
        (many_scans(3, exif=b"II*\0" + many_scans(50)), 4),
        (many_scans(20)[:-2], 21),
        (many_scans(20) + many_scans(20), 21),
        (b"\xff\xd8", 0),
        (b"\xff\xd8\xff\xda\0\0", 1),
    ],
    ids=[
        "plain",
        "one",
        "many",
        "segments between",
        "junk between",
        "a preview",
        "no end",
        "two pictures",
        "none",
        "0",
    ],
)
def test_scans_are_counted_as_a_decoder_finds_them(data: bytes, found: int) -> None:
    assert scans(data) == found


def test_a_progressive_picture_of_an_encoder_has_some() -> None:
    data = encoded("JPEG", size=(200, 100), progressive=True)
    info = read_header_bytes(data)
    assert info and 2 <= info.scans <= 20 and info.decodable_within(1)


def test_the_handmade_one_is_what_decoders_show() -> None:
    with Image.open(io.BytesIO(many_scans(30))) as image:
        image.load()
        assert (image.size, image.getextrema()) == ((64, 64), (128, 128))


@pytest.fixture
def bomb(tmp_path: Path) -> Path:
    side = 4000
    path = tmp_path / "bomb.jpg"
    path.write_bytes(many_scans(MOST_PASSES // side**2 + 1, side=side, exif=orientation_block(6)))
    assert path.stat().st_size < 100_000
    return path


def test_such_a_picture_is_known_by_its_header_and_goes_to_upsampler_as_it_is(bomb: Path) -> None:
    info = read_header(bomb)
    assert (info.width, info.height, info.orientation, info.progressive) == (4000, 4000, 6, True)
    assert not info.decodable_within(1000)


def test_it_is_neither_copied_nor_turned(bomb: Path, tmp_path: Path) -> None:
    for make in (
        lambda: upright(bomb, tmp_path / "t"),
        lambda: compress_source(bomb, tmp_path / "t", max_bytes=10**6, max_pixels=10**8, factor=2),
        lambda: compress_source(bomb, tmp_path / "t", max_bytes=10**6, max_pixels=10**6, factor=2),
    ):
        with pytest.raises(PermanentError, match="passes"):
            make()
        assert not (tmp_path / "t").exists()


def test_its_result_is_delivered_without_a_comparison(bomb: Path, tmp_path: Path) -> None:
    (tmp_path / "result.png").write_bytes(encoded("PNG"))
    verdict = check_picture(bomb, tmp_path / "result.png", read_header(tmp_path / "result.png"))
    assert verdict.ok and verdict.detail.startswith("not compared")


def test_a_picture_of_which_no_copy_is_small_enough_is_not_decoded_to_be_turned(tmp_path: Path) -> None:
    """A PNG of a megabyte may name ten gigapixels."""
    source = tmp_path / "source.png"
    source.write_bytes(b"no decoder must see it")
    info = ImageInfo("png", 100_000, 100_000, "L", orientation=6)
    copies = SourceCopies(tmp_path / "smi-downloads", tmp_path)
    with pytest.raises(PermanentError) as caught:
        copies.make(Job("job-1", 1, "paid", factor=4), source, info, max_bytes=1, max_pixels=10**6)
    assert caught.value.code == "source_too_large"


@pytest.mark.parametrize(("side", "fits"), [(4000, True), (4001, False)])
def test_the_largest_picture_that_has_a_copy(side: int, fits: bool) -> None:
    assert can_fit(ImageInfo("png", side, side, "L"), max_pixels=10**6, factor=4) == fits
