"""Sandbox: fetches a source for real and enlarges it for real, with Pillow (Lanczos, then a slight sharpening)."""

from __future__ import annotations

import io
import os
from pathlib import Path

import urllib3
from PIL import Image, ImageFilter, ImageOps

MAX_SOURCE_BYTES = 200_000_000
FORMATS = ("JPEG", "PNG", "WEBP")
CREDITS_PER_MP = {"precise-upscale": 0.25, "smart-upscale": 1.0, "dynamic-upscale": 1.0}
_REDIRECTS_ONLY = urllib3.Retry(total=3, connect=0, read=0)
_KEPT_MODES = ("L", "LA", "RGB", "RGBA")


class Refused(Exception):
    """The source can't be enlarged: (HTTP status, words)."""

    def __init__(self, status: int, words: str):
        super().__init__(words)
        self.status = status
        self.words = words


def fetch_source(http: urllib3.PoolManager, url: str) -> bytes:
    """The bytes of a source; raises Refused: 400 if the address gives none, 413 above MAX_SOURCE_BYTES."""
    try:
        answer = http.request("GET", url, timeout=10, retries=_REDIRECTS_ONLY, preload_content=False)
        with answer:
            if answer.status != 200:
                raise Refused(400, f"Could not fetch image from imageUrl: HTTP {answer.status}")
            data = answer.read(MAX_SOURCE_BYTES + 1)
    except urllib3.exceptions.HTTPError as error:
        raise Refused(400, f"Could not fetch image from imageUrl: {type(error).__name__}") from error
    if len(data) > MAX_SOURCE_BYTES:
        raise Refused(413, f"Image too large: more than {MAX_SOURCE_BYTES} bytes")
    return data


def source_size(data: bytes) -> tuple[int, int]:
    """(width, height) in pixels as seen, that is after the EXIF orientation; raises Refused: 415, or 413 above Pillow's
    limit."""
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            width, height = image.size
            turned = image.getexif().get(0x0112, 1) in (5, 6, 7, 8)
    except Image.DecompressionBombError as error:
        raise Refused(413, "Image too large: too many pixels") from error
    except (OSError, SyntaxError, ValueError) as error:
        raise Refused(415, "Unsupported image format") from error
    return (height, width) if turned else (width, height)


def credits_for(mode: str, width: int, height: int) -> float:
    """Price of an output of `width` × `height` pixels by Upsampler's price list: 0.25 credits a megapixel (precise), 1
    (smart, dynamic)."""
    return round(CREDITS_PER_MP[mode] * width * height / 1e6, 4)


def enlarge(data: bytes, width: int, height: int, path: Path) -> None:
    """Writes the source, enlarged to `width` × `height`, as PNG to `path`; it appears there whole or not at all.

    Orientation applied, alpha and colour profile kept. Raises Refused(415) if the source does not decode.
    """
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as opened:
            profile = opened.info.get("icc_profile")
            image = ImageOps.exif_transpose(opened)
            if image.mode not in _KEPT_MODES:
                image = image.convert("RGBA" if image.has_transparency_data else "RGB")
            image = image.resize((width, height), Image.Resampling.LANCZOS)
    except (OSError, SyntaxError, ValueError) as error:
        raise Refused(415, f"Could not decode image: {type(error).__name__}") from error
    image = image.filter(ImageFilter.UnsharpMask(radius=1, percent=40))
    save(image, path, "PNG", compress_level=1, icc_profile=profile)


def save(image: Image.Image, path: Path, kind: str, **how: object) -> None:
    """Saves under `path` in one step."""
    unfinished = path.with_name(f".{path.name}.part")
    image.save(unfinished, kind, **{key: value for key, value in how.items() if value is not None})
    os.replace(unfinished, path)
