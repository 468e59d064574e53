"""The baseline of equal work does what its name says: it converts, and finds the faults that the sidecar finds."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from sidecar.sandbox.enlarge import enlarge
from tests.testbed.photos import photo

HANDLER = Path(__file__).parent / "equal_work.php"
SIZE = (188, 141)


@pytest.fixture(scope="module")
def sound(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("sound")
    source = photo(folder / "source.png", *SIZE, seed=11)
    photo(folder / "source.jpg", *SIZE, seed=11)
    enlarge(source.read_bytes(), 4 * SIZE[0], 4 * SIZE[1], folder / "result.png")
    return folder / "result.png"


def kept(source: Path, result: Path) -> Path | None:
    ended = subprocess.run(["php", HANDLER, source, result], capture_output=True, text=True, timeout=60, check=True)
    assert ended.stderr == ""
    return Path(ended.stdout) if ended.stdout else None


def copy_of(path: Path, tmp_path: Path, spoil: Callable[[bytes], bytes] = lambda content: content) -> Path:
    copy = tmp_path / "result.tmp"
    copy.write_bytes(spoil(path.read_bytes()))
    return copy


def test_a_sound_result_of_a_png_is_kept_as_it_is(sound: Path, tmp_path: Path) -> None:
    result = kept(sound.with_name("source.png"), copy_of(sound, tmp_path))
    assert result is not None
    assert result.read_bytes() == sound.read_bytes()


def test_a_sound_result_of_a_jpeg_becomes_a_jpeg_of_the_same_size(sound: Path, tmp_path: Path) -> None:
    result = kept(sound.with_name("source.jpg"), copy_of(sound, tmp_path))
    assert result is not None
    with Image.open(result) as image:
        assert (image.format, image.size) == ("JPEG", (4 * SIZE[0], 4 * SIZE[1]))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda content: content[: len(content) // 2],
        lambda content: content[:5000] + bytes([content[5000] ^ 255]) + content[5001:],
        lambda content: content + b"\n",
    ],
    ids=["cut", "one byte flipped", "more behind the end"],
)
def test_a_file_at_fault_is_refused(sound: Path, tmp_path: Path, spoil) -> None:
    assert kept(sound.with_name("source.png"), copy_of(sound, tmp_path, spoil)) is None


@pytest.mark.parametrize(
    "paint",
    [
        lambda image: image.rotate(180),
        lambda image: image.convert("L").convert("RGB"),
        lambda image: Image.new("RGB", image.size, (90, 90, 90)),
        lambda image: _torn(image),
        lambda image: image.resize((2 * SIZE[0], 2 * SIZE[1])),
    ],
    ids=["turned", "colourless", "blank", "torn", "half the size"],
)
def test_another_picture_is_refused(sound: Path, tmp_path: Path, paint) -> None:
    wrong = tmp_path / "wrong.png"
    with Image.open(sound) as image:
        paint(image.convert("RGB")).save(wrong)
    assert kept(sound.with_name("source.png"), copy_of(wrong, tmp_path)) is None


def _torn(image: Image.Image) -> Image.Image:
    image.paste((128, 128, 128), (0, image.height * 3 // 4, image.width, image.height))
    return image
