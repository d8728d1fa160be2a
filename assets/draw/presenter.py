"""The figure that presents the simulated live show: painted parts, moved like a puppet."""

from functools import cache

import numpy as np

from assets.draw.canvas import Canvas, Linear, Radial, Sprite, darker, fade, lighter
from assets.draw.frame import Frame, smooth
from assets.draw.paths import ellipse, moved, rounded, svg, symmetric

SKIN, HAIR, KNIT, INK = "#E6AE8A", "#3A2320", "#2E7D74", "#2A1A1C"
_X = 440.0  # her middle
_NECK = (_X, 500.0)  # the head turns about this point


@cache
def _hair_behind() -> Sprite:
    canvas = Canvas(720, 760)
    half = f"M {_X} 214 C 340 214 306 300 316 410 C 322 490 318 540 336 590 C 370 612 400 606 {_X} 600"
    canvas.fill(symmetric(half, _X), Linear((310, 220), (570, 600), fade((0, lighter(HAIR, 0.16)), (1, HAIR))))
    return canvas.sprite(_NECK)


@cache
def _body() -> Sprite:
    canvas = Canvas(720, 1100)
    canvas.fill(rounded(_X - 38, 452, 76, 150, 34), darker(SKIN, 0.16))
    half = f"M {_X} 590 L {_X - 52} 578 C 380 604 330 612 286 632 C 246 652 232 700 226 790 L 214 1080 L {_X} 1080"
    knit = Linear((220, 600), (660, 900), fade((0, lighter(KNIT, 0.16)), (0.5, KNIT), (1, darker(KNIT, 0.28))))
    torso = symmetric(half, _X)
    canvas.fill(torso, knit)
    with canvas.clip(torso):
        for x in np.arange(200.0, 700.0, 17.0):
            canvas.stroke(np.array([[x, 560.0], [x, 1090.0]]), darker(KNIT, 0.4), 3, opacity=0.16)
        canvas.fill(ellipse(_X, 566, 96, 48), "#000000", opacity=0.25, blur=10)
    canvas.fill(symmetric(f"M {_X} 622 C 410 622 388 600 384 572 C 400 560 420 556 {_X} 556", _X), darker(SKIN, 0.10))
    canvas.stroke(svg("M 382 572 C 388 640 492 640 498 572"), darker(KNIT, 0.22), 20)
    canvas.stroke(svg("M 382 570 C 388 636 492 636 498 570"), lighter(KNIT, 0.14), 9)
    return canvas.sprite(_NECK)


@cache
def _head() -> Sprite:
    canvas = Canvas(720, 620)
    for side in (-1, 1):
        canvas.fill(ellipse(_X + side * 101, 398, 19, 29), darker(SKIN, 0.14))
        canvas.fill(ellipse(_X + side * 104, 440, 8, 8), "#E9B949")
    face = symmetric(f"M {_X} 258 C 366 258 336 316 338 392 C 341 466 384 524 {_X} 526", _X)
    canvas.fill(
        face, Linear((340, 280), (540, 520), fade((0, lighter(SKIN, 0.18)), (0.55, SKIN), (1, darker(SKIN, 0.16))))
    )
    for side in (-1, 1):
        blush = Radial((_X + side * 60, 446), (34, 26), fade((0, "#E0705F", 0.5), (1, "#E0705F", 0.0)))
        canvas.fill(ellipse(_X + side * 60, 446, 34, 26), blush)
    canvas.stroke(svg(f"M {_X - 2} 408 C {_X - 12} 430 {_X - 12} 438 {_X + 4} 440"), darker(SKIN, 0.34), 5)
    fringe = svg(
        "M 330 408 C 322 300 372 240 446 240 C 524 240 560 300 550 410 C 540 372 532 346 512 326"
        " C 470 336 420 330 398 306 C 384 344 352 352 330 408 Z"
    )
    canvas.fill(
        fringe, Linear((330, 240), (550, 400), fade((0, lighter(HAIR, 0.24)), (0.6, HAIR), (1, darker(HAIR, 0.3))))
    )
    canvas.stroke(svg("M 372 300 C 390 268 420 256 450 256"), lighter(HAIR, 0.42), 6, opacity=0.5, blur=2)
    return canvas.sprite(_NECK)


def _turn(x: float, y: float, degrees: float, dx: float, dy: float) -> tuple[float, float]:
    a = np.radians(degrees)
    px, py = x - _NECK[0], y - _NECK[1]
    return float(_NECK[0] + px * np.cos(a) - py * np.sin(a) + dx), float(
        _NECK[1] + px * np.sin(a) + py * np.cos(a) + dy
    )


