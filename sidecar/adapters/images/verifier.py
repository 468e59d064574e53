"""Adapter, images: the check of a result while its bytes arrive.

One pass, memory independent of the image; the codecs (pyvips, Pillow) are not involved.
"""

from __future__ import annotations

from typing import Any, TypeVar

from ...core.errors import PermanentError
from ...core.formats import JPEG, PNG
from ...core.pictures import AsJpeg, Converted
from .byproducts import Byproducts
from .formats import Expected, ImageInfo, truncated
from .reduced import Reduction
from .sniff import ENOUGH, begins_like_an_image, describe, sniff

Chunk = TypeVar("Chunk", bytes, bytearray, memoryview)


def parser_for(format: str, expected: Expected | None, byproducts: Byproducts | None = None):
    """The push parser for a format, with `feed`, `finish`, `info` and `header_complete`."""
    if format == PNG:
        from .png import PngParser

        return PngParser(expected, byproducts)
    if format == JPEG:
        from .jpeg import JpegParser

        return JpegParser(expected)
    from .webp import WebpParser

    return WebpParser(expected)


class Verifier:
    """Checks a result as it arrives.

    1. counts bytes against `expected.max_bytes`;
    2. knows the format by its first 12 bytes, refuses others;
    3. hands everything to that format's parser, which refuses wrong dimensions from the header;
    4. makes of a PNG's pixels on their way what is wanted: `look` asks for a `reduction`, `jpeg` for one `converted`.

    Not to be fed again after it has raised. Codes raised (PermanentError): ``result_truncated``,
    ``result_corrupt``, ``result_not_an_image``, ``result_wrong_dimensions``, ``result_wrong_format``,
    ``result_too_large``.
    """

    def __init__(self, expected: Expected, *, look: bool = False, jpeg: AsJpeg | None = None):
        self.bytes_seen = 0
        self._expected = expected
        self._head = b""
        self._parser: Any = None
        self._byproducts = Byproducts(look, jpeg) if look or jpeg else None

    @property
    def info(self) -> ImageInfo | None:
        """What the header says, as soon as it has been read."""
        return self._parser.info if self._parser else None

    @property
    def reduction(self) -> Reduction | None:
        """The small copy of a picture that has been checked to its end, for `check_picture`; None: the file has to be
        read."""
        return self._byproducts.reduction if self._byproducts else None

    @property
    def converts(self) -> bool:
        """Whether `converted` takes the place of what was fed, should it prove sound."""
        return self._byproducts is not None and self._byproducts.converts

    @property
    def converted(self) -> Converted | None:
        """The JPEG that was made, once the picture has been checked to its end."""
        return self._byproducts.converted if self._byproducts else None

    def discard(self) -> None:
        """The JPEG is not wanted, or not any more."""
        if self._byproducts:
            self._byproducts.discard()

    @property
    def must_be_rewritten(self) -> bool:
        """Whether the file holds bytes inside that belong to no picture: decoders pass over them, grudgingly."""
        return bool(self._surplus_inside) and not self.converted

    @property
    def _surplus_inside(self) -> int:
        return getattr(self._parser, "surplus_inside", 0)

    @property
    def flaws(self) -> list[str]:
        """What was passed over, in words: none of it is a reason to order the picture again."""
        found = []
        if self._parser and self._parser.surplus_bytes:
            found.append(f"{self._parser.surplus_bytes} bytes behind its end were cut off")
        if self._surplus_inside:
            found.append(f"{self._surplus_inside} bytes among its pixels that are none were left out")
        return found

    def feed(self, chunk: Chunk) -> Chunk:
        """The next bytes of the file, any number of them; returns those that belong to the image, all but a few behind
        its end. Raises as early as the fault can be known."""
        news = memoryview(chunk)
        self.bytes_seen += len(chunk)
        if self._parser is None:
            head = self._head = self._head + bytes(chunk)
            if len(head) < ENOUGH:
                return chunk
            format = sniff(head)
            if format is None:
                raise PermanentError("result_not_an_image", f"expected an image, found {describe(head)}")
            self._expected.check_format(format)
            self._parser, news = parser_for(format, self._expected, self._byproducts), memoryview(head)
        before = self._parser.surplus_bytes
        self._parser.feed(news)
        if self.bytes_seen > self._expected.max_bytes:
            raise PermanentError(
                "result_too_large",
                f"expected {self._expected.max_bytes} bytes at most, found {self.bytes_seen} or more",
            )
        surplus = self._parser.surplus_bytes - before
        return chunk[: len(chunk) - surplus] if surplus else chunk

    def finish(self) -> ImageInfo:
        """Says that the stream has ended. Raises if the image has not."""
        if self._parser is None:
            if begins_like_an_image(self._head):
                raise truncated(f"the file ends after {len(self._head)} bytes")
            raise PermanentError("result_not_an_image", f"expected an image, found {describe(self._head)}")
        info = self._parser.finish()
        if self._byproducts:
            self._byproducts.finish()
        return info
