"""Adapter: bodies that a server packed although asked not to. Unpacked piece by piece, within the size cap."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from sidecar.core.errors import PermanentError, TemporaryError

_GZIP = b"\x1f\x8b"  # RFC 1952, 2.3.1
_IMAGES = (b"\xff\xd8", b"\x89PNG", b"RIFF")
_UNPACKED = frozenset({"gzip", "x-gzip", "deflate"})
_OTHERS = frozenset({"br", "zstd", "compress", "x-compress", "dcb", "dcz"})


def packing_of(header: str | None) -> str:
    """The packing that a Content-Encoding (RFC 9110, 8.4) names, "gzip" or "deflate", else "".

    Names of no packing are passed over: stores write what they were told at the upload (aws-chunked, utf-8). Raises
    TemporaryError("fetch_failed") for one that we can't undo.
    """
    names = [name.strip().lower() for name in (header or "").split(",")]
    found = [name for name in names if name in _UNPACKED | _OTHERS]
    if len(found) > 1 or _OTHERS.intersection(found):
        raise TemporaryError("fetch_failed", f"the server packed the file ({', '.join(found)}) although asked not to")
    return found[0].removeprefix("x-") if found else ""


class Unpacker:
    """Feed it a body's bytes as they come: gzip (RFC 1952), zlib (RFC 1950), or deflate without a header (RFC 1951).
    What is not packed in truth, as labels lie, comes out as it is."""

    def __init__(self, packing: str):
        self._packing = packing
        self._inflater: zlib._Decompress | None = None
        self._started = False
        self._done = False

    @property
    def complete(self) -> bool:
        """Whether the packed data have come to their end; what is not packed has none of its own."""
        return self._inflater is None or self._inflater.eof

    def feed(self, data: bytes, most: int) -> Iterator[bytes]:
        """What `data` unpack to, in pieces of `most` bytes at most. Raises TemporaryError("fetch_failed")."""
        if not self._started and data:
            self._started, self._inflater = True, self._begun(data)
        if self._inflater is None:
            yield data
            return
        while data and not self._done:
            try:
                piece = self._inflater.decompress(data, most)
            except zlib.error as error:
                raise TemporaryError("fetch_failed", f"the packed file can't be unpacked: {error}") from error
            if piece:
                yield piece
            data = self._inflater.unconsumed_tail
            if self._inflater.eof:
                # A gzip file may have several members; anything else behind the end is padding.
                data = self._inflater.unused_data
                self._done = not data.startswith(_GZIP)
                if not self._done:
                    self._inflater = zlib.decompressobj(31)

    def _begun(self, data: bytes) -> zlib._Decompress | None:
        if self._packing == "gzip":
            return zlib.decompressobj(31) if data.startswith(_GZIP) else None
        if data.startswith(_IMAGES):
            return None
        # "deflate" is a zlib stream (RFC 9110, 8.4.1.2), but some servers send it bare.
        zlib_header = len(data) > 1 and data[0] & 15 == 8 and int.from_bytes(data[:2], "big") % 31 == 0
        return zlib.decompressobj(15 if zlib_header else -15)


def unpacked(chunks: Iterator[bytes], packing: str, max_bytes: int, most: int) -> Iterator[bytes]:
    """A whole body, unpacked. Raises PermanentError("result_too_large") before a bomb grows beyond `max_bytes`,
    TemporaryError("result_cut") when the packed data have no end."""
    unpacker, size = Unpacker(packing), 0
    for chunk in chunks:
        for piece in unpacker.feed(chunk, most):
            size += len(piece)
            if size > max_bytes:
                raise PermanentError("result_too_large", f"more than {max_bytes} bytes, unpacked")
            yield piece
    if not unpacker.complete:
        raise TemporaryError("result_cut", "the packed file ends early")


def unpacked_head(data: bytes, packing: str, most: int) -> tuple[bytes, bool]:
    """The first bytes of a body, unpacked, `most` of them at the most, and whether they are all of it. Raises
    TemporaryError("fetch_failed")."""
    unpacker, head = Unpacker(packing), bytearray()
    for piece in unpacker.feed(data, most):
        head += piece
        if len(head) > most:
            break
    return bytes(head[:most]), unpacker.complete and len(head) <= most
