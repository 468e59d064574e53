"""The PNG check: every sound kind passes, every broken rule is found."""

from __future__ import annotations

import io
import random
import struct
import zlib

import pytest
import pyvips
from PIL import Image

from tests.images.handmade import (
    EVERY_KIND,
    SIGNATURE,
    Png,
    chunk,
    encoded,
    expected,
    orientation_block,
    picture,
    scanlines,
    verdict,
    verified,
)

MODES = {0: "L", 2: "RGB", 3: "P", 4: "LA", 6: "RGBA"}


@pytest.mark.parametrize(("colour", "depth", "interlace"), EVERY_KIND)
def test_every_colour_type_depth_and_interlace_passes_and_an_independent_decoder_agrees(colour, depth, interlace):
    data = bytes(Png(colour=colour, depth=depth, interlace=interlace))
    image = pyvips.Image.new_from_buffer(data, "", fail_on="warning")
    image.avg()
    info = verified(data, expected(image.width, image.height))
    assert (info.mode, info.bit_depth, info.has_alpha) == (MODES[colour], depth, colour in (4, 6))
    assert info.progressive == bool(interlace)


@pytest.mark.parametrize("interlace", [0, 1])
@pytest.mark.parametrize(("width", "height"), [(1, 1), (1, 9), (2, 3), (4, 5), (5, 1), (8, 8), (9, 17), (33, 2)])
def test_sizes_where_interlaced_passes_vanish_are_counted_right(width, height, interlace):
    data = bytes(Png(width, height, colour=0, depth=1, interlace=interlace))
    assert verdict(data, expected(width, height)) == "sound"
    pixels = scanlines(width, height, 1, bool(interlace))
    for wrong in (pixels + bytes(17), pixels[:-1]):
        broken = bytes(Png(width, height, colour=0, depth=1, interlace=interlace, pixels=wrong))
        assert verdict(broken, expected(width, height)) == "result_corrupt"


@pytest.mark.parametrize("mode", ["1", "L", "LA", "RGB", "RGBA", "P", "I;16"])
def test_what_pillow_writes_passes(mode):
    data = encoded("PNG", mode) if mode != "I;16" else _sixteen_bits()
    assert verdict(data, expected(48, 36)) == "sound"


def _sixteen_bits() -> bytes:
    out = io.BytesIO()
    Image.new("I;16", (48, 36), 40000).save(out, "PNG")
    return out.getvalue()


@pytest.mark.parametrize("interlace", [False, True])
@pytest.mark.parametrize("bitdepth", [1, 2, 4, 8, 16])
def test_what_libvips_writes_passes(bitdepth, interlace):
    image = pyvips.Image.gaussnoise(61, 47, mean=128, sigma=60).cast("uchar")
    if bitdepth == 16:
        image = image.cast("ushort", shift=True).copy(interpretation="grey16")
    data = image.pngsave_buffer(bitdepth=bitdepth, interlace=interlace)
    assert verified(data, expected(61, 47)).bit_depth == bitdepth


def test_profile_orientation_and_transparency_are_read():
    profile = pyvips.Image.black(1, 1).copy(interpretation="srgb").icc_export(output_profile="srgb")
    icc = profile.get("icc-profile-data")
    data = encoded("PNG", "P", icc_profile=icc, exif=orientation_block(6), transparency=0)
    info = verified(data, expected(48, 36))
    assert (info.has_icc, info.orientation, info.has_alpha) == (True, 6, True)
    assert info.display_size == (36, 48)


# Each row breaks one rule: what it is called, the file, the code.
SOUND = bytes(Png())
PIXELS = scanlines(13, 9, 24, False)
STREAM = zlib.compress(PIXELS)
IHDR = struct.pack(">IIBBBBB", 13, 9, 8, 2, 0, 0, 0)


def _header(**changes: int) -> bytes:
    fields = {"w": 13, "h": 9, "depth": 8, "colour": 2, "compression": 0, "filter": 0, "interlace": 0} | changes
    return struct.pack(">IIBBBBB", *fields.values())


