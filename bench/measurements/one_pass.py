"""one_pass: a PNG of 32000 x 24000 px is checked, made a JPEG of, hashed, and reduced for the comparison, in a process
of its own, whose peak memory is taken.

Beside it the same one after the other: the check, then libvips from file to file, then hash and copy of the JPEG.
`python -m bench.one_pass` has the other ways, and smaller pictures.
"""

from __future__ import annotations

from collections.abc import Iterator

from .. import pictures
from ..bench import Bench
from ..figures import Figure, at_most, figure, interleaved, ratio_at_most
from ..processes import passes


def run(bench: Bench) -> Iterator[Figure]:
    source, target = pictures.huge_png(), bench.folder / "made.jpg"
    ours, apart = interleaved(
        bench.runs,
        lambda: passes("one_pass", source, target),
        lambda: passes("apart", source, target),
        warm_up=0,  # 20 s each; the file is in the page cache already
    )
    target.unlink()
    seconds, megabytes = zip(*ours, strict=True)
    their_seconds, their_megabytes = zip(*apart, strict=True)
    yield figure("one_pass", "MB", megabytes, at_most(96), baseline=their_megabytes)
    yield figure("one_pass.time", "s", seconds, ratio_at_most(1.0), baseline=their_seconds)
