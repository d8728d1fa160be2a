"""The cordless table lamp."""

from functools import cache

from assets.draw.canvas import Canvas, Linear, Radial, Sprite, darker, fade, lighter, mixed
from assets.draw.frame import eased
from assets.draw.paths import ellipse, rounded, svg, symmetric
from assets.draw.products.shading import ANCHOR, HEIGHT, WIDTH, gleam, ground_shadow, turned
from assets.draw.products.stage import Stage

SHADE = symmetric("M 400 226 C 262 226 160 318 150 468 C 200 500 330 506 400 506", 400)


@cache
def draw(colour: str, light: float = 1.0) -> Sprite:
    """The lamp; light 0 (off) to 1."""
    canvas = Canvas(WIDTH, HEIGHT)
    ground_shadow(canvas, 900, 170)
    canvas.fill(ellipse(400, 886, 150, 30), darker(colour, 0.45))
    foot = symmetric("M 400 826 C 330 828 256 846 250 876 C 252 898 330 908 400 908", 400)
    canvas.fill(foot, turned(colour, 250, 550))
    canvas.stroke(ellipse(400, 862, 136, 24, 20, 160), lighter(colour, 0.6), 3, opacity=0.5)
    canvas.fill(rounded(380, 480, 40, 372, 10), turned(colour, 376, 424))
    canvas.fill(ellipse(400, 850, 34, 10), darker(colour, 0.3))
    canvas.fill(ellipse(400, 848, 34, 9), lighter(colour, 0.2))
    canvas.fill(ellipse(400, 478, 240, 36), mixed(darker("#CFC5B8", 0.25), "#FFF3CF", light))
    canvas.fill(rounded(384, 480, 32, 40, 4), turned(colour, 380, 420))
    off = Linear((150, 0), (650, 0), fade((0, "#CFC5B8"), (0.28, "#FBF6EE"), (0.55, "#EFE6DA"), (1, "#B3A797")))
    canvas.fill(SHADE, off)
    warm = Radial((400, 470), (290, 270), fade((0, "#FFFDF0"), (0.5, "#FFE7AC"), (1, "#F5B65A")))
    canvas.fill(SHADE, warm, opacity=light)
    with canvas.clip(SHADE):
        canvas.stroke(svg("M 150 468 C 200 500 330 506 400 506 C 470 506 600 500 650 468"), "#FFFFFF", 9, opacity=0.6)
        gleam(canvas, 268, 338, 44, 88, 0.55)
    canvas.fill(rounded(384, 204, 32, 26, 8), turned(colour, 384, 416))
    canvas.fill(ellipse(400, 204, 20, 12), lighter(colour, 0.2))
    return canvas.sprite(ANCHOR)


@cache
def glow() -> Sprite:
    """The light around the shade, as large as the picture is wide."""
    canvas = Canvas(1200, 1200, detail=1)
    stops = fade((0, "#FFE3A0", 0.75), (0.25, "#FFCF78", 0.42), (0.6, "#FFB257", 0.12), (1, "#FFB257", 0.0))
    canvas.cover(Radial((600, 600), (600, 600), stops))
    return canvas.sprite()


def demonstrate(stage: Stage, t: float, length: float) -> None:
    """Three taps, three steps of light."""
    taps = [0.7, 0.7 + length * 0.22, 0.7 + length * 0.44]
    light = sum(eased(t, tap, 0.35) for tap in taps) / len(taps)
    stage.show(glow(), at=(400.0, 430.0), opacity=0.95 * light)
    stage.show(draw(stage.colour, 0.0))
    stage.show(draw(stage.colour, 1.0), opacity=light)
    for tap in taps:
        age = (t - tap) / 0.7
        if 0 < age < 1:
            stage.stroke(ellipse(400, 206, 24 + 120 * age, 24 + 120 * age), "#FFFFFF", 6 * (1 - age), 1 - age)
