"""Real-world files by the thousand: sound pictures whose metadata, order and padding are tampered with by chance."""

from __future__ import annotations

import random
import struct
import zlib
from collections.abc import Callable
from itertools import pairwise

from tests.images.handmade import encoded

SIZE = (24, 18)
BASES = {
    "jpeg": [
        encoded("JPEG", mode, SIZE, **options)
        for mode, options in (("RGB", {}), ("L", {}), ("CMYK", {}), ("RGB", {"progressive": True}))
    ],
    "png": [encoded("PNG", mode, SIZE) for mode in ("RGB", "RGBA", "L", "LA", "P", "1", "I;16")],
    "webp": [
        encoded("WEBP", mode, SIZE, **options)
        for mode, options in (("RGB", {}), ("RGB", {"lossless": True}), ("RGBA", {}), ("RGBA", {"lossless": True}))
    ],
}
Piece = tuple[bytes, bytes]  # its kind, all its bytes


def exif(chance: random.Random) -> bytes:
    """A TIFF block: mostly sound, with an orientation somewhere; sometimes odd in one way or more."""
    order = chance.choice("<>")
    entries = [(0x010F, 3, 1, 1)] * chance.randrange(3)
    for _ in range(chance.choice((1, 1, 1, 0, 2))):
        kind, count = chance.choice(((3, 1), (3, 1), (3, 1), (3, 1), (4, 1), (1, 1), (3, 2), (2, 1), (3, 0)))
        value = chance.choice((*range(1, 9), 0, 9, 300))
        entries.insert(chance.randint(0, len(entries)), (0x0112, kind, count, value))
    offset = chance.choice((8, 8, 8, 10, 64, 0, 4, 60000))
    body = b"".join(
        struct.pack(order + "HHI", tag, kind, count) + struct.pack(order + ("I" if kind == 4 else "Hxx"), value)
        for tag, kind, count, value in entries
    )
    told = len(entries) + chance.choice((0, 0, 0, 0, 1, 500, -1))
    block = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", offset)
    block = block.ljust(min(offset, 100), b"\0") + struct.pack(order + "H", max(told, 0)) + body + bytes(4)
    if chance.random() < 0.1:
        block = block[: chance.randrange(len(block))]
    if chance.random() < 0.05:
        at = chance.randrange(max(len(block), 1))
        block = block[:at] + chance.randbytes(1) + block[at + 1 :]
    return block


def junk(chance: random.Random, most: int = 40) -> bytes:
    return chance.choice((chance.randbytes, bytes))(chance.randrange(most))


# ------------------------------------------------------------------------------------------------------------- JPEG
def jpeg(chance: random.Random) -> bytes:
    pieces, scan = _segments(chance.choice(BASES["jpeg"]))
    for _ in range(chance.randint(1, 4)):
        chance.choice(_JPEG)(pieces, chance)
    tail = chance.choice((b"", b"", bytes(9), b"\n", b"\xff\xd8\xff\xe0"))
    return b"".join(data for _, data in pieces) + scan + tail


def _segments(data: bytes) -> tuple[list[Piece], bytes]:
    pieces, at = [(b"\xd8", data[:2])], 2
    while data[at + 1] != 0xDA:
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        pieces.append((data[at + 1 : at + 2], data[at:end]))
        at = end
    return pieces, data[at:]


def _segment(code: int, body: bytes) -> Piece:
    return bytes((code,)), bytes((0xFF, code)) + (len(body) + 2).to_bytes(2, "big") + body


def _somewhere(pieces: list[Piece], piece: Piece, chance: random.Random) -> None:
    pieces.insert(chance.randint(1, len(pieces)), piece)


def _exif_segment(pieces: list[Piece], chance: random.Random) -> None:
    prefix = chance.choice((b"Exif\0\0",) * 8 + (b"Exif\0\1", b"Exif", b"EXIF\0\0", b""))
    _somewhere(pieces, _segment(0xE1, prefix + exif(chance)), chance)


