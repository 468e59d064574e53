"""Adapter, images: the WebP check, a push parser over the RIFF container and the bitstream's own header.

WebP carries no checksum: this finds truncation, wrong lengths, trailing bytes, and a canvas that is not the
picture's size. Source: RFC 9649 (WebP container), RFC 6386 section 9.1 (VP8), WebP Lossless section 3 (VP8L).
"""

from __future__ import annotations

from dataclasses import replace

from ...core.errors import PermanentError
from ...core.formats import WEBP
from .formats import Expected, ImageInfo, corrupt, exif_orientation, orientation_fields, truncated
from .steps import Steps

_MAX_EXIF = 64 * 1024
_ICC, _ALPHA, _EXIF, _ANIMATION = 0x20, 0x10, 0x08, 0x02  # flags of VP8X


class WebpParser(Steps):
    """RIFF length, every chunk's length, one VP8 or VP8L picture, its size, nothing behind it."""

    def __init__(self, expected: Expected | None):
        super().__init__()
        self.info: ImageInfo | None = None
        self.header_complete = False
        self._expected = expected
        self._left = 0  # bytes of the RIFF still to come
        self._flags: int | None = None
        self._canvas: tuple[int, int] | None = None
        self._orientation: int | None = 1
        self._has_exif = False
        self._alpha_chunk = False
        self._size = 0
        self.want(12, self._at_riff)

    def feed(self, data: memoryview) -> None:
        """The next bytes. Raises PermanentError ``result_corrupt``, ``result_wrong_format``,
        ``result_wrong_dimensions``, ``result_too_large``."""
        at, end = 0, len(data)
        while at < end:
            at = self.take(data, at)

    def finish(self) -> ImageInfo:
        """Raises PermanentError ``result_truncated``, ``result_corrupt``."""
        if not self.at_end:
            raise truncated("the WebP is shorter than its header says")
        if self.info is None:
            raise corrupt("the WebP holds no picture")
        return self.info

    def _at_riff(self, data: bytes) -> None:
        self._left = int.from_bytes(data[4:8], "little") - 4
        if self._left < 8 or self._left % 2:
            raise corrupt(f"the RIFF header claims {self._left + 4} bytes")
        if self._expected is not None and self._left + 12 > self._expected.max_bytes:
            raise PermanentError(
                "result_too_large",
                f"expected {self._expected.max_bytes} bytes at most, the header announces {self._left + 12}",
            )
        self._next_chunk(0)

    def _next_chunk(self, to_skip: int) -> None:
        """Skips the rest of the current chunk; `_left` counts it as done already."""
        if self._left == 0:
            self.skip(to_skip, 1, self.surplus)
        elif self._left < 8:
            raise corrupt("the last chunk does not fit into the RIFF")
        else:
            self.skip(to_skip, 8, self._at_chunk)

    def _at_chunk(self, data: bytes) -> None:
        kind, size = data[:4], int.from_bytes(data[4:], "little")
        padded = size + (size & 1)
        if padded > self._left - 8:
            raise corrupt(f"a chunk of {size} bytes does not fit into the RIFF")
        self._left -= 8 + padded
        self._size = padded
        if kind in (b"ANIM", b"ANMF"):
            raise PermanentError("result_wrong_format", "expected a still picture, found an animated WebP")
        step, least = {
            b"VP8X": (self._at_extended, 10),
            b"VP8 ": (self._at_lossy, 10),
            b"VP8L": (self._at_lossless, 5),
        }.get(kind, (None, 0))
        # The first one counts, and only if the header's flags announce it.
        exif = kind == b"EXIF" and bool((self._flags or 0) & _EXIF) and not self._has_exif
        if exif and 0 < size <= _MAX_EXIF:
            self.want(padded, lambda body: self._at_exif(body[:size]))
        elif exif:
            self._learn(None)
            self._next_chunk(padded)
        elif step is None:
            self._alpha_chunk |= kind == b"ALPH"
            self._next_chunk(padded)
        elif size < least:
            raise corrupt(f"the {kind.decode()} chunk has {size} bytes only")
        else:
            self.want(least, step)

    def _at_extended(self, body: bytes) -> None:
        if self._flags is not None or self.info is not None:
            raise corrupt("a VP8X chunk that is not the first one")
        self._flags = body[0]
        if self._flags & _ANIMATION:
            raise PermanentError("result_wrong_format", "expected a still picture, found an animated WebP")
        self._canvas = (int.from_bytes(body[4:7], "little") + 1, int.from_bytes(body[7:10], "little") + 1)
        if self._expected is not None:
            self._expected.check_size(*self._canvas)
        self._next_chunk(self._size - 10)

    def _at_lossy(self, body: bytes) -> None:
        tag = int.from_bytes(body[:3], "little")
        if tag & 1 or body[3:6] != b"\x9d\x01\x2a":
            raise corrupt("the VP8 picture does not begin with a key frame")
        if (tag >> 5) > self._size - 10:
            raise corrupt("the first partition of the VP8 picture is longer than its chunk")
        width, height = (int.from_bytes(body[at : at + 2], "little") & 0x3FFF for at in (6, 8))
        self._at_picture(width, height, self._alpha_chunk, 10)

    def _at_lossless(self, body: bytes) -> None:
        bits = int.from_bytes(body[1:5], "little")
        if body[0] != 0x2F or bits >> 29:
            raise corrupt("the VP8L signature is wrong")
        self._at_picture((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1, bool(bits >> 28 & 1), 5)

    def _at_picture(self, width: int, height: int, alpha: bool, read: int) -> None:
        if self.info is not None or not width or not height:
            raise corrupt("a second picture, or one without pixels")
        if self._canvas not in (None, (width, height)):
            raise corrupt(f"the canvas has {self._canvas} pixels, the picture {(width, height)}")
        if self._expected is not None:
            self._expected.check_size(width, height)
        flags = self._flags or 0
        alpha = alpha or bool(flags & _ALPHA)
        self.info = ImageInfo(
            WEBP, width, height, "RGBA" if alpha else "RGB", has_alpha=alpha,
            has_icc=bool(flags & _ICC), **orientation_fields(self._orientation),
        )  # fmt: skip
        self.header_complete = not flags & _EXIF or self._has_exif
        self._next_chunk(self._size - read)

    def _at_exif(self, body: bytes) -> None:
        self._learn(exif_orientation(body))
        self._next_chunk(0)

    def _learn(self, orientation: int | None) -> None:
        self._orientation, self._has_exif = orientation, True
        if self.info is not None:
            self.info = replace(self.info, **orientation_fields(orientation))
            self.header_complete = True
