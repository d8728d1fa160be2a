"""The roll-top backpack."""

from functools import cache

import numpy as np

from assets.draw.canvas import Canvas, Linear, Sprite, darker, fade, lighter
from assets.draw.frame import smooth, springy
from assets.draw.paths import ellipse, mirrored, moved, rounded, svg, symmetric
from assets.draw.products.shading import ANCHOR, HEIGHT, WIDTH, falling, gleam, ground_shadow, stitches, turned
from assets.draw.products.stage import Stage

LEATHER = "#A8643A"
METAL = "#D8CDB8"
BODY = symmetric(
    "M 400 330 L 252 330 C 214 340 200 420 194 520 C 186 640 182 780 196 848 C 206 892 250 904 400 906", 400
)


@cache
def draw(colour: str, closed: bool = True, inside: bool = True) -> Sprite:
    """The backpack, its top rolled or open; without its inside the open one covers what was put into it."""
    canvas = Canvas(WIDTH, HEIGHT)
    ground_shadow(canvas, 904, 215)
    dark = darker(colour, 0.38)
    for side in (svg("M 222 420 C 140 470 130 690 190 800"), mirrored(svg("M 222 420 C 140 470 130 690 190 800"), 400)):
        canvas.stroke(side, darker(colour, 0.6), 40)
        canvas.stroke(side, dark, 30)
    if closed:
        canvas.stroke(svg("M 352 196 C 352 128 448 128 448 196"), darker(LEATHER, 0.25), 20)
        canvas.stroke(svg("M 352 192 C 354 134 446 134 448 192"), LEATHER, 13)
        neck = symmetric("M 400 250 L 262 250 C 250 290 250 320 246 360 L 400 370", 400)
        canvas.fill(neck, turned(darker(colour, 0.14), 246, 554))
        roll = rounded(226, 186, 348, 92, 42)
        canvas.fill(roll, Linear((0, 186), (0, 278), fade((0, lighter(colour, 0.3)), (0.4, colour), (1, dark))))
        canvas.stroke(svg("M 246 246 C 340 262 460 262 554 246"), darker(colour, 0.5), 4, opacity=0.6)
        canvas.stroke(svg("M 252 222 C 340 236 460 236 548 222"), darker(colour, 0.5), 3, opacity=0.35)
        for x in (240, 560):
            canvas.fill(ellipse(x, 232, 15, 40), dark)
            canvas.stroke(ellipse(x, 232, 8, 24, 30, 330), lighter(colour, 0.3), 3, opacity=0.6)
    elif inside:
        back = symmetric("M 400 168 C 330 168 280 176 252 190 L 246 350 L 400 360", 400)
        canvas.fill(back, darker(colour, 0.62))
        canvas.stroke(svg("M 254 192 C 300 172 500 172 546 192"), lighter(colour, 0.2), 8)
    canvas.fill(BODY, turned(colour, 190, 610, 0.75))
    if not closed:
        front = symmetric("M 400 226 C 340 224 290 214 252 192 C 248 250 246 300 240 350 L 400 380", 400)
        canvas.fill(front, turned(darker(colour, 0.06), 240, 560, 0.8))
        canvas.stroke(svg("M 252 194 C 300 216 350 226 400 226 C 450 226 500 216 548 194"), lighter(colour, 0.4), 7)
    with canvas.clip(BODY):
        canvas.fill(rounded(180, 318, 440, 36, 10), "#000000", opacity=0.24, blur=12)
        canvas.fill(ellipse(400, 920, 260, 50), "#000000", opacity=0.34, blur=22)
        gleam(canvas, 272, 470, 44, 110, 0.22)
    stitches(canvas, svg("M 216 560 C 300 572 500 572 584 560"), lighter(colour, 0.5))
    pocket = symmetric(
        "M 400 606 L 248 606 C 236 606 232 616 231 628 C 228 700 228 790 238 836 C 246 852 300 858 400 858", 400
    )
    canvas.fill(moved(pocket, 0, 10), "#000000", opacity=0.34, blur=8)
    canvas.fill(pocket, falling(colour, 606, 858))
    canvas.stroke(pocket, dark, 3, opacity=0.7, closed=True)
    canvas.stroke(svg("M 252 644 L 548 644"), darker(colour, 0.62), 15)
    canvas.stroke(svg("M 252 644 L 548 644"), METAL, 3.5, opacity=0.9)
    canvas.fill(rounded(522, 638, 15, 46, 6), LEATHER)
    stitches(canvas, svg("M 252 666 L 510 666"), lighter(colour, 0.5))
    canvas.fill(rounded(316, 742, 106, 58, 8), falling(LEATHER, 742, 800))
    stitches(canvas, rounded(322, 748, 94, 46, 5), "#E9C39B", 6, 1.8)
    canvas.stroke(svg("M 342 784 L 358 760 L 370 776 L 382 758 L 398 784"), "#F1D3AE", 4)
    if closed:
        canvas.fill(rounded(380, 170, 40, 392, 8), darker(LEATHER, 0.45), opacity=0.5, blur=5)
        canvas.fill(
            rounded(382, 166, 36, 392, 8), Linear((382, 0), (418, 0), fade((0, LEATHER), (1, darker(LEATHER, 0.3))))
        )
        canvas.stroke(rounded(370, 436, 60, 52, 9), METAL, 9, closed=True)
        canvas.stroke(rounded(370, 436, 60, 52, 9), "#FFFFFF", 2.5, opacity=0.7, closed=True)
        canvas.stroke(svg("M 400 440 L 400 478"), METAL, 7)
        for y in (512, 534):
            canvas.fill(ellipse(400, y, 4.5, 4.5), darker(LEATHER, 0.6))
    return canvas.sprite(ANCHOR)


