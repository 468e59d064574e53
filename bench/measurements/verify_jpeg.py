"""verify_jpeg: the check of a JPEG of 32000 x 24000 px: markers while it arrives, then every Huffman code by a
decoder.

In a process of its own, whose peak memory is taken; beside it libvips' own decoding at an eighth, which finds
less.
"""

from __future__ import annotations

from collections.abc import Iterator

from .. import pictures
from ..bench import Bench
from ..beside import memory_and_time
from ..figures import Figure


def run(bench: Bench) -> Iterator[Figure]:
    path = pictures.huge_jpeg()
    yield from memory_and_time(bench, "verify_jpeg", "verify", "vips_decode", path, warm_up=bench.size(1, 0))
