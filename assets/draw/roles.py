"""The five roles of a segment, each a scene of its own: hook, demonstration, proof, offer, call to action."""

from collections.abc import Callable, Sequence
from functools import cache

import numpy as np

from assets.draw.canvas import Canvas, Linear, Pixels, Radial, Sprite, darker, fade, lighter, mixed
from assets.draw.frame import HEIGHT, LEFT, RIGHT, WIDTH, Frame, backdrop, eased, smooth, springy, vertical
from assets.draw.lettering import BOLD, MEDIUM, fitting, text
from assets.draw.looks import Look, catalogue, colours, sizes
from assets.draw.paths import blob, ellipse, moved, rounded, svg
from assets.draw.products.stage import Stage

Scene = Callable[[Look, float, float], Pixels]  # look, seconds since the start, length in seconds -> RGB picture


@cache
def _product(look: Look, colour: str, scale: float) -> Sprite:
    return look.draw(colour).resized(scale)


def _brand(look: Look) -> str:
    return next(str(p["brand"]) for p in catalogue()["products"] if p["handle"] == look.handle)


def _lines(frame: Frame, words: Sequence[str], t: float, y: float, size: int, colour: str, pace: float = 0.2) -> float:
    """Lines of one size that rise into place one after the other; the baseline below the last one."""
    size = min(fitting(line, size, RIGHT - LEFT) for line in words)
    for i, line in enumerate(words):
        come = springy(t, 0.05 + i * pace, 0.5)
        frame.place(text(line, size, colour), LEFT, y + (1 - come) * 60, opacity=min(1.0, max(0.0, come)))
        y += size * 1.06
    return y


@cache
def _wall(look: Look) -> Pixels:
    return backdrop(vertical(lighter(look.deep, 0.10), look.deep, darker(look.deep, 0.22)))


def hook(look: Look, t: float, length: float) -> Pixels:
    """The big question: full colour, moving shapes, the product jumps in."""
    frame = Frame(_wall(look))
    frame.fill(blob(520, 830, 400, 0.07, t * 1.6), lighter(look.deep, 0.16))
    frame.fill(blob(520, 850, 290 + 14 * np.sin(t * 3.9), 0.08, -t * 2.1), mixed(look.deep, look.accent, 0.88))
    for i, (x, y, r) in enumerate([(610, 300, 26), (90, 640, 18), (660, 520, 12), (70, 1080, 34), (560, 1190, 20)]):
        drift = 16 * np.sin(t * 2 + i * 1.9)
        frame.fill(ellipse(x, y + drift, r, r), look.accent, 0.9 if i % 2 else 0.55)
    come = springy(t, 0.25, 0.8)
    wobble = 2.2 * np.sin((t - 0.25) * 3.9)
    frame.place(
        _product(look, colours(look.handle)[0], 0.82),
        440 + (1 - come) * 420,
        (850 if len(look.hook) < 3 else 905) + (1 - come) * 200,
        degrees=float(-7 + wobble + (1 - come) * 30),
    )
    bar = eased(t, 0.0, 0.4)
    frame.fill(rounded(LEFT, 176, 64 * bar + 1, 8, 4), look.accent)
    frame.place(text(_brand(look), 34, look.pale, MEDIUM), LEFT + 82, 192, opacity=bar)
    _lines(frame, look.hook, t, 326, 132 if len(look.hook) < 3 else 116, look.pale, 0.26)
    return frame.pixels


@cache
def _room(look: Look) -> Pixels:
    canvas = Canvas(WIDTH, HEIGHT, detail=1)
    wall, floor = (
        (look.deep, darker(look.deep, 0.45)) if look.night else (look.light, mixed(look.light, look.deep, 0.2))
    )
    if look.night:
        wall = darker(look.deep, 0.42)
    canvas.cover(Linear((0, 0), (0, 860), fade((0, wall), (1, mixed(wall, look.accent, 0.10 if look.night else 0.28)))))
    canvas.fill(ellipse(340, 520, 330, 330), lighter(wall, 0.06) if look.night else mixed(look.light, look.deep, 0.10))
    canvas.fill(
        rounded(-10, 838, 740, 460, 1), Linear((0, 838), (0, HEIGHT), fade((0, floor), (1, darker(floor, 0.2))))
    )
    return np.ascontiguousarray(canvas.sprite().pixels[..., :3])


