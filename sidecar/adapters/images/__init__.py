"""Adapter, images: checks and conversions in bounded memory.

Importing this package loads neither pyvips nor Pillow: they are loaded by the first call that needs them.
"""

from sidecar.adapters.images.convert import convert
from sidecar.adapters.images.facts import (
    EXTENSIONS,
    JPEG,
    MEDIA_TYPES,
    PNG,
    WEBP,
    Expected,
    ImageFacts,
)
from sidecar.adapters.images.pixels import verify_pixels
from sidecar.adapters.images.verifier import Verifier, read_header, read_header_bytes

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