def _other_segment(pieces: list[Piece], chance: random.Random) -> None:
    code = chance.choice((0xE0, 0xE1, 0xE2, 0xED, 0xEE, 0xEF, 0xFE, 0xF0, 0xC8))
    start = chance.choice((b"", b"http://ns.adobe.com/xap/1.0/\0", b"ICC_PROFILE\0\1\1", b"JFIF\0", b"Adobe\0d"))
    _somewhere(pieces, _segment(code, start + junk(chance)), chance)


def _between_segments(pieces: list[Piece], chance: random.Random) -> None:
    _somewhere(pieces, (b"", chance.choice((b"\xff" * chance.randint(1, 9), bytes(18), junk(chance)))), chance)


def _swap_segments(pieces: list[Piece], chance: random.Random) -> None:
    one, other = chance.randrange(1, len(pieces)), chance.randrange(1, len(pieces))
    pieces[one], pieces[other] = pieces[other], pieces[one]


def _double_segment(pieces: list[Piece], chance: random.Random) -> None:
    _somewhere(pieces, chance.choice(pieces[1:]), chance)


def _bend_segment(pieces: list[Piece], chance: random.Random) -> None:
    """Another byte in a segment that holds metadata, its length among them."""
    found = [at for at, (code, data) in enumerate(pieces) if code and code[0] >= 0xE0 and len(data) > 4]
    if found:
        at = chance.choice(found)
        code, data = pieces[at]
        where = chance.randrange(2, len(data))
        pieces[at] = code, data[:where] + chance.randbytes(1) + data[where + 1 :]


_JPEG: list[Callable[[list[Piece], random.Random], None]] = [
    _exif_segment, _exif_segment, _exif_segment, _other_segment, _between_segments, _swap_segments, _double_segment,
    _bend_segment,
]  # fmt: skip


# -------------------------------------------------------------------------------------------------------------- PNG
def png(chance: random.Random) -> bytes:
    data = chance.choice(BASES["png"])
    pieces, at = [], 8
    while at < len(data):
        end = at + 12 + int.from_bytes(data[at : at + 4], "big")
        pieces.append((data[at + 4 : at + 8], data[at:end]))
        at = end
    for _ in range(chance.randint(1, 4)):
        chance.choice(_PNG)(pieces, chance)
    return data[:8] + b"".join(body for _, body in pieces) + chance.choice((b"", b"", bytes(5), junk(chance)))


def _chunk(kind: bytes, body: bytes, chance: random.Random) -> Piece:
    crc = zlib.crc32(kind + body) if chance.random() < 0.85 else chance.randrange(1 << 32)
    return kind, struct.pack(">I", len(body)) + kind + body + struct.pack(">I", crc)


def _exif_chunk(pieces: list[Piece], chance: random.Random) -> None:
    prefix = b"Exif\0\0" if chance.random() < 0.1 else b""
    _somewhere(pieces[:-1], (b"", b""), chance)
    pieces.insert(chance.randint(1, len(pieces) - 1), _chunk(b"eXIf", prefix + exif(chance), chance))


def _other_chunk(pieces: list[Piece], chance: random.Random) -> None:
    kinds = (b"tEXt", b"zTXt", b"iTXt", b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"tRNS", b"pHYs", b"tIME", b"bKGD", b"PLTE")
    kind = chance.choice((*kinds, b"sBIT", b"hIST", b"sPLT", b"acTL", b"cICP", b"vpAg", b"s\x01IT", b"xxxx"))
    start = chance.choice((b"", b"a\0", b"a\0\0" + zlib.compress(b"x" * 200)))
    pieces.insert(chance.randint(1, len(pieces) - 1), _chunk(kind, start + junk(chance, 12), chance))


def _swap_chunks(pieces: list[Piece], chance: random.Random) -> None:
    inner = range(1, len(pieces) - 1)
    one, other = chance.choice(inner), chance.choice(inner)
    pieces[one], pieces[other] = pieces[other], pieces[one]


def _double_chunk(pieces: list[Piece], chance: random.Random) -> None:
    pieces.insert(chance.randint(1, len(pieces) - 1), chance.choice(pieces[1:-1]))


