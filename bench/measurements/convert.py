"""convert: a PNG of 32000 x 24000 px to JPEG, in a process of its own, whose peak memory is taken.

Beside it libvips as its documentation shows it: open sequentially, save.
"""

from __future__ import annotations

from collections.abc import Iterator

from .. import pictures
from ..bench import Bench
from ..figures import Figure, at_most, figure, interleaved
from ..processes import passes


def run(bench: Bench) -> Iterator[Figure]:
    source, target = pictures.huge_png(), bench.folder / "converted.jpg"
    ours, vips = interleaved(
        bench.runs,
        lambda: passes("convert", source, target),
        lambda: passes("vips_convert", source, target),
        warm_up=0,  # 20 s each; the file is in the page cache already
    )
    target.unlink()
    seconds, memory = zip(*ours, strict=True)
    their_seconds, their_memory = zip(*vips, strict=True)
    yield figure("convert", "MB", memory, at_most(96), baseline=their_memory)
    yield figure("convert.time", "s", seconds, baseline=their_seconds)
