"""The catalogue's product pictures: the product in its first colour, in a small set of wall, arch and floor."""

from pathlib import Path

from PIL import Image

from assets.draw.canvas import Canvas, Linear, Radial, Sprite, darker, fade, lighter, mixed, stacked
from assets.draw.looks import DEMO, LOOKS, Look, colours
from assets.draw.paths import ellipse, rounded, svg
from assets.draw.products import lamp
from assets.draw.products.shading import ANCHOR, HEIGHT, WIDTH

_HANGING = {"wolldecke-moor", "regenjacke-bora"}


def _set(look: Look) -> Sprite:
    wall = mixed(look.light, look.accent if look.pale == "#FFFFFF" else look.deep, 0.30)
    if look.handle in _HANGING:
        wall = mixed(look.light, look.deep, 0.10)
    canvas = Canvas(WIDTH, HEIGHT, detail=2)
    canvas.cover(Linear((0, 0), (200, HEIGHT), fade((0, lighter(wall, 0.35)), (1, wall))))
    if look.handle == "tischleuchte-luna":
        canvas.cover(Linear((0, 0), (0, HEIGHT), fade((0, look.deep), (1, mixed(look.deep, "#8A5A86", 0.5)))))
    arch = mixed(wall, look.deep, 0.26) if not look.night else mixed(look.deep, "#C98A6A", 0.35)
    floor = 842
    if look.handle not in _HANGING:
        canvas.fill(svg(f"M 96 {floor} L 96 440 C 96 20 704 20 704 440 L 704 {floor} Z"), arch)
        ends = fade((0, darker(arch, 0.14)), (1, mixed(wall, look.deep, 0.12)))
        canvas.fill(rounded(-20, floor, 840, 240, 1), Linear((0, floor), (0, HEIGHT), ends))
        canvas.fill(rounded(-20, floor, 840, 5, 1), "#FFFFFF", opacity=0.25)
    else:
        canvas.fill(ellipse(400, 500, 372, 372), arch)
        canvas.fill(ellipse(690, 140, 60, 60), lighter(look.accent, 0.2), opacity=0.9)
    light = fade((0, "#FFFFFF", 0.34), (1, "#FFFFFF", 0.0))
    canvas.cover(Radial((220, 160), (620, 620), light))
    return canvas.sprite(ANCHOR)


def picture(look: Look) -> Image.Image:
    """800 x 1000 pixels."""
    layers = [_set(look), look.draw(colours(look.handle)[0])]
    if look.night:
        shine = lamp.glow().pixels[170:1170, 200:1000]
        layers.insert(1, Sprite(shine, ANCHOR))
    return Image.fromarray(stacked(*layers).pixels[..., :3].copy())


def write(folder: Path = DEMO / "products") -> None:
    """Write every picture as WebP."""
    folder.mkdir(parents=True, exist_ok=True)
    for look in LOOKS:
        picture(look).save(folder / f"{look.handle}.webp", quality=82, method=6)