BROKEN = {
    "the IEND chunk is missing": (bytes(Png(end=b"")), "result_truncated"),
    "half of IEND is missing": (SOUND[:-6], "result_truncated"),
    "more than a few bytes follow IEND": (SOUND + bytes(17), "result_corrupt"),
    "a second picture follows IEND": (SOUND + SOUND, "result_corrupt"),
    "IEND holds data": (bytes(Png(end=chunk(b"IEND", b"x"))), "result_corrupt"),
    "the CRC of IEND is forged": (bytes(Png(end=chunk(b"IEND", crc=1))), "result_corrupt"),
    "the CRC of an IDAT chunk is forged": (bytes(Png(between=[chunk(b"IDAT", b"", crc=7)])), "result_corrupt"),
    "the CRC of a text chunk is forged": (bytes(Png(before=[chunk(b"tEXt", b"a\0b", crc=7)])), "result_corrupt"),
    "the header promises more rows": (bytes(Png(header=_header(h=10))), "result_wrong_dimensions"),
    "the header has another width": (bytes(Png(header=_header(w=14))), "result_wrong_dimensions"),
    "the header promises a bomb": (bytes(Png(header=_header(w=2**31 - 1, h=2**31 - 1))), "result_wrong_dimensions"),
    "the header has no width": (bytes(Png(header=_header(w=0))), "result_corrupt"),
    "the header has a negative height": (bytes(Png(header=_header(h=2**31))), "result_corrupt"),
    "the header lies about the colour type": (bytes(Png(header=_header(colour=6))), "result_corrupt"),
    "the header lies about the depth": (bytes(Png(header=_header(depth=16))), "result_corrupt"),
    "the header lies about interlacing": (bytes(Png(header=_header(interlace=1))), "result_corrupt"),
    "the depth does not exist": (bytes(Png(header=_header(depth=3))), "result_corrupt"),
    "the depth is not allowed for the colour type": (bytes(Png(header=_header(depth=4))), "result_corrupt"),
    "the colour type does not exist": (bytes(Png(header=_header(colour=5))), "result_corrupt"),
    "the compression does not exist": (bytes(Png(header=_header(compression=1))), "result_corrupt"),
    "the filter method does not exist": (bytes(Png(header=_header(filter=1))), "result_corrupt"),
    "the interlacing does not exist": (bytes(Png(header=_header(interlace=2))), "result_corrupt"),
    "the header is too long": (bytes(Png(header=IHDR + b"\0")), "result_corrupt"),
    "there are two headers": (bytes(Png(before=[chunk(b"IHDR", IHDR)])), "result_corrupt"),
    "the header is not first": (SIGNATURE + chunk(b"tEXt", b"a\0b") + SOUND[8:], "result_corrupt"),
    "one row is missing": (bytes(Png(pixels=PIXELS[:-40])), "result_corrupt"),
    "one byte is missing": (bytes(Png(pixels=PIXELS[:-1])), "result_corrupt"),
    "more than a few bytes too many are compressed": (bytes(Png(pixels=PIXELS + bytes(17))), "result_corrupt"),
    "ten million bytes too many are compressed": (bytes(Png(pixels=PIXELS + bytes(10**7))), "result_corrupt"),
    "a scanline has filter type 5": (bytes(Png(pixels=b"\x05" + PIXELS[1:])), "result_corrupt"),
    "the last scanline has filter type 255": (
        bytes(Png(pixels=PIXELS[:-40] + b"\xff" + PIXELS[-39:])),
        "result_corrupt",
    ),
    "the zlib header is wrong": (bytes(Png(stream=b"\0\0" + STREAM[2:])), "result_corrupt"),
    "the zlib checksum is wrong": (bytes(Png(stream=STREAM[:-1] + bytes([STREAM[-1] ^ 1]))), "result_corrupt"),
    "the zlib checksum is missing": (bytes(Png(stream=STREAM[:-4])), "result_corrupt"),
    "the deflate stream is garbage": (bytes(Png(stream=STREAM[:2] + b"\xff" * 50)), "result_corrupt"),
    "64 KB follow the end of the compressed data": (
        bytes(Png(stream=STREAM + bytes(1 << 16) + b"x")),
        "result_corrupt",
    ),
    "64 KB in a chunk follow the end of the data": (
        bytes(Png(after=[chunk(b"IDAT", bytes((1 << 16) + 1))])),
        "result_corrupt",
    ),
    "there are no pixels": (SIGNATURE + chunk(b"IHDR", IHDR) + chunk(b"IEND"), "result_corrupt"),
    "IDAT chunks are not consecutive": (bytes(Png(between=[chunk(b"tEXt", b"a\0b")])), "result_corrupt"),
    "a palette image has no palette": (bytes(Png(colour=3, palette=b"")), "result_corrupt"),
    "the palette comes after the pixels": (bytes(Png(after=[chunk(b"PLTE", bytes(6))])), "result_corrupt"),
    "a grey image has a palette": (bytes(Png(colour=0, palette=chunk(b"PLTE", bytes(6)))), "result_corrupt"),
    "the palette is not in threes": (bytes(Png(colour=3, palette=chunk(b"PLTE", bytes(7)))), "result_corrupt"),
    "the palette is empty": (bytes(Png(colour=3, palette=chunk(b"PLTE"))), "result_corrupt"),
    "the palette is too long for the depth": (
        bytes(Png(colour=3, depth=1, palette=chunk(b"PLTE", bytes(9)))),
        "result_corrupt",
    ),
    "there are two palettes": (
        bytes(Png(colour=3, before=[chunk(b"PLTE", bytes(6))])),
        "result_corrupt",
    ),
    "an RGBA image has a tRNS chunk": (bytes(Png(colour=6, before=[chunk(b"tRNS", bytes(6))])), "result_corrupt"),
    "tRNS has the wrong length": (bytes(Png(before=[chunk(b"tRNS", bytes(5))])), "result_corrupt"),
    "tRNS comes after the pixels": (bytes(Png(after=[chunk(b"tRNS", bytes(6))])), "result_corrupt"),
    "an unknown critical chunk": (bytes(Png(before=[chunk(b"ABCD", b"x")])), "result_corrupt"),
    "a chunk type that is no letters": (bytes(Png(before=[chunk(b"t\0Xt", b"x")])), "result_corrupt"),
    "a chunk claims 4 GB": (SOUND[:33] + b"\xff\xff\xff\xfftEXt" + SOUND[33:], "result_corrupt"),
    "an IDAT chunk claims 4 GB": (
        SOUND[:33] + chunk(b"IDAT", STREAM[:9]) + b"\xff\xff\xff\xffIDAT" + SOUND[33:],
        "result_corrupt",
    ),
    "a text chunk claims 100 MB": (SOUND[:33] + b"\x06\0\0\0zTXt" + SOUND[33:], "result_corrupt"),
    "the signature was mangled as text": (SOUND.replace(b"\r\n", b"\n", 1), "result_not_an_image"),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_a_broken_png_is_refused(fault):
    """Whether it comes byte by byte or in one piece."""
    data, code = BROKEN[fault]
    assert [verdict(data, expected(13, 9), step) for step in (1, 1 << 20)] == [code, code]


HARMLESS = {
    "empty IDAT chunks": Png(between=[chunk(b"IDAT"), chunk(b"IDAT")]),
    "one IDAT chunk for each byte": Png(idat_size=1),
    "text before and after the pixels": Png(before=[chunk(b"tEXt", b"a\0b")], after=[chunk(b"tEXt", b"a\0b")]),
    "private ancillary chunks": Png(before=[chunk(b"prVt", bytes(5000))]),
    "a suggested palette in RGB": Png(before=[chunk(b"PLTE", bytes(30))]),
    "an orientation that cannot be read": Png(before=[chunk(b"eXIf", b"MM\0*\0\0\xff\xff")]),
    "a text bomb, which nobody inflates": Png(before=[chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(10**8), 9))]),
}


