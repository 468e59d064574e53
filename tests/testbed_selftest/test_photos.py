"""Test photos: the same each time, and of the kind asked for."""

from pathlib import Path

import pytest
from PIL import Image, ImageStat

from tests.testbed.photos import photo, picture


@pytest.mark.parametrize(("name", "kind"), [("a.jpg", "JPEG"), ("a.png", "PNG"), ("a.webp", "WEBP")])
def test_a_photo_has_the_size_and_format_asked_for(tmp_path: Path, name: str, kind: str) -> None:
    with Image.open(photo(tmp_path / name, 321, 123)) as image:
        assert (image.format, image.size, image.mode) == (kind, (321, 123), "RGB")


def test_the_same_seed_makes_the_same_file_and_another_seed_another(tmp_path: Path) -> None:
    one, two, other = (photo(tmp_path / f"{n}.png", 200, 150, seed) for n, seed in enumerate([7, 7, 8]))
    assert one.read_bytes() == two.read_bytes() != other.read_bytes()


def test_a_photo_is_no_flat_surface() -> None:
    assert min(ImageStat.Stat(picture(320, 240)).stddev) > 20
