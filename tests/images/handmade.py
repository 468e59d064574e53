"""PNG files made chunk by chunk, so that a test can break exactly one rule; JPEG and WebP by real encoders."""

from __future__ import annotations

import io
import random
import struct
import zlib
from dataclasses import dataclass, field

from PIL import Image

from sidecar.adapters.images import Expected, ImageInfo, Verifier

SIGNATURE = b"\x89PNG\r\n\x1a\n"
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
EVERY_KIND = [(colour, depth, lace) for colour in DEPTHS for depth in DEPTHS[colour] for lace in (0, 1)]
_PASSES = ((0, 8, 0, 8), (4, 8, 0, 8), (0, 4, 4, 8), (2, 4, 0, 4), (0, 2, 2, 4), (1, 2, 0, 2), (0, 1, 1, 2))


def chunk(kind: bytes, body: bytes = b"", crc: int | None = None) -> bytes:
    crc = zlib.crc32(kind + body) if crc is None else crc
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", crc)


def scanlines(width: int, height: int, bits: int, interlaced: bool, filters: bytes = bytes(range(5))) -> bytes:
    """Random pixels with every filter type, counted column by column and row by row."""
    rng, out = random.Random(width * 31 + height), bytearray()
    for x, dx, y, dy in _PASSES if interlaced else ((0, 1, 0, 1),):
        columns = len(range(x, width, dx))
        for row in range(y, height, dy) if columns else ():
            out.append(filters[row % len(filters)])
            out += rng.randbytes((columns * bits + 7) // 8)
    return bytes(out)


@dataclass
class Png:
    """The parts of a sound PNG; change one and ask for `bytes()`."""

    width: int = 13
    height: int = 9
    colour: int = 2
    depth: int = 8
    interlace: int = 0
    idat_size: int = 100
    header: bytes | None = None
    pixels: bytes | None = None
    stream: bytes | None = None
    before: list[bytes] = field(default_factory=list)
    between: list[bytes] = field(default_factory=list)
    after: list[bytes] = field(default_factory=list)
    palette: bytes | None = None
    end: bytes = chunk(b"IEND")

    def __bytes__(self) -> bytes:
        header = self.header or struct.pack(
            ">IIBBBBB", self.width, self.height, self.depth, self.colour, 0, 0, self.interlace
        )
        bits = self.depth * CHANNELS.get(self.colour, 1)
        pixels = self.pixels
        if pixels is None:
            pixels = scanlines(self.width, self.height, bits, bool(self.interlace))
        stream = zlib.compress(pixels, 1) if self.stream is None else self.stream
        idats = [chunk(b"IDAT", stream[at : at + self.idat_size]) for at in range(0, len(stream), self.idat_size)]
        idats[1:1] = self.between
        palette = self.palette
        if palette is None and self.colour == 3:
            palette = chunk(b"PLTE", bytes(3 << self.depth))
        parts = [SIGNATURE, chunk(b"IHDR", header), palette or b"", *self.before, *idats, *self.after, self.end]
        return b"".join(parts)


def picture(mode: str = "RGB", size: tuple[int, int] = (48, 36)) -> Image.Image:
    """A picture with gradients and edges, different at each corner."""
    wide, high = size
    image = Image.linear_gradient("L").resize(size)
    other = Image.radial_gradient("L").resize(size)
    red = image.copy()
    red.paste(255, (0, 0, wide // 4, high // 3))
    merged = Image.merge("RGBA", (red, other, image.rotate(90).resize(size), other))
    return merged.convert(mode) if mode != "LA" else Image.merge("LA", (image, other))


def encoded(format: str, mode: str = "RGB", size: tuple[int, int] = (48, 36), **options) -> bytes:
    out = io.BytesIO()
    picture(mode, size).save(out, format, **options)
    return out.getvalue()


def orientation_block(value: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = value
    return exif.tobytes()


def expected(width: int = 13, height: int = 9, *formats: str, max_bytes: int = 10_000_000) -> Expected:
    return Expected(width, height, frozenset(formats or ("png", "jpeg", "webp")), max_bytes)


def verified(data: bytes, wanted: Expected, step: int = 1 << 20) -> ImageInfo:
    """The verdict on `data`, fed in pieces of `step` bytes."""
    verifier = Verifier(wanted)
    for at in range(0, len(data), step):
        verifier.feed(data[at : at + step])
    return verifier.finish()


def verdict(data: bytes, wanted: Expected, step: int = 1 << 20) -> str:
    """``"sound"`` or the code of the refusal."""
    from sidecar.core.errors import PermanentError

    try:
        verified(data, wanted, step)
    except PermanentError as error:
        assert error.detail, "a refusal says what was found"
        return error.code
    return "sound"
