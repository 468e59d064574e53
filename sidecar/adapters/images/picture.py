"""Adapter, images: the verdict on a sound file. Is it the picture that was bought: whole, upright, in its colours?

Every limit below stands between the worst sound result and the mildest fault of bench/resemblance_experiment.py;
docs/image-checks.md shows its table.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ...core.errors import PermanentError
from ...core.formats import JPEG, PNG, WEBP
from .formats import ImageInfo
from .reduced import Reduction, Small, comparison_size
from .resemblance import Resemblance, compare, small_copy
from .source import read_header

if TYPE_CHECKING:
    from PIL.Image import Image

LEAST_SSIM = 0.65
LEAST_REGION = 0.4  # SSIM of the worst region
MOST_GAP = 40.0  # luma, 0 to 255
GAP_IF_EMPTIED = 24.0  # the same where some detail gave way to one colour
SOME_EMPTIED, MUCH_EMPTIED, ALL_EMPTIED = 0.03, 0.12, 0.9  # shares of the detail
MOST_COLOUR = 0.5  # share of the source's chroma
MOST_TONE = 20.0  # luma, 0 to 255
TURNED_SSIM = 0.85  # from here on, a source that was turned is "the same picture"

UNSEEN = 2.0  # transparent pixels of the reduced picture that nobody sees

_PLAIN = 2.5  # contrast up to which the source itself is taken as one colour
_BLANK = 1.5  # contrast below which the result is one colour, when the source is not

# Bytes for each pixel. Floors lie below the least that pictures with any detail came to (fog, enlarged 8 times:
# PNG 0.012, JPEG at quality 75 0.0165, WebP at 75 0.0029); ceilings above noise at the highest quality.
_FLOORS = {PNG: 0.006, JPEG: 0.008, WEBP: 0.0015}
_CEILINGS = {JPEG: 5.0, WEBP: 5.0}
_SMALL = 100_000  # pixels; below, headers and metadata count for more than the picture
_METADATA = 8 * 1024 * 1024  # bytes that profile and EXIF may have beside the pixels


@dataclass(frozen=True)
class PictureVerdict:
    """`code` is None if `ok`, else what the recovery table looks up; `detail` is a sentence for the admin.

    `figures` are those that the verdict rests on; None, with an `ssim` of 0, if the file was not compared.
    """

    ok: bool
    code: str | None
    detail: str
    ssim: float
    figures: Resemblance | None = None


def check_picture(
    source: Path, result: Path, info: ImageInfo, *, reduction: Reduction | None = None, decode_limit_mp: int = 50
) -> PictureVerdict:
    """Compares the delivered file with the source that was sent to be enlarged.

    `reduction`: of the picture that `result` is, or was made from, if its check has made one: no file is read then.

    `info` is that of `result`, whose integrity the push parser has checked. A JPEG is decoded with libjpeg's
    warnings as errors, so this includes what `verify_pixels` does. Codes: ``result_blank``, ``result_torn``,
    ``result_not_the_picture``, ``result_wrong_mode``, ``result_implausible_size``, ``result_corrupt``.
    Raises PermanentError ``source_not_an_image`` if the source cannot be decoded any more.

    A WebP, progressive JPEG or interlaced PNG of more than `decode_limit_mp` megapixels would have to be held whole:
    it is not compared, and `detail` says so.
    """
    theirs = read_header(source)
    if info.doubtful:
        info = read_header(result)
    readable = reduction is not None or info.decodable_within(decode_limit_mp)
    if not (readable and theirs.decodable_within(decode_limit_mp)):
        return PictureVerdict(
            True,
            None,
            f"not compared: decoding would hold more than {decode_limit_mp} megapixels, or take too long",
            0.0,
        )
    size = comparison_size(*theirs.display_size)
    try:
        before = small_copy(source, theirs, size, fail_on="none")
    except PermanentError as error:
        raise PermanentError("source_not_an_image", error.detail) from error
    try:
        if reduction is not None:
            after = reduction.small(size)
        else:
            after = small_copy(result, info, size, fail_on="warning" if info.format == JPEG else "error")
    except PermanentError as error:
        return PictureVerdict(False, error.code, error.detail, 0.0)
    figures = compare(before.image, after.image)
    fault = judge(figures)
    if fault is not None and "CMYK" in (theirs.mode, info.mode):
        for plain in _other_inks(source, theirs, result, info, size):
            others = compare(*(small.image for small in plain))
            if judge(others) is None:
                figures, fault = others, None
                break
    lost = before.transparent > UNSEEN and not after.transparent
    if fault is None and lost and info.format != JPEG:
        fault = ("result_wrong_mode", "the source is transparent in parts, the result nowhere")
    if fault is None and not (figures.source_contrast <= _PLAIN or plausible_size(result.stat().st_size, info)):
        fault = ("result_implausible_size", f"{result.stat().st_size} bytes for {info.pixels} pixels")
    if fault is None:
        return PictureVerdict(True, None, "", figures.ssim, figures)
    code, detail = fault
    if code in ("result_not_the_picture", "result_torn") and (turn := _turned(before.image, after.image)):
        code, detail = "result_not_the_picture", f"the picture is the right one, but {turn}"
    return PictureVerdict(False, code, detail, figures.ssim, figures)


def _other_inks(
    source: Path, theirs: ImageInfo, result: Path, info: ImageInfo, size: tuple[int, int]
) -> Iterator[tuple[Small, Small]]:
    """Both pictures with CMYK mixed without a profile, where none is named: inks have no colours of their own, and an
    enlarger may have taken them as viewers do, or as libvips does."""
    readings = []
    for path, what in ((source, theirs), (result, info)):
        inks = what.mode == "CMYK" and not what.has_icc
        small = [
            small_copy(path, what, size, fail_on="none", plain_inks=plain) for plain in ((False, True)[: 1 + inks])
        ]
        readings.append(small)
    yield from itertools.product(*readings)


def judge(figures: Resemblance) -> tuple[str, str] | None:
    """(code, detail) of what is wrong with a result that has these figures, or None."""
    plain = figures.source_contrast <= _PLAIN
    if not plain and (figures.contrast < _BLANK or figures.emptied > ALL_EMPTIED):
        return "result_blank", f"expected contrast {figures.source_contrast:.1f}, found {figures.contrast:.1f}"
    if figures.ssim < LEAST_SSIM:
        return "result_not_the_picture", f"expected SSIM of {LEAST_SSIM} at least, found {figures.ssim:.2f}"
    if figures.worst < LEAST_REGION:
        return "result_torn", f"expected SSIM of {LEAST_REGION} at least in each region, found {figures.worst:.2f}"
    # Before the gaps: a picture that is too bright as a whole differs in each region.
    if figures.colour > MOST_COLOUR:
        return "result_wrong_mode", f"the colours differ by {figures.colour:.0%} of their strength"
    if figures.tone > MOST_TONE:
        return "result_wrong_mode", f"the tones differ by {figures.tone:.0f} of 255"
    if figures.gap > MOST_GAP:
        return "result_torn", f"a region's brightness differs by {figures.gap:.0f} of 255"
    if figures.emptied > (SOME_EMPTIED if figures.gap > GAP_IF_EMPTIED else MUCH_EMPTIED):
        return "result_torn", f"{figures.emptied:.0%} of the detail gave way to one colour"
    return None


def plausible_size(size: int, info: ImageInfo) -> bool:
    """Whether a file of `size` bytes can hold a picture with detail of these dimensions: a coarse bound, both ways."""
    if info.pixels < _SMALL:
        return True
    samples = {"L": 1, "P": 1, "LA": 2, "RGB": 3, "RGBA": 4, "CMYK": 4}[info.mode]
    ceiling = _CEILINGS.get(info.format, 1.1 * samples * info.bit_depth / 8)
    return info.pixels * _FLOORS[info.format] <= size <= info.pixels * ceiling + _METADATA


def _turned(before: Image, after: Image) -> str | None:
    """Words for how the result is turned, if turning the source makes them the same picture."""
    from PIL.Image import Transpose

    turns = {
        "upside down": Transpose.ROTATE_180,
        "mirrored": Transpose.FLIP_LEFT_RIGHT,
        "mirrored top to bottom": Transpose.FLIP_TOP_BOTTOM,
        "turned to the left": Transpose.ROTATE_90,
        "turned to the right": Transpose.ROTATE_270,
    }
    for words, turn in turns.items():
        if compare(before.transpose(turn).resize(before.size), after).ssim >= TURNED_SSIM:
            return words
    return None