@cache
def laptop() -> Sprite:
    """A closed laptop."""
    canvas = Canvas(300, 420)
    canvas.fill(rounded(20, 20, 260, 380, 18), Linear((20, 20), (280, 400), fade((0, "#E6E9EE"), (1, "#A3ABB8"))))
    canvas.stroke(rounded(20, 20, 260, 380, 18), "#7B8494", 4, closed=True)
    canvas.fill(ellipse(150, 210, 26, 26), "#7B8494")
    return canvas.sprite()


@cache
def bread() -> Sprite:
    """A loaf."""
    canvas = Canvas(160, 460)
    loaf = svg(
        "M 80 10 C 130 20 142 100 140 220 C 140 360 126 446 80 450 C 34 446 20 360 20 220 C 18 100 30 20 80 10 Z"
    )
    canvas.fill(loaf, Linear((20, 0), (140, 0), fade((0, "#B8722F"), (0.35, "#EDB566"), (1, "#A4622A"))))
    with canvas.clip(loaf):
        for y in (70, 150, 230, 310, 390):
            canvas.stroke(svg(f"M 44 {y + 26} C 70 {y + 14} 90 {y} 116 {y - 22}"), "#FBE3B7", 13, opacity=0.9)
    return canvas.sprite()


@cache
def bottle() -> Sprite:
    """A drinking bottle."""
    canvas = Canvas(160, 420)
    canvas.fill(rounded(52, 10, 56, 60, 12), "#23303B")
    body = symmetric("M 80 60 L 52 60 C 52 100 22 110 22 150 L 22 390 C 24 408 40 412 80 412", 80)
    canvas.fill(body, turned("#D9553F", 22, 138))
    canvas.fill(rounded(22, 240, 116, 18, 1), "#FFFFFF", opacity=0.8)
    return canvas.sprite()


def demonstrate(stage: Stage, t: float, length: float) -> None:
    """Things fall in, the top is rolled shut."""
    shut = length * 0.68
    things = [
        (laptop(), 0.35, 345.0, -5.0),
        (bread(), length * 0.26, 440.0, 7.0),
        (bottle(), length * 0.44, 480.0, -4.0),
    ]
    if t >= shut:
        bump = springy(t, shut, 0.8)
        stage.show(draw(stage.colour), stretch=0.93 + 0.07 * bump)
        return
    squash = sum(np.sin(min(1.0, max(0.0, (t - start - 0.42) / 0.35)) * np.pi) for _, start, _, _ in things)
    stage.show(draw(stage.colour, closed=False), stretch=float(1 - 0.025 * squash))
    for sprite, start, x, lean in things:
        fall = smooth(t, start, 0.5) ** 1.6
        if 0 < fall < 1 or (t >= start + 0.5 and sprite is not laptop()):
            rest = 330 if sprite is laptop() else 300
            stage.show(sprite, at=(x, -240 + (rest + 240) * fall), degrees=lean * (1.4 - fall), scale=0.8)
    front = draw(stage.colour, closed=False, inside=False)
    stage.show(front, stretch=float(1 - 0.025 * squash))
