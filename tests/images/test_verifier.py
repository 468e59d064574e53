"""What holds for every format: cutting the stream differently changes nothing, refusals come early and say why."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sidecar.adapters.images import Verifier, read_header, read_header_bytes
from sidecar.core.errors import PermanentError
from tests.images.handmade import Png, chunk, encoded, expected, orientation_block, verdict, verified

SOUND = {
    "png": encoded("PNG"),
    "interlaced": bytes(Png(48, 36, colour=6, depth=16, interlace=1, idat_size=777)),
    "jpeg": encoded("JPEG", exif=orientation_block(6)),
    "progressive": encoded("JPEG", progressive=True),
    "webp": encoded("WEBP", "RGBA", exif=orientation_block(6)),
}
SPOILED = {
    "png with a flipped byte": SOUND["png"][:300] + bytes([SOUND["png"][300] ^ 255]) + SOUND["png"][301:],
    "png with a tail": SOUND["png"] + b"a tail too long" * 2,
    "jpeg with a tail": SOUND["jpeg"] + b"a tail too long" * 2,
    "jpeg without its end": SOUND["jpeg"][:-1],
    "webp without its end": SOUND["webp"][:-1],
    "a web page": b"<!DOCTYPE html><title>404</title>",
}


@pytest.mark.parametrize("name", [*SOUND, *SPOILED])
@given(data=st.data())
@settings(max_examples=25)
def test_random_boundaries_give_the_same_verdict(name, data):
    stream = (SOUND | SPOILED)[name]
    cuts = sorted(data.draw(st.sets(st.integers(0, len(stream)), max_size=40)))
    outcomes = []
    for edges in ([0, len(stream)], [0, *cuts, len(stream)]):
        verifier = Verifier(expected(48, 36))
        try:
            for start, end in zip(edges, edges[1:], strict=False):
                verifier.feed(memoryview(stream)[start:end])
            outcomes.append(verifier.finish())
        except PermanentError as error:
            outcomes.append(error.code)
    assert outcomes[0] == outcomes[1]
    assert isinstance(outcomes[0], str) == (name in SPOILED)


@given(st.binary(max_size=400), st.sampled_from(list(SOUND)), st.integers(0, 60))
@settings(max_examples=300)
def test_hostile_bytes_never_end_in_anything_but_a_verdict(noise, name, keep):
    data = SOUND[name][:keep] + noise
    assert verdict(data, expected(48, 36), 7).startswith("result_")
    try:
        read_header_bytes(data)
    except PermanentError as error:
        assert error.code in ("source_not_an_image", "source_unsupported")


STRANGERS = {
    "an empty file": (b"", "result_not_an_image", "an empty file"),
    "a web page": (b"\n <!DOCTYPE HTML><html>", "result_not_an_image", "a web page"),
    "an error in XML, as object stores answer": (b"<?xml version='1.0'?><Error>", "result_not_an_image", "XML"),
    "an error in JSON": (b'{"error": "expired"}', "result_not_an_image", "JSON"),
    "zeros": (bytes(100), "result_not_an_image", "00 00"),
    "two letters": (b"hi", "result_not_an_image", "68 69"),
    "half a signature": (b"\x89PNG", "result_truncated", "4 bytes"),
    "a GIF": (encoded("GIF", "P"), "result_wrong_format", "found gif"),
    "a TIFF": (encoded("TIFF"), "result_wrong_format", "found tiff"),
    "a BMP": (encoded("BMP"), "result_wrong_format", "found bmp"),
    "an AVIF": (b"\0\0\0\x20ftypavif" + bytes(20), "result_wrong_format", "found avif"),
    "a RIFF that is no WebP": (b"RIFF\x10\0\0\0WAVEfmt " + bytes(8), "result_not_an_image", "52 49"),
}


@pytest.mark.parametrize("stranger", STRANGERS)
def test_what_is_no_wanted_image_is_refused_by_name(stranger):
    data, code, words = STRANGERS[stranger]
    with pytest.raises(PermanentError) as refusal:
        verified(data, expected(48, 36))
    assert refusal.value.code == code
    assert words in refusal.value.detail


def test_an_image_of_a_format_that_was_not_asked_for_is_refused():
    with pytest.raises(PermanentError, match="result_wrong_format: expected jpeg or png, found webp"):
        verified(SOUND["webp"], expected(48, 36, "png", "jpeg"))


@pytest.mark.parametrize("name", SOUND)
def test_wrong_dimensions_are_refused_from_the_header_alone(name):
    verifier = Verifier(expected(48, 37))
    with pytest.raises(PermanentError, match="expected 48x37 pixels, found 48x36"):
        verifier.feed(SOUND[name][: 700 if "jpeg" in name or name == "progressive" else 60])


@pytest.mark.parametrize("name", SOUND)
def test_the_byte_after_the_last_allowed_one_is_refused(name):
    data = SOUND[name]
    assert verdict(data, expected(48, 36, max_bytes=len(data))) == "sound"
    assert verdict(data, expected(48, 36, max_bytes=len(data) - 1), 64) == "result_too_large"


@pytest.mark.parametrize("name", SOUND)
def test_header_reading_agrees_with_the_check(name, tmp_path):
    path = tmp_path / "picture"
    path.write_bytes(SOUND[name])
    info = verified(SOUND[name], expected(48, 36))
    assert read_header(path) == read_header_bytes(SOUND[name]) == info
    prefix = read_header_bytes(SOUND[name][:700], whole=False)
    assert prefix == (None if name == "webp" else info), "the EXIF chunk of a WebP lies behind its picture"


def test_a_header_is_read_from_a_source_whose_pixels_are_broken():
    assert read_header_bytes(SOUND["png"][:-50]).width == 48
    assert read_header_bytes(SOUND["jpeg"][:-50] + b"\xff\x01junk").height == 36


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "source_not_an_image"),
        (b"<html>", "source_not_an_image"),
        (SOUND["png"][:20], "source_not_an_image"),
        (bytes(Png(header=b"x" * 13)), "source_not_an_image"),
        (SOUND["jpeg"][:30], "source_not_an_image"),
        (encoded("GIF", "P"), "source_unsupported"),
        (encoded("TIFF"), "source_unsupported"),
        (encoded("JPEG").replace(b"\xff\xc0", b"\xff\xc5", 1), "source_unsupported"),
    ],
)
def test_a_source_that_cannot_be_used_is_named(data, code):
    with pytest.raises(PermanentError) as refusal:
        read_header_bytes(data)
    assert refusal.value.code == code


@pytest.mark.parametrize("value", range(1, 9))
@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP"])
def test_orientation_decides_the_size_that_is_shown(format, value):
    info = read_header_bytes(encoded(format, exif=orientation_block(value)))
    assert info.orientation == value
    assert info.display_size == ((36, 48) if value >= 5 else (48, 36))


def test_checking_a_png_loads_no_codec():
    code = (
        "import sys; from sidecar.adapters.images import Verifier, Expected\n"
        "data = sys.stdin.buffer.read()\n"
        "v = Verifier(Expected(48, 36, frozenset({'png'}), 10**6)); v.feed(data); v.finish()\n"
        "sys.exit(bool({'pyvips', 'PIL', 'numpy'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], input=SOUND["png"], check=False, timeout=120).returncode == 0


def test_a_bomb_inside_a_text_chunk_costs_nothing_and_a_chunk_beyond_all_metadata_is_refused():
    assert verdict(bytes(Png(before=[chunk(b"iTXt", bytes(10**6))])), expected()) == "sound"
    assert (
        verdict(bytes(Png(before=[chunk(b"iTXt", bytes(17 * 2**20))])), expected(max_bytes=10**9)) == "result_corrupt"
    )
