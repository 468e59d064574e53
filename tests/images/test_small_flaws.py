"""What a person would call delivered is not ordered again: rounded sizes, and bytes that belong to no picture."""

from __future__ import annotations

import zlib
from pathlib import Path

import pytest

from sidecar.adapters.images import Expected, Verifier, convert
from tests.images.handmade import Png, chunk, encoded, expected, scanlines, verdict

FILES = {name: encoded(name) for name in ("PNG", "JPEG", "WEBP")}
PIXELS = scanlines(13, 9, 24, False)
STREAM = zlib.compress(PIXELS)
SLIPS = {
    "a byte behind the compressed data": Png(stream=STREAM + b"\0"),
    "a buffer's rest behind the compressed data": Png(stream=STREAM + bytes(8192 - len(STREAM))),
    "a chunk behind the compressed data": Png(after=[chunk(b"IDAT", b"xx")]),
    "a byte too many compressed": Png(pixels=PIXELS + b"\0"),
}


@pytest.mark.parametrize("step", [1, 7, 1 << 20])
@pytest.mark.parametrize("tail", [b"\n", b"\r\n", bytes(16)])
@pytest.mark.parametrize("format", FILES)
def test_a_few_bytes_behind_the_end_are_cut_off(format: str, tail: bytes, step: int) -> None:
    data = FILES[format] + tail
    verifier = Verifier(expected(48, 36))
    kept = b"".join(bytes(verifier.feed(data[at : at + step])) for at in range(0, len(data), step))
    verifier.finish()
    assert kept == FILES[format]
    assert verifier.flaws == [f"{len(tail)} bytes behind its end were cut off"]
    assert (verifier.bytes_seen, verifier.must_be_rewritten) == (len(data), False)


@pytest.mark.parametrize("format", FILES)
def test_a_sound_file_has_no_flaws(format: str) -> None:
    verifier = Verifier(expected(48, 36))
    assert verifier.feed(FILES[format]) is FILES[format]
    verifier.finish()
    assert (verifier.flaws, verifier.must_be_rewritten) == ([], False)


@pytest.mark.parametrize("step", [1, 1 << 20])
@pytest.mark.parametrize("slip", SLIPS)
def test_bytes_among_the_pixels_that_are_none_cost_a_rewriting(slip: str, step: int, tmp_path: Path) -> None:
    data = bytes(SLIPS[slip])
    verifier = Verifier(expected())
    for at in range(0, len(data), step):
        verifier.feed(data[at : at + step])
    verifier.finish()
    assert verifier.must_be_rewritten and len(verifier.flaws) == 1
    (tmp_path / "slip.png").write_bytes(data)
    convert(tmp_path / "slip.png", tmp_path / "sound.png", format="png")
    repaired = Verifier(expected())
    repaired.feed((tmp_path / "sound.png").read_bytes())
    repaired.finish()
    assert not repaired.must_be_rewritten


@pytest.mark.parametrize("format", FILES)
def test_a_size_that_was_rounded_passes_as_far_as_it_was_allowed(format: str) -> None:
    def of(width: int, height: int, off_by: int) -> str:
        wanted = Expected(width, height, frozenset({"png", "jpeg", "webp"}), 10**6, off_by)
        return verdict(FILES[format], wanted)

    assert of(50, 36, 2) == of(48, 34, 2) == of(46, 38, 2) == of(48, 36, 0) == "sound"
    assert of(51, 36, 2) == of(48, 39, 2) == of(49, 36, 0) == "result_wrong_dimensions"
