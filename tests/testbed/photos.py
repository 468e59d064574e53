"""Pictures like photos: smooth light, edges, texture, noise. The same seed gives the same file."""

import random
from functools import cache
from pathlib import Path

from PIL import Image, ImageChops, ImageDraw, ImageFilter

_SUFFIX = {".jpg": "JPEG", ".jpeg": "JPEG", ".png": "PNG", ".webp": "WEBP"}

_LIGHT = [  # top of the sky, horizon
    ((38, 58, 120), (250, 190, 150)),
    ((30, 72, 112), (196, 218, 232)),
    ((72, 40, 92), (246, 172, 160)),
    ((20, 92, 104), (232, 226, 184)),
    ((52, 60, 84), (226, 206, 214)),
]


def picture(width: int, height: int, seed: int = 1) -> Image.Image:
    """An RGB image: a hilly landscape under an evening sky, with film grain."""
    image = _scene(seed).resize((width, height), Image.Resampling.BICUBIC)
    return ImageChops.add(image, _grain(width, height, seed), scale=1, offset=-12)


@cache
def _scene(seed: int) -> Image.Image:
    """The landscape, drawn at a fixed height: it depends on the seed, not on the size. Nobody may change it."""
    chance = random.Random(seed)
    scene = Image.new("RGB", (900, 600))
    draw = ImageDraw.Draw(scene)
    sky, horizon = chance.choice(_LIGHT)
    for y in range(600):
        draw.line([(0, y), (900, y)], fill=_mix(sky, horizon, min(1.0, y / 380)))
    x, y, radius = chance.randint(150, 750), chance.randint(80, 240), chance.randint(28, 60)
    glow = Image.new("RGB", scene.size)
    ImageDraw.Draw(glow).ellipse((x - radius * 3, y - radius * 3, x + radius * 3, y + radius * 3), (90, 70, 40))
    scene = ImageChops.add(scene, glow.filter(ImageFilter.GaussianBlur(40)))
    draw = ImageDraw.Draw(scene)
    draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=(255, 240, 205))
    for layer in range(4):
        shade = _mix(horizon, (18, 30, 34), 0.35 + 0.2 * layer)
        points = [(-10, 600)]
        ground = 330 + 60 * layer
        for step in range(0, 931, 30 - 4 * layer):
            ground = min(560, max(260 + 55 * layer, ground + chance.randint(-22, 22)))
            points.append((step - 10, ground))
        draw.polygon([*points, (920, 600)], fill=shade)
        for _ in range(14 * layer):
            tree_x, tree_y = chance.choice(points[1:])
            tree_x, size = tree_x + chance.randint(-15, 15), chance.randint(8, 14 + 6 * layer)
            trunk = _mix(shade, (0, 0, 0), 0.35)
            draw.polygon(
                [(tree_x, tree_y - 2 * size), (tree_x - size // 2, tree_y + 4), (tree_x + size // 2, tree_y + 4)],
                fill=trunk,
            )
    return scene


def photo(path: Path, width: int = 640, height: int = 480, seed: int = 1) -> Path:
    """Write a picture as JPEG (quality 90), PNG or WebP, by the path's suffix; returns the path."""
    picture(width, height, seed).save(path, _SUFFIX[path.suffix.lower()], quality=90)
    return path


def _grain(width: int, height: int, seed: int) -> Image.Image:
    """Noise of 0..24 in each channel, tiled from one block: fine enough for any size."""
    tile = _tile(seed)
    grain = Image.new("RGB", (width, height))
    for top in range(0, height, 256):
        for left in range(0, width, 256):
            grain.paste(tile, (left, top))
    return grain


@cache
def _tile(seed: int) -> Image.Image:
    block = random.Random(seed + 1).randbytes(256 * 256 * 3).translate(bytes(value % 25 for value in range(256)))
    return Image.frombytes("RGB", (256, 256), block)


def _mix(one: tuple[int, int, int], two: tuple[int, int, int], share: float) -> tuple[int, int, int]:
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one, two, strict=True))
    return red, green, blue
