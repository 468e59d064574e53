"""Adapter, images: the JPEG check, a push parser that walks the markers and skims the compressed data.

A JPEG carries no checksum: this finds truncation, broken structure, trailing bytes and lying headers,
but not a flipped bit among the coefficients. Source: ITU-T T.81, annex B; EXIF 2.32; ICC.1:2022 annex B.4.
"""

from __future__ import annotations

import mmap
import re
from dataclasses import replace

from ...core.errors import PermanentError
from ...core.formats import JPEG
from .formats import Expected, ImageInfo, corrupt, exif_orientation, orientation_fields, truncated
from .steps import Steps

_SOI, _EOI, _SOS, _DNL = 0xD8, 0xD9, 0xDA, 0xDC
_FRAMES = {0xC0, 0xC1, 0xC2}  # baseline, extended, progressive: what browsers show
_OTHER_FRAMES = {
    0xC3,
    0xC5,
    0xC6,
    0xC7,
    0xC9,
    0xCA,
    0xCB,
    0xCD,
    0xCE,
    0xCF,
}  # lossless, hierarchical, arithmetic
_APP1, _APP2 = 0xE1, 0xE2
_MODES = {1: "L", 3: "RGB", 4: "CMYK"}

# A marker among compressed data: 0xFF followed by neither a stuffed zero nor a restart marker.
_marker_in_scan = re.compile(rb"\xff[^\x00\xd0-\xd7]", re.DOTALL).search

# Ten scans are usual for a progressive image. Each one costs a decoder a pass over all coefficients.
_MAX_SCANS = 100


# Any other marker: what decoders look for between segments, and among compressed data.
_marker = re.compile(rb"\xff([^\x00\x01\xff\xd0-\xd8])", re.DOTALL).search
_MOST_COUNTED = 1_000_000


def scans(data: bytes | mmap.mmap) -> int:
    """How many scans a decoder finds in a JPEG, however odd it is otherwise: from marker to marker, as libjpeg goes."""
    found, at = 0, 2
    while found < _MOST_COUNTED and (marker := _marker(data, at)) and marker[1][0] != _EOI:
        found += marker[1][0] == _SOS
        at = marker.end() + max(2, int.from_bytes(data[marker.end() : marker.end() + 2], "big"))
    return found


