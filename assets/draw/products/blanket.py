"""The wool blanket over a wooden rail."""

from functools import cache

import numpy as np

from assets.draw.canvas import Canvas, Linear, Sprite, darker, fade, lighter, stacked
from assets.draw.frame import smooth, springy
from assets.draw.paths import Points, ellipse, moved, rounded, svg
from assets.draw.products.shading import ANCHOR, HEIGHT, WIDTH
from assets.draw.products.stage import Stage

LEFT, RIGHT, TOP, BOTTOM = 168.0, 632.0, 214.0, 816.0


def _outline() -> Points:
    x = np.linspace(LEFT, RIGHT, 60)
    low = BOTTOM + 10 * np.sin((x - LEFT) / 74 * np.pi) + 6 * np.sin((x - LEFT) / 190 * np.pi)
    sides = np.linspace(0, 1, 20)
    right = np.stack([RIGHT + 6 * np.sin(sides * 5), TOP + 20 + (BOTTOM - TOP - 20) * sides], axis=1)
    left = np.stack([LEFT - 6 * np.sin(sides * 4), TOP + 20 + (BOTTOM - TOP - 20) * sides], axis=1)
    top = svg(f"M {LEFT} {TOP + 20} C {LEFT + 2} {TOP - 8} {LEFT + 20} {TOP - 10} {LEFT + 40} {TOP - 10}")
    top2 = svg(f"M {RIGHT - 40} {TOP - 10} C {RIGHT - 20} {TOP - 10} {RIGHT - 2} {TOP - 8} {RIGHT} {TOP + 20}")
    return np.concatenate([top, top2, right, np.stack([x, low], axis=1)[::-1], left[::-1]])


@cache
def cloth(colour: str) -> Sprite:
    """The cloth without the rail."""
    canvas = Canvas(WIDTH, HEIGHT)
    light, dark = lighter(colour, 0.72), darker(colour, 0.35)
    outline = _outline()
    for i, x in enumerate(np.linspace(LEFT + 6, RIGHT - 6, 40)):
        y = BOTTOM + 8 * np.sin((x - LEFT) / 74 * np.pi) + 4
        sway = 6 * np.sin(i * 1.7)
        strand = svg(f"M {x} {y} C {x + sway} {y + 24} {x - sway} {y + 44} {x + sway * 0.8} {y + 70}")
        canvas.stroke(strand, dark, 7, opacity=0.55)
        canvas.stroke(moved(strand, -1.5, 0), (light, colour)[i % 2], 5.5)
    with canvas.clip(outline):
        canvas.cover(colour)
        for x in (250, 286, 400, 514, 550):
            canvas.fill(rounded(x - 9, 150, 18, 700, 1), light, opacity=0.42)
        for x in (318, 482):
            canvas.fill(rounded(x - 17, 150, 34, 700, 1), dark, opacity=0.42)
        for y in (276, 312, 452, 488, 628, 664):
            canvas.fill(rounded(100, y - 9, 600, 18, 1), light, opacity=0.42)
        for y in (382, 558):
            canvas.fill(rounded(100, y - 17, 600, 34, 1), dark, opacity=0.42)
        for y in (724, 752, 780):
            canvas.fill(rounded(100, y - 7, 600, 14, 1), light, opacity=0.9)
        for y in np.arange(200.0, 840.0, 6.0):
            canvas.stroke(np.array([[120.0, y], [680.0, y + 1]]), "#000000", 1.2, opacity=0.10)
        folds = [(168, 230, 0.34), (300, 52, 0.20), (408, 60, 0.24), (530, 54, 0.22), (640, 150, 0.42)]
        for x, spread, depth in folds:
            ends = [(0.0, "#1A0A10", 0.0), (0.5, "#1A0A10", depth), (1.0, "#1A0A10", 0.0)]
            canvas.cover(Linear((x - spread / 2, 0), (x + spread / 2, 14), ends))
        for x, spread, depth in [(248, 90, 0.20), (356, 70, 0.18), (470, 80, 0.18), (580, 60, 0.14)]:
            ends = [(0.0, "#FFFFFF", 0.0), (0.5, "#FFFFFF", depth), (1.0, "#FFFFFF", 0.0)]
            canvas.cover(Linear((x - spread / 2, 0), (x + spread / 2, 14), ends))
        canvas.fill(rounded(100, 184, 600, 44, 1), "#FFFFFF", opacity=0.26, blur=12)
        canvas.fill(rounded(100, 238, 600, 34, 1), "#12060A", opacity=0.28, blur=12)
    return canvas.sprite(ANCHOR)


@cache
def shuttle() -> Sprite:
    """The weaver's shuttle, its middle as anchor."""
    canvas = Canvas(180, 70)
    hull = svg("M 8 35 C 50 6 130 6 172 35 C 130 64 50 64 8 35 Z")
    canvas.fill(moved(hull, 3, 5), "#1A0F14", opacity=0.3, blur=3)
    canvas.fill(hull, Linear((0, 10), (0, 60), fade((0, "#E9C08A"), (0.5, "#C68F52"), (1, "#8C5C32"))))
    canvas.fill(rounded(58, 26, 64, 18, 9), "#6B3F22")
    canvas.fill(rounded(64, 29, 52, 11, 5), "#F1E2C8")
    return canvas.sprite()


@cache
def rail() -> Sprite:
    """The rail and the shadow on the wall."""
    canvas = Canvas(WIDTH, HEIGHT)
    canvas.fill(moved(_outline(), 26, 26), "#1A0F14", opacity=0.22, blur=18)
    wood = Linear((0, 206), (0, 244), fade((0, "#E3B77C"), (0.4, "#C9955A"), (1, "#85572F")))
    canvas.fill(rounded(84, 206, 632, 38, 19), wood)
    for x in (96, 704):
        canvas.fill(ellipse(x, 225, 22, 25), Linear((0, 200), (0, 250), fade((0, "#F0CB96"), (1, "#8F6035"))))
    return canvas.sprite(ANCHOR)


def draw(colour: str) -> Sprite:
    """The whole product."""
    return stacked(rail(), cloth(colour))


def demonstrate(stage: Stage, t: float, length: float) -> None:
    """The cloth is woven row by row, gets its fringes and hangs softly."""
    weaving = length * 0.45
    share = smooth(t, 0.2, weaving)
    done = t > weaving + 0.2
    stage.show(rail(), opacity=0.35 + 0.65 * share)
    if done:
        sway = 1.4 * np.sin((t - weaving) * 3.4) * np.exp(-(t - weaving) * 0.5)
        drop = springy(t, weaving + 0.2, 0.7)
        stage.show(cloth(stage.colour), stretch=0.985 + 0.015 * drop, degrees=float(sway))
        return
    whole = cloth(stage.colour)
    edge = round(TOP - 12 + (BOTTOM + 10 - TOP) * share)
    rows = whole.pixels.copy()
    rows[edge:] = 0
    stage.show(Sprite(rows, ANCHOR))
    for x in np.linspace(LEFT + 6, RIGHT - 6, 40):
        stage.stroke(np.array([[x, edge], [x, BOTTOM + 60]]), lighter(stage.colour, 0.45), 3.0, 0.8)
    pace = (t * 2.5) % 2.0
    x = LEFT + 30 + (RIGHT - LEFT - 60) * (pace if pace < 1 else 2 - pace)
    stage.stroke(np.array([[LEFT, edge + 4.0], [x, edge + 22.0]]), darker(stage.colour, 0.2), 4)
    stage.show(shuttle(), at=(x, edge + 24.0))
