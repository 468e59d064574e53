"""JPEG and WebP carry no checksum: structure, size and length are held, flipped bits only as far as the docs say."""

from __future__ import annotations

import random

import pytest
import pyvips
from hypothesis import example, given
from hypothesis import strategies as st

from sidecar.adapters.images import read_header_bytes, verify_pixels
from sidecar.core.errors import PermanentError
from tests.images.handmade import encoded, expected, orientation_block, verdict, verified

JPEG = encoded("JPEG")
WEBP = encoded("WEBP", quality=80)
SCAN = JPEG.index(b"\xff\xda")
FRAME = JPEG.index(b"\xff\xc0")


def _segment(code: int, body: bytes) -> bytes:
    return bytes((0xFF, code)) + (len(body) + 2).to_bytes(2, "big") + body


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_every_kind_of_jpeg_passes(mode, progressive):
    info = verified(encoded("JPEG", mode, progressive=progressive), expected(48, 36))
    assert (info.mode, info.progressive, info.has_alpha) == (mode, progressive, False)


@pytest.mark.parametrize(
    "options", [{"restart_marker_blocks": 3}, {"subsampling": 0}, {"quality": 1}, {"quality": 100}]
)
def test_jpeg_with_restart_markers_sampling_and_extreme_qualities_passes(options):
    assert verdict(encoded("JPEG", **options), expected(48, 36)) == "sound"


@pytest.mark.parametrize("size", [(1, 1), (7, 9), (8, 8), (17, 1), (1, 33)])
@pytest.mark.parametrize("progressive", [False, True])
def test_a_white_jpeg_has_the_fewest_bytes_that_can_be_and_passes(size, progressive):
    white = pyvips.Image.black(*size).invert().copy(interpretation="b-w")
    data = white.jpegsave_buffer(Q=1, interlace=progressive, optimize_coding=True)
    assert verdict(data, expected(*size)) == "sound"


def test_profile_and_orientation_of_a_jpeg_are_read_wherever_they_stand():
    data = encoded("JPEG", exif=orientation_block(8), icc_profile=b"x" * 70000)
    info = verified(data, expected(48, 36), step=5)
    assert (info.orientation, info.has_icc, info.display_size) == (8, True, (36, 48))
    late = JPEG[:SCAN] + _segment(0xE1, b"Exif\0\0" + orientation_block(3).removeprefix(b"Exif\0\0")) + JPEG[SCAN:]
    assert verified(late, expected(48, 36)).orientation == 3


BROKEN_JPEG = {
    "the end marker is missing": (JPEG[:-2], "result_truncated"),
    "bytes follow the end": (JPEG + bytes(17), "result_corrupt"),
    "a second picture follows": (JPEG + JPEG, "result_corrupt"),
    "there is no scan": (JPEG[:SCAN] + b"\xff\xd9", "result_corrupt"),
    "the end marker was put on half a scan": (JPEG[: SCAN + 16] + b"\xff\xd9", "result_corrupt"),
    "there is no frame": (JPEG[:FRAME] + JPEG[SCAN:], "result_corrupt"),
    "there are two frames": (JPEG[:SCAN] + JPEG[FRAME : FRAME + 19] + JPEG[SCAN:], "result_corrupt"),
    "the frame's length is wrong": (JPEG[: FRAME + 3] + b"\x12" + JPEG[FRAME + 4 :], "result_corrupt"),
    "the frame has other dimensions": (
        JPEG[: FRAME + 5] + b"\0\x25\0\x30" + JPEG[FRAME + 9 :],
        "result_wrong_dimensions",
    ),
    "the frame has no height": (JPEG[: FRAME + 5] + b"\0\0" + JPEG[FRAME + 7 :], "result_corrupt"),
    "the frame has 12 bits": (JPEG[: FRAME + 4] + b"\x0c" + JPEG[FRAME + 5 :], "result_wrong_format"),
    "the process is lossless": (JPEG[: FRAME + 1] + b"\xc3" + JPEG[FRAME + 2 :], "result_wrong_format"),
    "the process is arithmetic": (JPEG[: FRAME + 1] + b"\xc9" + JPEG[FRAME + 2 :], "result_wrong_format"),
    "the sampling is impossible": (JPEG[: FRAME + 11] + b"\0" + JPEG[FRAME + 12 :], "result_corrupt"),
    "a segment is shorter than its own length": (JPEG[:2] + b"\xff\xe1\0\1" + JPEG[2:], "result_corrupt"),
    "garbage stands between segments": (JPEG[:SCAN] + b"abc" + JPEG[SCAN:], "result_corrupt"),
    "a thousand empty scans": (
        JPEG[:-2] + JPEG[SCAN : SCAN + 14] * 1000 + b"\xff\xd9",
        "result_corrupt",
    ),
}


@pytest.mark.parametrize("step", [1, 1 << 20])
@pytest.mark.parametrize("fault", BROKEN_JPEG)
def test_a_broken_jpeg_is_refused(fault, step):
    data, code = BROKEN_JPEG[fault]
    assert verdict(data, expected(48, 36), step) == code


