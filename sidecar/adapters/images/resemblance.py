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
from typing import TYPE_CHECKING

from ...core.errors import PermanentError
from . import vips
from .facts import ImageFacts, corrupt
from .reduced import Small, reduced
from .verifier import read_header

if TYPE_CHECKING:
    from PIL.Image import Image

BLOCK = 8  # pixels a side
SIDE = 16  # blocks along the longer side: pictures are compared at 128 pixels
_WINDOW = 3  # blocks a side of the region that is judged by itself
_C1, _C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
_FLAT = 0.5  # variance of luma (0 to 255) below which a block shows one colour
_DETAIL = 10.0  # variance of luma from which a block surely shows more than one


@dataclass(frozen=True)
class Resemblance:
    """How alike two pictures are, as shown (orientation and colour profile applied, alpha on white).

    Attributes:
        ssim: mean over all blocks, on luma; 1.0 for equal pictures.
        worst: the least mean of 3x3 neighbouring blocks: a hole or a tear shows here first.
        colour: mean distance of the blocks' mean colours in YCbCr, 0 for equal pictures, units of 0 to 255.
        contrast: standard deviation of the result's luma, 0 to 127; `source_contrast` is the source's.
        emptied: share of blocks with detail in the source and one colour in the result.
    """

    ssim: float
    worst: float
    colour: float
    contrast: float
    source_contrast: float
    emptied: float


def thumbnail(path: Path, max_side: int = 256) -> bytes:
    """A JPEG (sRGB, upright, alpha on white) of at most `max_side` pixels a side, for a page that shows it.

    Raises PermanentError ``result_corrupt`` if it cannot be decoded.
    """
    facts = read_header(path)
    width, height = facts.display_size
    scale = min(1.0, max_side / max(width, height))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    out = io.BytesIO()
    small_copy(path, facts, size, fail_on="none").image.save(out, "JPEG", quality=85)
    return out.getvalue()


def small_copy(path: Path, facts: ImageFacts, size: tuple[int, int], *, fail_on: str) -> Small:
    """`reduced`, with libvips' error translated to PermanentError ``result_corrupt``."""
    pyvips = vips.load()
    try:
        return reduced(path, facts, size, fail_on=fail_on)
    except pyvips.Error as error:
        raise corrupt(f"the {facts.format} cannot be decoded ({vips.first_line(error)})") from error


def comparison_size(width: int, height: int) -> tuple[int, int]:
    """The size at which pictures of these proportions are compared: whole blocks, the longer side 128."""
    scale = SIDE / max(width, height)
    return BLOCK * max(_WINDOW, round(width * scale)), BLOCK * max(_WINDOW, round(height * scale))


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
    """Compares two small RGB pictures of one size, whose sides are multiples of 8."""
    from PIL import ImageMath

    before, after = before.convert("YCbCr"), after.convert("YCbCr")
    x, y = before.getchannel(0).convert("F"), after.getchannel(0).convert("F")

    def product(a: Image, b: Image) -> Image:
        return ImageMath.lambda_eval(lambda of: of["a"] * of["b"], a=a, b=b)

    means = [_blocks(image) for image in (x, y, product(x, x), product(y, y), product(x, y))]
    scores, emptied = [], 0
    for mx, my, xx, yy, xy in zip(*means, strict=True):
        vx, vy, covariance = max(xx - mx * mx, 0.0), max(yy - my * my, 0.0), xy - mx * my
        likeness = (2 * mx * my + _C1) * (2 * covariance + _C2)
        scores.append(likeness / ((mx * mx + my * my + _C1) * (vx + vy + _C2)))
        emptied += vy < _FLAT and vx > _DETAIL
    count = len(scores)
    chroma = [_blocks(image.getchannel(band)) for image in (before, after) for band in (1, 2)]
    colours = zip(means[0], *chroma[:2], strict=True), zip(means[1], *chroma[2:], strict=True)
    mx, my, xx, yy, _ = (sum(values) / count for values in means)
    return Resemblance(
        ssim=sum(scores) / count,
        worst=_worst_region(scores, x.width // BLOCK, x.height // BLOCK),
        colour=sum(map(math.dist, *colours)) / count,
        contrast=math.sqrt(max(yy - my * my, 0.0)),
        source_contrast=math.sqrt(max(xx - mx * mx, 0.0)),
        emptied=emptied / count,
    )


def _blocks(image: Image) -> list[float]:
    return list(image.reduce(BLOCK).get_flattened_data())


def _worst_region(scores: list[float], columns: int, rows: int) -> float:
    """The least mean of all regions of `_WINDOW` x `_WINDOW` neighbouring blocks."""
    across = range(_WINDOW)
    sums = (
        sum(scores[(top + down) * columns + left + right] for down in across for right in across)
        for top in range(rows - _WINDOW + 1)
        for left in range(columns - _WINDOW + 1)
    )
    return min(sums) / (_WINDOW * _WINDOW)
