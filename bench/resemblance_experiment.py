"""Where do the limits of `sidecar/adapters/images/picture.py` come from? From the distributions that this prints.

Makes pictures of eight kinds (and takes more from a folder of photos), enlarges each in the ways that enlargers do, and
spoils each in the ways that enlargers, networks and mix-ups do; compares each with its source as the sidecar does.

    python bench/resemblance_experiment.py [--photos FOLDER] [--seeds N] [--markdown]
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from PIL import Image, ImageChops, ImageDraw, ImageEnhance, ImageFilter, ImageOps

from sidecar.adapters.images import read_header
from sidecar.adapters.images.picture import judge, plausible_size
from sidecar.adapters.images.resemblance import Resemblance, resemblance

Picture = Image.Image
FACTOR = 4
SIZE = (480, 360)


# --- sources ---------------------------------------------------------------------------------------------------------


def clouds(rng: random.Random, size: tuple[int, int], roughness: float = 0.55) -> Picture:
    """Fractal noise in colour, whose spectrum falls like a photo's (amplitude ~ 1/frequency)."""
    total = Image.new("RGB", size, (128, 128, 128))
    strength, cells = 1.0, 3
    while cells < max(size):
        grid = Image.frombytes("RGB", (cells, cells), rng.randbytes(3 * cells * cells))
        layer = grid.resize(size, Image.Resampling.BICUBIC)
        flat = Image.new("RGB", size, (128, 128, 128))
        total = ImageChops.add(total, Image.blend(flat, layer, strength * 0.6), 1, -128)
        strength, cells = strength * roughness, cells * 2
    return total


