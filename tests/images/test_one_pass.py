"""What is made of a PNG's pixels while they are checked: the same picture as from the file, the same verdict, the same
bytes each time; and of a file at fault, nothing."""

from __future__ import annotations

import gc
import io
import os
import threading
import weakref
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from PIL import Image, ImageChops, ImageCms, ImageStat

from sidecar.adapters.images import Expected, ImageInfo, Verifier, check_picture, convert, read_header, strips
from sidecar.adapters.images.reduced import Reduction, reduced
from sidecar.adapters.incoming import Incoming
from sidecar.core.errors import ConfigurationError, PermanentError
from sidecar.core.pictures import AsJpeg
from tests.images.handmade import CHANNELS, Png, chunk, encoded, orientation_block, scanlines
from tests.images.test_png import BROKEN
from tests.testbed.photos import picture

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
COLOURS = {"L": 0, "RGB": 2, "LA": 4, "RGBA": 6}
# With several strips, the last of them of another height.
SIZES = {"L": (2701, 2503), "RGB": (1201, 1803), "LA": (1801, 1803), "RGBA": (1201, 1403)}

# By line: all types in turn; none; strips without any in between.
FILTERS = {"mixed": bytes(range(5)), "none": b"\0", "some strips": bytes(1250) + bytes((2, 4)) * 125}

WIDE = {"L": (3000, 1100), "RGB": (2000, 1100), "LA": (3000, 1100), "RGBA": (1600, 1100)}


@dataclass
class Made:
    jpeg: bytes | None
    reduction: Reduction | None
    info: ImageInfo
    verifier: Verifier


def pass_over(
    data: bytes, size: tuple[int, int], folder: Path, *, quality: int = 92, step: int = 1 << 20, look: bool = True
) -> Made:
    """The check of `data`, with everything made of it that can be."""
    target = folder / "made.jpg"
    order = AsJpeg(quality, size, lambda: Incoming(target, 0o644))
    verifier = Verifier(Expected(*size, frozenset({"png", "jpeg", "webp"}), 1 << 30, 2), look=look, jpeg=order)
    try:
        for at in range(0, len(data), step):
            assert verifier.converted is None and verifier.reduction is None  # nothing before the end has been checked
            verifier.feed(data[at : at + step])
        info = verifier.finish()
    except PermanentError:
        verifier.discard()
        assert not target.exists()
        raise
    made = verifier.converted
    if made is None:
        return Made(None, verifier.reduction, info, verifier)
    assert (made.path, made.bytes, made.info) == (target, target.stat().st_size, read_header(target))
    return Made(target.read_bytes(), verifier.reduction, info, verifier)


def on_white(image: Image.Image) -> Image.Image:
    if image.mode not in ("LA", "RGBA"):
        return image
    white = Image.new("RGBA", image.size, "white")
    white.alpha_composite(image.convert("RGBA"))
    return white.convert(image.mode[:-1])


def apart(one: Image.Image, other: Image.Image) -> int:
    """The greatest difference of two pictures in any channel."""
    assert (one.size, one.mode) == (other.size, other.mode)
    extrema = ImageChops.difference(one, other).getextrema()
    return max(most for _, most in (extrema if isinstance(extrema[0], tuple) else [extrema]))


@pytest.mark.parametrize(("filters", "quality"), [*((filters, 92) for filters in FILTERS), ("mixed", 80)])
@pytest.mark.parametrize("mode", COLOURS)
def test_a_jpeg_of_many_strips_is_the_one_that_would_be_made_of_the_whole(
    tmp_path: Path, filters: str, mode: str, quality: int
) -> None:
    """Noise: one wrong byte would be seen in all that follow."""
    size = SIZES[mode]
    pixels = scanlines(*size, 8 * CHANNELS[COLOURS[mode]], False, FILTERS[filters])
    data = bytes(Png(*size, colour=COLOURS[mode], pixels=pixels, idat_size=1 << 16))
    made = pass_over(data, size, tmp_path, quality=quality)
    assert made.jpeg is not None and b"\xff\xd0" in made.jpeg, "one strip only"
    whole = io.BytesIO()
    with Image.open(io.BytesIO(data)) as image:
        sampling = 0 if quality >= 90 else 2
        on_white(image).save(whole, "JPEG", quality=quality, subsampling=sampling)
    most = 0 if mode in ("L", "RGB") else 20  # two ways of rounding alpha, before noise is compressed
    assert apart(Image.open(io.BytesIO(made.jpeg)), Image.open(whole)) <= most