@pytest.mark.parametrize("oddity", HARMLESS)
def test_an_odd_but_legal_png_passes(oddity):
    assert verdict(bytes(HARMLESS[oddity]), expected(13, 9)) == "sound"


def test_a_png_cut_at_any_byte_is_refused():
    for length in range(1, len(SOUND)):
        assert verdict(SOUND[:length], expected(13, 9)) in ("result_truncated", "result_not_an_image"), length
    assert verdict(b"", expected(13, 9)) == "result_not_an_image"


def test_any_flipped_bit_in_a_png_is_found():
    rng = random.Random(1)
    for at in range(len(SOUND)):
        broken = bytearray(SOUND)
        broken[at] ^= 1 << rng.randrange(8)
        assert verdict(bytes(broken), expected(13, 9)) != "sound", at


def test_a_flipped_byte_anywhere_in_a_larger_png_is_found():
    data = encoded("PNG", size=(200, 150))
    rng = random.Random(2)
    for at in rng.sample(range(len(data)), 300):
        broken = bytearray(data)
        broken[at] ^= rng.randrange(1, 256)
        assert verdict(bytes(broken), expected(200, 150)) != "sound", at


def test_a_missing_or_doubled_block_in_the_middle_is_found():
    out = io.BytesIO()
    picture("RGB", (300, 200)).effect_spread(40).save(out, "PNG")
    data = out.getvalue()
    middle = len(data) // 2
    assert verdict(data[:middle] + data[middle + 4096 :], expected(300, 200)) == "result_corrupt"
    assert verdict(data[:middle] + data[middle - 4096 :], expected(300, 200)) == "result_corrupt"
