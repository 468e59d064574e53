"""Sandbox: spoiled copies of a result, one for each fault that is about the file itself."""

from __future__ import annotations

import os
import shutil
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

from PIL import Image

from sidecar.sandbox.enlarge import save


def spoiled_copy(fault: str, params: dict, result: Path) -> Path:
    """The spoiled version of `result`, made once and kept beside it."""
    make, suffix = _MAKERS[fault]
    folder = result.parent / "spoiled"
    folder.mkdir(exist_ok=True)
    path = folder / f"{result.stem}.{fault}{suffix or result.suffix}"
    if not path.exists():
        make(result, path, params)
    return path


def is_about_the_file(fault: str) -> bool:
    """Whether `spoiled_copy` knows the fault (the others are about the transfer)."""
    return fault in _MAKERS


def _truncated(result: Path, path: Path, _params: dict) -> None:
    shutil.copyfile(result, path)
    os.truncate(path, result.stat().st_size // 2)


def _corrupt(result: Path, path: Path, _params: dict) -> None:
    shutil.copyfile(result, path)
    with path.open("r+b") as file:
        file.seek(result.stat().st_size // 2)
        byte = file.read(1)[0]
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte ^ 0x55]))


def _html(_result: Path, path: Path, _params: dict) -> None:
    path.write_bytes(b"<!doctype html><title>Error</title><p>The file could not be produced.</p>")


def _empty(_result: Path, path: Path, _params: dict) -> None:
    path.write_bytes(b"")


def _wrong_dimensions(result: Path, path: Path, _params: dict) -> None:
    with Image.open(result) as image:
        save(image.resize((max(image.width // 2, 1), max(image.height // 2, 1))), path, "PNG", compress_level=1)


def _wrong_format(result: Path, path: Path, _params: dict) -> None:
    with Image.open(result) as image:
        save(image.convert("RGB"), path, "GIF")


def _jpeg(result: Path, path: Path, _params: dict) -> None:
    with Image.open(result) as image:
        save(image.convert("RGB"), path, "JPEG", quality=90)


def _blank(result: Path, path: Path, _params: dict) -> None:
    with Image.open(result) as image:
        save(Image.new(image.mode, image.size, "white"), path, "PNG", compress_level=1)


def _other(result: Path, path: Path, _params: dict) -> None:
    """Rings, which resemble no photo."""
    with Image.open(result) as image:
        rings = Image.radial_gradient("L").point(lambda level: level * 7 % 256)
        save(rings.resize(image.size).convert(image.mode), path, "PNG", compress_level=1)


def _torn(result: Path, path: Path, _params: dict) -> None:
    """As a decoder leaves it that was cut off."""
    with Image.open(result) as image:
        torn = image.convert("RGB")
        torn.paste((128, 128, 128), (0, torn.height * 3 // 4, torn.width, torn.height))
        save(torn, path, "PNG", compress_level=1)


def _colourless(result: Path, path: Path, _params: dict) -> None:
    with Image.open(result) as image:
        save(image.convert("L").convert("RGB"), path, "PNG", compress_level=1)


def _turned(result: Path, path: Path, _params: dict) -> None:
    with Image.open(result) as image:
        save(image.transpose(Image.Transpose.ROTATE_180), path, "PNG", compress_level=1)


def _rounded(result: Path, path: Path, _params: dict) -> None:
    with Image.open(result) as image:
        save(image.resize((image.width - 1, image.height + 1)), path, "PNG", compress_level=1)


def _trailing(result: Path, path: Path, _params: dict) -> None:
    path.write_bytes(result.read_bytes() + b"\r\n")


def _bomb(_result: Path, path: Path, params: dict) -> None:
    """A PNG of `side` × `side` pixels, all zero: about a thousandth of its pixels in bytes."""
    side = int(params["side"])
    packer = zlib.compressobj(9)
    row = bytes(1 + 3 * side)
    with path.open("wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n")
        file.write(_png_chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)))
        for _row in range(side):
            if packed := packer.compress(row):
                file.write(_png_chunk(b"IDAT", packed))
        file.write(_png_chunk(b"IDAT", packer.flush()))
        file.write(_png_chunk(b"IEND", b""))


def _png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


_MAKERS: dict[str, tuple[Callable[[Path, Path, dict], None], str]] = {
    "result_truncated": (_truncated, ""),
    "result_corrupt": (_corrupt, ""),
    "result_html": (_html, ".html"),
    "result_empty": (_empty, ""),
    "result_wrong_dimensions": (_wrong_dimensions, ".png"),
    "result_wrong_format": (_wrong_format, ".gif"),
    "result_jpeg": (_jpeg, ".jpg"),
    "result_blank": (_blank, ".png"),
    "result_other": (_other, ".png"),
    "result_torn": (_torn, ".png"),
    "result_colourless": (_colourless, ".png"),
    "result_turned": (_turned, ".png"),
    "result_rounded": (_rounded, ".png"),
    "result_trailing": (_trailing, ""),
    "result_bomb": (_bomb, ".png"),
}