@pytest.mark.parametrize("size", [(301, 203), SIZES["RGB"]])
@pytest.mark.parametrize("sound", [True, False])
def test_memory_of_a_picture_is_free_as_soon_as_nobody_needs_it(
    tmp_path: Path, size: tuple[int, int], sound: bool
) -> None:
    """A worker looks for cycles rarely: what waits for that is memory that the next picture lacks."""
    data = bytes(Png(*size, pixels=bytes((1 + 3 * size[0]) * size[1]), idat_size=1 << 10))
    opened: list[weakref.ref[Incoming]] = []

    def open_file() -> Incoming:
        file = Incoming(tmp_path / "made.jpg", 0o644)
        opened.append(weakref.ref(file))
        return file

    gc.disable()
    try:
        order = AsJpeg(92, size, open_file)
        verifier = Verifier(Expected(*size, frozenset({"png"}), 1 << 30, 2), look=True, jpeg=order)
        verifier.feed(data if sound else data[: len(data) // 2])
        if sound:
            verifier.finish()
            reduction = weakref.ref(verifier.reduction)
        else:
            verifier.discard()
            reduction = opened[0]
        del verifier
        assert opened[0]() is None and reduction() is None
    finally:
        gc.enable()


@pytest.mark.parametrize("mode", COLOURS)
@pytest.mark.parametrize("size", [(301, 203), (1, 1), (7, 3), (2600, 40)])
def test_it_is_the_picture_that_libvips_would_have_written(tmp_path: Path, mode: str, size: tuple[int, int]) -> None:
    path = tmp_path / "a.png"
    picture(301, 203, seed=4).convert(mode).resize(size).save(path)
    made = pass_over(path.read_bytes(), size, tmp_path)
    convert(path, tmp_path / "other.jpg", format="jpeg")
    assert apart(Image.open(io.BytesIO(made.jpeg or b"")), Image.open(tmp_path / "other.jpg")) <= 2


def test_the_same_file_gives_the_same_bytes_however_it_was_cut(tmp_path: Path) -> None:
    size = SIZES["RGB"]
    data = bytes(Png(*size, pixels=scanlines(*size, 24, False), idat_size=8192))
    made = [pass_over(data, size, tmp_path, step=step).jpeg for step in (10_007, 1 << 20, len(data))]
    assert made[0] is not None and made[0] == made[1] == made[2]


@pytest.mark.parametrize("quality", [75, 89, 90, 100])
def test_colours_are_sampled_as_finely_as_libvips_does_it(tmp_path: Path, quality: int) -> None:
    path = tmp_path / "a.png"
    picture(160, 120, seed=4).save(path)
    made = pass_over(path.read_bytes(), (160, 120), tmp_path, quality=quality)
    convert(path, tmp_path / "other.jpg", format="jpeg", quality=quality)
    images = [Image.open(io.BytesIO(data)) for data in (made.jpeg or b"", (tmp_path / "other.jpg").read_bytes())]
    assert images[0].layer == images[1].layer and images[0].quantization == images[1].quantization  # type: ignore[attr-defined]


def test_profile_orientation_and_density_arrive_and_nothing_else_does(tmp_path: Path) -> None:
    size = SIZES["RGB"]
    text = chunk(b"tEXt", b"Comment\0private words")
    out = io.BytesIO()
    noise = Image.frombytes("RGB", size, scanlines(size[0], size[1], 24, False)[: size[0] * size[1] * 3])
    noise.save(out, "PNG", icc_profile=SRGB, exif=orientation_block(6), dpi=(300, 300), compress_level=1)
    data = out.getvalue()
    made = pass_over(data[:33] + text + data[33:], size, tmp_path)
    image = Image.open(io.BytesIO(made.jpeg or b""))
    assert image.info["icc_profile"] == SRGB
    assert dict(image.getexif()) == {0x0112: 6}
    assert image.info["dpi"] == (300, 300)
    assert b"private" not in (made.jpeg or b"")
    assert made.verifier.converted and made.verifier.converted.info.has_icc


@pytest.mark.parametrize(
    "data",
    [b"a\0\0garbage", b"", b"\0", b"a\0\0" + bytes(5 << 20), b"a\0\0" + zlib.compress(SRGB)[:-9]],
    ids=["garbage", "nothing", "no name", "megabytes", "cut"],  # no lengths: a profile holds the second it was made in
)
def test_a_profile_that_cannot_be_read_spoils_nothing(tmp_path: Path, data: bytes) -> None:
    made = pass_over(bytes(Png(before=[chunk(b"iCCP", data)])), (13, 9), tmp_path)
    assert made.info.has_icc
    if made.verifier.converted:
        assert not made.verifier.converted.info.has_icc


@pytest.mark.parametrize(
    "profile",
    [
        SRGB,
        SRGB[:200],
        SRGB[:16] + b"GRAY" + SRGB[20:],
        ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes(),
    ],
    ids=["sRGB", "cut", "grey", "LAB"],
)
def test_a_profile_arrives_if_libvips_would_have_kept_it(tmp_path: Path, profile: bytes) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(bytes(Png(before=[chunk(b"iCCP", b"a\0\0" + zlib.compress(profile))])))
    made = pass_over(path.read_bytes(), (13, 9), tmp_path)
    convert(path, tmp_path / "other.jpg", format="jpeg")
    arrived, kept = (
        Image.open(io.BytesIO(data)).info.get("icc_profile")
        for data in (made.jpeg or b"", (tmp_path / "other.jpg").read_bytes())
    )
    assert arrived == kept


OTHERS = {
    **{f"16 bit {colour}": bytes(Png(48, 36, colour=colour, depth=16)) for colour in CHANNELS if colour != 3},
    **{f"{depth} bit": bytes(Png(48, 36, colour=0, depth=depth)) for depth in (1, 2, 4)},
    "palette": bytes(Png(48, 36, colour=3)),
    "interlaced": bytes(Png(48, 36, interlace=1)),
    "RGB, one colour transparent": encoded("PNG", "RGB", transparency=(0, 0, 0)),
    "grey, one shade transparent": encoded("PNG", "L", transparency=0),
    "odd EXIF": encoded("PNG", exif=b"not a TIFF block"),
    "JPEG": encoded("JPEG"),
    "WebP": encoded("WEBP"),
}


@pytest.mark.parametrize("kind", OTHERS)
def test_other_kinds_are_left_to_libvips(tmp_path: Path, kind: str) -> None:
    made = pass_over(OTHERS[kind], (48, 36), tmp_path)
    assert (made.jpeg, made.reduction, made.verifier.converts) == (None, None, False)
    assert not (tmp_path / "made.jpg").exists()


def test_a_picture_of_another_size_is_looked_at_and_left_to_libvips(tmp_path: Path) -> None:
    made = pass_over(encoded("PNG"), (49, 36), tmp_path)
    assert made.jpeg is None and made.reduction is not None


def test_what_is_not_asked_for_is_not_made(tmp_path: Path) -> None:
    verifier = Verifier(Expected(48, 36, frozenset({"png"}), 1 << 20))
    verifier.feed(encoded("PNG"))
    verifier.finish()
    assert (verifier.reduction, verifier.converted, verifier.converts) == (None, None, False)
    assert pass_over(encoded("PNG"), (48, 36), tmp_path, look=False).reduction is None


# ------------------------------------------------------------------------------- every fault is found both ways
@pytest.mark.parametrize("step", [1, 1 << 20])
@pytest.mark.parametrize("fault", BROKEN)
def test_a_fault_is_found_by_its_name_and_leaves_no_file(tmp_path: Path, fault: str, step: int) -> None:
    data, code = BROKEN[fault]
    if len(data) > 1 << 20 and step == 1:
        return
    with pytest.raises(PermanentError) as failure:
        pass_over(data, (13, 9), tmp_path, step=step)
    alone = Verifier(Expected(13, 9, frozenset({"png"}), 1 << 30, 2))
    with pytest.raises(PermanentError) as other:
        alone.feed(data)
        alone.finish()
    assert (failure.value.code, failure.value.detail) == (other.value.code, other.value.detail)
    assert failure.value.code == code or code == "result_wrong_dimensions"


@pytest.fixture(params=["one strip", "many"])
def strip_count(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Small pictures are one strip; large ones, and here small ones too, are many, which a thread makes."""
    if request.param == "many":
        monkeypatch.setattr(strips, "STRIP_BYTES", 1)
        monkeypatch.setattr(strips, "_MOST_WHOLE", 0)
    return request.param


def test_any_flipped_bit_is_found_in_a_picture_of_one_strip_and_of_many(tmp_path: Path, strip_count: str) -> None:
    data = bytearray(encoded("PNG", "RGB", (48, 36)))
    made = pass_over(bytes(data), (48, 36), tmp_path)
    like_it = strips.Strips(made.info, lambda strip: None)
    like_it.discard()
    assert made.jpeg and (like_it.lines < 36) == (strip_count == "many")
    made.verifier.discard()
    for at in range(len(data)):
        data[at] ^= 4
        with pytest.raises(PermanentError):
            pass_over(bytes(data), (48, 36), tmp_path)
        data[at] ^= 4


def test_bytes_that_are_no_pixels_are_left_out_by_the_conversion(tmp_path: Path) -> None:
    pixels = scanlines(13, 9, 24, False)
    sound = pass_over(bytes(Png(pixels=pixels)), (13, 9), tmp_path)
    flawed = pass_over(bytes(Png(pixels=pixels + bytes(3))), (13, 9), tmp_path)
    assert flawed.jpeg == sound.jpeg is not None
    assert not flawed.verifier.must_be_rewritten and len(flawed.verifier.flaws) == 1


def test_a_jpeg_that_is_not_wanted_any_more_is_gone(tmp_path: Path) -> None:
    verifier = pass_over(encoded("PNG"), (48, 36), tmp_path).verifier
    for _ in range(2):
        verifier.discard()
        assert verifier.converted is None and not (tmp_path / "made.jpg").exists()


def test_a_fault_in_the_last_strip_and_a_full_disk_end_the_thread_that_makes_strips(tmp_path: Path) -> None:
    size = SIZES["RGB"]
    pixels = scanlines(*size, 24, False)
    with pytest.raises(PermanentError, match="result_corrupt"):
        pass_over(bytes(Png(*size, pixels=pixels[:-9], idat_size=1 << 16)), size, tmp_path)

    def unwritable() -> Incoming:
        incoming = Incoming(tmp_path / "made.jpg", 0o644)
        os.close(incoming._fd)
        incoming._fd = os.open("/dev/full", os.O_WRONLY)
        return incoming

    verifier = Verifier(Expected(*size, frozenset({"png"}), 1 << 30), jpeg=AsJpeg(92, size, unwritable))
    with pytest.raises(ConfigurationError, match="disk_full"):
        verifier.feed(bytes(Png(*size, pixels=pixels, idat_size=1 << 16)))
        verifier.finish()
    verifier.discard()
    assert "strips" not in {thread.name for thread in threading.enumerate()}


# ---------------------------------------------------------------------------------------- the copy to compare
@pytest.mark.parametrize(("profile", "orientation"), [(None, 1), (SRGB, 6)], ids=["plain", "sRGB, turned"])
@pytest.mark.parametrize("mode", COLOURS)
@pytest.mark.parametrize("size", [(301, 203), "several strips", (64, 9000)])
def test_the_reduced_copy_is_that_of_the_file(
    tmp_path: Path, mode: str, size: tuple[int, int] | str, profile: bytes | None, orientation: int
) -> None:
    path = tmp_path / "a.png"
    size = WIDE[mode] if isinstance(size, str) else size
    image = picture(301, 203, seed=4).convert(mode)
    if "A" in mode:
        image.putalpha(Image.linear_gradient("L").resize(image.size))
    image.resize(size).save(path, icc_profile=profile, exif=orientation_block(orientation), compress_level=1)
    made = pass_over(path.read_bytes(), size, tmp_path)
    small = (128, 96) if orientation == 1 else (96, 128)
    ours, theirs = made.reduction.small(small), reduced(path, made.info, small, fail_on="error")  # type: ignore[union-attr]
    difference = ImageChops.difference(ours.image, theirs.image)
    assert max(ImageStat.Stat(difference).mean) < 1.5
    assert abs(ours.transparent - theirs.transparent) <= 0.03 * small[0] * small[1]
    assert (ours.transparent > 0) == (theirs.transparent > 0)


@pytest.mark.parametrize("factor", [1, 4], ids=["one strip", "several"])
@pytest.mark.parametrize("spoil", [None, "another", "turned"])
def test_the_verdict_is_that_of_the_file(tmp_path: Path, factor: int, spoil: str | None) -> None:
    source, result = tmp_path / "source.png", tmp_path / "result.png"
    image = picture(400, 380, seed=5)
    image.save(source, compress_level=1)
    changes: dict[str | None, Callable[[], Image.Image]] = {
        None: lambda: image,
        "another": lambda: picture(400, 380, seed=6),
        "turned": lambda: image.transpose(Image.Transpose.ROTATE_180),
    }
    size = (400 * factor, 380 * factor)
    changes[spoil]().resize(size, Image.Resampling.BILINEAR).save(result, compress_level=1)
    made = pass_over(result.read_bytes(), size, tmp_path)
    of_file = check_picture(source, result, made.info)
    of_pass = check_picture(source, result, made.info, reduction=made.reduction)
    assert (of_pass.code, of_pass.ok) == (of_file.code, spoil is None)
    assert of_pass.ssim == pytest.approx(of_file.ssim, abs=0.005)
