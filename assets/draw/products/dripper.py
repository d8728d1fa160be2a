"""The coffee dripper on its glass jug."""

from functools import cache

import numpy as np

from assets.draw.canvas import Canvas, Linear, Sprite, darker, fade, lighter, stacked
from assets.draw.frame import smooth
from assets.draw.paths import ellipse, moved, rounded, svg, symmetric
from assets.draw.products.shading import ANCHOR, HEIGHT, WIDTH, gleam, ground_shadow, turned
from assets.draw.products.stage import Stage

JUG = symmetric(
    "M 400 598 L 318 598 C 318 640 250 668 236 740 C 226 800 240 872 268 894 C 290 906 360 908 400 908", 400
)
GRAPHITE = "#3B3A40"


@cache
def jug() -> Sprite:
    """The empty jug with its handle."""
    canvas = Canvas(WIDTH, HEIGHT)
    ground_shadow(canvas, 908, 190)
    canvas.stroke(svg("M 540 690 C 640 664 664 720 646 780 C 630 836 580 846 548 836"), GRAPHITE, 24)
    canvas.stroke(svg("M 544 688 C 632 668 652 718 638 774"), lighter(GRAPHITE, 0.35), 5, opacity=0.7)
    glass = Linear((236, 0), (564, 0), fade((0, "#FFFFFF", 0.55), (0.3, "#DDEBEF", 0.30), (1, "#B9CDD6", 0.55)))
    canvas.fill(JUG, glass)
    return canvas.sprite(ANCHOR)


@cache
def gloss() -> Sprite:
    """Reflections that lie over the coffee in the jug."""
    canvas = Canvas(WIDTH, HEIGHT)
    canvas.stroke(JUG, "#FFFFFF", 4, opacity=0.75, closed=True)
    canvas.stroke(svg("M 290 700 C 262 740 258 800 276 860"), "#FFFFFF", 12, opacity=0.55, blur=1.5)
    canvas.stroke(svg("M 526 712 C 540 750 544 800 534 840"), "#FFFFFF", 6, opacity=0.35, blur=1.5)
    for y in (760, 812, 860):
        canvas.stroke(svg(f"M 486 {y} L 520 {y}"), "#FFFFFF", 3.5, opacity=0.7)
    return canvas.sprite(ANCHOR)


@cache
def cone(colour: str) -> Sprite:
    """The dripper itself, on its oak ring."""
    canvas = Canvas(WIDTH, HEIGHT)
    oak = Linear((270, 0), (530, 0), fade((0, "#9A6B3C"), (0.3, "#D9A869"), (0.65, "#C08F54"), (1, "#7E5430")))
    canvas.fill(rounded(276, 566, 248, 40, 18), oak)
    canvas.stroke(svg("M 292 580 C 360 588 440 588 508 580"), "#7E5430", 2, opacity=0.4)
    canvas.stroke(svg("M 300 593 C 360 600 440 600 500 593"), "#7E5430", 2, opacity=0.3)
    handle = svg("M 574 306 C 700 276 716 420 606 448 C 570 456 548 452 530 446")
    canvas.stroke(handle, darker(colour, 0.32), 38)
    canvas.stroke(handle, colour, 30)
    canvas.stroke(svg("M 590 300 C 668 296 682 350 664 386"), lighter(colour, 0.6), 6, opacity=0.7, blur=1.5)
    canvas.fill(rounded(236, 534, 328, 40, 20), turned(colour, 236, 564))
    canvas.fill(rounded(246, 537, 308, 6, 3), "#FFFFFF", opacity=0.35, blur=1)
    body = symmetric("M 400 236 L 172 236 C 176 300 250 420 296 496 C 310 520 318 536 330 544 L 400 548", 400)
    canvas.fill(body, turned(colour, 172, 628))
    with canvas.clip(body):
        for x in np.linspace(-1.0, 1.0, 13):
            line = np.array([[400 + 236 * x, 246.0], [400 + 84 * x, 544.0]])
            canvas.stroke(line, darker(colour, 0.4), 3.5, opacity=0.30, blur=1)
            canvas.stroke(moved(line, 3.5, 0), lighter(colour, 0.7), 2.5, opacity=0.35, blur=0.6)
        canvas.fill(ellipse(400, 548, 120, 40), darker(colour, 0.6), opacity=0.45, blur=14)
    canvas.fill(ellipse(400, 236, 230, 62), lighter(colour, 0.25))
    canvas.fill(ellipse(400, 238, 214, 54), darker(colour, 0.30))
    paper = Linear((190, 0), (610, 0), fade((0, "#F6EBDA"), (0.5, "#FFFBF2"), (1, "#DECBB0")))
    canvas.fill(ellipse(400, 226, 204, 54), paper)
    canvas.fill(ellipse(400, 232, 186, 42), "#C9B193")
    coffee = Linear((220, 0), (580, 0), fade((0, "#2A1710"), (0.5, "#4A2A1B"), (1, "#24130D")))
    canvas.fill(ellipse(400, 240, 176, 36), coffee)
    canvas.fill(ellipse(384, 236, 92, 15), "#7A4B30", opacity=0.55, blur=5)
    gleam(canvas, 262, 350, 26, 90, 0.55)
    return canvas.sprite(ANCHOR)