def demo(look: Look, t: float, length: float) -> Pixels:
    """The product at work, in three captioned steps."""
    frame = Frame(_room(look))
    look.demonstrate(Stage(frame, 340, 575, 0.74, colours(look.handle)[0]), t, length)
    ink = "#FFFFFF" if look.night else look.ink
    third = length / 3
    for i, step in enumerate(look.steps):
        show = eased(t, i * third + 0.1, 0.35) * (1 - smooth(t, (i + 1) * third - 0.12, 0.2) * (i < 2))
        if show < 0.01:
            continue
        x = LEFT + 36 - (1 - show) * 40
        frame.fill(ellipse(x, 905, 36 * show, 36 * show), look.accent, show)
        digit_ink = look.ink if look.pale == "#FFFFFF" else "#FFFFFF"
        frame.place(text(str(i + 1), 42, digit_ink), x - 13, 920, opacity=show)
        size = fitting(step, 56, RIGHT - LEFT - 92)
        frame.place(text(step, size, ink), LEFT + 92 - (1 - show) * 40, 924, opacity=show)
    return frame.pixels


@cache
def _dark(look: Look) -> Pixels:
    canvas = Canvas(WIDTH, HEIGHT, detail=1)
    base = darker(look.ink, 0.25)
    canvas.cover(Linear((0, 0), (300, HEIGHT), fade((0, lighter(look.ink, 0.08)), (1, base))))
    glow = look.deep if look.pale == "#FFFFFF" else look.accent
    canvas.cover(Radial((330, 470), (520, 520), fade((0, glow, 0.75), (1, glow, 0.0))))
    return np.ascontiguousarray(canvas.sprite().pixels[..., :3])


def _thousands(number: int) -> str:
    return f"{number:,}".replace(",", ".")


