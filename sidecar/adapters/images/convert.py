"""Adapter, images: from one format to another, line by line."""

from __future__ import annotations

from pathlib import Path

from ...core.errors import PermanentError
from ...core.formats import JPEG, PNG, WEBP
from . import vips
from .formats import ImageInfo
from .source import read_header


def convert(
    source: Path,
    target: Path,
    *,
    format: str,
    quality: int = 92,
    size: tuple[int, int] | None = None,
    decode_limit_mp: int = 100,
    fail_on: str = "truncated",
) -> ImageInfo:
    """Writes `source` as `format` ("png", "jpeg", "webp") to `target`; returns what was written.

    1. reads sequentially, so memory is a few lines; WebP, progressive JPEG and interlaced PNG are held whole by
       their decoders and refused above `decode_limit_mp` megapixels;
    2. what the target cannot hold is adapted: alpha flattened on white for JPEG, 16 bits to 8 for JPEG and
       WebP, CMYK to sRGB for PNG and WebP;
    3. is resized to `size` (width, height) if one is given;
    4. keeps the ICC profile and the orientation, drops all other metadata.

    `fail_on`: "none" for a picture that was bought, and is taken as it shows. `target` is replaced, and removed again
    if anything fails. Raises PermanentError ``conversion_failed``, ConfigurationError ``disk_full``.
    """
    info = read_header(source)
    must_be_decodable(info, decode_limit_mp)
    with vips.translated(target, f"{info.format} to {format}", vips.load()):
        with vips.opened(source, info.format, fail_on=fail_on) as image:
            save(resized(flattened_to_eight_bits(image, format), size), target, format, quality)
        written = read_header(target)
        expected = size or (info.width, info.height)
        if (written.width, written.height) != expected:
            raise PermanentError(
                "conversion_failed",
                f"expected {expected[0]}x{expected[1]} pixels, wrote {written.width}x{written.height}",
            )
    return written


def must_be_decodable(info: ImageInfo, megapixels: int = 100) -> None:
    """Raises PermanentError conversion_failed for a picture that a decoder would hold, or pass over, for too long."""
    if not info.decodable_within(megapixels):
        raise PermanentError(
            "conversion_failed",
            f"decoding this {info.format} would hold more than {megapixels} megapixels, or take {info.scans} passes",
        )


def upright(source: Path, target: Path) -> Path:
    """Writes `source` as PNG to `target` with its pixels turned as its EXIF orientation says; returns `target`.

    Holds the whole picture: a turn needs its last column first. Raises as `convert`.
    """
    info = read_header(source)
    must_be_decodable(info)
    with (
        vips.translated(target, "turning upright", vips.load()),
        vips.opened(source, info.format, access="random", fail_on="none") as image,
    ):
        image.autorot().pngsave(str(target), compression=1, keep="icc")
    return target


def resized(image, size: tuple[int, int] | None):
    """The image at `size`, by Lanczos; alpha does not bleed."""
    if size is None or size == (image.width, image.height):
        return image
    kind = image.format
    if image.hasalpha():
        image = image.premultiply()
    image = image.resize(size[0] / image.width, vscale=size[1] / image.height, kernel="lanczos3")
    if image.hasalpha():
        image = image.unpremultiply()
    return image.cast(kind)


def flattened_to_eight_bits(image, format: str):
    """The image as far reduced as `format` demands: alpha, depth, CMYK."""
    if format == JPEG and image.hasalpha():
        white = 65535 if image.format == "ushort" else 255
        image = image.flatten(background=white)
    if format != PNG and image.format == "ushort":
        kind = "b-w" if image.bands <= 2 else "srgb"
        image = image.cast("uchar", shift=True).copy(interpretation=kind)
    if format != JPEG and image.interpretation == "cmyk":
        image = image.icc_transform("srgb", embedded=True)
    return image


def save(image, target: Path, format: str, quality: int) -> None:
    """Encodes to `target`, with the ICC profile and, if it is not 1, the orientation."""
    keep = "icc"
    if image.get_typeof("orientation") and image.get("orientation") != 1:
        image = _only_orientation(image)
        keep = "icc|exif"
    if format == JPEG:
        # No optimize_coding, no progressive: both make libjpeg hold the whole picture.
        image.jpegsave(str(target), Q=quality, keep=keep)
    elif format == WEBP:
        image.webpsave(str(target), Q=quality, keep=keep)
    else:
        image.pngsave(str(target), compression=6, keep=keep)


def _only_orientation(image):
    """Drops every EXIF field (place, time, camera); libvips writes the orientation back by itself."""
    image = image.copy()
    for field in image.get_fields():
        if field.startswith("exif-ifd"):
            image.remove(field)
    return image