@cache
def _full() -> Sprite:
    canvas = Canvas(WIDTH, HEIGHT)
    half = "M 400 604 L 326 604 C 326 644 260 672 246 744 C 236 800 250 866 276 886 C 300 898 360 899 400 899"
    brew = Linear((240, 0), (560, 0), fade((0, "#3A1C10"), (0.35, "#6B351B"), (1, "#2A130B")))
    canvas.fill(symmetric(half, 400), brew)
    return canvas.sprite(ANCHOR)


@cache
def coffee(level: float) -> Sprite:
    """What is in the jug; level 0 to 1."""
    top = round(892 - 190 * level)
    pixels = _full().pixels.copy()
    pixels[:top] = 0
    columns = np.flatnonzero(pixels[top, :, 3] > 128)
    middle, reach = (columns[0] + columns[-1]) / 2, (columns[-1] - columns[0]) / 2
    canvas = Canvas(WIDTH, HEIGHT, detail=1)
    canvas.fill(ellipse(middle, top, reach, reach * 0.075), "#8C4E2B")
    canvas.fill(ellipse(middle, top, reach * 0.85, reach * 0.045), "#B57243", opacity=0.6)
    return stacked(Sprite(pixels, ANCHOR), canvas.sprite(ANCHOR))


def demonstrate(stage: Stage, t: float, length: float) -> None:
    """Water runs in from a kettle, coffee drips, the jug fills."""
    flow = smooth(t, 0.5, 0.4) * (1 - smooth(t, length - 1.0, 0.3))
    level = 0.05 + 0.75 * smooth(t, 0.9, length - 1.8)
    stage.show(jug())
    stage.show(coffee(round(level, 2)))
    for i in range(3):
        fall = (t * 2.2 + i / 3) % 1.0
        if 0.9 < t < length - 0.4:
            stage.fill(ellipse(400, 600 + (892 - 190 * level - 600) * fall**2, 5, 9), "#4A2413")
    stage.show(gloss())
    stage.show(cone(stage.colour))
    if flow > 0.05:
        sway = 4 * np.sin(t * 9)
        stage.stroke(svg(f"M 470 96 C 452 100 {434 + sway} 150 {430 + sway} 238"), "#BFE3F2", 13 * flow)
        stage.stroke(svg(f"M 468 98 C 450 104 {432 + sway} 150 {428 + sway} 236"), "#FFFFFF", 4 * flow)
        ripple = (t * 1.8) % 1.0
        stage.stroke(ellipse(430, 242, 20 + 70 * ripple, 4 + 14 * ripple), "#C98F63", 3, 0.8 * (1 - ripple))
    lift = 260 * (1 - smooth(t, 0.0, 0.5)) + 260 * smooth(t, length - 0.9, 0.5)
    stage.show(kettle(), dx=lift, dy=-lift * 0.5, degrees=-6 * flow)
    stage.steam(400, 190, t, flow)


@cache
def kettle() -> Sprite:
    """The swan neck of a kettle, coming in from the right."""
    canvas = Canvas(WIDTH, HEIGHT)
    neck = svg("M 468 92 C 520 60 560 70 600 120 C 640 176 690 190 800 190")
    canvas.stroke(neck, "#2B2E33", 34)
    canvas.stroke(moved(neck, 0, -3), "#4B5058", 22)
    canvas.stroke(moved(neck, -2, -8), "#AEB5BF", 5, opacity=0.8, blur=1)
    return canvas.sprite(ANCHOR)


def draw(colour: str) -> Sprite:
    """The whole product, the jug two thirds full."""
    return stacked(jug(), coffee(0.7), gloss(), cone(colour))