def landscape(rng: random.Random) -> Picture:
    image = clouds(rng, SIZE, 0.4)
    ground = clouds(rng, SIZE, 0.75)
    horizon = rng.randint(SIZE[1] // 3, SIZE[1] * 2 // 3)
    image.paste(ImageEnhance.Brightness(ground).enhance(0.6).crop((0, horizon, *SIZE)), (0, horizon))
    return image


def portrait(rng: random.Random) -> Picture:
    image = clouds(rng, SIZE, 0.3).filter(ImageFilter.GaussianBlur(8))
    draw = ImageDraw.Draw(image)
    x, y = rng.randint(160, 320), rng.randint(140, 220)
    draw.ellipse((x - 90, y - 120, x + 90, y + 120), fill=(224, 172, 140))
    for dx in (-35, 35):
        draw.ellipse((x + dx - 12, y - 30, x + dx + 12, y - 16), fill=(40, 30, 30))
    draw.rectangle((x - 30, y + 50, x + 30, y + 60), fill=(170, 60, 60))
    return ImageChops.add(image, clouds(rng, SIZE, 0.7).point(lambda v: v // 8), 1, -16)


def texture(rng: random.Random) -> Picture:
    return clouds(rng, SIZE, 0.95)


def night(rng: random.Random) -> Picture:
    image = ImageEnhance.Brightness(clouds(rng, SIZE, 0.4)).enhance(0.25)
    draw = ImageDraw.Draw(image)
    for _ in range(25):
        x, y, r = rng.randrange(SIZE[0]), rng.randrange(SIZE[1]), rng.randint(2, 6)
        draw.ellipse((x - r, y - r, x + r, y + r), fill=(255, 230, 160))
    return grain(image, 14)


def product(rng: random.Random) -> Picture:
    image = Image.new("RGB", SIZE, "white")
    inner = clouds(rng, (160, 200), 0.6)
    image.paste(inner, (rng.randint(40, 240), rng.randint(20, 120)))
    return image


def logo(rng: random.Random) -> Picture:
    image = Image.new("RGB", SIZE, (245, 245, 240))
    draw = ImageDraw.Draw(image)
    for _ in range(7):
        x, y = rng.randrange(60, 380), rng.randrange(40, 280)
        colour = tuple(rng.randbytes(3))
        draw.rectangle((x, y, x + rng.randint(20, 90), y + rng.randint(8, 70)), fill=colour)
    draw.text((60, 300), "LIMITED EDITION PRINT", fill=(20, 20, 20), font_size=28)
    return image


def drawing(rng: random.Random) -> Picture:
    image = Image.new("RGB", SIZE, "white")
    draw = ImageDraw.Draw(image)
    for _ in range(60):
        points = [(rng.randrange(SIZE[0]), rng.randrange(SIZE[1])) for _ in range(2)]
        draw.line(points, fill=(0, 0, 0), width=rng.randint(1, 3))
    return image


def fog(rng: random.Random) -> Picture:
    """The hardest: hardly any contrast."""
    return ImageEnhance.Contrast(clouds(rng, SIZE, 0.35).filter(ImageFilter.GaussianBlur(3))).enhance(0.12)


KINDS = (landscape, portrait, texture, night, product, logo, drawing, fog)


def grain(image: Picture, sigma: float) -> Picture:
    noise = [Image.effect_noise(image.size, sigma) for _ in range(3)]
    return ImageChops.add(image, Image.merge("RGB", noise), 1, -128)


# --- enlargements: what a customer may get ----------------------------------------------------------------------------


def bigger(image: Picture, how: Image.Resampling = Image.Resampling.BICUBIC) -> Picture:
    return image.resize((image.width * FACTOR, image.height * FACTOR), how)


def sharpened(image: Picture) -> Picture:
    return bigger(image, Image.Resampling.LANCZOS).filter(ImageFilter.UnsharpMask(4, 200, 0))


def repainted(image: Picture) -> Picture:
    """Like an AI enlarger: noise taken away, edges redrawn hard, invented texture added."""
    clean = image.filter(ImageFilter.MedianFilter(3)).filter(ImageFilter.ModeFilter(3))
    large = bigger(clean, Image.Resampling.LANCZOS).filter(ImageFilter.UnsharpMask(3, 250, 2))
    return grain(large, 8)


GOOD: dict[str, Callable[[Picture], Picture]] = {
    "bicubic": bigger,
    "lanczos": lambda image: bigger(image, Image.Resampling.LANCZOS),
    "nearest": lambda image: bigger(image, Image.Resampling.NEAREST),
    "sharpened hard": sharpened,
    "denoised": lambda image: bigger(image.filter(ImageFilter.MedianFilter(3))),
    "repainted (AI-like)": repainted,
    "grain added": lambda image: grain(bigger(image), 20),
    "one pixel off": lambda image: ImageChops.offset(bigger(image), FACTOR, FACTOR),
    "more contrast +10 %": lambda image: ImageEnhance.Contrast(bigger(image)).enhance(1.1),
    "more colour +15 %": lambda image: ImageEnhance.Color(bigger(image)).enhance(1.15),
    "brighter +5 %": lambda image: ImageEnhance.Brightness(bigger(image)).enhance(1.05),
}


# --- faults: what nobody may get --------------------------------------------------------------------------------------


def _below(image: Picture, share: float) -> tuple[int, int, int, int]:
    return (0, int(image.height * share), image.width, image.height)


def grey_end(share: float) -> Callable[[Picture], Picture]:
    def spoil(image: Picture) -> Picture:
        image = bigger(image)
        image.paste((128, 128, 128), _below(image, share))
        return image

    return spoil


def torn(image: Picture) -> Picture:
    """From two thirds on, the rows are shifted by a third of the width: a lost piece of a stream."""
    image = bigger(image)
    box = _below(image, 2 / 3)
    image.paste(ImageChops.offset(image.crop(box), image.width // 3, 0), box)
    return image


def tile(colour: tuple[int, int, int], cells: int) -> Callable[[Picture], Picture]:
    """One tile of `cells` x `cells` is missing: enlargers work in tiles."""

    def spoil(image: Picture) -> Picture:
        image = bigger(image)
        wide, high = image.width // cells, image.height // cells
        image.paste(colour, (wide, high, 2 * wide, 2 * high))
        return image

    return spoil


def swapped_tiles(image: Picture) -> Picture:
    image = bigger(image)
    wide, high = image.width // 4, image.height // 4
    boxes = [(x * wide, y * high, (x + 1) * wide, (y + 1) * high) for x, y in ((1, 1), (2, 2))]
    first, second = (image.crop(box) for box in boxes)
    image.paste(first, boxes[1])
    image.paste(second, boxes[0])
    return image


def channels_swapped(image: Picture) -> Picture:
    red, green, blue = bigger(image).split()
    return Image.merge("RGB", (blue, green, red))


BAD: dict[str, Callable[[Picture], Picture]] = {
    "flipped": lambda image: ImageOps.mirror(bigger(image)),
    "upside down": lambda image: bigger(image).rotate(180),
    "negative": lambda image: ImageOps.invert(bigger(image)),
    "one colour": lambda image: Image.new("RGB", bigger(image).size, (90, 120, 60)),
    "its mean colour": lambda image: bigger(image.resize((1, 1), Image.Resampling.BOX)).resize(bigger(image).size),
    "noise": lambda image: grain(Image.new("RGB", bigger(image).size, (128, 128, 128)), 60),
    "last half grey": grey_end(0.5),
    "last quarter grey": grey_end(0.75),
    "last eighth grey": grey_end(0.875),
    "torn": torn,
    "a quarter tile black": tile((0, 0, 0), 4),
    "an eighth tile black": tile((0, 0, 0), 8),
    "a quarter tile grey": tile((128, 128, 128), 4),
    "two tiles swapped": swapped_tiles,
    "red and blue swapped": channels_swapped,
    "grey": lambda image: bigger(image).convert("L").convert("RGB"),
    "half as bright": lambda image: ImageEnhance.Brightness(bigger(image)).enhance(0.5),
    "cropped to 80 %": lambda image: bigger(
        image.crop((48, 36, 432, 324)).resize(SIZE, Image.Resampling.BICUBIC).resize(image.size)
    ),
}


def sources(seeds: int, photos: Path | None) -> Iterator[tuple[str, Picture]]:
    for seed in range(seeds):
        for kind in KINDS:
            rng = random.Random(f"{kind.__name__}-{seed}")
            yield f"{kind.__name__}", kind(rng)
    for path in sorted(photos.rglob("*")) if photos else ():
        if path.suffix.lower() in (".jpg", ".jpeg", ".png", ".webp"):
            with Image.open(path) as photo:
                yield "photo", ImageOps.exif_transpose(photo).convert("RGB").resize(SIZE, Image.Resampling.LANCZOS)


def measure(seeds: int, photos: Path | None, folder: Path) -> Iterator[tuple[str, str, str, Resemblance, bool]]:
    """(good or bad, what was done, kind of picture, figures, plausible size) for each pair of files."""
    everything = list(sources(seeds, photos))
    for index, (kind, image) in enumerate(everything):
        source = folder / "source.jpg"
        image.save(source, quality=85)
        with Image.open(source) as read:
            seen = read.convert("RGB")
        _, stranger = everything[(index + 1) % len(everything)]
        _, twin = everything[(index + len(KINDS)) % len(everything)]
        cases = [("good", name, make(seen)) for name, make in GOOD.items()]
        cases += [("bad", name, make(seen)) for name, make in BAD.items()]
        cases += [("bad", "another picture", bigger(stranger)), ("bad", "another of its kind", bigger(twin))]
        for verdict, name, result in cases:
            target = folder / "result.jpg"
            result.save(target, quality=90)
            info = read_header(target)
            fits = plausible_size(target.stat().st_size, info)
            yield verdict, name, kind, resemblance(source, target), fits


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photos", type=Path, help="a folder of real photos to add to the generated pictures")
    parser.add_argument("--seeds", type=int, default=3, help="pictures of each generated kind")
    parser.add_argument("--kinds", action="store_true", help="a line for each kind of picture as well")
    options = parser.parse_args()
    rows: dict[tuple[str, str], list[tuple[str, Resemblance, bool]]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as folder:
        for verdict, name, kind, figures, fits in measure(options.seeds, options.photos, Path(folder)):
            rows[verdict, name].append((kind, figures, fits))
            if options.kinds:
                print(f"  {verdict} {name:22} {kind:10} {figures} {judge(figures)} {fits}")
    keys = ("ssim", "worst", "gap", "tone", "colour", "emptied")
    print(f"| result, median (min to max) | n | {' | '.join(keys)} | refused |")
    print("|---|---|" + "---|" * len(keys) + "---|")
    wrong = 0
    for (verdict, name), seen in rows.items():
        refused = sum(judge(figures) is not None or not fits for _, figures, fits in seen)
        wrong += refused if verdict == "good" else 0
        columns = [_spread([getattr(figures, key) for _, figures, _ in seen]) for key in keys]
        print(f"| {verdict}: {name} | {len(seen)} | {' | '.join(columns)} | {refused} of {len(seen)} |")
    print(f"\nsound results refused: {wrong}")
    return 1 if wrong else 0


def _spread(values: list[float]) -> str:
    return f"{statistics.median(values):.2f} ({min(values):.2f} to {max(values):.2f})"


if __name__ == "__main__":
    sys.exit(main())