@pytest.mark.parametrize("data", [JPEG, encoded("JPEG", progressive=True), WEBP], ids=["jpeg", "progressive", "webp"])
def test_a_jpeg_or_webp_cut_at_any_byte_is_refused(data):
    for length in range(1, len(data)):
        assert verdict(data[:length], expected(48, 36)) != "sound", length


@given(st.binary(max_size=300))
@example(b"\xff" * 20)
@example(b"\xff\x00" * 20)
def test_the_scan_is_skimmed_alike_however_it_is_cut(noise):
    data = JPEG[:-2] + noise.replace(b"\xff", b"\xff\x00") + b"\xff\xd9"
    assert verdict(data, expected(48, 36), 1) == verdict(data, expected(48, 36)) == "sound"
    raw = JPEG[:-2] + noise + b"\xff\xd9"
    assert verdict(raw, expected(48, 36), 1) == verdict(raw, expected(48, 36))


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
@pytest.mark.parametrize("options", [{"quality": 80}, {"lossless": True}, {"exif": orientation_block(5)}])
def test_every_kind_of_webp_passes(mode, options):
    info = verified(encoded("WEBP", mode, **options), expected(48, 36))
    assert (info.mode, info.has_alpha) == (mode, mode == "RGBA")
    assert info.orientation == (5 if "exif" in options else 1)


def test_the_profile_of_a_webp_is_noticed():
    assert verified(encoded("WEBP", icc_profile=b"x" * 200), expected(48, 36)).has_icc


EXTENDED = encoded("WEBP", "RGBA", quality=80)
LOSSLESS = encoded("WEBP", lossless=True)


def _riff(body: bytes) -> bytes:
    return b"RIFF" + (len(body) + 4).to_bytes(4, "little") + b"WEBP" + body


BROKEN_WEBP = {
    "bytes follow the end": (WEBP + bytes(17), "result_corrupt"),
    "the RIFF length is too small": (
        WEBP[:4] + (len(WEBP) - 10).to_bytes(4, "little") + WEBP[8:],
        "result_corrupt",
    ),
    "the RIFF length is too large": (
        WEBP[:4] + (len(WEBP) + 2).to_bytes(4, "little") + WEBP[8:],
        "result_truncated",
    ),
    "the RIFF announces more than may come": (WEBP[:4] + b"\0\0\0\xf0" + WEBP[8:], "result_too_large"),
    "there is no picture": (_riff(b"XYZ \2\0\0\0ab"), "result_corrupt"),
    "there are two pictures": (_riff(WEBP[12:] * 2), "result_corrupt"),
    "the canvas is not the picture's size": (
        EXTENDED.replace(b"\x2f\0\0\x23\0\0", b"\x2f\0\0\x22\0\0"),
        "result_wrong_dimensions",
    ),
    "the picture is not the canvas' size": (
        EXTENDED.replace(b"\x9d\x01\x2a\x30\0", b"\x9d\x01\x2a\x31\0"),
        "result_corrupt",
    ),
    "the key frame's mark is wrong": (WEBP.replace(b"\x9d\x01\x2a", b"\x9d\x01\x2b"), "result_corrupt"),
    "the lossless mark is wrong": (LOSSLESS[:20] + b"\x2e" + LOSSLESS[21:], "result_corrupt"),
    "it is animated": (
        _riff(b"VP8X\x0a\0\0\0\2\0\0\0\x2f\0\0\x23\0\0" + WEBP[12:]),
        "result_wrong_format",
    ),
}  # fmt: skip


@pytest.mark.parametrize("step", [1, 1 << 20])
@pytest.mark.parametrize("fault", BROKEN_WEBP)
def test_a_broken_webp_is_refused(fault, step):
    data, code = BROKEN_WEBP[fault]
    assert verdict(data, expected(48, 36), step) == code


@pytest.mark.parametrize("data", [JPEG, encoded("JPEG", progressive=True), WEBP, LOSSLESS])
def test_sound_pixels_pass_the_decoder(tmp_path, data):
    path = tmp_path / "picture"
    path.write_bytes(data)
    verify_pixels(path, read_header_bytes(data))


def test_a_destroyed_scan_is_found_by_the_decoder(tmp_path):
    data = bytearray(encoded("JPEG", size=(400, 300), quality=90))
    scan = data.index(b"\xff\xda") + 14
    data[scan + 1000 : scan + 3000] = random.Random(1).randbytes(2000).replace(b"\xff", b"\xfe")
    path = tmp_path / "picture.jpg"
    path.write_bytes(data)
    with pytest.raises(PermanentError, match="result_corrupt"):
        verify_pixels(path, read_header_bytes(bytes(data)))


def test_a_destroyed_webp_is_found_below_the_pixel_limit_and_let_pass_above(tmp_path):
    data = bytearray(encoded("WEBP", size=(400, 300), lossless=True))
    data[40:] = bytes(len(data) - 40)
    path = tmp_path / "picture.webp"
    path.write_bytes(data)
    info = verified(bytes(data), expected(400, 300))
    with pytest.raises(PermanentError, match="result_corrupt"):
        verify_pixels(path, info)
    verify_pixels(path, info, decode_limit_mp=0)
