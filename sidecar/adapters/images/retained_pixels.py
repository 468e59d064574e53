"""Adapter, images: the pixels of a small PNG, kept while it is checked: inflating them again would cost as much as all
else that is done with them. Pillow undoes the filters.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from isal import isal_zlib

from .formats import ImageInfo

if TYPE_CHECKING:
    from PIL.Image import Image

MOST_BYTES = 6 * 1024 * 1024  # of scanlines: 2 megapixels in 24 bits; three copies of them are held for a moment
_MOST_STORED = 0xFFFF  # bytes of a block that is not compressed
_MODES = ("L", "RGB")


@dataclass(frozen=True)
class KeptPixels:
    """Scanlines as they were inflated and checked, in pieces. `info` is that of the whole file."""

    pieces: Sequence[bytes]
    info: ImageInfo

    def image(self) -> Image:
        """The picture as stored: no profile, no orientation applied."""
        from PIL import Image

        # Pillow's decoder wants a zlib stream.
        mode = self.info.mode
        return Image.frombytes(mode, (self.info.width, self.info.height), _stored(self.pieces), "zip", mode, 0)


def _stored(pieces: Sequence[bytes]) -> bytes:
    """A zlib stream that stores and compresses nothing (RFC 1950, 2.2; RFC 1951, 3.2.4). By hand, because isal's
    checksum takes a seventh of the time of zlib's."""
    parts: list[bytes | memoryview] = [b"\x78\x01"]
    checksum = 1
    for piece in pieces:
        checksum = isal_zlib.adler32(piece, checksum)
        view = memoryview(piece)
        for at in range(0, len(view), _MOST_STORED):
            block = view[at : at + _MOST_STORED]
            parts += (struct.pack("<BHH", 0, len(block), len(block) ^ 0xFFFF), block)
    last = struct.pack("<BHH", 1, 0, 0xFFFF)
    return b"".join([*parts, last, struct.pack(">I", checksum)])


def may_be_kept(info: ImageInfo, scanline_bytes: int) -> bool:
    """Whether Pillow can make the picture from its scanlines alone, and they are few enough."""
    plain = info.mode in _MODES and info.bit_depth == 8 and not info.progressive
    return plain and scanline_bytes <= MOST_BYTES
