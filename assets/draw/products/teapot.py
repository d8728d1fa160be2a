"""The wheel-thrown teapot."""

from functools import cache

import numpy as np

from assets.draw.canvas import Canvas, Linear, Sprite, darker, fade, lighter, stacked
from assets.draw.frame import smooth
from assets.draw.paths import ellipse, moved, rounded, svg, symmetric
from assets.draw.products.shading import ANCHOR, HEIGHT, WIDTH, gleam, ground_shadow, turned
from assets.draw.products.stage import Stage

CLAY = "#B98562"


@cache
def pot(colour: str) -> Sprite:
    """The pot without its shadow."""
    canvas = Canvas(WIDTH, HEIGHT)
    handle = svg("M 560 560 C 690 490 748 590 704 690 C 676 752 610 774 558 768")
    canvas.stroke(handle, darker(colour, 0.45), 46)
    canvas.stroke(handle, darker(colour, 0.10), 37)
    canvas.stroke(svg("M 590 548 C 672 520 706 584 690 652"), lighter(colour, 0.55), 8, opacity=0.7, blur=2)
    spout = svg(
        "M 246 770 C 170 742 150 640 112 566 C 104 550 92 540 80 530 L 128 506 C 150 520 164 548 180 580"
        " C 200 620 230 640 268 640 Z"
    )
    paint = Linear((80, 560), (250, 740), fade((0, lighter(colour, 0.25)), (0.45, colour), (1, darker(colour, 0.35))))
    canvas.fill(spout, paint)
    canvas.fill(ellipse(104, 519, 27, 11), darker(colour, 0.5))
    canvas.fill(ellipse(105, 520, 20, 7), darker(colour, 0.8))
    body = symmetric(
        "M 400 486 C 330 486 300 496 270 520 C 210 566 182 640 186 712 C 190 800 250 862 310 884 L 400 892", 400
    )
    canvas.fill(body, turned(colour, 184, 616))
    with canvas.clip(body):
        edge = [(150.0, 920.0), (150.0, 800.0)]
        for x in np.linspace(170, 630, 60):
            drip = 26 * np.exp(-(((x - 300) / 26) ** 2)) + 34 * np.exp(-(((x - 470) / 22) ** 2))
            edge.append((float(x), float(806 + 7 * np.sin(x / 37) + drip)))
        edge += [(650.0, 800.0), (650.0, 920.0)]
        canvas.fill(np.array(edge), turned(CLAY, 184, 616, 0.8))
        canvas.stroke(np.array(edge)[2:-2], darker(colour, 0.45), 5, opacity=0.55, blur=1)
        for y in (560, 600, 642, 690, 740):
            ring = ellipse(400, y - 60, 300, 70, 20, 160)
            canvas.stroke(ring, "#FFFFFF", 3, opacity=0.13, blur=1)
            canvas.stroke(moved(ring, 0, 5), "#000000", 3, opacity=0.09, blur=1)
        canvas.fill(ellipse(400, 905, 260, 60), "#2A140C", opacity=0.35, blur=20)
    canvas.fill(ellipse(400, 494, 122, 26), darker(colour, 0.5))
    lid = symmetric("M 400 430 C 350 432 300 456 284 490 C 300 508 360 516 400 516", 400)
    canvas.fill(lid, turned(colour, 280, 520))
    canvas.stroke(ellipse(400, 488, 117, 26, 5, 175), lighter(colour, 0.5), 3, opacity=0.6)
    canvas.fill(rounded(382, 404, 36, 36, 10), turned(CLAY, 380, 420))
    canvas.fill(ellipse(400, 394, 35, 27), turned(CLAY, 365, 435))
    gleam(canvas, 388, 384, 13, 9, 0.7)
    gleam(canvas, 268, 640, 34, 96, 0.55)
    for x, y, r in [(330, 590, 3), (452, 640, 4), (520, 610, 3), (360, 700, 3), (480, 720, 3), (430, 560, 2.5)]:
        canvas.fill(ellipse(x, y, r, r), darker(colour, 0.55), opacity=0.55)
    return canvas.sprite(ANCHOR)


@cache
def shadow() -> Sprite:
    """The pot's shadow."""
    canvas = Canvas(WIDTH, HEIGHT, detail=1)
    ground_shadow(canvas, 890, 200)
    return canvas.sprite(ANCHOR)


@cache
def cup(colour: str) -> Sprite:
    """A small cup without a handle, the middle of its rim as anchor."""
    canvas = Canvas(280, 240)
    canvas.fill(ellipse(140, 212, 92, 12), "#1A0F14", opacity=0.35, blur=7)
    body = symmetric("M 140 40 L 40 40 C 40 130 66 196 96 208 L 140 212", 140)
    canvas.fill(body, turned(colour, 40, 240))
    with canvas.clip(body):
        canvas.fill(rounded(0, 176, 280, 60, 1), turned(CLAY, 40, 240, 0.8))
    canvas.fill(ellipse(140, 40, 100, 22), lighter(colour, 0.35))
    canvas.fill(ellipse(140, 41, 92, 18), darker(colour, 0.4))
    return canvas.sprite((140, 40))


def draw(colour: str) -> Sprite:
    """The whole product."""
    return stacked(shadow(), pot(colour))


def demonstrate(stage: Stage, t: float, length: float) -> None:
    """The tea draws, is poured, and the spout stays dry."""
    third = length / 3
    tip = smooth(t, third - 0.1, 0.7) * (1 - smooth(t, 2 * third + 0.2, 0.7))
    filled = smooth(t, third + 0.5, third - 0.4)
    stage.show(shadow(), dx=40, opacity=1 - 0.6 * tip)
    mouth = (124.0, 758.0)
    stage.show(cup(stage.colour), at=mouth, scale=0.8)
    if filled > 0.02:
        stage.fill(ellipse(mouth[0], mouth[1] + 8 * (1 - filled), 24 + 48 * filled, 5 + 9 * filled), "#A8641F")
        stage.fill(ellipse(mouth[0] - 14, mouth[1] + 6 - 8 * filled, 32 * filled, 3 * filled), "#D79A45", 0.8)
    pouring = smooth(t, third + 0.4, 0.15) * (1 - smooth(t, 2 * third + 0.2, 0.2))
    if pouring > 0.05:
        x = mouth[0] + 2 * np.sin(t * 21)
        stage.stroke(svg(f"M 133 600 C 122 618 {x} 660 {x} 754"), "#B87427", 11 * pouring)
        stage.stroke(svg(f"M 131 604 C 120 622 {x - 2} 660 {x - 2} 748"), "#E8B563", 3.5 * pouring)
    stage.show(pot(stage.colour), dx=40 + tip, dy=-136 * tip, degrees=-30 * tip)
    stage.steam(144, 500, t, (1 - tip) * 0.9)
    stage.steam(mouth[0], 740, t + 0.5, smooth(t, 2 * third, 0.6))
