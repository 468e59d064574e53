"""Adapter, images: the vocabulary of the checks. How a refusal is worded, and what metadata say.

Standard library only: a worker that verifies PNG loads no codec.
"""

from __future__ import annotations

import struct
from typing import Any

from ...core.errors import PermanentError
from ...core.pictures import Expected as Expected
from ...core.pictures import ImageInfo as ImageInfo

# Beyond this, an ancillary PNG chunk is not metadata any more (the largest ICC profiles have about 4 MB).
MAX_METADATA = 16 * 1024 * 1024
MAX_PROFILE = 4 * 1024 * 1024  # larger ICC profiles are left to libvips

# Bytes behind the end of a result that are cut off: a line break, padding to a word. More are a sign of worse.
MAX_SURPLUS = 16


def corrupt(detail: str) -> PermanentError:
    """The error for bytes that are no sound picture."""
    return PermanentError("result_corrupt", detail)


def truncated(detail: str) -> PermanentError:
    """The error for a picture whose end is missing."""
    return PermanentError("result_truncated", detail)


def exif_orientation(block: bytes) -> int | None:
    """Orientation (1 to 8) from an EXIF block (a TIFF header and its first directory); 1 if it names none.

    None if the block is so odd that decoders differ about it: broken EXIF is common, and harmless to the pixels.
    Source: TIFF 6.0, section 2; EXIF 2.32, tag 0x0112 (SHORT, count 1).
    """
    block = block.removeprefix(b"Exif\0\0")
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(bytes(block[:4]))
    if order is None or len(block) < 10:
        return None
    (directory,) = struct.unpack_from(order + "I", block, 4)
    if not 8 <= directory <= len(block) - 2:
        return None
    (entries,) = struct.unpack_from(order + "H", block, directory)
    if directory + 2 + 12 * entries > len(block):
        return None
    found = [
        (kind, count, value)
        for tag, kind, count, value in struct.iter_unpack(
            order + "HHIHxx", block[directory + 2 : directory + 2 + 12 * entries]
        )
        if tag == 0x0112
    ]
    if not found:
        return 1
    kind, count, value = found[0]
    return value if len(found) == 1 and kind == 3 and count == 1 and 1 <= value <= 8 else None


def orientation_fields(orientation: int | None) -> dict[str, Any]:
    """The fields of ImageInfo for an orientation; None: nobody can be sure of it."""
    return {"orientation": orientation or 1, "doubtful": orientation is None}
