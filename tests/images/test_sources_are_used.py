"""A source with faults that touch no pixel is compared, copied and turned like any other."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from sidecar.adapters.images import check_picture, compress_source, read_header, upright
from tests.images.handmade import chunk, encoded, orientation_block

SIZE = (320, 240)
PNG, JPEG, WEBP = (encoded(name, "RGB", SIZE) for name in ("PNG", "JPEG", "WEBP"))
GREY = encoded("PNG", "L", SIZE)
EXIF = orientation_block(6)
TURNED = JPEG[:2] + b"\xff\xe1" + (len(EXIF) + 2).to_bytes(2, "big") + EXIF + JPEG[2:]
FAULTY = {
    "a chunk whose name is damaged": PNG[:33] + chunk(b"s\x01IT", b"abc") + PNG[33:],
    "a text chunk with a wrong checksum": PNG[:33] + chunk(b"tEXt", b"a\0b", 0) + PNG[33:],
    "a palette where none may be": GREY[:33] + chunk(b"PLTE", bytes(768)) + GREY[33:],
    "17 MB of text": PNG[:33] + chunk(b"tEXt", bytes(17 << 20)) + PNG[33:],
    "2000 texts": PNG[:33] + chunk(b"tEXt", b"a\0b") * 2000 + PNG[33:],
    "bytes between segments": JPEG[:20] + bytes(18) + JPEG[20:],
    "a photo on its side, Exif twice": TURNED[:2] + TURNED[2 : 2 + 4 + len(EXIF)] * 2 + JPEG[2:],
    "no end": JPEG[:-2],
    "a flag without its chunk": b"RIFF" + (len(WEBP) + 10).to_bytes(4, "little")
    + b"WEBPVP8X\n\0\0\0\x08\0\0\0" + b"\x3f\1\0\xef\0\0" + WEBP[12:],
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTY)
def test_a_fault_that_touches_no_pixel_is_in_nobodys_way(fault: str, tmp_path: Path) -> None:
    source, turned, copy, result = (tmp_path / name for name in ("source", "turned.png", "copy", "result.png"))
    source.write_bytes(FAULTY[fault])
    info = read_header(source)
    assert (info.width, info.height) == SIZE
    upright(source, turned)
    made = compress_source(turned, copy, max_bytes=10**6, max_pixels=10**6, factor=2)
    assert (made.width, made.height) == info.display_size
    compress_source(source, copy, max_bytes=10**6, max_pixels=10**6, factor=2)
    with Image.open(turned) as image:
        image.resize((image.width * 2, image.height * 2)).save(result, compress_level=1)
    verdict = check_picture(source, result, read_header(result))
    assert verdict.ok, verdict
