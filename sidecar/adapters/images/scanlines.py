"""Adapter, images: the pixels of a PNG, inflated and counted, handed on but never held.

Source: PNG specification, third edition (W3C, 2025), sections 7 to 10.
"""

from __future__ import annotations

from collections.abc import Callable

from isal import isal_zlib

from .formats import MAX_SURPLUS, corrupt

# Adam7: (x start, y start, x step, y step) of the seven passes; section 8.
_ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))

# Bytes given to the inflater and taken from it at a time, whatever the compression ratio: the bound against bombs.
# With other sizes the allocator gives memory back to the system and asks for it again at each call (measured: up
# to 40 % slower). Smaller input, such as libpng's chunks of 8 KB, is gathered up to it.
PIECE = 64 * 1024
_FILTERS = bytes(range(5))  # section 9.2: none, sub, up, average, Paeth


class Scanlines:
    """Inflates IDAT data and holds it against the geometry of the header.

    Every scanline is one filter byte (0 to 4) and ``ceil(width * bits per pixel / 8)`` bytes; the stream must
    hold exactly the scanlines of the image (interlaced: of its seven reduced images), and end there.
    """

    def __init__(self, width: int, height: int, bits_per_pixel: int, interlaced: bool):
        # Scanlines still to come, as [bytes left, stride]; reduced images without pixels do not exist.
        self._passes: list[list[int]] = []
        for x, y, dx, dy in reversed(_ADAM7 if interlaced else ((0, 0, 1, 1),)):
            columns, rows = -((x - width) // dx), -((y - height) // dy)
            if columns > 0 and rows > 0:
                stride = 1 + (columns * bits_per_pixel + 7) // 8
                self._passes.append([stride * rows, stride])
        self.bytes_needed = sum(size for size, _ in self._passes)
        self._to_filter = 0  # bytes until the next filter byte
        self._inflater = isal_zlib.decompressobj()
        self._gathered = memoryview(bytearray(2 * PIECE))
        self._filled = 0
        self.surplus = 0
        self.take: Callable[[bytes], None] | None = None  # gets the scanlines as they are counted

    def feed(self, piece: memoryview) -> None:
        """The next compressed bytes, at most `PIECE` of them."""
        filled = self._filled
        if not filled and len(piece) == PIECE:
            self._inflate(piece)
            return
        until = filled + len(piece)
        self._gathered[filled:until] = piece
        if until >= PIECE:
            self._inflate(self._gathered[:until])
            until = 0
        self._filled = until

    def _inflate(self, piece: bytes | memoryview) -> None:
        inflater = self._inflater
        if inflater.eof:
            self._pass_over(len(piece), PIECE, "the compressed data go on after their end")
            return
        try:
            while True:  # ends: each turn takes in or gives out; what it gives out is counted and bounded
                pixels = inflater.decompress(piece, PIECE)
                sound = self._count(pixels)
                if self.take is not None:
                    self.take(pixels if sound == len(pixels) else pixels[:sound])
                piece = inflater.unconsumed_tail
                if not piece and len(pixels) < PIECE:
                    break
        except isal_zlib.error as error:  # type: ignore[misc]  # its stubs do not say what it derives from
            raise corrupt(f"the compressed data cannot be inflated ({error})") from error
        if inflater.unused_data:
            self._pass_over(len(inflater.unused_data), PIECE, "the compressed data go on after their end")

    def finish(self) -> None:
        """The compressed data are over. Raises PermanentError ``result_corrupt`` when the picture is not."""
        if self._filled:
            self._inflate(self._gathered[: self._filled])
        if self._passes:
            missing = sum(size for size, _ in self._passes)
            raise corrupt(f"expected {self.bytes_needed} bytes of scanlines, found {self.bytes_needed - missing}")
        if not self._inflater.eof:
            raise corrupt("the compressed data have no end, so their checksum is missing")

    def _pass_over(self, size: int, most: int, fault: str) -> None:
        """Bytes that are no pixels. A few are an encoder's slip, and cost nothing but the file's rewriting."""
        self.surplus += size
        if self.surplus > most:
            raise corrupt(fault)

    def _count(self, pixels: bytes) -> int:
        """How many of them belong to the picture."""
        at, end = 0, len(pixels)
        while at < end:
            if not self._passes:
                self._pass_over(end - at, MAX_SURPLUS, f"expected {self.bytes_needed} bytes of scanlines, found more")
                return at
            current = self._passes[-1]
            left, stride = current
            until = min(end, at + left)
            first = at + self._to_filter
            if first < until:
                filters = pixels[first:until:stride]
                if filters.translate(None, _FILTERS):
                    raise corrupt("a scanline has an unknown filter type")
                self._to_filter = first + len(filters) * stride - until
            else:
                self._to_filter = first - until
            current[0] = left - (until - at)
            if not current[0]:
                self._passes.pop()
            at = until
        return end
