"""Adapter, images: a small copy of any picture, as a viewer would show it, in bounded memory."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ...core.formats import JPEG, PNG
from . import vips
from .formats import ImageInfo
from .retained_pixels import KeptPixels, may_be_kept

if TYPE_CHECKING:
    from PIL.Image import Image


@dataclass(frozen=True)
class Small:
    """`image`: mode RGB, sRGB, upright, alpha on white. `transparent`: as how many of its pixels are seen through."""

    image: Image
    transparent: float


def reduced(path: Path, info: ImageInfo, size: tuple[int, int], *, fail_on: str, plain_inks: bool = False) -> Small:
    """The picture at exactly `size` (as shown, so already turned), each pixel a mean of those that it stands for.

    libvips reads line by line and averages whole blocks (JPEG: its decoder does, up to eighths); the rest is
    Pillow's, on few pixels: exact size, orientation, colour profile. A profile that cannot be read counts as
    none, as in viewers. Memory: some dozen lines of the image; a progressive JPEG or WebP whole.

    Raises pyvips.Error. `fail_on` is libvips' ("none", "truncated", "error", "warning"). `plain_inks`: CMYK without
    any profile, as some programs take it.
    """
    stored = size if info.orientation < 5 else size[::-1]
    # Twice the wanted size is left for the exact resize.
    block = max(1, min(info.width // (2 * stored[0]), info.height // (2 * stored[1])))
    in_decoder = next(step for step in (8, 4, 2, 1) if step <= block) if info.format == JPEG else 1
    options = {"shrink": in_decoder} if in_decoder > 1 else {}
    with vips.opened(path, info.format, fail_on=fail_on, **options) as image:
        profile = image.get("icc-profile-data") if image.get_typeof("icc-profile-data") else None
        if image.format == "ushort":
            kind = "b-w" if image.bands <= 2 else "srgb"
            image = image.cast("uchar", shift=True).copy(interpretation=kind)
        alpha = None
        if image.hasalpha():
            alpha = image[image.bands - 1]
            image = image.flatten(background=255).bandjoin(alpha)
        block //= in_decoder
        if block > 1:
            image = image.shrink(block, block)
        if image.interpretation == "cmyk" and not plain_inks:
            # As `convert` and `upright` do it: by the profile of the file, or else by the one that libvips brings.
            image, profile = image.icc_transform("srgb", embedded=True), None
        pixels = bytes(image.write_to_memory())
    mode = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA" if alpha is not None else "CMYK"}[image.bands]
    if plain_inks:
        profile = None
    return _finished(mode, (image.width, image.height), pixels, profile, info.orientation, stored)


def shows_as_stored(info: ImageInfo) -> bool:
    """Whether the stored pixels are what a viewer shows: nothing shines through, no profile, upright."""
    return not info.has_alpha and not info.has_icc and info.orientation == 1


def reduced_kept(kept: KeptPixels, size: tuple[int, int]) -> Small:
    """The same from the pixels that the check has kept, of a picture that `shows_as_stored`."""
    return _reduced_plain(kept.image(), size)


def reduced_plain(path: Path, info: ImageInfo, size: tuple[int, int]) -> Small | None:
    """The same of a small plain PNG or JPEG by Pillow alone: to set libvips up costs more than so few pixels.

    None for any other picture, and for one that Pillow does not read to its end.
    """
    from PIL import Image

    plain = info.format in (PNG, JPEG) and info.mode in ("L", "RGB") and shows_as_stored(info)
    if not (plain and may_be_kept(info, 3 * info.pixels)):
        return None
    try:
        with Image.open(path, formats=(info.format,)) as image:
            image.load()
            return _reduced_plain(image, size) if image.mode == info.mode else None
    except Exception:  # a damaged file raises whatever its decoder stumbled over; libvips then has the word
        return None


def _reduced_plain(image: Image, size: tuple[int, int]) -> Small:
    from PIL import Image

    block = max(1, min(image.width // (2 * size[0]), image.height // (2 * size[1])))
    small = image.reduce(block) if block > 1 else image
    return Small(small.convert("RGB").resize(size, Image.Resampling.BILINEAR), 0)


def _finished(mode, size, pixels, profile, orientation, wanted) -> Small:
    from PIL import Image

    small = Image.frombuffer(mode, size, pixels, "raw", mode, 0, 1)
    transparent = 0.0
    if mode in ("LA", "RGBA"):
        seen_through = sum(small.getchannel("A").histogram()[:250])
        transparent = seen_through * (wanted[0] * wanted[1]) / (size[0] * size[1])
        small = small.convert(mode[:-1])  # already flattened: the colours are those on white
    small = _in_srgb(small, profile).resize(wanted, Image.Resampling.BILINEAR)
    turn = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_270,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_90,
    }.get(orientation)
    return Small(small.transpose(turn) if turn is not None else small, transparent)


def _in_srgb(image: Image, profile: bytes | None) -> Image:
    if profile:
        from PIL import ImageCms

        try:
            return ImageCms.profileToProfile(  # type: ignore[return-value]  # None only if asked to work in place
                image, ImageCms.ImageCmsProfile(io.BytesIO(profile)), ImageCms.createProfile("sRGB"), outputMode="RGB"
            )
        except (ImageCms.PyCMSError, OSError):
            return image.convert("RGB")  # viewers do the same with a profile that does not fit
    return image.convert("RGB")
