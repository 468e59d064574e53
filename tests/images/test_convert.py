"""Conversion keeps the picture: size, profile, orientation, tones; and leaves nothing behind when it fails."""

from __future__ import annotations

import io
import resource
from pathlib import Path

import pytest
import pyvips
from PIL import Image, ImageCms, ImageOps

from sidecar.adapters.images import convert, read_header, read_header_bytes, upright, verify_pixels
from sidecar.core.errors import ConfigurationError, PermanentError
from tests.images.handmade import Png, encoded, expected, orientation_block, verdict

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


@pytest.fixture
def converted(tmp_path):
    def run(data: bytes, format: str, **options):
        source, target = tmp_path / "source", tmp_path / "target"
        source.write_bytes(data)
        info = convert(source, target, format=format, **options)
        written = target.read_bytes()
        assert verdict(written, expected(info.width, info.height, format)) == "sound"
        verify_pixels(target, info)
        assert info == read_header(target)
        return info, Image.open(io.BytesIO(written))

    return run


SOURCES = {
    **{f"PNG {mode}": encoded("PNG", mode) for mode in ("1", "L", "LA", "RGB", "RGBA", "P")},
    **{f"JPEG {mode}": encoded("JPEG", mode) for mode in ("L", "RGB", "CMYK")},
    **{f"WEBP {mode}": encoded("WEBP", mode) for mode in ("RGB", "RGBA")},
    **{f"PNG 16 bit {colour}": bytes(Png(48, 36, colour=colour, depth=16)) for colour in (0, 2, 4, 6)},
}


@pytest.mark.parametrize("format", ["png", "jpeg", "webp"])
@pytest.mark.parametrize("source", SOURCES)
def test_every_kind_of_source_becomes_every_format(converted, source, format):
    before = read_header_bytes(SOURCES[source])
    info, image = converted(SOURCES[source], format)
    assert image.size == (48, 36)
    assert info.format == format
    assert info.has_alpha == (before.has_alpha and format != "jpeg")
    assert info.bit_depth == (before.bit_depth if format == "png" and before.bit_depth == 16 else 8)


def test_transparent_pixels_become_white_in_a_jpeg(converted):
    out = io.BytesIO()
    Image.new("RGBA", (16, 16), (200, 0, 0, 0)).save(out, "PNG")
    _, image = converted(out.getvalue(), "jpeg")
    assert image.getpixel((8, 8)) == (255, 255, 255)


@pytest.mark.parametrize("value", [0, 128, 256, 32768, 65535])
def test_sixteen_bits_become_eight_by_their_upper_half(converted, value):
    grey = pyvips.Image.black(16, 16).cast("ushort").linear(1, value).cast("ushort").copy(interpretation="grey16")
    _, image = converted(grey.pngsave_buffer(), "jpeg", quality=100)
    assert image.mode == "L"
    assert abs(image.getpixel((8, 8)) - (value >> 8)) <= 1


@pytest.mark.parametrize("format", ["png", "jpeg", "webp"])
def test_the_colour_profile_is_kept(converted, format):
    info, image = converted(encoded("PNG", icc_profile=SRGB), format)
    assert info.has_icc
    assert image.info["icc_profile"] == SRGB


@pytest.mark.parametrize("format", ["png", "jpeg", "webp"])
def test_the_orientation_is_kept_and_the_place_where_it_was_taken_is_not(converted, format):
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010F] = "A camera"
    exif.get_ifd(0x8825)[2] = (52.0, 31.0, 0.0)
    info, image = converted(encoded("JPEG", exif=exif.tobytes()), format)
    assert info.orientation == 6
    kept = image.getexif()
    assert 0x010F not in kept
    assert not kept.get_ifd(0x8825)


def test_text_and_thumbnails_are_dropped(converted):
    _, image = converted(encoded("JPEG", comment="private words", exif=orientation_block(1)), "jpeg")
    assert "comment" not in image.info
    assert not image.getexif()