def mouth_open(t: float, speaking: float) -> float:
    """0 to 1: syllables, about four in a second, with pauses between words."""
    word = 0.5 + 0.5 * np.sin(t * 2.3) + 0.4 * np.sin(t * 5.1 + 1)
    return float(speaking * max(0.0, np.sin(t * 12.5) * 0.7 + 0.3 * np.sin(t * 19.7)) * (word > 0.25))


def draw(frame: Frame, t: float, speaking: float, pointing: float) -> None:
    """Draw her; `speaking` and `pointing` (towards the product on her right hand) are 0 to 1."""
    breath = float(3 * np.sin(t * 1.7))
    lean = float(-3 * pointing + 2.4 * np.sin(t * 1.25) + 1.2 * speaking * np.sin(t * 4.4))
    dx, dy = float(-8 * pointing + 3 * np.sin(t * 0.9)), breath * 0.8 + float(2 * speaking * np.sin(t * 6.1))
    frame.place(_hair_behind(), _NECK[0] + dx, _NECK[1] + dy, degrees=lean)
    frame.place(_body(), _NECK[0], _NECK[1] + breath * 0.5)
    frame.place(_head(), _NECK[0] + dx, _NECK[1] + dy, degrees=lean)
    blink = (t % 3.3) < 0.13 or (t % 7.9) < 0.12
    for side in (-1, 1):
        x, y = _turn(_X + side * 46 - 7 * pointing, 398, lean, dx, dy)
        if blink:
            frame.stroke(moved(svg("M -14 0 C -6 6 6 6 14 0"), x, y), INK, 5)
        else:
            frame.fill(ellipse(x, y, 11, 14), INK)
            frame.fill(ellipse(x + 4, y - 5, 4, 4), "#FFFFFF")
        bx, by = _turn(_X + side * 46, 364 - 5 * speaking * np.sin(t * 2.1), lean, dx, dy)
        frame.stroke(moved(svg("M -19 3 C -8 -7 8 -7 19 3"), bx, by, 1.0, lean), HAIR, 7)
    mx, my = _turn(_X, 476, lean, dx, dy)
    wide = mouth_open(t, speaking)
    if wide < 0.12:
        frame.stroke(moved(svg("M -25 -4 C -12 12 12 12 25 -4"), mx, my, 1.0, lean), "#9C3B36", 7)
    else:
        lips = svg(f"M -25 -3 C -12 -8 12 -8 25 -3 C 18 {8 + 30 * wide} -18 {8 + 30 * wide} -25 -3 Z")
        frame.fill(moved(lips, mx, my, 1.0, lean), "#6E2226")
        frame.fill(moved(svg("M -18 -3 C -8 -6 8 -6 18 -3 L 14 3 L -14 3 Z"), mx, my, 1.0, lean), "#FFF6EE")
    _arms(frame, t, speaking, pointing, breath)


def _arms(frame: Frame, t: float, speaking: float, pointing: float, breath: float) -> None:
    shade = darker(KNIT, 0.14)
    wave = float(np.sin(t * 2.9) * 16 * speaking)
    rest, out = np.array([322.0, 890.0 + wave]), np.array([262.0 + wave * 0.5, 742.0 - wave])
    hand = rest + (out - rest) * smooth(pointing, 0.0, 1.0)
    elbow = np.array([252.0 + 22 * pointing, 850.0 + 12 * pointing])
    other = np.array([548.0 - wave * 0.8, 850.0 - abs(wave) * 1.6])
    for shoulder, bend, end in (((284.0, 684.0), elbow, hand), ((596.0, 684.0), np.array([636.0, 860.0]), other)):
        start = np.array([shoulder[0], shoulder[1] + breath * 0.5])
        along = np.linspace(0, 1, 16)[:, None]
        arm = (
            (1 - along) ** 2 * start + 2 * (1 - along) * along * (bend * 1.25 - (start + end) * 0.125) + along**2 * end
        )
        frame.stroke(arm, shade, 74)
        frame.stroke(arm - [5, 4], KNIT, 58)
        direction = (arm[-1] - arm[-3]) / (np.linalg.norm(arm[-1] - arm[-3]) + 1e-9)
        palm = end + direction * 34
        frame.stroke(np.array([end + direction * 14, palm]), darker(SKIN, 0.06), 44)
        side = np.array([-direction[1], direction[0]])
        for i in (-1.2, -0.4, 0.4, 1.2):
            tip = palm + direction * (40 - 5 * abs(i)) + side * i * 13
            frame.stroke(np.array([palm + side * i * 10, tip]), SKIN, 14)
