"""Adapter, images: the scanlines of a PNG, as they are inflated, become pictures of some lines each. Pillow undoes the
filters; nothing is inflated twice.

Source: PNG specification, third edition (W3C, 2025), section 9.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from isal import isal_zlib

from ..behind import begun
from .formats import ImageInfo

if TYPE_CHECKING:
    from PIL.Image import Image

STEP = 16  # lines of a strip are a multiple of it: a JPEG's blocks, and those of a reduced copy, end where it does
STRIP_BYTES = 3 << 20  # of scanlines: a megapixel in 24 bits; some copies of them are held for a moment
_MOST_WHOLE = 2 * STRIP_BYTES  # up to here, a picture is one strip
_MOST_STRIDE = STRIP_BYTES // STEP * 4  # bytes of a line; beyond it a strip of STEP lines would be too large
_MOST_STORED = 0xFFFF  # bytes of a block that is not compressed
_CHANNELS = {"L": 1, "LA": 2, "RGB": 3, "RGBA": 4}


@dataclass(frozen=True)
class Strip:
    """`image`: L or RGB, on white where it is seen through. `alpha`: how far it is not, None for a picture without."""

    image: Image
    alpha: Image | None
    last: bool


class Gathered(NamedTuple):
    """The scanlines of a strip."""

    rows: bytes
    high: int
    last: bool


def can_be_cut(info: ImageInfo) -> bool:
    """Whether the picture can be made from its scanlines strip by strip: 8 bits, grey or colour, alpha as a channel."""
    channels = _CHANNELS.get(info.mode, 0)
    plain = info.bit_depth == 8 and not info.progressive and info.has_alpha == (channels in (2, 4))
    return plain and bool(channels) and info.width * channels <= _MOST_STRIDE


class Strips:
    """Takes scanlines in pieces, hands on strips. Memory: a few times `STRIP_BYTES`.

    Where there are several strips, a thread makes and hands on one while the next is gathered: inflating, encoding and
    undoing filters leave the interpreter to each other.
    """

    def __init__(self, info: ImageInfo, take: Callable[[Strip], None]):
        self._info, self._take = info, take
        self._stride = 1 + info.width * _CHANNELS[info.mode]
        whole = self._stride * info.height <= _MOST_WHOLE
        self.lines = info.height if whole else max(STEP, STRIP_BYTES // self._stride // STEP * STEP)
        self._left = info.height  # lines that belong to later strips
        self._pieces: list[bytes] = []
        self._missing = 0  # bytes until the strip is complete
        self._above = b""  # the line above the strip, which filters may refer to
        self._begin()
        self._behind = begun(self._hand_on, most=1, name="strips") if self._left else None

    def feed(self, rows: bytes) -> None:
        """The next bytes of the scanlines; no more than there are."""
        while len(rows) > self._missing:
            head, rows = rows[: self._missing], rows[self._missing :]
            self._add(head)
        self._add(rows)

    def finish(self) -> None:
        """All strips have been handed on when this returns. Raises what their taker raised, as `feed` does."""
        if self._behind:
            self._behind.end()

    def discard(self) -> None:
        """No strip is handed on any more. Safe to repeat."""
        if self._behind:
            self._behind.cancel()

    def _add(self, rows: bytes) -> None:
        if rows:
            self._pieces.append(rows)
            self._missing -= len(rows)
            if not self._missing:
                self._end()

    def _begin(self) -> None:
        self._high = min(self.lines, self._left)
        self._left -= self._high
        self._missing = self._high * self._stride

    def _end(self) -> None:
        gathered = Gathered(b"".join(self._pieces), self._high, not self._left)
        self._pieces = []
        self._begin()
        if self._behind:
            self._behind.put(gathered)
        else:
            self._hand_on(gathered)

    def _hand_on(self, gathered: Gathered) -> None:
        image = self._unfiltered(gathered.rows, gathered.high)
        if not gathered.last:
            self._above = image.crop((0, gathered.high - 1, image.width, gathered.high)).tobytes()
        self._take(_on_white(image, gathered.last))

    def _unfiltered(self, rows: bytes, high: int) -> Image:
        from PIL import Image

        width, mode = self._info.width, self._info.mode
        if not any(rows[:: self._stride]):  # filter type 0 throughout, as libvips and sharp write it by default
            return Image.frombytes(mode, (width, high), memoryview(rows)[1:], "raw", mode, self._stride)
        # Pillow's decoder wants a zlib stream.
        stream = _stored([b"\0" + self._above, rows] if self._above else [rows])
        image = Image.frombytes(mode, (width, high + bool(self._above)), stream, "zip", mode, 0)
        return image.crop((0, 1, width, high + 1)) if self._above else image


def _on_white(image: Image, last: bool) -> Strip:
    if image.mode in ("L", "RGB"):
        return Strip(image, None, last)
    from PIL import Image

    alpha = image.getchannel("A")
    colours = Image.new(image.mode[:-1], image.size, "white")
    colours.paste(image.convert(colours.mode), mask=alpha)
    return Strip(colours, alpha, last)


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
