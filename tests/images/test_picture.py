"""The picture itself: what an enlarger may do to it passes, what nobody may get is refused by its right name."""

from __future__ import annotations

import random
from functools import cache
from pathlib import Path

import pytest
from PIL import Image, ImageChops, ImageCms, ImageEnhance, ImageFilter, ImageOps

from sidecar.adapters.images import (
    Expected,
    Verifier,
    check_picture,
    read_header,
    resemblance,
    thumbnail,
    upright,
    vips,
)
from sidecar.adapters.images.picture import plausible_size
from sidecar.core.errors import PermanentError
from tests.images.handmade import orientation_block

SIZE = (320, 240)
WHITE = Image.new("RGB", (640, 480), "white")


def _scene(seed: int = 1, mode: str = "RGB") -> Image.Image:
    """Coloured clouds of four scales: no symmetry, detail everywhere."""
    return _clouds(seed).convert(mode)


@cache
def _clouds(seed: int) -> Image.Image:
    rng = random.Random(seed)
    image = Image.new("RGB", SIZE, (128, 128, 128))
    for cells, share in ((3, 0.5), (9, 0.3), (30, 0.2)):
        grid = Image.frombytes("RGB", (cells, cells), rng.randbytes(3 * cells * cells))
        image = Image.blend(image, grid.resize(SIZE, Image.Resampling.BICUBIC), share)
    return ImageEnhance.Contrast(image).enhance(2)


def _save(image: Image.Image, path: Path, **options) -> None:
    """Most of the time that a PNG takes goes into making it small."""
    image.save(path, compress_level=1, **options)


def _bigger(image: Image.Image, factor: int = 2) -> Image.Image:
    return image.resize((image.width * factor, image.height * factor), Image.Resampling.LANCZOS)


@pytest.fixture
def checked(tmp_path):
    def run(source: Image.Image, result: Image.Image, format: str = "PNG", **options):
        paths = []
        for name, image, kind in (("source", source, "PNG"), ("result", result, format)):
            paths.append(tmp_path / name)
            image.save(paths[-1], kind, compress_level=1, **(options if name == "result" else {}))
        info = read_header(paths[1])
        verdict = check_picture(*paths, info)
        # The copy that the check makes on its way, where it does, is as good as one made from the file.
        verifier = Verifier(Expected(info.width, info.height, frozenset({info.format}), 1 << 30), look=True)
        verifier.feed(paths[1].read_bytes())
        verifier.finish()
        assert (verifier.reduction is not None) == (format == "PNG")
        assert check_picture(*paths, info, reduction=verifier.reduction).code == verdict.code
        return verdict

    return run


def _repainted(image: Image.Image) -> Image.Image:
    clean = _bigger(image.filter(ImageFilter.MedianFilter(3))).filter(ImageFilter.UnsharpMask(3, 250, 2))
    noise = Image.merge("RGB", [Image.effect_noise(clean.size, 10) for _ in range(3)])
    return ImageChops.add(clean, noise, 1, -128)


SOUND = {
    "enlarged plainly": _bigger,
    "enlarged to the nearest pixel": lambda image: image.resize((640, 480), Image.Resampling.NEAREST),
    "sharpened hard": lambda image: _bigger(image).filter(ImageFilter.UnsharpMask(2, 200, 0)),
    "repainted with invented grain": _repainted,
    "a little brighter": lambda image: ImageEnhance.Brightness(_bigger(image)).enhance(1.05),
    "a little more colourful": lambda image: ImageEnhance.Color(_bigger(image)).enhance(1.15),
    "one source pixel off": lambda image: ImageChops.offset(_bigger(image), 2, 2),
}


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("change", SOUND)
def test_what_an_enlarger_may_do_passes(checked, change, format):
    verdict = checked(_scene(), _sound(change), format)
    assert (verdict.ok, verdict.code) == (True, None), verdict
    assert verdict.ssim > 0.85


@cache
def _sound(change: str) -> Image.Image:
    return SOUND[change](_scene())


def _pasted(colour: tuple[int, int, int], *share: float):
    def spoil(image: Image.Image) -> Image.Image:
        image = _bigger(image)
        image.paste(colour, tuple(int(part * side) for part, side in zip(share, image.size * 2, strict=True)))
        return image

    return spoil


def _torn(image: Image.Image) -> Image.Image:
    image = _bigger(image)
    box = (0, 320, 640, 480)
    image.paste(ImageChops.offset(image.crop(box), 200, 0), box)
    return image


