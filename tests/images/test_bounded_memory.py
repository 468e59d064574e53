"""Memory is measured where it is spent: in a process of its own, as the kernel counts it."""

from __future__ import annotations

import struct
import subprocess
import sys
from pathlib import Path

import pytest
from isal import isal_zlib

from tests.images.handmade import SIGNATURE, chunk

ROOT = Path(__file__).parents[2]
WIDTH, HEIGHT = 32000, 24000


def _write_blank(path: Path, rows: int, width: int = WIDTH, height: int = HEIGHT) -> None:
    """A PNG whose header says `width` x `height`, streamed out with `rows` rows of zeros."""
    compressor = isal_zlib.compressobj(level=1)
    block = bytes((1 + 3 * width) * 100)
    with open(path, "wb") as file:
        file.write(SIGNATURE + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)))
        for _ in range(rows // 100):
            file.write(chunk(b"IDAT", compressor.compress(block)))
        file.write(chunk(b"IDAT", compressor.flush()) + chunk(b"IEND"))


def _run(code: str, *arguments: object) -> tuple[str, float]:
    """Runs `code` in a fresh interpreter; what it printed, and its peak memory in MB.

    The peak is read from /proc by the process itself: getrusage would count the parent's memory before exec.
    """
    peak = "print(next(line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM')))"
    command = [sys.executable, "-c", code + peak, *map(str, arguments)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, cwd=ROOT, check=True, timeout=120)
    printed, kilobytes = done.stdout.splitlines()
    return printed, int(kilobytes) * 1024 / 1e6


VERIFY = """
import sys
from sidecar.adapters.images import Expected, Verifier
from sidecar.core.errors import PermanentError
verifier = Verifier(Expected(int(sys.argv[2]), int(sys.argv[3]), frozenset({"png", "jpeg"}), 10**9))
try:
    with open(sys.argv[1], "rb") as file:
        while piece := file.read(1 << 20):
            verifier.feed(piece)
    verifier.finish()
    print("sound")
except PermanentError as error:
    print(error.code)
"""

ONE_PASS = """
import sys
from pathlib import Path
from sidecar.adapters.incoming import Incoming
from sidecar.adapters.images import Expected, Verifier
from sidecar.core.pictures import AsJpeg
size = int(sys.argv[3]), int(sys.argv[4])
order = AsJpeg(92, size, lambda: Incoming(Path(sys.argv[2]), 0o644))
verifier = Verifier(Expected(*size, frozenset({"png"}), 10**9), look=True, jpeg=order)
with open(sys.argv[1], "rb") as file:
    while piece := file.read(1 << 20):
        verifier.feed(piece)
verifier.finish()
print(verifier.converted.info.width, verifier.converted.info.height)
"""

CONVERT = """
import sys
from pathlib import Path
from sidecar.adapters.images import convert
info = convert(Path(sys.argv[1]), Path(sys.argv[2]), format=sys.argv[3])
print(info.width, info.height)
"""


@pytest.fixture(scope="module")
def blank(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("large") / "blank.png"
    _write_blank(path, HEIGHT)
    return path


def test_a_paid_image_of_768_megapixels_passes_in_64_mb(blank):
    printed, peak = _run(VERIFY, blank, WIDTH, HEIGHT)
    assert printed == "sound"
    assert peak < 64


def test_a_bomb_is_refused_by_its_header(blank):
    printed, peak = _run(VERIFY, blank, 4000, 3000)
    assert printed == "result_wrong_dimensions"
    assert peak < 32


def test_a_bomb_behind_an_honest_header_dies_at_the_first_surplus_row(blank, tmp_path):
    lying = tmp_path / "lying.png"
    _write_blank(lying, HEIGHT, WIDTH, 100)
    printed, peak = _run(VERIFY, lying, WIDTH, 100)
    assert printed == "result_corrupt"
    assert peak < 32


def test_conversion_holds_a_few_lines_only(tmp_path):
    wide, target = tmp_path / "wide.png", tmp_path / "wide.jpg"
    _write_blank(wide, 2000, WIDTH, 2000)
    printed, peak = _run(CONVERT, wide, target, "jpeg")
    assert printed == f"{WIDTH} 2000"
    assert peak < 96
    back, peak = _run(CONVERT, target, tmp_path / "back.png", "png")
    assert back == f"{WIDTH} 2000"
    assert peak < 96


def test_check_copy_and_jpeg_in_one_pass_hold_a_few_strips_only(tmp_path):
    """Some strips are enough to see it: what is held does not grow with their number, but for a thousandth."""
    wide, target = tmp_path / "wide.png", tmp_path / "wide.jpg"
    _write_blank(wide, 2000, WIDTH, 2000)
    printed, peak = _run(ONE_PASS, wide, target, WIDTH, 2000)
    assert printed == f"{WIDTH} 2000"
    assert peak < 64