class JpegParser(Steps):
    """Markers, segment lengths, one frame, scans, EOI, nothing behind it.

    `header_complete` is true at the first scan: size, mode, profile and orientation are known then.
    """

    def __init__(self, expected: Expected | None):
        super().__init__()
        self.info: ImageInfo | None = None
        self.header_complete = False
        self._expected = expected
        self._scanning = False
        self._after_ff = False  # the last byte of the previous piece was 0xFF, inside a scan
        self._scans = 0
        self._scan_bytes = 0
        self._blocks = 0  # 8x8 blocks of all components
        self._has_icc = False
        self._orientation: int | None = 1
        self._has_exif = False
        self._ended = False
        self._marker = _SOI
        self.want(2, self._start)

    def feed(self, data: memoryview) -> None:
        """The next bytes. Raises PermanentError ``result_corrupt``, ``result_wrong_format``,
        ``result_wrong_dimensions``."""
        at, end = 0, len(data)
        while at < end:
            at = self._scan(data, at) if self._scanning else self.take(data, at)

    def finish(self) -> ImageInfo:
        """Raises PermanentError ``result_truncated``."""
        if not self._ended or self.info is None:
            raise truncated(f"the JPEG ends after marker {self._marker:02X}, without its end marker")
        return self.info

    def _start(self, data: bytes) -> None:
        self.want(2, self._at_marker)

    def _at_marker(self, data: bytes) -> None:
        if data[0] != 0xFF:
            raise corrupt(f"expected a marker after marker {self._marker:02X}, found {data.hex(' ')}")
        self._at_code(data[1:])

    def _at_code(self, data: bytes) -> None:
        code = data[0]
        if code == 0xFF:  # fill byte before a marker
            self.want(1, self._at_code)
            return
        self._marker = code
        if code == _EOI:
            self._check_end()
            self.want(1, self.surplus)
        elif code < 0xC0 or 0xD0 <= code <= _SOI:
            raise corrupt(f"marker {code:02X} where a segment must begin")
        elif code in _OTHER_FRAMES:
            raise PermanentError("result_wrong_format", f"a JPEG process that browsers do not show (SOF {code:02X})")
        else:
            self.want(2, self._at_length)

    def _at_length(self, data: bytes) -> None:
        size = int.from_bytes(data, "big") - 2
        code = self._marker
        if size < 0 or code == _DNL:
            raise corrupt(f"the segment of marker {code:02X} is broken")
        if code in _FRAMES:
            self._want_body(size, self._at_frame)
        elif code == _SOS:
            self._want_body(size, self._at_scan)
        elif code in (_APP1, _APP2):
            self._want_body(size, self._at_metadata)
        else:
            self.skip(size, 2, self._at_marker)

    def _want_body(self, size: int, then) -> None:
        if size:
            self.want(size, then)
        else:
            then(b"")

    def _at_metadata(self, body: bytes) -> None:
        if self._marker == _APP1 and body.startswith(b"Exif"):
            # Of several segments, decoders take the first, or one that they like better.
            first = not self._has_exif and body.startswith(b"Exif\0\0")
            self._orientation = exif_orientation(body) if first else None
            self._has_exif = True
        elif self._marker == _APP2 and body.startswith(b"ICC_PROFILE\0"):
            self._has_icc = True
        if self.info is not None and not self.header_complete:
            self.info = replace(self.info, has_icc=self._has_icc, **orientation_fields(self._orientation))
        self.want(2, self._at_marker)

    def _at_frame(self, body: bytes) -> None:
        if self.info is not None:
            raise corrupt("a second frame header")
        if len(body) < 6 or len(body) != 6 + 3 * body[5]:
            raise corrupt("the frame header has the wrong length")
        depth, components = body[0], body[5]
        height, width = int.from_bytes(body[1:3], "big"), int.from_bytes(body[3:5], "big")
        if depth != 8 or components not in _MODES:
            raise PermanentError(
                "result_wrong_format",
                f"a JPEG of {components} components and {depth} bits that browsers do not show",
            )
        factors = [(body[at] >> 4, body[at] & 15) for at in range(7, len(body), 3)]
        if not width or not height or any(not (0 < h <= 4 and 0 < v <= 4) for h, v in factors):
            raise corrupt(f"the frame header claims {width}x{height} pixels, sampling {factors}")
        widest, tallest = max(h for h, _ in factors), max(v for _, v in factors)
        self._blocks = sum(-(-width * h // (8 * widest)) * -(-height * v // (8 * tallest)) for h, v in factors)
        self.info = ImageInfo(
            JPEG, width, height, _MODES[components], has_icc=self._has_icc,
            progressive=self._marker == 0xC2, **orientation_fields(self._orientation),
        )  # fmt: skip
        if self._expected is not None:
            self._expected.check_size(width, height)
        self.want(2, self._at_marker)

    def _at_scan(self, body: bytes) -> None:
        if self.info is None:
            raise corrupt("a scan before the frame header")
        if not body or len(body) != 4 + 2 * body[0]:
            raise corrupt("the scan header has the wrong length")
        self._scans += 1
        if self._scans > _MAX_SCANS:
            raise corrupt(f"more than {_MAX_SCANS} scans")
        self.header_complete = True
        self._scanning = True

    def _scan(self, data: memoryview, at: int) -> int:
        """Skims compressed data to the next marker; returns the position after that marker's code."""
        if self._after_ff:
            self._after_ff = False
            code = data[at]
            if code == 0 or 0xD0 <= code <= 0xD7:
                self._scan_bytes += 2
                return at + 1
            return self._leave_scan(code, at + 1)
        found = _marker_in_scan(data, at)
        if found:
            self._scan_bytes += found.start() - at
            return self._leave_scan(data[found.end() - 1], found.end())
        end = len(data)
        # No match, so an 0xFF at the very end has its second byte still to come.
        self._after_ff = data[end - 1] == 0xFF
        self._scan_bytes += end - at
        return end

    def _leave_scan(self, code: int, at: int) -> int:
        self._scanning = False
        self._at_code(bytes((code,)))
        return at

    def _check_end(self) -> None:
        if self.info is None or not self._scans:
            raise corrupt("the end marker comes before any picture")
        # The shortest Huffman code has one bit: a block of a sequential scan takes two (DC, end of block),
        # of a progressive first scan one. Fewer bytes than that cannot be the whole picture.
        bits = 1 if self.info.progressive else 2
        if self._scan_bytes * 8 < self._blocks * bits:
            raise corrupt(f"expected {self._blocks} blocks, found {self._scan_bytes} bytes for them")
        self._ended = True
