"""Adapter, images: a PNG's header found by walking over its chunks, past all that is damaged and touches no pixel.

The last judge of a source: PNG third edition, 13.1, and browsers pass over faults in ancillary chunks that some
decoders stop at.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import replace
from typing import BinaryIO

from isal import isal_zlib

from ...core.formats import PNG
from .formats import MAX_METADATA, ImageInfo, exif_orientation
from .png import MAX_EXIF, info_of
from .sniff import PNG_SIGNATURE

_PIECE = 64 * 1024
_MOST_CHUNKS = 10_000_000  # a file of empty chunks must come to an end


def header_by_chunks(file: BinaryIO, format: str) -> ImageInfo | None:
    """What the chunks before the pixels say; None if it is no PNG whose pixels could be shown."""
    if format != PNG or file.read(len(PNG_SIGNATURE)) != PNG_SIGNATURE:
        return None
    info = palette = None
    for kind, size in _chunks(file):
        if kind == b"IHDR" and info is None:
            body = _body(file, kind, size) if size == 13 else None
            info = info_of(body) if body else None
            if info is None:
                return None
        elif info is None:
            return None
        elif kind == b"IDAT":
            return info if palette or info.mode != "P" else None
        elif kind == b"PLTE":
            palette = size
        elif kind == b"tRNS":
            info = replace(info, has_alpha=True)
        elif kind == b"iCCP":
            info = replace(info, has_icc=True)
        elif kind == b"eXIf" and size <= MAX_EXIF and (body := _body(file, kind, size)):
            info = replace(info, orientation=exif_orientation(body) or 1)
    return None


class PixelChunks:
    """A file to read from once: of a PNG only the chunks that its pixels need, and its profile if it is sound. Their
    lengths and checksums are as in the file."""

    def __init__(self, file: BinaryIO):
        self._pieces = _pixel_pieces(file)
        self._held = b""

    def read(self, size: int) -> bytes:
        while len(self._held) < size and (piece := next(self._pieces, b"")):
            self._held += piece
        data, self._held = self._held[:size], self._held[size:]
        return data

    def seekable(self) -> bool:
        return False


def _pixel_pieces(file: BinaryIO) -> Iterator[bytes]:
    file.seek(len(PNG_SIGNATURE))
    yield PNG_SIGNATURE
    for kind, size in _chunks(file):
        if kind in (b"IHDR", b"PLTE", b"IDAT", b"IEND"):
            yield struct.pack(">I", size) + kind
            left = size + 4
            while left and (piece := file.read(min(left, _PIECE))):
                left -= len(piece)
                yield piece
        elif kind in (b"tRNS", b"iCCP") and size <= MAX_METADATA and (body := _body(file, kind, size)) is not None:
            crc = isal_zlib.crc32(kind + body)
            yield struct.pack(">I", size) + kind + body + struct.pack(">I", crc)


def _chunks(file: BinaryIO) -> Iterator[tuple[bytes, int]]:
    """Type and size of each chunk; its body may be read before the next one is asked for."""
    for _ in range(_MOST_CHUNKS):
        head = file.read(8)
        if len(head) < 8:
            return
        size, kind = struct.unpack(">I4s", head)
        behind = file.tell() + size + 4
        yield kind, size
        file.seek(behind)


def _body(file: BinaryIO, kind: bytes, size: int) -> bytes | None:
    """The chunk's body if its checksum is right."""
    body, crc = file.read(size), file.read(4)
    return body if isal_zlib.crc32(kind + body).to_bytes(4, "big") == crc else None
