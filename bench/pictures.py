"""The pictures that are measured with. Made once, kept under build/bench/."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import pyvips
from isal import isal_zlib
from PIL import Image, ImageChops, ImageFilter

from sidecar.sandbox.enlarge import enlarge
from tests.testbed.photos import photo, picture
from tests.testbed.places import REPOSITORY, built_once

from . import HUGE

FOLDER = REPOSITORY / "build" / "bench"
_BAND = 250  # rows of the huge picture that are made; all other bands repeat them
_NOISE = 1.25  # standard deviation, of 255: makes the file as large as an enlarged photo of that size
_ADLER = 65521


def bought() -> tuple[Path, Path]:
    """(a source of 188 x 141 px, its 4x enlargement of about 1 MB), both PNG, so that nobody has to convert.

    Written by libvips with its defaults, as image services do that use sharp.
    """

    def make(folder: Path) -> None:
        source = photo(folder / "source.png", 188, 141, seed=11)
        enlarge(source.read_bytes(), 4 * 188, 4 * 141, folder / "enlarged.png")
        pyvips.Image.new_from_file(str(folder / "enlarged.png")).pngsave(str(folder / "result.png"))

    folder = built_once(FOLDER / "bought", make)
    return folder / "source.png", folder / "result.png"


def bought_jpeg() -> Path:
    """The source of `bought` as JPEG, as shops sell them."""

    def make(path: Path) -> None:
        photo(path, 188, 141, seed=11)

    return _made("bought-jpeg", "source.jpg", make)


def download_of(megabytes: int) -> Path:
    """A file of that size, of bytes that nothing compresses."""

    def make(folder: Path) -> None:
        block = bytes(zlib.crc32(struct.pack(">I", n)) & 255 for n in range(1 << 16))
        with open(folder / "file.png", "wb") as file:
            for at in range(megabytes * 1_000_000 // len(block) + 1):
                file.write(block[at % 251 :] + block[: at % 251])
            file.truncate(megabytes * 1_000_000)

    return built_once(FOLDER / f"download-{megabytes}", make) / "file.png"


def huge_png() -> Path:
    """A PNG of 32000 x 24000 px in 24 bits, about 1 GB, in IDAT chunks of 8 KB as libpng writes them."""
    return _made("huge-png", "huge.png", _write_huge_png)


def huge_pixels() -> Path:
    """The payloads of its IDAT chunks, strung together: one zlib stream."""

    def write(path: Path) -> None:
        with huge_png().open("rb") as file, path.open("wb") as stream:
            file.seek(8)
            while head := file.read(8):
                size, kind = struct.unpack(">I4s", head)
                body = file.read(size)
                file.seek(4, 1)
                if kind == b"IDAT":
                    stream.write(body)

    return _made("huge-pixels", "huge.zlib", write)


def huge_jpeg() -> Path:
    """The same picture as JPEG, quality 92, by libvips."""

    def write(path: Path) -> None:
        from sidecar.adapters.images import convert

        convert(huge_png(), path, format="jpeg")

    return _made("huge-jpeg", "huge.jpg", write)


def _made(name: str, file: str, write: Callable[[Path], None]) -> Path:
    return built_once(FOLDER / name, lambda folder: write(folder / file)) / file


def _write_huge_png(path: Path) -> None:
    """Bands of the same compressed bytes: deflate lets blocks be strung together after a full flush (RFC 1951, 3.2)."""
    width, height = HUGE
    # Noise of its own at every pixel, as sensors and enlargers leave it: a tile would compress far too well.
    noise = Image.merge("RGB", [Image.effect_noise((width, _BAND), _NOISE) for _ in range(3)])
    scene = picture(width // 16, _BAND, seed=3).resize((width, _BAND), Image.Resampling.BICUBIC)
    scene = scene.filter(ImageFilter.GaussianBlur(12))
    rows = _filtered(ImageChops.add(scene, noise, offset=-128))
    packer = zlib.compressobj(1, zlib.DEFLATED, -15, 9)
    band = packer.compress(rows) + packer.flush(zlib.Z_FULL_FLUSH)
    bands = height // _BAND
    checksum = 1
    for _ in range(bands):
        checksum = _adler_after(checksum, zlib.adler32(rows), len(rows))
    with open(path, "wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)))
        held = b"\x78\x01"
        for _ in range(bands):
            held += band
            whole = len(held) // 8192 * 8192
            file.write(b"".join(_chunk(b"IDAT", held[at : at + 8192]) for at in range(0, whole, 8192)))
            held = held[whole:]
        end = held + b"\x03\x00" + struct.pack(">I", checksum)  # an empty last block, and the checksum
        file.write(_chunk(b"IDAT", end) + _chunk(b"IEND", b""))


def _filtered(scene: Image.Image) -> bytes:
    """Scanlines with the filter Up (PNG, 9.2), which makes photos compress somewhat and costs little to write."""
    stride = 3 * scene.width
    above = Image.new("RGB", scene.size)
    above.paste(scene, (0, 1))  # the line above the first one counts as zero, so a band does not depend on the last
    lines = ImageChops.subtract_modulo(scene, above).tobytes()
    # Only the first line of a band has no filter: with Up it would refer to the band above.
    return b"".join(bytes((2 if at else 0,)) + lines[at : at + stride] for at in range(0, len(lines), stride))


def _adler_after(first: int, second: int, length: int) -> int:
    """Adler-32 of two pieces strung together, from theirs and the second one's length (as zlib's adler32_combine)."""
    a1, b1, a2, b2 = first & 0xFFFF, first >> 16, second & 0xFFFF, second >> 16
    a = (a1 + a2 - 1) % _ADLER
    b = (b1 + b2 + (a1 - 1) * length) % _ADLER
    return b << 16 | a


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", isal_zlib.crc32(kind + body))
