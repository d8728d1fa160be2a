"""The rain jacket."""

from functools import cache

import numpy as np

from assets.draw.canvas import Canvas, Linear, Sprite, darker, fade, lighter
from assets.draw.frame import smooth
from assets.draw.paths import ellipse, mirrored, moved, rounded, svg, symmetric
from assets.draw.products.shading import ANCHOR, HEIGHT, WIDTH, gleam, ground_shadow, stitches
from assets.draw.products.stage import Stage

TORSO = symmetric(
    "M 400 318 C 340 322 290 338 246 362 C 226 420 232 560 224 690 C 220 770 214 830 208 876 C 270 900 340 904 400 904",
    400,
)
SLEEVE = svg(
    "M 256 356 C 206 372 176 420 158 490 C 134 580 112 680 96 768 C 116 788 158 796 184 788 C 204 700 226 610 250 530 Z"
)
HOOD = symmetric("M 400 128 C 310 128 256 190 262 276 C 266 320 290 348 330 366 L 400 380", 400)


@cache
def draw(colour: str) -> Sprite:
    """The jacket, from the front."""
    canvas = Canvas(WIDTH, HEIGHT)
    ground_shadow(canvas, 922, 190)
    lining = "#2B3A4A" if np.mean([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) > 110 else "#E2A33B"
    dark, light = darker(colour, 0.36), lighter(colour, 0.35)
    side = Linear((96, 400), (256, 440), fade((0, lighter(colour, 0.12)), (0.5, colour), (1, darker(colour, 0.34))))
    other = Linear((704, 400), (544, 440), fade((0, darker(colour, 0.30)), (0.5, darker(colour, 0.1)), (1, dark)))
    for sleeve, paint, flip in ((SLEEVE, side, False), (mirrored(SLEEVE, 400), other, True)):
        canvas.fill(sleeve, paint)
        folds = [
            "M 178 500 C 196 512 216 512 232 500",
            "M 150 590 C 172 606 196 606 214 596",
            "M 128 690 C 150 702 172 702 192 694",
        ]
        with canvas.clip(sleeve):
            for fold in folds:
                line = mirrored(svg(fold), 400) if flip else svg(fold)
                canvas.stroke(line, darker(colour, 0.5), 6, opacity=0.28, blur=3)
                canvas.stroke(moved(line, 0, 9), lighter(colour, 0.6), 5, opacity=0.30, blur=3)
            cuff = svg("M 90 746 C 120 764 160 772 200 766")
            canvas.stroke(mirrored(cuff, 400) if flip else cuff, dark, 5, opacity=0.7)
    body = Linear(
        (214, 0),
        (586, 0),
        fade((0, darker(colour, 0.2)), (0.16, lighter(colour, 0.14)), (0.42, colour), (1, darker(colour, 0.3))),
    )
    canvas.fill(TORSO, body)
    with canvas.clip(TORSO):
        for seam in ("M 262 372 C 250 470 248 600 246 720", "M 540 380 C 552 480 552 610 556 720"):
            canvas.stroke(svg(seam), "#000000", 20, opacity=0.20, blur=9)
        for crease in (
            "M 300 560 C 290 640 300 740 286 860",
            "M 500 520 C 512 640 500 740 516 866",
            "M 340 420 C 330 500 346 560 336 640",
        ):
            canvas.stroke(svg(crease), "#000000", 12, opacity=0.12, blur=7)
            canvas.stroke(moved(svg(crease), 14, 0), "#FFFFFF", 10, opacity=0.18, blur=6)
        canvas.stroke(svg("M 206 850 C 290 876 510 876 594 850"), dark, 4, opacity=0.7)
        canvas.fill(ellipse(400, 384, 150, 34), "#000000", opacity=0.28, blur=14)
    yoke = svg("M 240 436 C 320 460 480 460 560 436")
    stitches(canvas, yoke, darker(colour, 0.5), 8, 2.2)
    for flip in (False, True):
        pocket = svg("M 262 668 L 348 640 L 354 664 L 270 694 Z")
        canvas.fill(moved(mirrored(pocket, 400) if flip else pocket, 2, 7), "#000000", opacity=0.25, blur=4)
        canvas.fill(
            mirrored(pocket, 400) if flip else pocket, lighter(colour, 0.10) if not flip else darker(colour, 0.08)
        )
        stitches(canvas, mirrored(svg("M 268 688 L 350 660"), 400) if flip else svg("M 268 688 L 350 660"), dark, 7, 2)
    canvas.fill(rounded(382, 366, 44, 536, 4), darker(colour, 0.42), opacity=0.4, blur=5)
    canvas.fill(
        rounded(378, 360, 42, 540, 4),
        Linear((378, 0), (420, 0), fade((0, light), (0.3, colour), (1, darker(colour, 0.22)))),
    )
    for y in (420, 530, 640, 750, 850):
        canvas.fill(ellipse(399, y + 2, 11, 11), "#000000", opacity=0.3, blur=2)
        canvas.fill(ellipse(399, y, 10, 10), lining)
        canvas.fill(ellipse(396, y - 3, 3.5, 3), "#FFFFFF", opacity=0.7)
    hood = Linear((256, 130), (544, 300), fade((0, lighter(colour, 0.28)), (0.5, colour), (1, darker(colour, 0.36))))
    canvas.fill(moved(HOOD, 0, 8), "#000000", opacity=0.26, blur=8)
    canvas.fill(HOOD, hood)
    opening = symmetric("M 400 178 C 340 178 306 220 310 276 C 314 326 356 352 400 362", 400)
    canvas.fill(opening, Linear((0, 178), (0, 362), fade((0, darker(lining, 0.55)), (1, lining))))
    canvas.stroke(opening, dark, 5, opacity=0.8, closed=True)
    with canvas.clip(opening):
        for x in np.arange(310, 500, 24.0):
            canvas.stroke(np.array([[x, 170.0], [x - 30, 370.0]]), lighter(lining, 0.5), 3, opacity=0.25)
    stitches(
        canvas,
        symmetric("M 400 160 C 328 160 288 210 292 276 C 294 310 312 336 336 352", 400)[:-30],
        darker(colour, 0.5),
        7,
        2,
    )
    gleam(canvas, 306, 216, 20, 44, 0.5)
    for x, length in ((352, 96), (448, 84)):
        canvas.stroke(svg(f"M {x} 350 C {x - 4} 380 {x + 5} 410 {x} {350 + length}"), "#F5EFE4", 5)
        canvas.fill(rounded(x - 6, 344 + length, 12, 26, 5), lining)
    return canvas.sprite(ANCHOR)


@cache
def _skyline() -> list[tuple[float, float]]:
    solid = draw("#F2B632").pixels[..., 3] > 200
    return [(float(x), float(np.argmax(solid[:, x]))) for x in range(100, 700, 12) if solid[:800, x].any()]


def demonstrate(stage: Stage, t: float, length: float) -> None:
    """Heavy rain; it bounces off."""
    rain = smooth(t, 0.1, 0.6) * (1 - 0.75 * smooth(t, length * 0.7, 0.8))
    random = np.random.default_rng(5)
    drops = random.uniform(size=(90, 3))
    for x, phase, speed in drops[: int(60 * rain)]:
        y = ((t * (1.3 + 0.5 * speed) + phase) % 1.0) * 1500 - 250
        left = x * 1200 - 200 - y * 0.12
        stage.stroke(np.array([[left, y], [left - 9, y + 74]]), "#6E9BD1", 4, 0.55)
    stage.show(draw(stage.colour), degrees=float(0.7 * np.sin(t * 2.1)))
    edge = _skyline()
    for i, (_, phase, speed) in enumerate(drops[: int(70 * rain)]):
        x, y = edge[i * 13 % len(edge)]
        life = (t * (2.0 + speed) + phase) % 1.0
        if life < 0.35:
            start = y - 300 * (0.35 - life) / 0.35
            stage.stroke(np.array([[x + 26 * (0.35 - life), start - 66], [x, start - 8]]), "#8DB4E2", 5, 0.9)
        elif life < 0.75:
            age = (life - 0.35) / 0.4
            for side in (-1, 1):
                reach = side * 46 * age
                at = (x + reach, y - 50 * age + 54 * age * age)
                stage.fill(ellipse(at[0], at[1], 6 * (1 - age) + 2, 6 * (1 - age) + 2), "#8DB4E2", 1 - age)
