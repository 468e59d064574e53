"""python -m bench.subprocesses.image WHAT FILE [TARGET]: one pass over a huge picture; prints seconds and peak MB."""

from __future__ import annotations

import hashlib
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

from isal import isal_zlib

from sidecar.adapters import images, memory
from sidecar.adapters.images import Expected, Verifier
from sidecar.adapters.images.reduced import comparison_size, reduced
from sidecar.adapters.incoming import Incoming
from sidecar.core.pictures import AsJpeg

from .. import HUGE
from ..processes import peak_megabytes

CHUNK = 1 << 20  # as the fetcher hands on what comes from the network
ANY = frozenset({"png", "jpeg", "webp"})


def verify(path: Path, target: Path) -> None:
    """The whole check of a result, as collect does it while the bytes arrive."""
    verifier = Verifier(Expected(*HUGE, ANY, 1 << 33))
    with path.open("rb", buffering=0) as file:
        while chunk := file.read(CHUNK):
            verifier.feed(chunk)
    images.verify_pixels(path, verifier.finish())


def inflate(path: Path, target: Path) -> None:
    """The compressed pixels alone, through isal, in the same pieces."""
    inflater = isal_zlib.decompressobj()
    with path.open("rb", buffering=0) as file:
        while chunk := file.read(CHUNK):
            for at in range(0, len(chunk), 1 << 16):
                inflater.decompress(chunk[at : at + (1 << 16)])
    if not inflater.eof:
        raise SystemExit("the stream has no end")


def verify_and_hash(path: Path, target: Path) -> None:
    """Hash and check over a local file: what collect does with the bytes, without network and disk."""
    verifier, digest = Verifier(Expected(*HUGE, ANY, 1 << 33)), hashlib.sha256()
    with path.open("rb", buffering=0) as file:
        while chunk := file.read(CHUNK):
            verifier.feed(chunk)
            digest.update(chunk)
    verifier.finish()


def convert(path: Path, target: Path) -> None:
    images.convert(path, target, format="jpeg")


def one_pass(path: Path, target: Path) -> None:
    """Check, JPEG, hash and the copy to compare, as collect does it while the bytes arrive."""
    order = AsJpeg(92, HUGE, lambda: Incoming(target, 0o644))
    verifier = Verifier(Expected(*HUGE, ANY, 1 << 33), look=True, jpeg=order)
    with path.open("rb", buffering=0) as file:
        while chunk := file.read(CHUNK):
            verifier.feed(chunk)
    verifier.finish()
    if verifier.converted is None or verifier.reduction is None:
        raise SystemExit("nothing was made of it")
    verifier.reduction.small(comparison_size(*HUGE))


def apart(path: Path, target: Path) -> None:
    """The same one after the other: the check, libvips' conversion, hash and copy of what it wrote."""
    verify(path, target)
    images.convert(path, target, format="jpeg")
    with target.open("rb") as file:
        hashlib.file_digest(file, "sha256")
        os.fsync(file.fileno())
    reduced(target, images.read_header(target), comparison_size(*HUGE), fail_on="warning")


def vips_decode(path: Path, target: Path) -> None:
    """What libvips offers for the check of a JPEG: decode all of it, at an eighth."""
    import pyvips

    pyvips.Image.new_from_file(str(path), access="sequential", shrink=8, fail_on="warning").avg()


def vips_convert(path: Path, target: Path) -> None:
    """libvips as its documentation shows it."""
    import pyvips

    pyvips.Image.new_from_file(str(path), access="sequential").jpegsave(str(target), Q=92)


PASSES: dict[str, Callable[[Path, Path], None]] = {
    "verify": verify,
    "inflate": inflate,
    "verify_and_hash": verify_and_hash,
    "convert": convert,
    "one_pass": one_pass,
    "apart": apart,
    "vips_decode": vips_decode,
    "vips_convert": vips_convert,
}


def main() -> None:
    what, path, *target = sys.argv[1:]
    memory.keep_freed()  # as a worker does; the baselines have it, too
    began = time.perf_counter()
    PASSES[what](Path(path), Path(*target[:1]))
    seconds = time.perf_counter() - began
    print(seconds, peak_megabytes())


if __name__ == "__main__":
    main()