def proof(look: Look, t: float, length: float) -> Pixels:
    """A figure that counts up inside a ring, and two facts."""
    frame = Frame(_dark(look))
    bright = look.accent if look.pale == "#FFFFFF" else look.deep
    share = smooth(t, 0.15, min(1.5, length * 0.45))
    ring = ellipse(328, 430, 226, 226, -90, 270)
    frame.stroke(ring, "#FFFFFF", 26, 0.14)
    if share > 0.005:
        frame.stroke(ellipse(328, 430, 226, 226, -90, -90 + 360 * share), bright, 26)
        end = ellipse(328, 430, 226, 226, -90 + 360 * share, -90 + 360 * share + 1)[0]
        frame.fill(ellipse(end[0], end[1], 19, 19), "#FFFFFF")
    number, unit, what = look.proof
    size = fitting(_thousands(number), 138, 340)
    shown = text(_thousands(round(number * share)), size, "#FFFFFF")
    frame.place(shown, 328 - (shown.size[0] - 2 * (size // 3)) / 2, 452)
    label = text(unit, 54, bright)
    frame.place(label, 328 - (label.size[0] - 36) / 2, 524)
    come = eased(t, 0.5, 0.4)
    below = text(what, fitting(what, 54, RIGHT - LEFT), "#FFFFFF")
    frame.place(below, LEFT, 758 + 20 * (1 - come), opacity=come)
    for i, fact in enumerate(look.facts):
        pop = springy(t, 1.0 + i * 0.4, 0.5)
        y = 826 + i * 74
        frame.fill(ellipse(LEFT + 24, y, 24 * pop, 24 * pop), bright)
        check = moved(svg("M -11 1 L -3 9 L 11 -8"), LEFT + 24, y, max(0.01, pop))
        frame.stroke(check, look.ink, 6, min(1.0, pop))
        frame.place(text(fact, 42, "#FFFFFF", MEDIUM), LEFT + 66, y + 15, opacity=min(1.0, pop))
    tilt = float(3 * np.sin(t * 2.2))
    frame.place(_product(look, colours(look.handle)[0], 0.40), 590, 1090, degrees=tilt, opacity=eased(t, 0.3, 0.5))
    return frame.pixels


@cache
def _split(look: Look) -> Pixels:
    canvas = Canvas(WIDTH, HEIGHT, detail=2)
    canvas.cover(Linear((0, 0), (0, HEIGHT), fade((0, "#FFFFFF"), (1, look.light))))
    band = look.accent if look.pale == "#FFFFFF" else lighter(look.deep, 0.45)
    if look.night:
        band = look.deep
    canvas.fill(
        svg("M 0 470 L 720 350 L 720 1280 L 0 1280 Z"),
        Linear((0, 400), (200, 1280), fade((0, band), (1, lighter(band, 0.3)))),
    )
    return np.ascontiguousarray(canvas.sprite().pixels[..., :3])


def offer(look: Look, t: float, length: float) -> Pixels:
    """Every colour side by side, sizes as chips."""
    frame = Frame(_split(look))
    _lines(frame, look.offer, t, 240, 84, look.ink, 0.22)
    hues = colours(look.handle)
    gap = 620 / len(hues)
    scale = {2: 0.47, 3: 0.40}[len(hues)]
    for i, hue in enumerate(hues):
        come = springy(t, 0.35 + i * 0.3, 0.7)
        turn = max(0.0, np.sin((t - 1.4 - i * 0.8) * np.pi / 0.8)) if 0 < t - 1.4 - i * 0.8 < 0.8 else 0.0
        x = 36 + gap * (i + 0.5)
        frame.place(_product(look, hue, scale), x, 640 - 26 * turn + (1 - come) * 700, scale=1 + 0.05 * turn)
        dot = springy(t, 0.7 + i * 0.3, 0.5)
        frame.fill(ellipse(x, 848, 25 * dot, 25 * dot), "#FFFFFF")
        frame.fill(ellipse(x, 848, 19 * dot, 19 * dot), hue)
    x = float(LEFT)
    for i, size in enumerate(sizes(look.handle)):
        pop = eased(t, 1.1 + i * 0.15, 0.3)
        label = text(size, 32, look.ink if look.night else "#FFFFFF", BOLD)
        wide = label.size[0] - 20 + 44
        frame.fill(rounded(x, 893, wide, 56, 28), look.accent if look.night else look.ink, pop)
        frame.place(label, x + 22, 932, opacity=pop)
        x += wide + 14
    return frame.pixels


@cache
def _rays(look: Look) -> Sprite:
    canvas = Canvas(1640, 1640, detail=1)
    tint = lighter(look.deep, 0.13)
    for i in range(14):
        a, b = 2 * np.pi * i / 14, 2 * np.pi * (i + 0.5) / 14
        points = [[820, 820], [820 + 1160 * np.cos(a), 820 + 1160 * np.sin(a)]]
        points.append([820 + 1160 * np.cos(b), 820 + 1160 * np.sin(b)])
        canvas.fill(np.array(points), tint)
    return canvas.sprite()


def cta(look: Look, t: float, length: float) -> Pixels:
    """The call: rays, the product large, an arrow down to the product card."""
    frame = Frame(_wall(look))
    frame.place(_rays(look), 340, 676, degrees=t * 9)
    frame.fill(ellipse(340, 676, 250, 250), look.accent, 0.95)
    beat = abs(np.sin(t * np.pi / 0.8))
    frame.place(_product(look, colours(look.handle)[-1], 0.56), 340, 690, scale=float(0.97 + 0.04 * beat), degrees=-4)
    _lines(frame, look.call, t, 252, 112, look.pale, 0.22)
    down = 16 * abs(np.sin(t * np.pi / 0.4))
    show = eased(t, 0.6, 0.3)
    arrow = moved(svg("M -20 -44 L 20 -44 L 20 0 L 50 0 L 0 52 L -50 0 L -20 0 Z"), 104, 884 + down)
    frame.fill(moved(arrow, 0, 5), darker(look.deep, 0.5), 0.35 * show)
    frame.fill(arrow, look.pale, show)
    return frame.pixels


SCENES: dict[str, Scene] = {"hook": hook, "demo": demo, "proof": proof, "offer": offer, "cta": cta}
