"""convert: a PNG of 32000 x 24000 px to JPEG, in a process of its own, whose peak memory is taken.

Beside it libvips as its documentation shows it: open sequentially, save.
"""

from __future__ import annotations

from collections.abc import Iterator

from .. import pictures
from ..bench import Bench
from ..beside import memory_and_time
from ..figures import Figure


def run(bench: Bench) -> Iterator[Figure]:
    source, target = pictures.huge_png(), bench.folder / "converted.jpg"
    yield from memory_and_time(bench, "convert", "convert", "vips_convert", source, target)
    target.unlink()
