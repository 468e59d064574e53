"""Adapter, images: checks and conversions in bounded memory.

Importing this package loads neither pyvips nor Pillow: they are loaded by the first call that needs them.
"""

from .convert import convert
from .facts import (
    EXTENSIONS,
    JPEG,
    MEDIA_TYPES,
    PNG,
    WEBP,
    Expected,
    ImageFacts,
)
from .pixels import verify_pixels
from .verifier import Verifier, read_header, read_header_bytes

__all__ = [
    "EXTENSIONS",
    "JPEG",
    "MEDIA_TYPES",
    "PNG",
    "WEBP",
    "Expected",
    "ImageFacts",
    "Verifier",
    "convert",
    "read_header",
    "read_header_bytes",
    "verify_pixels",
]
