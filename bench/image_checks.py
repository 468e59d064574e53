"""What the image checks cost: time and peak memory, each in a process of its own, beside the bare codec.

    python bench/image_checks.py [--large] [--runs N]

Without --large: a 1.2 megapixel picture, as the median of many calls. With it: 32000x24000 (needs 2 GB of disk).
docs/image-checks.md shows the figures.
"""

from __future__ import annotations

import argparse
import json
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PIECE = 64 * 1024
ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))


def bare_inflate(path: Path) -> None:
    """All IDAT payloads through isal as fast as it goes (64 KB in and out was the fastest of many sizes): no check."""
    from isal import isal_zlib

    inflater, room, filled = isal_zlib.decompressobj(), memoryview(bytearray(PIECE)), 0
    with open(path, "rb") as file:
        file.seek(8)
        while head := file.read(8):
            size, kind = struct.unpack(">I4s", head)
            if kind != b"IDAT":
                file.seek(size + 4, 1)
                continue
            while size:
                got = file.readinto(room[filled : filled + size])
                size, filled = size - got, filled + got
                if filled == PIECE:
                    _inflate(inflater, room)
                    filled = 0
            file.seek(4, 1)
    _inflate(inflater, room[:filled])


def _inflate(inflater, piece) -> None:
    while True:  # ends: with the piece, from which each turn takes something
        pixels = inflater.decompress(piece, PIECE)
        piece = inflater.unconsumed_tail
        if not piece and len(pixels) < PIECE:
            return


def verify(path: Path) -> None:
    from sidecar.adapters.images import Expected, Verifier, read_header

    info = read_header(path)
    verifier = Verifier(Expected(info.width, info.height, frozenset({info.format}), 1 << 40))
    buffer = memoryview(bytearray(1 << 20))
    with open(path, "rb", buffering=0) as file:
        while got := file.readinto(buffer):
            verifier.feed(buffer[:got])
    verifier.finish()


def pixels(path: Path) -> None:
    from sidecar.adapters.images import read_header, verify_pixels

    verify_pixels(path, read_header(path))


def to_jpeg(path: Path) -> None:
    from sidecar.adapters.images import convert

    convert(path, path.with_suffix(".converted.jpg"), format="jpeg")


def vips_to_jpeg(path: Path) -> None:
    import pyvips

    pyvips.cache_set_max(0)
    image = pyvips.Image.new_from_file(str(path), access="sequential")
    image.jpegsave(str(path.with_suffix(".vips.jpg")), Q=92)


def pillow_to_jpeg(path: Path) -> None:
    from PIL import Image

    with Image.open(path) as image:
        image.save(path.with_suffix(".pillow.jpg"), quality=92, subsampling=0)


def picture(path: Path) -> None:
    from sidecar.adapters.images import check_picture, read_header

    assert check_picture(path.with_name("source.jpg"), path, read_header(path)).ok


CASES = [
    ("large.png", bare_inflate),
    ("large.png", verify),
    ("large.png", vips_to_jpeg),
    ("large.png", to_jpeg),
    ("large.png", picture),
    ("large.jpg", verify),
    ("large.jpg", pixels),
    ("large.jpg", picture),
]


def make(folder: Path, width: int, height: int, factor: int) -> None:
    """source.jpg and its enlargement, with fine noise, as large.png and large.jpg."""
    import pyvips

    grid = [pyvips.Image.gaussnoise(60, 45, mean=128, sigma=60, seed=band) for band in range(3)]
    small = grid[0].bandjoin(grid[1:]).resize(width / 60, vscale=height / 45, kernel="cubic")
    fine = pyvips.Image.gaussnoise(width, height, mean=0, sigma=8, seed=9)
    small = (small + fine).cast("uchar").copy(interpretation="srgb").copy_memory()
    small.jpegsave(str(folder / "source.jpg"), Q=90)
    noise = pyvips.Image.gaussnoise(width, height, mean=0, sigma=2, seed=10).copy_memory()
    large = (small.resize(factor, kernel="cubic") + noise.replicate(factor, factor)).cast("uchar")
    large = large.copy(interpretation="srgb")
    large.pngsave(str(folder / "large.png"), compression=1, filter="sub")
    pyvips.Image.new_from_file(str(folder / "large.png"), access="sequential").jpegsave(str(folder / "large.jpg"), Q=92)


def one(name: str, path: Path, calls: int) -> None:
    """Runs in the child: prints seconds of processor time (median of `calls`) and peak memory in MB."""
    run, spent = globals()[name], []
    for _ in range(calls):
        started = time.process_time()
        run(path)
        spent.append(time.process_time() - started)
    from bench.processes import peak_megabytes

    print(json.dumps([statistics.median(spent), peak_megabytes()]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--large", action="store_true", help="32000x24000 instead of 1280x960")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        name, path, calls = options.one
        one(name, Path(path), int(calls))
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        make(folder, *((4000, 3000, 8) if options.large else (320, 240, 4)))
        cases = CASES if options.large else [*CASES, ("large.png", pillow_to_jpeg)]
        figures: dict[tuple[str, str], list[tuple[float, float]]] = {}
        for _ in range(options.runs):
            for file, run in cases:
                calls = 1 if options.large else 20
                child = [sys.executable, __file__, "--one", run.__name__, str(folder / file), str(calls)]
                seconds, peak = json.loads(
                    subprocess.run(child, check=True, stdout=subprocess.PIPE, timeout=600).stdout
                )
                figures.setdefault((file, run.__name__), []).append((seconds, peak))
        print("| file | MB | what | CPU, median (min to max) | peak memory |\n|---|---|---|---|---|")
        for (file, name), seen in figures.items():
            seconds = [second * (1 if options.large else 1000) for second, _ in seen]
            unit = "s" if options.large else "ms"
            spread = f"{statistics.median(seconds):.2f} {unit} ({min(seconds):.2f} to {max(seconds):.2f})"
            size = (folder / file).stat().st_size / 1e6
            print(f"| {file} | {size:.1f} | {name} | {spread} | {max(peak for _, peak in seen):.0f} MB |")
    pairs = zip(figures["large.png", "verify"], figures["large.png", "bare_inflate"], strict=True)
    print(f"\nverify / bare inflate of a PNG: {statistics.median(a[0] / b[0] for a, b in pairs):.3f}")


if __name__ == "__main__":
    main()
