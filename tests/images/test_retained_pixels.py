"""Pixels that the check of a small PNG keeps: the same picture, and so the same verdict, without inflating twice."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from sidecar.adapters.images import Expected, Verifier, check_picture
from sidecar.adapters.images.retained_pixels import KeptPixels
from tests.testbed.photos import picture


def _kept(image: Image.Image, path: Path, **how: object) -> KeptPixels | None:
    """What the check of this picture keeps, fed in odd pieces."""
    image.save(path, "PNG", **how)
    verifier = Verifier(Expected(*image.size, frozenset({"png"}), 1 << 30))
    data = path.read_bytes()
    for at in range(0, len(data), 9999):
        assert verifier.kept is None  # nothing before the end has been checked
        verifier.feed(data[at : at + 9999])
    verifier.finish()
    return verifier.kept


def _bigger(image: Image.Image, factor: int) -> Image.Image:
    return image.resize((image.width * factor, image.height * factor), Image.Resampling.LANCZOS)


@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize("level", [0, 1, 9])
def test_they_are_the_pixels_of_the_file(tmp_path: Path, mode: str, level: int) -> None:
    image = picture(301, 203, seed=4).convert(mode)
    kept = _kept(image, tmp_path / "a.png", compress_level=level)
    assert kept is not None
    assert kept.image().tobytes() == image.tobytes()


@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize("factor", [2, 4])
def test_the_verdict_is_that_of_the_file(tmp_path: Path, mode: str, factor: int) -> None:
    source, result = tmp_path / "source.png", tmp_path / "result.png"
    image = picture(160, 120, seed=5).convert(mode)
    image.save(source)
    kept = _kept(_bigger(image, factor), result)
    from_file = check_picture(source, result, kept.info)
    from_kept = check_picture(source, result, kept.info, kept=kept)
    assert from_file.ok
    assert from_kept.ok
    assert from_kept.ssim == pytest.approx(from_file.ssim, abs=0.005)


def test_another_picture_is_refused(tmp_path: Path) -> None:
    source, result = tmp_path / "source.png", tmp_path / "result.png"
    picture(160, 120, seed=5).save(source)
    kept = _kept(_bigger(picture(160, 120, seed=6), 2), result)
    assert check_picture(source, result, kept.info, kept=kept).code == "result_not_the_picture"


def test_large_or_unusual_pictures_are_not_kept(tmp_path: Path) -> None:
    assert _kept(Image.new("RGB", (2100, 1000)), tmp_path / "large.png") is None
    assert _kept(Image.new("RGBA", (8, 8)), tmp_path / "alpha.png") is None
    assert _kept(Image.new("P", (8, 8)), tmp_path / "palette.png") is None
    assert _kept(Image.new("I;16", (8, 8)), tmp_path / "deep.png") is None


def test_a_picture_that_needs_more_than_its_pixels_is_read_from_the_file(tmp_path: Path) -> None:
    """Turned by its EXIF orientation: the kept pixels lie on their side, the file's are shown upright."""
    source, result = tmp_path / "source.png", tmp_path / "result.png"
    image = picture(160, 120, seed=5)
    image.save(source)
    exif = Image.Exif()
    exif[0x0112] = 6
    kept = _kept(_bigger(image, 2).transpose(Image.Transpose.ROTATE_90), result, exif=exif)
    assert kept.info.orientation == 6
    assert check_picture(source, result, kept.info, kept=kept).ok
