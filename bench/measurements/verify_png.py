"""verify_png: the full check of a PNG of 32000 x 24000 px (about 1 GB, IDAT chunks of 8 KB as libpng writes them).

Chunk order and CRCs, inflate, every scanline counted, Adler-32, nothing behind the end; in a process of its
own, whose peak memory is taken. The baseline inflates the same compressed pixels with isal and does nothing
else: its file holds the payloads of the IDAT chunks strung together. Both files are in the page cache.
"""

from __future__ import annotations

from collections.abc import Iterator

from .. import pictures
from ..bench import Bench
from ..figures import Figure, at_most, figure, interleaved, ratio_at_most
from ..processes import passes


def run(bench: Bench) -> Iterator[Figure]:
    whole, pixels = pictures.huge_png(), pictures.huge_pixels()
    ours, bare = interleaved(
        bench.runs, lambda: passes("verify", whole), lambda: passes("inflate", pixels), warm_up=bench.size(1, 0)
    )
    seconds = [seconds for seconds, _ in ours]
    yield figure("verify_png", "s", seconds, ratio_at_most(1.10), baseline=[seconds for seconds, _ in bare])
    yield figure("verify_png.memory", "MB", [megabytes for _, megabytes in ours], at_most(64))
