"""Adapter, images: how alike are the enlarged picture and the one that was bought? Compared block by block, reduced.

SSIM after Wang, Bovik, Sheikh, Simoncelli, "Image quality assessment: from error visibility to structural
similarity", IEEE TIP 13(4), 2004, with its uniform 8x8 window, not overlapping. Which figures sound and wrong results
have, and so where the limits in `picture.py` lie, is measured by bench/resemblance_experiment.py.
"""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

from ...core.errors import PermanentError
from . import vips
from .formats import ImageInfo, corrupt
from .reduced import BLOCK, Small, comparison_size, reduced, reduced_plain
from .source import read_header

if TYPE_CHECKING:
    from PIL.Image import Image

_C1, _C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2  # the paper's, with its K1, K2 and L
_FLAT = 0.5  # variance of luma (0 to 255) below which a block shows one colour
_DETAIL = 10.0  # variance of luma from which a block surely shows more than one
_ENOUGH_CONTRAST = 24.0  # standard deviation of luma up to which a picture is stretched
_MAX_GAIN = 8.0  # times, at the most
_LITTLE_CHROMA = 6.0  # mean chroma (0 to 181) below which a picture counts as grey


@dataclass(frozen=True)
class Resemblance:
    """How alike two pictures are, as shown (orientation and colour profile applied, alpha on white). Luma and chroma as
    JFIF has them (ITU-T T.871).

    Attributes:
        ssim: mean over all blocks, on luma; 1.0 for equal pictures.
        worst: the least mean of 3x3 neighbouring blocks: a tear shows here first.
        gap: the greatest difference of luma (0 to 255), as a mean over 2x2 neighbouring blocks: a hole shows here.
        tone: mean difference of the blocks' luma, 0 to 255.
        colour: mean distance of the blocks' chroma, as a share of the source's chroma; 1 if colours are lost.
        emptied: share of the blocks with detail that show one colour in the result.
        contrast: standard deviation of the result's luma, 0 to 127; `source_contrast` is the source's.
    """

    ssim: float
    worst: float
    gap: float
    tone: float
    colour: float
    emptied: float
    contrast: float
    source_contrast: float


def thumbnail(path: Path, max_side: int = 256) -> bytes:
    """A JPEG (sRGB, upright, alpha on white) of at most `max_side` pixels a side, for a page that shows it.

    Raises PermanentError ``result_corrupt`` if it cannot be decoded.
    """
    info = read_header(path)
    width, height = info.display_size
    scale = min(1.0, max_side / max(width, height))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    out = io.BytesIO()
    small_copy(path, info, size, fail_on="none").image.save(out, "JPEG", quality=85)
    return out.getvalue()


def small_copy(path: Path, info: ImageInfo, size: tuple[int, int], *, fail_on: str, plain_inks: bool = False) -> Small:
    """`reduced_plain` where faults do not matter, else `reduced`, with libvips' error translated to PermanentError
    ``result_corrupt``."""
    if fail_on == "none" and (small := reduced_plain(path, info, size)):
        return small
    pyvips = vips.load()
    try:
        return reduced(path, info, size, fail_on=fail_on, plain_inks=plain_inks)
    except pyvips.Error as error:
        raise corrupt(f"the {info.format} cannot be decoded ({vips.first_line(error)})") from error


def resemblance(source: Path, result: Path) -> Resemblance:
    """Compares two files of any formats and sizes; the source sets the proportions.

    Raises PermanentError ``source_not_an_image`` or ``result_corrupt`` if one cannot be decoded.
    """
    theirs, ours = read_header(source), read_header(result)
    size = comparison_size(*theirs.display_size)
    try:
        before = small_copy(source, theirs, size, fail_on="none")
    except PermanentError as error:
        raise PermanentError("source_not_an_image", error.detail) from error
    return compare(before.image, small_copy(result, ours, size, fail_on="error").image)


def compare(before: Image, after: Image) -> Resemblance:
    """Compares two small RGB pictures of one size, whose sides are multiples of 8 and at least 24 pixels.

    A picture of little contrast (fog, snow) is stretched first, both sides alike, or SSIM's constants would make
    everything resemble everything.
    """
    from PIL import ImageMath, ImageStat

    before, after = before.convert("YCbCr"), after.convert("YCbCr")
    x, y = before.getchannel(0), after.getchannel(0)
    statistics = ImageStat.Stat(x)
    middle, source_contrast = statistics.mean[0], statistics.stddev[0]
    gain = min(_MAX_GAIN, max(1.0, _ENOUGH_CONTRAST / max(source_contrast, 0.01)))

    def stretched(image: Image) -> Image:
        image = image.convert("F")
        return image if gain == 1 else ImageMath.lambda_eval(lambda of: (of["a"] - middle) * gain + middle, a=image)

    def product(a: Image, b: Image) -> Image:
        return ImageMath.lambda_eval(lambda of: of["a"] * of["b"], a=a, b=b)

    x, y = stretched(x), stretched(y)
    means = [_blocks(image) for image in (x, y, product(x, x), product(y, y), product(x, y))]
    scores, differences = [], []
    detailed = emptied = 0
    for mx, my, xx, yy, xy in zip(*means, strict=True):
        vx, vy, covariance = max(xx - mx * mx, 0.0), max(yy - my * my, 0.0), xy - mx * my
        likeness = (2 * mx * my + _C1) * (2 * covariance + _C2)
        scores.append(likeness / ((mx * mx + my * my + _C1) * (vx + vy + _C2)))
        differences.append(abs(mx - my) / gain)
        detailed += vx > _DETAIL
        emptied += vx > _DETAIL and vy < _FLAT
    columns, rows = x.width // BLOCK, x.height // BLOCK
    return Resemblance(
        ssim=sum(scores) / len(scores),
        worst=min(_regions(scores, columns, rows, 3)),
        gap=max(_regions(differences, columns, rows, 2)),
        tone=sum(differences) / len(differences),
        colour=_colour(before, after),
        emptied=emptied / max(detailed, 1),
        contrast=ImageStat.Stat(after.getchannel(0)).stddev[0],
        source_contrast=source_contrast,
    )


def _colour(before: Image, after: Image) -> float:
    one, other = ([_blocks(image.getchannel(band)) for band in (1, 2)] for image in (before, after))
    distance = sum(map(math.dist, zip(*one, strict=True), zip(*other, strict=True)))
    chroma = sum(math.hypot(cb - 128, cr - 128) for cb, cr in zip(*one, strict=True))
    return distance / max(chroma, _LITTLE_CHROMA * len(one[0]))


def _blocks(image: Image) -> list[float]:
    return cast(list[float], list(image.reduce(BLOCK).get_flattened_data()))


def _regions(values: list[float], columns: int, rows: int, side: int) -> list[float]:
    """The means of all regions of `side` x `side` neighbouring blocks: sums along the rows first, then of these."""
    width = columns - side + 1
    across: list[float] = []
    for top in range(0, rows * columns, columns):
        row = values[top : top + columns]
        across += map(sum, zip(*(row[i : i + width] for i in range(side)), strict=True))
    down = (across[i * width : (i + rows - side + 1) * width] for i in range(side))
    return [total / side**2 for total in map(sum, zip(*down, strict=True))]