def _split_pixels(pieces: list[Piece], chance: random.Random) -> None:
    at = next(at for at, (kind, _) in enumerate(pieces) if kind == b"IDAT")
    body = pieces[at][1][8:-4]
    cuts = sorted((0, chance.randint(0, len(body)), chance.randint(0, len(body)), len(body)))
    pieces[at : at + 1] = [
        (
            b"IDAT",
            struct.pack(">I", to - of) + b"IDAT" + body[of:to] + zlib.crc32(b"IDAT" + body[of:to]).to_bytes(4, "big"),
        )
        for of, to in pairwise(cuts)
    ]


def _bend_chunk(pieces: list[Piece], chance: random.Random) -> None:
    """Another byte in a chunk that is no pixel, behind its length: type, body or checksum."""
    found = [at for at, (kind, _) in enumerate(pieces) if kind not in (b"IHDR", b"PLTE", b"IDAT", b"IEND")]
    if found:
        at = chance.choice(found)
        kind, data = pieces[at]
        where = chance.randrange(4, len(data))
        pieces[at] = kind, data[:where] + chance.randbytes(1) + data[where + 1 :]


_PNG: list[Callable[[list[Piece], random.Random], None]] = [
    _exif_chunk, _exif_chunk, _other_chunk, _other_chunk, _swap_chunks, _double_chunk, _split_pixels, _bend_chunk,
]  # fmt: skip


# ------------------------------------------------------------------------------------------------------------- WebP
def webp(chance: random.Random) -> bytes:
    data = chance.choice(BASES["webp"])
    pieces, at = [], 12
    while at < len(data):
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        end = at + 8 + size + (size & 1)
        pieces.append((data[at : at + 4], data[at:end]))
        at = end
    if pieces[0][0] != b"VP8X" and chance.random() < 0.8:
        size = b"".join((side - 1).to_bytes(3, "little") for side in SIZE)
        pieces.insert(0, _riff_chunk(b"VP8X", bytes(4) + size))
    for _ in range(chance.randint(1, 4)):
        chance.choice(_WEBP)(pieces, chance)
    body = b"WEBP" + b"".join(body for _, body in pieces)
    size = len(body) + chance.choice((0, 0, 0, 0, 0, 1, -1, 2, -2, 40))
    return b"RIFF" + max(size, 0).to_bytes(4, "little") + body + chance.choice((b"", b"", bytes(6), junk(chance)))


def _riff_chunk(kind: bytes, body: bytes, pad: bytes = b"\0") -> Piece:
    return kind, kind + len(body).to_bytes(4, "little") + body + pad[: len(body) & 1]


def _webp_exif(pieces: list[Piece], chance: random.Random) -> None:
    prefix = chance.choice((b"", b"Exif\0\0", b"Exif"))
    pad = chance.choice((b"\0", b"\0", b"\1", b""))
    _somewhere(pieces, _riff_chunk(b"EXIF", prefix + exif(chance), pad), chance)
    if chance.random() < 0.7:
        _flags(pieces, 0x08)


def _flags(pieces: list[Piece], set_: int) -> None:
    kind, data = pieces[0]
    if kind == b"VP8X":
        pieces[0] = kind, data[:8] + bytes((data[8] | set_,)) + data[9:]


def _any_flags(pieces: list[Piece], chance: random.Random) -> None:
    _flags(pieces, chance.choice((0x20, 0x10, 0x08, 0x04, 0x02, 0x01, 0xC0)))


def _webp_other(pieces: list[Piece], chance: random.Random) -> None:
    kind = chance.choice((b"XMP ", b"ICCP", b"ALPH", b"ANIM", b"XYZ ", b"\0\1\2\3"))
    _somewhere(pieces, _riff_chunk(kind, junk(chance)), chance)


def _webp_swap(pieces: list[Piece], chance: random.Random) -> None:
    one, other = chance.randrange(len(pieces)), chance.randrange(len(pieces))
    pieces[one], pieces[other] = pieces[other], pieces[one]


def _webp_double(pieces: list[Piece], chance: random.Random) -> None:
    _somewhere(pieces, chance.choice(pieces), chance)


_WEBP: list[Callable[[list[Piece], random.Random], None]] = [
    _webp_exif, _webp_exif, _any_flags, _webp_other, _webp_swap, _webp_double,
]  # fmt: skip

MAKERS: dict[str, Callable[[random.Random], bytes]] = {"jpeg": jpeg, "png": png, "webp": webp}
