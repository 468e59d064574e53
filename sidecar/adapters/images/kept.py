"""Adapter, images: the pixels of a small PNG, kept while it is checked: inflating them again would cost as much as all
else that is done with them. Pillow undoes the filters.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .facts import ImageFacts

if TYPE_CHECKING:
    from PIL.Image import Image

MOST_BYTES = 6 * 1024 * 1024  # of scanlines: 2 megapixels in 24 bits; three copies of them are held for a moment
_MODES = ("L", "RGB")


@dataclass(frozen=True)
class KeptPixels:
    """Scanlines as they were inflated and checked, in pieces. `facts` are those of the whole file."""

    pieces: Sequence[bytes]
    facts: ImageFacts

    def image(self) -> Image:
        """The picture as stored: no profile, no orientation applied."""
        from PIL import Image

        # Pillow's decoder wants a zlib stream: one that stores and compresses nothing.
        packer = zlib.compressobj(0)
        stream = b"".join([*map(packer.compress, self.pieces), packer.flush()])
        mode = self.facts.mode
        return Image.frombytes(mode, (self.facts.width, self.facts.height), stream, "zip", mode, 0)


def may_be_kept(facts: ImageFacts, scanline_bytes: int) -> bool:
    """Whether Pillow can make the picture from its scanlines alone, and they are few enough."""
    plain = facts.mode in _MODES and facts.bit_depth == 8 and not facts.progressive
    return plain and scanline_bytes <= MOST_BYTES
