"""Light from the upper left, on round and on flat things."""

import numpy as np

from assets.draw.canvas import Canvas, Linear, Radial, darker, fade, lighter
from assets.draw.paths import Points, ellipse

WIDTH, HEIGHT = 800, 1000
ANCHOR = (400.0, 560.0)  # the point about which a product is placed, turned and scaled


def turned(colour: str, left: float, right: float, depth: float = 1.0) -> Linear:
    """A round body standing upright."""
    return Linear(
        (left, 0),
        (right, 0),
        fade(
            (0.0, darker(colour, 0.30 * depth)),
            (0.14, darker(colour, 0.05 * depth)),
            (0.28, lighter(colour, 0.34 * depth)),
            (0.42, lighter(colour, 0.06 * depth)),
            (0.62, colour),
            (0.86, darker(colour, 0.28 * depth)),
            (1.0, darker(colour, 0.42 * depth)),
        ),
    )


def falling(colour: str, top: float, bottom: float, depth: float = 1.0) -> Linear:
    """A flat thing lit from above."""
    ends = fade((0.0, lighter(colour, 0.16 * depth)), (0.45, colour), (1.0, darker(colour, 0.26 * depth)))
    return Linear((0, top), (40, bottom), ends)


def ground_shadow(canvas: Canvas, y: float, reach: float, centre: float = 400.0) -> None:
    """The soft shadow on the floor."""
    canvas.fill(ellipse(centre, y, reach, reach * 0.11), "#1A0F14", opacity=0.30, blur=16)
    canvas.fill(ellipse(centre, y, reach * 0.72, reach * 0.06), "#1A0F14", opacity=0.35, blur=6)


def gleam(canvas: Canvas, cx: float, cy: float, rx: float, ry: float, strength: float = 0.5) -> None:
    """A soft highlight."""
    stops = [(0.0, "#FFFFFF", strength), (1.0, "#FFFFFF", 0.0)]
    canvas.fill(ellipse(cx, cy, rx, ry), Radial((cx, cy), (rx, ry), stops))


def stitches(canvas: Canvas, line: Points, colour: str, dash: float = 9.0, thickness: float = 2.4) -> None:
    """A dashed seam along a line."""
    steps = np.hypot(*np.diff(line, axis=0).T)
    along = np.concatenate([[0.0], np.cumsum(steps)])
    for start in np.arange(0.0, along[-1], dash * 1.8):
        at = np.linspace(start, min(start + dash, along[-1]), 4)
        piece = np.stack([np.interp(at, along, line[:, 0]), np.interp(at, along, line[:, 1])], axis=1)
        canvas.stroke(piece, colour, thickness, opacity=0.85)
