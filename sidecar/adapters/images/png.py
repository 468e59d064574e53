"""Adapter, images: the PNG check, a push parser over its chunks that never holds the picture.

Source of all rules: PNG specification, third edition (W3C, 2025).
"""

from __future__ import annotations

import struct
from dataclasses import replace
from typing import TYPE_CHECKING

from isal import isal_zlib

from ...core.errors import PermanentError
from ...core.formats import PNG
from .formats import (
    MAX_METADATA,
    MAX_PROFILE,
    MAX_SURPLUS,
    Expected,
    ImageInfo,
    corrupt,
    exif_orientation,
    orientation_fields,
    truncated,
)
from .scanlines import PIECE, Scanlines
from .sniff import PNG_SIGNATURE

if TYPE_CHECKING:
    from .byproducts import Byproducts

# (mode, channels, allowed bit depths) by colour type; section 11.2.1.
_COLOURS = {
    0: ("L", 1, (1, 2, 4, 8, 16)),
    2: ("RGB", 3, (8, 16)),
    3: ("P", 1, (1, 2, 4, 8)),
    4: ("LA", 2, (8, 16)),
    6: ("RGBA", 4, (8, 16)),
}
MAX_EXIF = 64 * 1024
_CRC_IDAT = isal_zlib.crc32(b"IDAT")

_head = struct.Struct(">I4s").unpack_from
_tail_and_head = struct.Struct(">II4s").unpack_from
_crc32 = isal_zlib.crc32


