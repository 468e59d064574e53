"""Adapter, images: the vocabulary. What a header says, what was bought, and how a refusal is worded.

Standard library only: a worker that verifies PNG loads no codec.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

from ...core.errors import PermanentError
from ...core.formats import WEBP

# Beyond this, an ancillary PNG chunk is not metadata any more (the largest ICC profiles have about 4 MB).
MAX_METADATA = 16 * 1024 * 1024

# Bytes behind the end of a result that are cut off: a line break, padding to a word. More are a sign of worse.
MAX_SURPLUS = 16


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
        doubtful: the metadata are such that decoders may read another orientation out of them.
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
    doubtful: bool = False

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
    """What was bought. Dimensions as stored in the file; `max_bytes` bounds the file itself. `off_by`: by how many
    pixels a side may differ all the same: many enlargers round."""

    width: int
    height: int
    formats: frozenset[str]
    max_bytes: int
    off_by: int = 0

    def check_format(self, found: str) -> None:
        if found not in self.formats:
            wanted = " or ".join(sorted(self.formats))
            raise PermanentError("result_wrong_format", f"expected {wanted}, found {found}")

    def check_size(self, width: int, height: int) -> None:
        """The bomb rule: nothing is inflated before the header's dimensions are the bought ones."""
        if max(abs(width - self.width), abs(height - self.height)) > self.off_by:
            raise PermanentError(
                "result_wrong_dimensions",
                f"expected {self.width}x{self.height} pixels, found {width}x{height}",
            )


def corrupt(detail: str) -> PermanentError:
    return PermanentError("result_corrupt", detail)


def truncated(detail: str) -> PermanentError:
    return PermanentError("result_truncated", detail)


def exif_orientation(block: bytes) -> int | None:
    """Orientation (1 to 8) from an EXIF block (a TIFF header and its first directory); 1 if it names none.

    None if the block is so odd that decoders differ about it: broken EXIF is common, and harmless to the pixels.
    Source: TIFF 6.0, section 2; EXIF 2.32, tag 0x0112 (SHORT, count 1).
    """
    block = block.removeprefix(b"Exif\0\0")
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(bytes(block[:4]))
    if order is None or len(block) < 10:
        return None
    (directory,) = struct.unpack_from(order + "I", block, 4)
    if not 8 <= directory <= len(block) - 2:
        return None
    (entries,) = struct.unpack_from(order + "H", block, directory)
    if directory + 2 + 12 * entries > len(block):
        return None
    found = [
        (kind, count, value)
        for tag, kind, count, value in struct.iter_unpack(
            order + "HHIHxx", block[directory + 2 : directory + 2 + 12 * entries]
        )
        if tag == 0x0112
    ]
    if not found:
        return 1
    kind, count, value = found[0]
    return value if len(found) == 1 and kind == 3 and count == 1 and 1 <= value <= 8 else None


def told(orientation: int | None) -> dict[str, Any]:
    """The fields of ImageInfo that say which orientation there is, or that nobody can be sure."""
    return {"orientation": orientation or 1, "doubtful": orientation is None}
