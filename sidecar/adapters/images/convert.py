"""Adapter, images: from one format to another, line by line."""

from __future__ import annotations

from pathlib import Path

from ...core.errors import ConfigurationError, PermanentError
from . import vips
from .facts import JPEG, PNG, WEBP, ImageFacts
from .verifier import read_header


def convert(source: Path, target: Path, *, format: str, quality: int = 92) -> ImageFacts:
    """Writes `source` as `format` ("png", "jpeg", "webp") to `target`; returns the facts of what was written.

    1. reads sequentially, so memory is a few lines (WebP and progressive sources: the whole picture);
    2. what the target cannot hold is adapted: alpha flattened on white for JPEG, 16 bits to 8 for JPEG and
       WebP, CMYK to sRGB for PNG and WebP;
    3. keeps the ICC profile and the orientation, drops all other metadata.

    `target` is replaced and removed again if anything fails. Raises PermanentError ``conversion_failed``,
    ConfigurationError ``disk_full``.
    """
    facts = read_header(source)
    pyvips = vips.load()
    try:
        with vips.opened(source, facts.format) as image:
            _save(_fit(image, format), target, format, quality)
        written = read_header(target)
    except pyvips.Error as error:
        target.unlink(missing_ok=True)
        reason = vips.first_line(error)
        if "No space left" in str(error):
            raise ConfigurationError("disk_full", f"no space to write the {format} file") from error
        raise PermanentError("conversion_failed", f"{facts.format} to {format}: {reason}") from error
    except PermanentError as error:
        target.unlink(missing_ok=True)
        raise PermanentError("conversion_failed", error.detail) from error
    if (written.width, written.height) != (facts.width, facts.height):
        target.unlink(missing_ok=True)
        raise PermanentError(
            "conversion_failed",
            f"expected {facts.width}x{facts.height} pixels, wrote {written.width}x{written.height}",
        )
    return written


def _fit(image, format: str):
    if format == JPEG and image.hasalpha():
        white = 65535 if image.format == "ushort" else 255
        image = image.flatten(background=white)
    if format != PNG and image.format == "ushort":
        kind = "b-w" if image.bands <= 2 else "srgb"
        image = image.cast("uchar", shift=True).copy(interpretation=kind)
    if format != JPEG and image.interpretation == "cmyk":
        image = image.icc_transform("srgb", embedded=True)
    return image


def _save(image, target: Path, format: str, quality: int) -> None:
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