FAULTS = {
    "another picture": (lambda image: _bigger(_scene(2)), "result_not_the_picture"),
    "one colour": (lambda image: Image.new("RGB", (640, 480), (120, 120, 120)), "result_blank"),
    "transparent black": (lambda image: Image.new("RGBA", (640, 480)), "result_blank"),
    "the last quarter grey": (_pasted((128, 128, 128), 0, 0.75, 1, 1), "result_torn"),
    "the last eighth grey": (_pasted((128, 128, 128), 0, 0.875, 1, 1), "result_torn"),
    "a black tile": (_pasted((0, 0, 0), 0.25, 0.25, 0.5, 0.5), "result_torn"),
    "a small white tile": (_pasted((255, 255, 255), 0.25, 0.25, 0.4, 0.4), "result_torn"),
    "rows shifted": (_torn, "result_torn"),
    "mirrored": (lambda image: ImageOps.mirror(_bigger(image)), "result_not_the_picture"),
    "upside down": (lambda image: _bigger(image).rotate(180), "result_not_the_picture"),
    "on its side": (lambda image: _bigger(image).rotate(90, expand=True), "result_not_the_picture"),
    "a negative": (lambda image: ImageOps.invert(_bigger(image)), "result_not_the_picture"),
    "grey": (lambda image: _bigger(image).convert("L"), "result_wrong_mode"),
    "red and blue swapped": (
        lambda image: Image.merge("RGB", _bigger(image).split()[::-1]),
        "result_wrong_mode",
    ),
    "far too bright": (lambda image: Image.blend(_bigger(image), WHITE, 0.3), "result_wrong_mode"),
}


@pytest.mark.parametrize("format", ["PNG", "JPEG"])
@pytest.mark.parametrize("fault", FAULTS)
def test_what_nobody_may_get_is_refused_by_its_name(checked, fault, format):
    spoil, code = FAULTS[fault]
    result = spoil(_scene())
    verdict = checked(_scene(), result.convert("RGB") if format == "JPEG" else result, format)
    assert (verdict.ok, verdict.code) == (False, code), verdict
    assert verdict.detail


@pytest.mark.parametrize(
    ("turn", "words"),
    [
        (Image.Transpose.ROTATE_180, "upside down"),
        (Image.Transpose.FLIP_LEFT_RIGHT, "mirrored"),
        (Image.Transpose.FLIP_TOP_BOTTOM, "mirrored top to bottom"),
        (Image.Transpose.ROTATE_90, "turned to the left"),
        (Image.Transpose.ROTATE_270, "turned to the right"),
    ],
)
def test_a_turned_picture_is_told_from_a_wrong_one(checked, turn, words):
    assert checked(_scene(), _bigger(_scene()).transpose(turn)).detail.endswith(words)


def test_a_source_of_one_colour_may_come_back_in_one_colour(checked):
    plain = Image.new("RGB", SIZE, (20, 90, 160))
    assert checked(plain, _bigger(plain)).ok
    assert not checked(plain, Image.new("RGB", (640, 480), (160, 90, 20))).ok


def test_a_grey_source_may_come_back_in_rgb_and_rgb_in_cmyk(checked):
    assert checked(_scene(mode="L"), _bigger(_scene(mode="L")).convert("RGB")).ok
    assert checked(_scene(), _bigger(_scene()).convert("CMYK"), "JPEG").ok


def test_transparency_must_come_back_unless_it_was_never_used(checked):
    source = _scene(mode="RGBA")
    assert checked(source, _bigger(source).convert("RGB")).ok
    mask = Image.new("L", SIZE, 255)
    mask.paste(0, (0, 0, 80, 80))
    source.putalpha(mask)
    assert checked(source, _bigger(source)).ok
    on_white = Image.new("RGBA", (640, 480), "white")
    on_white.alpha_composite(_bigger(source))
    lost = checked(source, on_white.convert("RGB"))
    assert (lost.code, "transparent" in lost.detail) == ("result_wrong_mode", True)
    assert checked(source, on_white.convert("RGB"), "JPEG").ok


