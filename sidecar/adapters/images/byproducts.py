"""Adapter, images: what is made of a result's pixels during the check: a small copy for the comparison, and the
customer's JPEG. One pass over the pixels, in bounded memory.
"""

from __future__ import annotations

from collections.abc import Callable

from isal import isal_zlib

from ...core.pictures import AsJpeg, Converted, JpegFile
from .formats import MAX_PROFILE, ImageInfo
from .reduced import Reduction
from .strip_jpeg import MOST_SIDE, StripJpeg
from .strips import Strip, Strips, can_be_cut


class Byproducts:
    """`look`: a reduction is wanted; `jpeg`: the JPEG is, if the result is a PNG of that very size.

    Both are None at the end if the picture is of a kind that strips can't be made of: it is read from the file then.
    """

    def __init__(self, look: bool, jpeg: AsJpeg | None):
        self._look, self._wanted = look, jpeg
        self._strips: Strips | None = None
        self._file: JpegFile | None = None
        self._jpeg: StripJpeg | None = None
        self._reduction: Reduction | None = None
        self.reduction: Reduction | None = None
        self.converted: Converted | None = None

    @property
    def converts(self) -> bool:
        """Whether a JPEG is made, unless the check finds a fault. Known once the header has been read."""
        return self._jpeg is not None

    def begin(
        self, info: ImageInfo, profile_chunk: bytes | None, density: tuple[int, int] | None
    ) -> Callable[[bytes], None] | None:
        """The writer of the scanlines; None: nobody needs them. `profile_chunk`: the body of iCCP."""
        profile = _inflated(profile_chunk) if profile_chunk else b""
        if profile and not _belongs_to(profile, info.mode):
            profile = b""
        if info.doubtful or profile is None or not can_be_cut(info):
            return None
        wanted = self._wanted
        fits = wanted is not None and (info.width, info.height) == wanted.size and max(wanted.size) <= MOST_SIDE
        if not (fits or self._look):
            return None
        strips = self._strips = Strips(info, self._take)
        if self._look:
            self._reduction = Reduction(info, strips.lines, profile)
        if fits and wanted:
            self._file = wanted.open()
            self._jpeg = StripJpeg(
                info, strips.lines, wanted.quality, self._file.write, profile=profile, density=density
            )
        return strips.feed

    def finish(self) -> None:
        """End after a check without fault: copy and JPEG become available. Raises as the file that `jpeg.open` gave."""
        if self._strips:
            self._strips.finish()
            self._strips = None  # it knows us: the picture's memory would wait for a search for cycles
        self.reduction = self._reduction
        if self._jpeg and self._file:
            info = self._jpeg.finish()
            self._file.close()
            self.converted = Converted(self._file.path, self._file.bytes, self._file.sha256, info)

    def discard(self) -> None:
        """Throw copy and JPEG away. Safe to repeat."""
        if self._strips:
            self._strips.discard()
            self._strips = None
        self._jpeg = self._reduction = self.converted = None
        if self._file:
            self._file.discard()

    def _take(self, strip: Strip) -> None:
        if self._jpeg:
            self._jpeg.add(strip)
        if self._reduction:
            self._reduction.add(strip)


def _inflated(profile_chunk: bytes) -> bytes | None:
    """The ICC profile in the body of an iCCP chunk (PNG, 11.3.2.3): empty if it is broken, None if it is too large."""
    name, _, rest = profile_chunk.partition(b"\0")
    inflater = isal_zlib.decompressobj()
    try:
        profile = inflater.decompress(rest[1:], MAX_PROFILE + 1)
    except isal_zlib.error:  # type: ignore[misc]  # its stubs do not say what it derives from
        return b""
    if len(profile) > MAX_PROFILE:
        return None
    return profile if inflater.eof else b""


def _belongs_to(profile: bytes, mode: str) -> bool:
    """Whether it is a whole profile of such pixels (ICC.1:2022, 7.2). libvips drops any other one, too."""
    colours = b"GRAY" if mode in ("L", "LA") else b"RGB "
    return int.from_bytes(profile[:4], "big") == len(profile) and (profile[16:20], profile[36:40]) == (colours, b"acsp")
