"""Adapter, images: the vocabulary. What a header says, what was bought, and how a refusal is worded.

Standard library only: a worker that verifies PNG loads no codec.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from ...core.errors import PermanentError
from ...core.formats import WEBP

# Beyond this, an ancillary PNG chunk is not metadata any more (the largest ICC profiles have about 4 MB).
MAX_METADATA = 16 * 1024 * 1024


@dataclass(frozen=True)
class ImageInfo:
    """What the header of an image says.

    Attributes:
        format: ``"png"``, ``"jpeg"`` or ``"webp"``.
        width, height: pixels as stored, before the EXIF orientation is applied.
        mode: Pillow's names: ``L``, ``LA``, ``RGB``, ``RGBA``, ``P``, ``CMYK``.
        bit_depth: bits per sample (of a palette: bits per index).
        has_alpha: an alpha channel, or a PNG's tRNS chunk.
        has_icc: an embedded ICC profile.
        orientation: EXIF 1 to 8; 1 if absent.
        progressive: a decoder has to hold the whole image (progressive JPEG, interlaced PNG).
    """

    format: str
    width: int
    height: int
    mode: str
    bit_depth: int = 8
    has_alpha: bool = False
    has_icc: bool = False
    orientation: int = 1
    progressive: bool = False

    @property
    def display_size(self) -> tuple[int, int]:
        """Width and height as a viewer shows them: orientations 5 to 8 lie on their side."""
        return (self.height, self.width) if self.orientation >= 5 else (self.width, self.height)

    @property
    def pixels(self) -> int:
        return self.width * self.height

    def decodable_within(self, megapixels: int) -> bool:
        """Whether a decoder works line by line, or holds (2 to 6 bytes a pixel) no more than so many megapixels."""
        return not (self.progressive or self.format == WEBP) or self.pixels <= megapixels * 1_000_000


@dataclass(frozen=True)
class Expected:
    """What was bought. Dimensions are exact, as stored in the file; `max_bytes` bounds the file itself."""

    width: int
    height: int
    formats: frozenset[str]
    max_bytes: int

    def check_format(self, found: str) -> None:
        if found not in self.formats:
            wanted = " or ".join(sorted(self.formats))
            raise PermanentError("result_wrong_format", f"expected {wanted}, found {found}")

    def check_size(self, width: int, height: int) -> None:
        """The bomb rule: nothing is inflated before the header's dimensions are the bought ones."""
        if (width, height) != (self.width, self.height):
            raise PermanentError(
                "result_wrong_dimensions",
                f"expected {self.width}x{self.height} pixels, found {width}x{height}",
            )


def corrupt(detail: str) -> PermanentError:
    return PermanentError("result_corrupt", detail)


def truncated(detail: str) -> PermanentError:
    return PermanentError("result_truncated", detail)


def exif_orientation(block: bytes) -> int:
    """Orientation (1 to 8) from an EXIF block (a TIFF header and its first directory); 1 if there is none.

    Broken EXIF is common and harmless to the pixels, so anything unreadable counts as "no orientation".
    Source: TIFF 6.0, section 2; EXIF 2.32, tag 0x0112 (SHORT, count 1).
    """
    block = block.removeprefix(b"Exif\0\0")
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(bytes(block[:4]))
    if order is None or len(block) < 8:
        return 1
    (directory,) = struct.unpack_from(order + "I", block, 4)
    if directory + 2 > len(block):
        return 1
    (entries,) = struct.unpack_from(order + "H", block, directory)
    for index in range(min(entries, 1000)):
        at = directory + 2 + 12 * index
        if at + 12 > len(block):
            return 1
        tag, kind, _count, value = struct.unpack_from(order + "HHIH", block, at)
        if tag == 0x0112 and kind == 3:
            return value if 1 <= value <= 8 else 1
    return 1
