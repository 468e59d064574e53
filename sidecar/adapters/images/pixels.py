"""Adapter, images: what a decoder can find beyond the push parser, in bounded memory."""

from __future__ import annotations

from pathlib import Path

from ...core.formats import JPEG, PNG
from . import vips
from .formats import ImageInfo, corrupt


def verify_pixels(path: Path, info: ImageInfo, *, decode_limit_mp: int = 50) -> None:
    """Decodes a complete file as far as memory allows; raises PermanentError ``result_corrupt``.

    - PNG: nothing to add, the push parser has seen every byte through two checksums.
    - JPEG, sequential: every Huffman code is read, at an eighth of the size, in constant memory.
    - JPEG, progressive, and WebP: decoders hold the whole picture (2 to 6 bytes for each pixel and more),
      so only up to `decode_limit_mp` megapixels; beyond that the push parser's verdict stands.
    """
    if info.format == PNG or not info.decodable_within(decode_limit_mp):
        return
    pyvips = vips.load()
    options = {"shrink": 8} if info.format == JPEG else {}
    try:
        with vips.opened(path, info.format, fail_on="warning", **options) as image:
            image.avg()
    except pyvips.Error as error:
        raise corrupt(f"the {info.format} cannot be decoded ({vips.first_line(error)})") from error
