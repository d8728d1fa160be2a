"""Outlines as arrays of points: SVG path strings, ellipses, rounded rectangles, mirrored halves."""

import math
import re

import numpy as np
import numpy.typing as npt

Points = npt.NDArray[np.float64]

_TOKEN = re.compile(r"[MLHVCQZ]|-?\d*\.?\d+")
_STEPS = 28  # line pieces for each curve: smooth at three times the size of a phone screen


def _bezier(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    t = np.linspace(0.0, 1.0, _STEPS + 1)[1:, None]
    p = np.array(points, dtype=np.float64)
    if len(p) == 3:
        out = (1 - t) ** 2 * p[0] + 2 * (1 - t) * t * p[1] + t**2 * p[2]
    else:
        out = (1 - t) ** 3 * p[0] + 3 * (1 - t) ** 2 * t * p[1] + 3 * (1 - t) * t**2 * p[2] + t**3 * p[3]
    return [(float(x), float(y)) for x, y in out]


def svg(text: str) -> Points:
    """One outline from an SVG path with absolute M, L, H, V, C, Q and Z (SVG 2, 9.3)."""
    tokens = _TOKEN.findall(text)
    points: list[tuple[float, float]] = []
    command, at = "M", 0

    def number() -> float:
        nonlocal at
        at += 1
        return float(tokens[at - 1])

    while at < len(tokens):
        if tokens[at].isalpha():
            command = tokens[at]
            at += 1
            if command == "Z":
                continue
        if command in "ML":
            points.append((number(), number()))
        elif command == "H":
            points.append((number(), points[-1][1]))
        elif command == "V":
            points.append((points[-1][0], number()))
        else:
            controls = [(number(), number()) for _ in range(3 if command == "C" else 2)]
            points.extend(_bezier([points[-1], *controls]))
    return np.array(points)


def ellipse(cx: float, cy: float, rx: float, ry: float, start: float = 0.0, stop: float = 360.0) -> Points:
    """An ellipse or its arc; degrees clockwise from three o'clock."""
    angle = np.radians(np.linspace(start, stop, max(8, int(abs(stop - start) / 3) + 1)))
    return np.stack([cx + rx * np.cos(angle), cy + ry * np.sin(angle)], axis=1)


def rounded(x: float, y: float, width: float, height: float, radius: float) -> Points:
    """A rectangle with round corners."""
    r = min(radius, width / 2, height / 2)
    corners = [(x + width - r, y + r, -90), (x + width - r, y + height - r, 0), (x + r, y + height - r, 90)]
    corners.append((x + r, y + r, 180))
    return np.concatenate([ellipse(cx, cy, r, r, a, a + 90) for cx, cy, a in corners])


def mirrored(points: Points, cx: float) -> Points:
    """The same outline on the other side of the vertical line at cx."""
    out = points.copy()
    out[:, 0] = 2 * cx - out[:, 0]
    return out


def symmetric(half: str, cx: float) -> Points:
    """A closed outline from its left half, drawn from the middle's top to the middle's bottom."""
    left = svg(half)
    return np.concatenate([left, mirrored(left, cx)[::-1]])


def moved(points: Points, dx: float = 0.0, dy: float = 0.0, scale: float = 1.0, degrees: float = 0.0) -> Points:
    """Scaled and turned about the origin, then moved."""
    a = math.radians(degrees)
    turn = np.array([[math.cos(a), math.sin(a)], [-math.sin(a), math.cos(a)]])
    return np.asarray((points * scale) @ turn + np.array([dx, dy]))


def blob(cx: float, cy: float, radius: float, wobble: float, phase: float, lobes: int = 5) -> Points:
    """A soft round shape whose edge moves with the phase (radians)."""
    a = np.linspace(0, 2 * math.pi, 120, endpoint=False)
    r = radius * (1 + wobble * np.sin(lobes * a + phase) * 0.6 + wobble * np.sin((lobes - 2) * a - phase * 1.7) * 0.4)
    return np.stack([cx + r * np.cos(a), cy + r * np.sin(a)], axis=1)
