"""Adapter, images: checks and conversions in bounded memory.

Importing this package loads neither pyvips nor Pillow: they are loaded by the first call that needs them.
"""

from .compress import Compressed, can_fit, compress_source
from .convert import convert, upright
from .formats import Expected, ImageInfo
from .picture import PictureVerdict, check_picture
from .pixels import verify_pixels
from .resemblance import Resemblance, resemblance, thumbnail
from .source import our_format, read_header, read_header_bytes
from .verifier import Verifier

__all__ = [
    "Compressed",
    "Expected",
    "ImageInfo",
    "PictureVerdict",
    "Resemblance",
    "Verifier",
    "can_fit",
    "check_picture",
    "compress_source",
    "convert",
    "our_format",
    "read_header",
    "read_header_bytes",
    "resemblance",
    "thumbnail",
    "upright",
    "verify_pixels",
]
