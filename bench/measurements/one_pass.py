"""one_pass: a PNG of 32000 x 24000 px is checked, made a JPEG of, hashed, and reduced for the comparison, in a process
of its own, whose peak memory is taken.

Beside it the same one after the other: the check, then libvips from file to file, then hash and copy of the JPEG.
`python -m bench.one_pass` has the other ways, and smaller pictures.
"""

from __future__ import annotations

from collections.abc import Iterator

from .. import pictures
from ..bench import Bench
from ..beside import memory_and_time
from ..figures import Figure, ratio_at_most


def run(bench: Bench) -> Iterator[Figure]:
    source, target = pictures.huge_png(), bench.folder / "made.jpg"
    yield from memory_and_time(bench, "one_pass", "one_pass", "apart", source, target, time=ratio_at_most(1.0))
    target.unlink()
