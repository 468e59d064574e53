"""Adapter, images: a small copy of any picture, as a viewer would show it, in bounded memory."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ...core.formats import JPEG, PNG
from . import vips
from .formats import ImageInfo
from .strips import STEP, Strip

if TYPE_CHECKING:
    from PIL.Image import Image


BLOCK = 8  # pixels a side
SIDE = 16  # blocks along the longer side: pictures are compared at 128 pixels
_FEW_PIXELS = 2 << 20  # up to here Pillow, which holds them all, is the quicker one


@dataclass(frozen=True)
class Small:
    """`image`: mode RGB, sRGB, upright, alpha on white. `transparent`: as how many of its pixels are seen through."""

    image: Image
    transparent: float


def comparison_size(width: int, height: int) -> tuple[int, int]:
    """The size at which pictures of these proportions are compared: whole blocks, the longer side 128."""
    scale = SIDE / max(width, height)
    return BLOCK * max(3, round(width * scale)), BLOCK * max(3, round(height * scale))


def reduced(path: Path, info: ImageInfo, size: tuple[int, int], *, fail_on: str, plain_inks: bool = False) -> Small:
    """The picture at exactly `size` (as shown, so already turned), each pixel a mean of those that it stands for.

    libvips reads line by line and averages whole blocks (JPEG: its decoder does, up to eighths); the rest is
    Pillow's, on few pixels: exact size, orientation, colour profile. A profile that cannot be read counts as
    none, as in viewers. Memory: some dozen lines of the image; a progressive JPEG or WebP whole.

    Raises pyvips.Error. `fail_on` is libvips' ("none", "truncated", "error", "warning"). `plain_inks`: CMYK without
    any profile, as some programs take it.
    """
    from PIL import Image

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
    small = Image.frombuffer(mode, (image.width, image.height), pixels, "raw", mode, 0, 1)
    return _finished(small, profile, info.orientation, stored)


class Reduction:
    """The same as `reduced` from the strips of a picture, as they come; all but the last have `lines` lines. `profile`:
    ICC.

    Memory: some strips of `reduced`'s size, a thousandth of the picture.
    """

    def __init__(self, info: ImageInfo, lines: int, profile: bytes | None):
        wide, high = comparison_size(info.width, info.height)
        block = max(1, min(info.width // (2 * wide), info.height // (2 * high)))
        # Blocks end with their strip.
        down = block if lines >= info.height else next(step for step in (STEP, 8, 4, 2, 1) if step <= block)
        self._block = (block, down)
        self._info, self._profile = info, profile
        self._strips: list[Image] = []

    def add(self, strip: Strip) -> None:
        """The next strip, from the top."""
        image = strip.image.reduce(self._block)
        if strip.alpha is not None:
            image.putalpha(strip.alpha.reduce(self._block))
        self._strips.append(image)

    def small(self, size: tuple[int, int]) -> Small:
        """At exactly `size` (width, height), as shown. After the last strip; may be asked for again."""
        from PIL import Image

        info, (across, down) = self._info, self._block
        whole = self._strips[0]
        if len(self._strips) > 1:
            whole = Image.new(whole.mode, (whole.width, sum(strip.height for strip in self._strips)))
            top = 0
            for strip in self._strips:
                whole.paste(strip, (0, top))
                top += strip.height
        # The last block of a line or column may stand for fewer pixels.
        box = (0.0, 0.0, info.width / across, info.height / down)
        stored = size if info.orientation < 5 else size[::-1]
        return _finished(whole, self._profile, info.orientation, stored, box)


def reduced_plain(path: Path, info: ImageInfo, size: tuple[int, int]) -> Small | None:
    """As `reduced`, of a small plain PNG or JPEG by Pillow alone: to set libvips up costs more than so few pixels.

    None for any other picture, and for one that Pillow does not read to its end.
    """
    from PIL import Image

    plain = info.format in (PNG, JPEG) and info.mode in ("L", "RGB") and info.bit_depth == 8 and not info.progressive
    as_stored = not info.has_alpha and not info.has_icc and info.orientation == 1
    if not (plain and as_stored and info.pixels <= _FEW_PIXELS):
        return None
    try:
        with Image.open(path, formats=(info.format,)) as image:
            image.load()
            return _reduced_plain(image, size) if image.mode == info.mode else None
    except Exception:  # a damaged file raises whatever its decoder stumbled over; libvips then has the word
        return None


def _reduced_plain(image: Image, size: tuple[int, int]) -> Small:
    block = max(1, min(image.width // (2 * size[0]), image.height // (2 * size[1])))
    return _finished(image.reduce(block) if block > 1 else image, None, 1, size)


def _finished(
    small: Image,
    profile: bytes | None,
    orientation: int,
    wanted: tuple[int, int],
    box: tuple[float, float, float, float] | None = None,
) -> Small:
    from PIL import Image

    transparent = 0.0
    if small.mode in ("LA", "RGBA"):
        seen_through = sum(small.getchannel("A").histogram()[:250])
        transparent = seen_through * (wanted[0] * wanted[1]) / (small.width * small.height)
        small = small.convert(small.mode[:-1])  # already flattened: the colours are those on white
    small = _in_srgb(small, profile).resize(wanted, Image.Resampling.BILINEAR, box)
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