class PngParser:
    """Signature, order and CRC of every chunk, the palette's rules, the scanlines, and nothing after IEND.

    `header_complete` is true once the first IDAT chunk is reached: everything in `info` is known then.
    With `expected` None only the header is of interest, and pixel data are not inflated.
    """

    def __init__(self, expected: Expected | None, byproducts: Byproducts | None = None):
        self.info: ImageInfo | None = None
        self.header_complete = False
        self.surplus_bytes = 0  # behind the end
        self._expected = expected
        self._byproducts = byproducts
        self._read: dict[bytes, bytes] = {}  # bodies of chunks that byproducts need
        self._gap = bytearray()  # what was seen of the bytes between two chunk bodies
        self._gap_size = len(PNG_SIGNATURE) + 8
        self._type = b""
        self._left = 0  # bytes of the current chunk's body still to come
        self._crc = 0
        self._kept: bytearray | None = None  # body of the few small chunks that are read
        self._scanlines: Scanlines | None = None
        self._seen: set[bytes] = set()
        self._colour = 0
        self._depth = 0
        self._ended = False

    def feed(self, data: memoryview) -> None:
        """The next bytes. Raises PermanentError ``result_corrupt``, ``result_not_an_image``,
        ``result_wrong_dimensions``."""
        at, end = 0, len(data)
        while at < end:
            if self._left:
                piece = data[at : at + min(self._left, PIECE)]
                self._crc = _crc32(piece, self._crc)
                if self._type == b"IDAT":
                    if self._scanlines is not None:
                        self._scanlines.feed(piece)
                elif self._kept is not None:
                    self._kept += piece
                at += len(piece)
                self._left -= len(piece)
            elif not self._gap and self._gap_size == 12 and end - at >= 12:
                # The common case, kept short: some encoders write a chunk for each 8 KB.
                crc, size, kind = _tail_and_head(data, at)
                at += 12
                self._end_chunk(crc)
                self._begin_chunk(size, kind)
            elif self._gap_size:
                piece = data[at : at + self._gap_size - len(self._gap)]
                self._gap += piece
                at += len(piece)
                if len(self._gap) == self._gap_size:
                    self._cross_gap()
            else:
                self.surplus_bytes += end - at
                if self.surplus_bytes > MAX_SURPLUS:
                    raise corrupt(f"more than {MAX_SURPLUS} bytes follow the end of the image")
                return

    def finish(self) -> ImageInfo:
        """Raises PermanentError ``result_truncated``."""
        if not self._ended or self.info is None:
            where = self._type.decode("ascii", "replace") or "signature"
            raise truncated(f"the PNG ends in or after its {where} chunk, without IEND")
        return self.info

    @property
    def surplus_inside(self) -> int:
        """Bytes within and behind the compressed data that are no pixels: a decoder passes over them."""
        return self._scanlines.surplus if self._scanlines is not None else 0

    def _cross_gap(self) -> None:
        gap, self._gap = bytes(self._gap), bytearray()
        if self._gap_size == 16:
            if not gap.startswith(PNG_SIGNATURE):
                raise PermanentError("result_not_an_image", "the PNG signature is damaged")
            self._begin_chunk(*_head(gap, 8))
        elif self._gap_size == 12:
            crc, size, kind = _tail_and_head(gap)
            self._end_chunk(crc)
            self._begin_chunk(size, kind)
        else:
            self._end_chunk(int.from_bytes(gap, "big"))
            self._gap_size = 0
            self._ended = True

    def _begin_chunk(self, size: int, kind: bytes) -> None:
        if kind == b"IDAT" and self._type == b"IDAT":
            self._left, self._crc = size, _CRC_IDAT
            if size >> 31:
                raise corrupt("a chunk claims more than 2 GiB")
            return
        if not (kind.isalpha() and kind.isascii()) or size >> 31:
            raise corrupt(f"a chunk header is damaged ({kind.hex(' ')}, {size} bytes)")
        self._check_order(kind, size)
        self._type, self._left, self._crc = kind, size, _crc32(kind)
        self._seen.add(kind)
        self._gap_size = 4 if kind == b"IEND" else 12
        if kind == b"iCCP" and self.info is not None and not self.header_complete:
            self.info = replace(self.info, has_icc=True)
        # What stands behind the pixels comes too late for decoders to heed it.
        exif = kind == b"eXIf" and not self.header_complete
        if exif and size > MAX_EXIF and self.info is not None:
            self.info = replace(self.info, doubtful=True)
        small = kind in (b"IHDR", b"PLTE", b"tRNS") or (exif and size <= MAX_EXIF)
        if self._byproducts is not None and not self.header_complete:
            small = small or kind == b"pHYs" or (kind == b"iCCP" and size <= MAX_PROFILE)
        self._kept = bytearray() if small else None

    def _check_order(self, kind: bytes, size: int) -> None:
        """Chunk order and sizes, sections 5.6 and 11; runs before the chunk's body is read."""
        name, seen = kind.decode("ascii"), self._seen
        if (kind == b"IHDR") != (not self._type) or (kind == b"IHDR" and size != 13):
            raise corrupt(f"expected one IHDR chunk of 13 bytes first, found {name} of {size} bytes")
        if kind in (b"PLTE", b"tRNS", b"IDAT", b"iCCP", b"eXIf") and kind in seen:
            raise corrupt(f"a second {name} chunk, or {name} chunks that are not consecutive")
        if kind == b"IEND":
            if b"IDAT" not in seen or size:
                raise corrupt("IEND comes before the pixels, or is not empty")
            if self._scanlines is not None:
                self._scanlines.finish()
        elif kind == b"IDAT":
            if self._colour == 3 and b"PLTE" not in seen:
                raise corrupt("a palette image without a palette")
            self.header_complete = True
            self._hand_on_pixels()
        elif kind == b"PLTE":
            most = 3 << (self._depth if self._colour == 3 else 8)
            if b"IDAT" in seen or b"tRNS" in seen or self._colour in (0, 4):
                raise corrupt("a palette where none may be")
            if not size or size % 3 or size > most:
                raise corrupt(f"a palette of {size} bytes, at most {most} in threes are allowed")
        elif kind == b"tRNS":
            self._check_transparency(size)
        elif not kind[0] & 0x20 and kind != b"IHDR":
            raise corrupt(f"an unknown critical chunk {name}")
        elif size > MAX_METADATA:
            raise corrupt(f"the {name} chunk has {size} bytes, at most {MAX_METADATA} are accepted")

    def _check_transparency(self, size: int) -> None:
        most = 1 << self._depth
        fits = {0: size == 2, 2: size == 6, 3: 0 < size <= min(most, 256)}.get(self._colour, False)
        if not fits or b"IDAT" in self._seen or (self._colour == 3 and b"PLTE" not in self._seen):
            raise corrupt(f"a tRNS chunk of {size} bytes where it may not be")

    def _end_chunk(self, crc: int) -> None:
        if crc != self._crc:
            raise corrupt(f"the checksum of a {self._type.decode('ascii')} chunk does not match its data")
        if self._kept is None:
            return
        body, self._kept = bytes(self._kept), None
        if self._type == b"IHDR":
            self._read_header(body)
        elif self._type == b"eXIf" and self.info is not None:
            # With a JPEG's prefix, some decoders read it and some do not.
            self.info = replace(
                self.info, **orientation_fields(exif_orientation(body) if not body.startswith(b"Exif") else None)
            )
        elif self._type == b"tRNS" and self.info is not None:
            self.info = replace(self.info, has_alpha=True)

        elif self._type in (b"iCCP", b"pHYs"):
            self._read[self._type] = body

    def _hand_on_pixels(self) -> None:
        info, profile = self.info, self._read.get(b"iCCP")
        if self._byproducts is None or self._scanlines is None or info is None or info.has_icc != bool(profile):
            return
        self._scanlines.take = self._byproducts.begin(info, profile, _density(self._read.get(b"pHYs", b"")))

    def _read_header(self, body: bytes) -> None:
        info = info_of(body)
        if info is None:
            raise corrupt(f"the header is not PNG's: {body.hex(' ')}")
        self.info, self._colour, self._depth = info, body[9], info.bit_depth
        if self._expected is not None:
            self._expected.check_size(info.width, info.height)
            bits = info.bit_depth * _COLOURS[self._colour][1]
            self._scanlines = Scanlines(info.width, info.height, bits, info.progressive)


def info_of(header: bytes) -> ImageInfo | None:
    """What the body of an IHDR chunk (13 bytes; section 11.2.1) says, None if it can't be one."""
    width, height, depth, colour, compression, filtering, interlace = struct.unpack(">IIBBBBB", header)
    mode, _, depths = _COLOURS.get(colour, ("", 0, ()))
    fits = depth in depths and not compression and not filtering and interlace <= 1
    if not (fits and 0 < width < 1 << 31 and 0 < height < 1 << 31):
        return None
    return ImageInfo(PNG, width, height, mode, depth, has_alpha=colour in (4, 6), progressive=bool(interlace))


def _density(body: bytes) -> tuple[int, int] | None:
    """Pixels an inch (pHYs, section 11.3.4.3)."""
    if len(body) != 9 or body[8] != 1:
        return None
    across, down = struct.unpack(">II", body[:8])
    density = round(across * 0.0254), round(down * 0.0254)
    return density if min(density) > 0 and max(density) <= 0xFFFF else None
