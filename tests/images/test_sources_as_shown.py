"""Whatever libvips decodes at its full size is a source, of the size and orientation that libvips finds."""

from __future__ import annotations

import random

import pytest

from sidecar.adapters.images import ImageInfo, read_header_bytes, vips
from sidecar.core.errors import PermanentError
from tests.images.mutations import BASES, MAKERS, SIZE

FILES = 2500  # of each format
SEED = 20261127


def shown(data: bytes) -> tuple[tuple[int, int], int] | None:
    """Size and orientation of what libvips decodes, None if it does not, or of an animation."""
    pyvips = vips.load()
    try:
        image = pyvips.Image.new_from_buffer(data, "", fail_on="none")
        image.copy_memory()
    except pyvips.Error:
        return None
    if image.get_typeof("n-pages") and image.get("n-pages") > 1:
        return None
    orientation = image.get("orientation") if image.get_typeof("orientation") else 1
    return (image.width, image.height), orientation


def found(data: bytes) -> ImageInfo | str:
    try:
        return read_header_bytes(data)
    except PermanentError as error:
        return str(error)


@pytest.mark.parametrize("format", MAKERS)
def test_whatever_libvips_shows_is_a_source_as_libvips_finds_it(format: str) -> None:
    chance, faults, seen, tampered = random.Random(f"{SEED} {format}"), [], 0, 0
    for number in range(FILES):
        data = MAKERS[format](chance)
        theirs = shown(data)
        if theirs is None or theirs[0] != SIZE:
            continue
        seen += 1
        tampered += data not in BASES[format]
        ours = found(data)
        if isinstance(ours, str) or (ours.format, (ours.width, ours.height), ours.orientation) != (format, *theirs):
            faults.append(f"{number}: libvips {theirs}, ours {ours}")
    assert not faults, f"{len(faults)} of {seen}:\n" + "\n".join(faults[:10])
    assert tampered > FILES // 4


@pytest.mark.parametrize("format", MAKERS)
def test_the_first_bytes_tell_the_same_as_the_whole_file_or_nothing(format: str) -> None:
    chance, told = random.Random(f"{SEED} head {format}"), 0
    for _ in range(FILES // 2):
        data = MAKERS[format](chance)
        cut = chance.randint(12, len(data))
        try:
            head = read_header_bytes(data[:cut], whole=False)
        except PermanentError as error:
            assert found(data) == str(error)
            continue
        told += head is not None
        assert head is None or head == found(data)
    assert told > 10
