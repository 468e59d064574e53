"""Adapter, images: what a bought picture is. Judged by what libvips or Pillow shows, as browsers and Upsampler do.

Our own parsers answer where their look is complete and free of doubt, which is nearly always and loads no codec. They
are as strict as a result deserves; what they refuse or doubt in a source is put to libvips, then to Pillow, then to a
walk over a PNG's chunks that passes by what is damaged and does not touch the pixels.
"""

from __future__ import annotations

import io
import mmap
import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from ...core.errors import PermanentError
from ...core.formats import JPEG, PNG, WEBP
from ...core.pictures import MOST_PASSES
from . import vips
from .formats import ImageInfo, exif_orientation
from .jpeg import scans
from .png_walk import header_by_chunks
from .sniff import describe, sniff
from .verifier import parser_for

_PIECE = 64 * 1024
_MOST_FOR_PILLOW = 50_000_000  # pixels, which it holds
_MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}


def read_header(path: Path) -> ImageInfo:
    """Size, format and orientation of a picture. Raises PermanentError ``source_not_an_image`` or
    ``source_unsupported`` (an image of another kind)."""
    with open(path, "rb") as file:
        return read_header_of(file)


def read_header_of(file: BinaryIO) -> ImageInfo:
    """As `read_header`, of an open file."""
    file.seek(0)
    format = our_format(file.read(12))
    file.seek(0)
    info, fault = _own_look(format, iter(lambda: file.read(_PIECE), b""))
    if info is not None and not info.doubtful:
        return _with_scans(file, info)
    for ask in (_shown_by_vips, _shown_by_pillow, header_by_chunks):
        file.seek(0)
        if shown := ask(file, format):
            return _with_scans(file, shown)
    code = "source_unsupported" if fault.code == "result_wrong_format" else "source_not_an_image"
    raise PermanentError(code, fault.detail) from fault


def _with_scans(file: BinaryIO, info: ImageInfo) -> ImageInfo:
    """A progressive JPEG of few bytes may keep a decoder busy for hours."""
    return replace(info, scans=_scans(file)) if info.format == JPEG and info.progressive else info


def _scans(file: BinaryIO) -> int:
    if isinstance(file, io.BytesIO):
        return scans(file.getvalue())
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        return scans(data)


def read_header_bytes(prefix: bytes, *, whole: bool = True) -> ImageInfo | None:
    """As `read_header`, from the first bytes of a file; None if more of it is needed. `whole`: there is no more."""
    if whole:
        return read_header_of(io.BytesIO(prefix))
    info, _ = _own_look(our_format(prefix), iter((prefix,)))
    return info if info is not None and not info.doubtful else None


def our_format(head: bytes) -> str:
    """PNG, JPEG or WebP by a file's first bytes; raises as `read_header`."""
    format = JPEG if head.startswith(b"\xff\xd8") else sniff(head)
    if format is None:
        raise PermanentError("source_not_an_image", f"expected an image, found {describe(head)}")
    if format not in (PNG, JPEG, WEBP):
        raise PermanentError("source_unsupported", f"expected PNG, JPEG or WebP, found {format}")
    return format


def _own_look(format: str, pieces: Iterator[bytes]) -> tuple[ImageInfo | None, PermanentError]:
    """What our parser says once it has seen all that matters, else None; and what it found wrong."""
    parser = parser_for(format, None)
    fault = PermanentError("source_not_an_image", f"the {format} ends inside its header, or no decoder shows it")
    try:
        for piece in pieces:
            parser.feed(memoryview(piece))
            if parser.header_complete:
                break
    except PermanentError as error:
        fault = error  # one behind the header is not this function's concern
    return (parser.info if parser.header_complete else None), fault


def _shown_by_vips(file: BinaryIO, format: str) -> ImageInfo | None:
    pyvips = vips.load()
    load = getattr(pyvips.Image, f"{format}load_source")
    try:
        image = load(vips.source_of(pyvips, file), access="sequential", fail_on="none")
    except pyvips.Error:
        return None

    def said(name: str) -> int:
        return image.get(name) if image.get_typeof(name) else 0

    _must_be_still(said("n-pages"), format)
    mode = "CMYK" if image.interpretation == "cmyk" else _MODES.get(image.bands)
    if mode is None:
        return None
    orientation = said("orientation")
    return ImageInfo(
        format, image.width, image.height, mode, 16 if image.format == "ushort" else 8,
        has_alpha=image.hasalpha(), has_icc=bool(image.get_typeof("icc-profile-data")),
        orientation=orientation if 1 <= orientation <= 8 else 1, progressive=bool(said("interlaced")),
    )  # fmt: skip


def _shown_by_pillow(file: BinaryIO, format: str) -> ImageInfo | None:
    """By the plugin itself: `Image.open` would count pixels, which are bounded elsewhere. It must show the picture:
    Pillow reads headers of many files that it can't decode."""
    from PIL import JpegImagePlugin, PngImagePlugin, WebPImagePlugin

    plugin = {
        PNG: PngImagePlugin.PngImageFile,
        JPEG: JpegImagePlugin.JpegImageFile,
        WEBP: WebPImagePlugin.WebPImageFile,
    }[format]
    try:
        with warnings.catch_warnings(action="ignore"):
            image = plugin(file)  # type: ignore[abstract]  # none of the three is
            width, height = image.size
            if width * height > _MOST_FOR_PILLOW or width * height * _scans_of(file, format) > MOST_PASSES:
                return None
            image.draft(image.mode, (1, 1))  # of a JPEG, an eighth is enough
            image.load()
    except Exception:  # a damaged file raises whatever the plugin stumbled over
        return None
    _must_be_still(getattr(image, "n_frames", 1), format)
    mode = image.mode if image.mode in (*_MODES.values(), "P", "CMYK") else "L"
    orientation = exif_orientation(image.info.get("exif") or b"") or 1
    return ImageInfo(
        format, width, height, mode, has_alpha="A" in mode or "transparency" in image.info,
        has_icc="icc_profile" in image.info, orientation=orientation, progressive=bool(image.info.get("progressive")),
    )  # fmt: skip


def _scans_of(file: BinaryIO, format: str) -> int:
    place = file.tell()
    try:
        return _scans(file) if format == JPEG else 1
    finally:
        file.seek(place)


def _must_be_still(pictures: int, format: str) -> None:
    if pictures > 1 and format == WEBP:
        raise PermanentError("source_unsupported", "expected a still picture, found an animated WebP")
