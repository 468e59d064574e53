"""Core: what is said of a picture: what its header tells, and what was bought."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from .errors import PermanentError
from .formats import WEBP

MOST_PASSES = 4_000_000_000  # pixels times scans: some seconds. Ten scans are usual, and 16 bytes are enough for one


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
        scans: of a progressive JPEG, each of which costs a decoder a pass over all pixels; 1 where nobody has counted.
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
    scans: int = field(default=1, compare=False)
    doubtful: bool = False

    @property
    def display_size(self) -> tuple[int, int]:
        """Width and height as a viewer shows them: orientations 5 to 8 lie on their side."""
        return (self.height, self.width) if self.orientation >= 5 else (self.width, self.height)

    @property
    def pixels(self) -> int:
        return self.width * self.height

    def decodable_within(self, megapixels: int) -> bool:
        """Whether a decoder works line by line, or holds (2 to 6 bytes a pixel) no more than so many megapixels, and
        does not pass over them for minutes: nothing ends it before it is done."""
        at_once = self.pixels <= megapixels * 1_000_000 and self.pixels * self.scans <= MOST_PASSES
        return at_once or not (self.progressive or self.format == WEBP)


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
        """Raises PermanentError result_wrong_format."""
        if found not in self.formats:
            wanted = " or ".join(sorted(self.formats))
            raise PermanentError("result_wrong_format", f"expected {wanted}, found {found}")

    def check_size(self, width: int, height: int) -> None:
        """The bomb rule: nothing is inflated before the header's dimensions are the bought ones. Raises PermanentError
        result_wrong_dimensions."""
        if max(abs(width - self.width), abs(height - self.height)) > self.off_by:
            raise PermanentError(
                "result_wrong_dimensions",
                f"expected {self.width}x{self.height} pixels, found {width}x{height}",
            )


class JpegFile(Protocol):
    """A temp file that grows while its bytes are hashed, as `workflow.ports.Incoming`."""

    @property
    def path(self) -> Path: ...
    @property
    def sha256(self) -> str: ...
    def write(self, chunk: bytes, /) -> None: ...
    def close(self) -> None: ...
    def discard(self) -> None: ...
    @property
    def bytes(self) -> int: ...


@dataclass(frozen=True)
class AsJpeg:
    """An order: while a picture is checked, make a JPEG of it in the file that `open` gives, if the picture has this
    `size` (width, height as stored, px). `quality`: libjpeg's, 1 to 100."""

    quality: int
    size: tuple[int, int]
    open: Callable[[], JpegFile]


@dataclass(frozen=True)
class Converted:
    """A picture in another format, whole and on the disk."""

    path: Path
    bytes: int
    sha256: str
    info: ImageInfo
