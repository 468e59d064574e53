"""A source that is too large is made smaller, and the paid size still comes out."""

from __future__ import annotations

import random

import pytest
from PIL import Image, ImageCms

from sidecar.adapters.images import check_picture, compress_source, read_header
from sidecar.core.errors import PermanentError
from tests.images.handmade import expected, orientation_block, verdict


def _noisy(size: tuple[int, int], mode: str = "RGB") -> Image.Image:
    bands = len(mode)
    grid = (size[0] // 4, size[1] // 4)
    small = Image.frombytes(mode, grid, random.Random(1).randbytes(grid[0] * grid[1] * bands))
    return small.resize(size, Image.Resampling.BICUBIC)


@pytest.fixture
def compressed(tmp_path):
    def run(image: Image.Image, suffix: str = "png", *, save: dict | None = None, **limits):
        source, target = tmp_path / f"source.{suffix}", tmp_path / "target"
        image.save(source, **(save or {}))
        settings = {"max_bytes": 10**8, "max_pixels": None, "factor": 4} | limits
        made = compress_source(source, target, **settings)
        assert made.path == target
        assert target.stat().st_size == made.bytes <= settings["max_bytes"]
        assert verdict(target.read_bytes(), expected(made.width, made.height)) == "sound"
        return made, source

    return run


def test_bytes_alone_are_saved_without_touching_the_pixels(compressed):
    made, source = compressed(_noisy((400, 300)), max_bytes=120_000)
    assert (made.format, made.width, made.height, made.factor, made.exact) == ("jpeg", 400, 300, 4, True)
    assert check_picture(source, made.path, read_header(made.path)).ok


def test_an_alpha_channel_is_kept(compressed):
    made, _ = compressed(_noisy((400, 300), "RGBA"), max_bytes=150_000)
    info = read_header(made.path)
    assert (info.format, info.has_alpha) == ("webp", True)
    smaller, _ = compressed(_noisy((400, 300), "RGBA"), max_pixels=60_000)
    info = read_header(smaller.path)
    assert (info.format, info.has_alpha, smaller.factor) == ("webp", True, 8)


@pytest.mark.parametrize(
    ("size", "factor", "max_pixels", "copy", "higher"),
    [
        ((400, 300), 4, 80_000, (320, 240), 5),
        ((400, 300), 4, 60_000, (200, 150), 8),
        ((400, 300), 2, 80_000, (200, 150), 4),
        ((512, 512), 4, 200_000, (256, 256), 8),
        ((404, 300), 8, 60_000, (202, 150), 16),
    ],
)
def test_fewer_pixels_and_a_higher_factor_give_the_paid_size(compressed, size, factor, max_pixels, copy, higher):
    made, source = compressed(_noisy(size), factor=factor, max_pixels=max_pixels)
    assert (made.width, made.height, made.factor, made.exact) == (*copy, higher, True)
    assert (made.width * made.factor, made.height * made.factor) == (size[0] * factor, size[1] * factor)
    assert check_picture(source, made.path, read_header(made.path)).ok


def test_sides_that_no_factor_divides_come_out_nearly_and_say_so(compressed):
    made, _ = compressed(_noisy((401, 307)), max_pixels=90_000)
    assert (made.factor, made.exact) == (5, False)
    assert abs(made.width * made.factor - 401 * 4) <= made.factor
    assert abs(made.height * made.factor - 307 * 4) <= made.factor


def test_bytes_decide_the_factor_where_pixels_are_free(compressed):
    made, _ = compressed(_noisy((400, 300)), max_bytes=9_000)
    assert made.factor > 4
    assert made.exact


def test_orientation_and_profile_survive(compressed):
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    save = {"exif": orientation_block(6), "icc_profile": profile}
    made, _ = compressed(_noisy((400, 300)), "jpg", save=save, max_pixels=60_000)
    info = read_header(made.path)
    assert (info.orientation, info.has_icc) == (6, True)


def test_what_cannot_be_made_small_enough_is_too_large_and_leaves_no_file(tmp_path):
    source, target = tmp_path / "source.png", tmp_path / "target"
    _noisy((400, 300)).save(source)
    for limits in ({"max_bytes": 200, "max_pixels": None}, {"max_bytes": 10**6, "max_pixels": 100}):
        with pytest.raises(PermanentError, match="source_too_large"):
            compress_source(source, target, factor=4, **limits)
        assert not target.exists()


def test_a_source_that_is_no_image_is_named(tmp_path):
    source = tmp_path / "source"
    source.write_text("<html>")
    with pytest.raises(PermanentError, match="source_not_an_image"):
        compress_source(source, tmp_path / "target", max_bytes=1000, max_pixels=None, factor=4)
