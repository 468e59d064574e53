"""Adapter, images: a source that is too large for Upsampler, made smaller so that the paid size still comes out.

Enlarging a copy of w/k x h/k pixels by k times the factor gives the paid pixels again. Upsampler takes whole factors
only, so the copy's sides must divide the paid ones exactly; where no factor does, the nearest is taken and the result
has to be resized to the paid size (`exact` is False then).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from ...core.errors import PermanentError
from ...core.formats import JPEG, WEBP
from . import vips
from .convert import convert, flattened_to_eight_bits, must_be_decodable, resized, save
from .formats import ImageInfo
from .source import read_header

_QUALITIES = (92, 85, 78, 70)  # from what nobody sees to what an enlarger still forgives


@dataclass(frozen=True)
class Compressed:
    """`path` holds `bytes` bytes; enlarged by `factor` it gives the paid size, if `exact`, else nearly."""

    path: Path
    format: str
    width: int
    height: int
    factor: int
    bytes: int
    exact: bool


def compress_source(
    source: Path, target: Path, *, max_bytes: int, max_pixels: int | None, factor: int, max_factor: int = 16
) -> Compressed:
    """Writes a copy of `source` within both limits to `target`.

    1. same pixels, better compressed: JPEG at falling qualities; WebP if there is an alpha channel to keep;
    2. fewer pixels and a higher factor, the nearest to the given one first; sides that divide exactly before others.

    The paid size is the source's width and height as stored, times `factor`; orientation and profile are kept.
    Raises PermanentError ``source_too_large`` if not even `max_factor` is enough, ``source_not_an_image``,
    ``source_unsupported``, ``conversion_failed``; ConfigurationError ``disk_full``.
    """
    info = read_header(source)
    must_be_decodable(info)
    # Not every source with an alpha channel needs it, but to know would take another pass over its pixels.
    format = WEBP if info.has_alpha and max(info.width, info.height) <= 16383 else JPEG
    if max_pixels is None or info.pixels <= max_pixels:
        for quality in _QUALITIES:
            written = convert(source, target, format=format, quality=quality, fail_on="none")
            if target.stat().st_size <= max_bytes:
                return _done(target, written, factor, exact=True)
    paid = (info.width * factor, info.height * factor)
    for higher, exact in _factors(paid, factor, max_factor):
        size = (max(1, round(paid[0] / higher)), max(1, round(paid[1] / higher)))
        if max_pixels is not None and size[0] * size[1] > max_pixels:
            continue
        for quality in _QUALITIES[:2]:
            written = _scaled(source, target, info, size, format, quality)
            if target.stat().st_size <= max_bytes:
                return _done(target, written, higher, exact=exact)
    target.unlink(missing_ok=True)
    raise PermanentError(
        "source_too_large",
        f"{info.width}x{info.height} at factor {factor} does not fit into {max_bytes} bytes and "
        f"{max_pixels or 'any number of'} pixels, not even at factor {max_factor}",
    )


def can_fit(info: ImageInfo, *, max_pixels: int, factor: int, max_factor: int = 16) -> bool:
    """Whether any copy has so few pixels: nothing of a picture need be decoded to know that."""
    return info.pixels * factor**2 <= max_pixels * max_factor**2


def _factors(paid: tuple[int, int], factor: int, max_factor: int) -> list[tuple[int, bool]]:
    """Factors above the given one with whether they divide the paid size: exact ones first, each kind from below."""
    divisor = math.gcd(*paid)
    candidates = [(higher, divisor % higher == 0) for higher in range(factor + 1, max_factor + 1)]
    return sorted(candidates, key=lambda candidate: (not candidate[1], candidate[0]))


def _scaled(source: Path, target: Path, info: ImageInfo, size: tuple[int, int], format: str, quality: int) -> ImageInfo:
    pyvips = vips.load()
    with (
        vips.translated(target, f"scaling to {size[0]}x{size[1]}", pyvips),
        vips.opened(source, info.format, fail_on="none") as image,
    ):
        save(resized(flattened_to_eight_bits(image, format), size), target, format, quality)
        return read_header(target)


def _done(target: Path, written: ImageInfo, factor: int, *, exact: bool) -> Compressed:
    size = target.stat().st_size
    return Compressed(target, written.format, written.width, written.height, factor, size, exact)