@pytest.mark.parametrize(("pixels", "seen"), [(1, False), (2, False), (40, True)])
def test_transparent_pixels_that_nobody_sees_need_not_come_back(checked, pixels, seen):
    source = _scene(mode="RGBA")
    for at in range(pixels):
        source.putpixel((60 + at % 8, 60 + at // 8), (0, 0, 0, 0))
    on_white = Image.new("RGBA", SIZE, "white")
    on_white.alpha_composite(source)
    assert checked(source, _bigger(on_white).convert("RGB")).code == ("result_wrong_mode" if seen else None)


@pytest.mark.parametrize("profile", ["kept", "left out", "unfit"])
def test_our_own_copy_of_a_picture_in_inks_passes_and_so_does_one_mixed_by_a_viewer(tmp_path, profile):
    source, copy, result = (tmp_path / name for name in ("source.jpg", "copy.png", "result.png"))
    _save(_scene(), result)
    inks = vips.load().Image.new_from_file(str(result)).icc_transform("cmyk", input_profile="srgb")
    inks.jpegsave(str(source), Q=95, keep="icc")
    with Image.open(source) as image:
        unfit = {"icc_profile": ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()}
        how = {"kept": {"icc_profile": image.info["icc_profile"]}, "left out": {"icc_profile": None}, "unfit": unfit}
        image.save(source, quality=95, exif=orientation_block(6), **how[profile])
    with Image.open(upright(source, copy)) as image:
        _save(_bigger(image), result)
    assert check_picture(source, result, read_header(result)).ok
    with Image.open(source) as image:
        _save(_bigger(ImageOps.exif_transpose(image).convert("RGB")), result)
    assert check_picture(source, result, read_header(result)).ok == (profile == "left out")


@pytest.mark.parametrize("value", range(2, 9))
def test_the_source_is_compared_as_it_is_shown(tmp_path, value):
    upright = _scene()
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}[value]
    stored = upright.transpose(Image.Transpose(undo))
    source, result = tmp_path / "source.jpg", tmp_path / "result.png"
    stored.save(source, quality=95, exif=orientation_block(value))
    assert ImageOps.exif_transpose(Image.open(source)).size == SIZE
    _save(_bigger(upright), result)
    assert check_picture(source, result, read_header(result)).ok
    _save(_bigger(stored), result)
    assert not check_picture(source, result, read_header(result)).ok


def test_a_result_whose_exif_is_odd_is_taken_as_viewers_show_it(tmp_path):
    source, result = tmp_path / "source.png", tmp_path / "result.jpg"
    _save(_scene(), source)
    _bigger(_scene()).transpose(Image.Transpose.ROTATE_90).save(result, exif=orientation_block(6), quality=95)
    data = result.read_bytes()
    at = data.index(b"\xff\xe1")
    size = int.from_bytes(data[at + 2 : at + 4], "big") + 2
    result.write_bytes(data[: at + size] + data[at : at + size] + data[at + size :])  # twice
    verifier = Verifier(Expected(480, 640, frozenset({"jpeg"}), 10**7))
    verifier.feed(result.read_bytes())
    info = verifier.finish()
    assert info.doubtful and check_picture(source, result, info).ok


def test_half_a_jpeg_is_corrupt_and_an_unreadable_source_is_the_sources_fault(tmp_path):
    source, result = tmp_path / "source.png", tmp_path / "result.jpg"
    _save(_scene(), source)
    _bigger(_scene()).save(result, quality=90)
    data = result.read_bytes()
    result.write_bytes(data[: len(data) // 2] + b"\xff\xd9")
    assert check_picture(source, result, read_header(result)).code == "result_corrupt"
    source.write_text("<html>")
    with pytest.raises(PermanentError, match="source_not_an_image"):
        check_picture(source, result, read_header(result))


def test_a_file_too_small_or_too_large_for_its_pixels_is_not_plausible(tmp_path):
    path = tmp_path / "picture.png"
    _bigger(_scene()).save(path)
    info, size = read_header(path), path.stat().st_size
    assert plausible_size(size, info)
    assert not plausible_size(1500, info)
    assert not plausible_size(50_000_000, info)


def test_equal_pictures_have_ssim_one_and_a_stranger_far_less(tmp_path):
    one, other = tmp_path / "one.png", tmp_path / "other.png"
    _save(_scene(1), one)
    _save(_scene(2), other)
    assert resemblance(one, one).ssim == pytest.approx(1.0)
    assert resemblance(one, other).ssim < 0.5


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp"])
def test_a_thumbnail_is_a_small_upright_jpeg(tmp_path: Path, suffix):
    path = tmp_path / f"picture.{suffix}"
    _save(_bigger(_scene()), path, exif=orientation_block(6))
    (tmp_path / "small.jpg").write_bytes(thumbnail(path, 200))
    info = read_header(tmp_path / "small.jpg")
    assert (info.format, info.width, info.height) == ("jpeg", 150, 200)


@pytest.mark.parametrize(
    ("suffix", "options", "compared"),
    [("webp", {}, False), ("jpg", {"progressive": True}, False), ("jpg", {}, True), ("png", {}, True)],
)
def test_a_picture_that_a_decoder_would_hold_whole_is_not_compared_above_the_limit(tmp_path, suffix, options, compared):
    source, result = tmp_path / "source.png", tmp_path / f"result.{suffix}"
    _save(_scene(), source)
    _save(_bigger(_scene(2)), result, **options)
    verdict = check_picture(source, result, read_header(result), decode_limit_mp=0)
    assert verdict.ok != compared
    assert ("not compared" in verdict.detail) != compared