def test_tones_survive_a_conversion(converted):
    before = Image.open(io.BytesIO(encoded("PNG", "RGB"))).convert("RGB")
    for format in ("jpeg", "webp", "png"):
        _, after = converted(encoded("PNG", "RGB"), format)
        pairs = zip(before.resize((6, 4)).tobytes(), after.convert("RGB").resize((6, 4)).tobytes(), strict=True)
        assert max(abs(a - b) for a, b in pairs) < 12, format


@pytest.mark.parametrize("data", [encoded("PNG")[:-60], encoded("JPEG", size=(400, 300))[:2000], encoded("WEBP")[:300]])
def test_a_truncated_source_fails_and_leaves_no_file(tmp_path, data):
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(data)
    with pytest.raises(PermanentError) as failure:
        convert(source, target, format="jpeg")
    assert failure.value.code == "conversion_failed"
    assert not target.exists()


def test_a_full_disk_is_told_apart_from_a_bad_image(tmp_path):
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(encoded("PNG", size=(800, 600)))
    target.symlink_to("/dev/full")
    with pytest.raises(ConfigurationError) as failure:
        convert(source, target, format="png")
    assert failure.value.code == "disk_full"
    assert not target.is_symlink()


@pytest.mark.parametrize("format", ["png", "jpeg", "webp"])
def test_a_quota_that_is_used_up_is_ours_to_fix_and_no_fault_of_the_picture(format: str, tmp_path: Path) -> None:
    """Shared hosting has one for each user. The limit of a process' files is refused in the same way."""
    Image.effect_noise((600, 600), 90).save(tmp_path / "source.png")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, before[1]))
    try:
        with pytest.raises(ConfigurationError) as failure:
            convert(tmp_path / "source.png", tmp_path / "out", format=format)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert failure.value.code == "disk_full"
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("format", ["png", "jpeg", "webp"])
@pytest.mark.parametrize("source", ["PNG RGBA", "PNG 16 bit 6", "JPEG CMYK", "WEBP RGB", "PNG P"])
def test_a_conversion_may_end_in_another_size(converted, source, format):
    info, image = converted(SOURCES[source], format, size=(31, 50))
    assert (info.width, info.height) == image.size == (31, 50)


def test_transparent_colours_do_not_bleed_when_the_size_changes(converted):
    image = Image.new("RGBA", (64, 64), (255, 0, 0, 0))
    image.paste((0, 0, 255, 255), (0, 0, 32, 64))
    out = io.BytesIO()
    image.save(out, "PNG")
    _, small = converted(out.getvalue(), "png", size=(31, 31))
    seen = [pixel for pixel in small.get_flattened_data() if pixel[3] > 40]
    assert seen
    assert max(pixel[0] for pixel in seen) < 10


@pytest.mark.parametrize("value", range(1, 9))
def test_a_picture_is_turned_upright_as_a_viewer_would(tmp_path, value):
    source, target = tmp_path / "source.jpg", tmp_path / "upright.png"
    source.write_bytes(encoded("JPEG", exif=orientation_block(value), icc_profile=SRGB, subsampling=0))
    assert upright(source, target) == target
    info = read_header(target)
    assert (info.width, info.height) == read_header(source).display_size
    assert (info.orientation, info.has_icc) == (1, True)
    wanted, turned = ImageOps.exif_transpose(Image.open(source)), Image.open(target)
    pairs = zip(wanted.resize((6, 6)).tobytes(), turned.convert("RGB").resize((6, 6)).tobytes(), strict=True)
    assert max(abs(a - b) for a, b in pairs) <= 4


@pytest.mark.parametrize("data", [encoded("WEBP"), encoded("JPEG", progressive=True), bytes(Png(interlace=1))])
def test_what_a_decoder_would_hold_whole_is_not_converted_above_the_limit(tmp_path, data):
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(data)
    with pytest.raises(PermanentError, match="conversion_failed"):
        convert(source, target, format="jpeg", decode_limit_mp=0)
    assert not target.exists()
