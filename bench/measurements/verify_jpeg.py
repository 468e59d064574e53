"""verify_jpeg: the check of a JPEG of 32000 x 24000 px: markers while it arrives, then every Huffman code by a
decoder.

In a process of its own, whose peak memory is taken; beside it libvips' own decoding at an eighth, which finds
less.
"""

from __future__ import annotations

from collections.abc import Iterator

from .. import pictures
from ..bench import Bench
from ..figures import Figure, at_most, figure, interleaved
from ..processes import passes


def run(bench: Bench) -> Iterator[Figure]:
    path = pictures.huge_jpeg()
    ours, vips = interleaved(
        bench.runs, lambda: passes("verify", path), lambda: passes("vips_decode", path), warm_up=bench.size(1, 0)
    )
    seconds, memory = zip(*ours, strict=True)
    their_seconds, their_memory = zip(*vips, strict=True)
    yield figure("verify_jpeg", "MB", memory, at_most(96), baseline=their_memory)
    yield figure("verify_jpeg.time", "s", seconds, baseline=their_seconds)
