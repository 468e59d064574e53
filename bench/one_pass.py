"""Ways to check a PNG, make a JPEG of it and a copy to compare: what each costs, in a process of its own.

    python -m bench.one_pass [--runs N] [--large]

Without --large: the result of 1 MB that `throughput` sells, as the median of many calls, in the forms that take two
passes as well, and 8000 x 6000 px under two filters. With it: 32000 x 24000 px. docs/decisions/16-one-pass.md and
docs/performance.md show the figures.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from isal import isal_zlib

from sidecar.adapters import images, memory
from sidecar.adapters.images import Expected, Verifier, vips
from sidecar.adapters.images.byproducts import Byproducts
from sidecar.adapters.images.png import PngParser
from sidecar.adapters.images.reduced import comparison_size, reduced
from sidecar.adapters.incoming import Incoming
from sidecar.core.pictures import AsJpeg

from . import pictures
from .processes import peak_megabytes

CHUNK = 1 << 20
QUALITY = 92


def _feed(path: Path, feed: Callable[[bytes], object]) -> None:
    with path.open("rb", buffering=0) as file:
        while chunk := file.read(CHUNK):
            feed(chunk)


def _expected(path: Path) -> Expected:
    info = images.read_header(path)
    return Expected(info.width, info.height, frozenset({"png"}), 1 << 40)


def check(path: Path, target: Path) -> None:
    """Chunks, checksums and scanlines."""
    verifier = Verifier(_expected(path))
    _feed(path, verifier.feed)
    verifier.finish()


def vips_decode(path: Path, target: Path) -> None:
    """libvips inflates and undoes the filters; no JPEG."""
    with vips.opened(path, "png", fail_on="warning") as image:
        image.avg()


def convert(path: Path, target: Path) -> None:
    """libvips, from file to file."""
    images.convert(path, target, format="jpeg", quality=QUALITY)


def apart(path: Path, target: Path) -> None:
    """The check, then libvips, then hash and copy of what it wrote: three passes."""
    check(path, target)
    convert(path, target)
    with target.open("rb") as file:
        hashlib.file_digest(file, "sha256")
        os.fsync(file.fileno())
    info = images.read_header(target)
    reduced(target, info, comparison_size(info.width, info.height), fail_on="warning")


def vips_alone(path: Path, target: Path) -> None:
    """libvips reads the bytes while checksums of chunks are looked at: nobody counts scanlines; no copy."""
    parser, file = PngParser(None), path.open("rb", buffering=0)

    def read(size: int) -> bytes:
        data = file.read(size)
        parser.feed(memoryview(data))
        return data

    pyvips = vips.load()
    source = pyvips.SourceCustom()
    source.on_read(read)
    _vips_jpeg(pyvips, source, target)
    while data := file.read(CHUNK):
        parser.feed(memoryview(data))
    parser.finish()
    file.close()


def vips_fed(path: Path, target: Path) -> None:
    """Scanlines of the check go through a pipe to libvips, as a PNG that is not compressed; no copy."""
    pyvips = vips.load()
    reader, writer = os.pipe()
    thread = threading.Thread(target=lambda: _vips_jpeg(pyvips, pyvips.Source.new_from_descriptor(reader), target))
    thread.start()
    expected = _expected(path)

    def put(kind: bytes, *parts: bytes) -> None:
        checksum, size = isal_zlib.crc32(kind), 0
        for part in parts:
            checksum, size = isal_zlib.crc32(part, checksum), size + len(part)
        data = memoryview(b"".join([struct.pack(">I", size), kind, *parts, struct.pack(">I", checksum)]))
        while data:
            data = data[os.write(writer, data) :]

    os.write(writer, b"\x89PNG\r\n\x1a\n")
    put(b"IHDR", struct.pack(">IIBBBBB", expected.width, expected.height, 8, 2, 0, 0, 0))
    put(b"IDAT", b"\x78\x01")
    checksum = 1

    def take(rows: bytes) -> None:
        nonlocal checksum
        checksum = isal_zlib.adler32(rows, checksum)
        for at in range(0, len(rows), 0xFFFF):
            block = rows[at : at + 0xFFFF]
            put(b"IDAT", struct.pack("<BHH", 0, len(block), len(block) ^ 0xFFFF), block)

    class ToPipe(Byproducts):
        def begin(self, *about: object) -> Callable[[bytes], None]:
            return take

    parser = PngParser(expected, ToPipe(False, None))
    _feed(path, lambda chunk: parser.feed(memoryview(chunk)))
    parser.finish()
    put(b"IDAT", struct.pack("<BHH", 1, 0, 0xFFFF), struct.pack(">I", checksum))
    put(b"IEND")
    os.close(writer)
    thread.join()  # ends: its pipe was closed
    os.close(reader)


def _vips_jpeg(pyvips, source, target: Path) -> None:
    incoming = Incoming(target, 0o644)
    sink = pyvips.TargetCustom()

    def write(data: bytes) -> int:
        incoming.write(bytes(data))
        return len(data)

    sink.on_write(write)
    image = pyvips.Image.new_from_source(source, "", access="sequential", fail_on="warning")
    image.jpegsave_target(sink, Q=QUALITY, keep="icc")
    incoming.close()


def strips(path: Path, target: Path) -> None:
    """What is in use: check, JPEG, hash and copy in one pass, by strips."""
    expected = _expected(path)
    order = AsJpeg(QUALITY, (expected.width, expected.height), lambda: Incoming(target, 0o644))
    verifier = Verifier(expected, look=True, jpeg=order)
    _feed(path, verifier.feed)
    verifier.finish()
    verifier.reduction.small(comparison_size(expected.width, expected.height))  # type: ignore[union-attr]


def strips_kept(path: Path, target: Path) -> None:
    """The same for who gets the PNG: check and copy."""
    expected = _expected(path)
    verifier = Verifier(expected, look=True)
    _feed(path, verifier.feed)
    verifier.finish()
    verifier.reduction.small(comparison_size(expected.width, expected.height))  # type: ignore[union-attr]


WAYS: tuple[Callable[[Path, Path], None], ...] = (
    check, vips_decode, convert, apart, vips_alone, vips_fed, strips, strips_kept,
)  # fmt: skip


IN_TWO_PASSES = (check, convert, apart)


def _one(name: str, path: Path, calls: int) -> None:
    """In the child: CPU and wall seconds (medians of `calls`), peak memory in MB."""
    memory.keep_freed()  # as a worker does
    way = {way.__name__: way for way in WAYS}[name]
    cpu, wall = [], []
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        for _ in range(calls):
            began = time.process_time(), time.perf_counter()
            way(path, Path(folder) / "made.jpg")
            cpu.append(time.process_time() - began[0])
            wall.append(time.perf_counter() - began[1])
    print(statistics.median(cpu), statistics.median(wall), peak_megabytes())


def _made(folder: Path, filter: str) -> Path:
    """The result of `throughput`, eleven times as wide and high, under one filter of scanlines."""
    import pyvips

    path = folder / f"{filter}.png"
    small = pyvips.Image.new_from_file(str(pictures.bought()[1])).copy_memory()
    noise = pyvips.Image.gaussnoise(8000, 6000, sigma=4, mean=0, seed=1)
    image = (small.resize(8000 / small.width, vscale=6000 / small.height, kernel="cubic") + noise).cast("uchar")
    image.copy(interpretation="srgb").pngsave(str(path), compression=1, filter=filter)
    return path


def _forms(folder: Path) -> list[tuple[str, Path]]:
    """The result of `throughput` in the forms of PNG that take two passes."""
    import pyvips

    image = pyvips.Image.new_from_file(str(pictures.bought()[1])).copy_memory()
    wide = (image.cast("ushort") * 257).cast("ushort").copy(interpretation="rgb16")
    forms = [("16 bits", wide, {}), ("palette", image, {"palette": True}), ("interlaced", image, {"interlace": True})]
    made = []
    for name, form, options in forms:
        path = folder / f"{name}.png"
        form.pngsave(str(path), **options)
        made.append((f"{path.stat().st_size / 1e6:.2f} MB, {name}", path))
    return made


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.one_pass", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--large", action="store_true", help="32000 x 24000 px instead")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        name, path, calls = options.one
        _one(name, Path(path), int(calls))
        return
    print("| picture | way | CPU | wall | peak memory |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory(dir=pictures.FOLDER) as temporary:
        folder = Path(temporary)
        if options.large:
            cases = [("768 MP", pictures.huge_png(), 1, WAYS)]
        else:
            cases = [("1 MB", pictures.bought()[1], 40, WAYS)]
            cases += [(name, path, 40, IN_TWO_PASSES) for name, path in _forms(folder)]
            cases += [(f"48 MP, {kind}", _made(folder, kind), 1, WAYS) for kind in ("sub", "paeth")]
        for picture, path, calls, ways in cases:
            seen: dict[str, list[list[float]]] = {}
            for _ in range(options.runs):  # the ways take turns
                for way in ways:
                    child = [sys.executable, "-m", "bench.one_pass", "--one", way.__name__, str(path), str(calls)]
                    ended = subprocess.run(child, check=True, stdout=subprocess.PIPE, text=True, timeout=600)
                    seen.setdefault(way.__name__, []).append([float(word) for word in ended.stdout.split()])
            for name, runs in seen.items():
                cpu, wall, peak = (statistics.median(column) for column in zip(*runs, strict=True))
                print(
                    f"| {picture} | `{name}` | {1000 * cpu:.1f} ms | {1000 * wall:.1f} ms | {peak:.0f} MB |", flush=True
                )


if __name__ == "__main__":
    main()
