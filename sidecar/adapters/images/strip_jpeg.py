"""Adapter, images: a JPEG written strip by strip, in bounded memory. Each strip is encoded by itself and becomes one
restart interval: the decoder's prediction starts anew there, as at the start of a file.

Source: ITU-T T.81, B.2.4.4 (DRI) and E.1.3 (RSTm).
"""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from typing import Any

from ...core.formats import JPEG
from .formats import Expected, ImageInfo
from .jpeg import JpegParser
from .strips import Strip

MOST_SIDE = 65500  # libjpeg's bound
_SOF0, _EOI, _SOS, _DRI, _RST0 = 0xC0, 0xD9, 0xDA, 0xDD, 0xD0


class StripJpeg:
    """Writes the file to `write` as it grows, through the same check as a downloaded JPEG.

    `profile` (ICC) and `density` (pixels an inch) stand in the file, and `orientation`, as the only EXIF field.
    """

    def __init__(
        self,
        info: ImageInfo,
        lines: int,
        quality: int,
        write: Callable[[bytes], None],
        *,
        profile: bytes | None,
        density: tuple[int, int] | None,
    ):
        self._height = info.height
        # As libvips does it, so that a picture does not depend on which of the two has written it.
        sampled = quality < 90 and "L" not in info.mode
        block = 16 if sampled else 8
        self._interval = -(-info.width // block) * (lines // block)
        self._how: dict[str, Any] = {"quality": quality, "subsampling": 2 if sampled else 0}
        self._once: dict[str, Any] = {}
        if profile:
            self._once["icc_profile"] = profile
        if density:
            self._once["dpi"] = density
        if info.orientation != 1:
            self._once["exif"] = _only_orientation(info.orientation)
        self._write = write
        self._strips = 0
        self._parser = JpegParser(Expected(info.width, info.height, frozenset({JPEG}), 0))

    def add(self, strip: Strip) -> None:
        """The next strip, from the top; the last one ends the file. Raises as `write`, and as the check of a JPEG."""
        out = io.BytesIO()
        once = {} if self._strips else self._once
        strip.image.save(out, "JPEG", **self._how, **once)
        data = out.getvalue()
        if not self._strips and strip.last:
            self._put(data)
            return
        frame, scan = _frame_and_scan(data)
        body = scan + 2 + int.from_bytes(data[scan + 2 : scan + 4], "big")
        head = b"" if self._strips else self._head(data, frame, scan, body)
        mark = _EOI if strip.last else _RST0 + self._strips % 8
        self._strips += 1
        self._put(head + data[body:-2] + bytes((0xFF, mark)))

    def finish(self) -> ImageInfo:
        """Facts of the written file. Call after the last strip; raises as the check of a JPEG."""
        return self._parser.finish()

    def _head(self, data: bytes, frame: int, scan: int, body: int) -> bytes:
        """The first strip's header, with the height of the picture and the length of an interval."""
        height = self._height.to_bytes(2, "big")
        interval = struct.pack(">BBHH", 0xFF, _DRI, 4, self._interval)
        return data[: frame + 5] + height + data[frame + 7 : scan] + interval + data[scan:body]

    def _put(self, data: bytes) -> None:
        self._parser.feed(memoryview(data))
        self._write(data)


def _frame_and_scan(data: bytes) -> tuple[int, int]:
    """Where the frame header and the only scan's header begin, in a file of our own encoder."""
    at, frame = 2, 0
    while data[at + 1] != _SOS:
        if data[at + 1] == _SOF0:
            frame = at
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return frame, at


def _only_orientation(orientation: int) -> bytes:
    from PIL import Image

    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif.tobytes()
