"""One picture of a film: sprites and outlines placed on a background, and the curves that move them."""

import math

import cv2
import numpy as np

from assets.draw.canvas import Canvas, Linear, Paint, Pixels, Sprite, rgb
from assets.draw.paths import Points

WIDTH, HEIGHT, RATE = 720, 1280, 30
# The player's controls and product card cover the rest (share of the picture: top 12, right 15, bottom 25 %).
LEFT, TOP, RIGHT, BOTTOM = 48, 160, 608, 950


def eased(t: float, start: float, length: float) -> float:
    """0 before the start, 1 after the end, slowing down in between."""
    x = min(1.0, max(0.0, (t - start) / length))
    return 1 - (1 - x) ** 3


def smooth(t: float, start: float, length: float) -> float:
    """0 to 1 with a soft start and a soft end."""
    x = min(1.0, max(0.0, (t - start) / length))
    return x * x * (3 - 2 * x)


def springy(t: float, start: float, length: float) -> float:
    """0 to 1, a little too far and back."""
    x = min(1.0, max(0.0, (t - start) / length))
    return 1 - math.exp(-6 * x) * math.cos(9 * x) if x < 1 else 1.0


def backdrop(paint: Paint) -> Pixels:
    """A background filled with one paint."""
    canvas = Canvas(WIDTH, HEIGHT, detail=1)
    canvas.cover(paint)
    return np.ascontiguousarray(canvas.sprite().pixels[..., :3])


def vertical(*colours: str) -> Linear:
    """A gradient from the top of the picture to its bottom."""
    last = len(colours) - 1
    return Linear((0, 0), (0, HEIGHT), [(i / last, c, 1.0) for i, c in enumerate(colours)])


class Frame:
    """RGB pixels of one picture."""

    def __init__(self, background: Pixels) -> None:
        self.pixels = background.copy()

    def place(
        self,
        sprite: Sprite,
        x: float,
        y: float,
        scale: float = 1.0,
        degrees: float = 0.0,
        opacity: float = 1.0,
        stretch: float = 1.0,
    ) -> None:
        """Put a sprite's anchor at a point; `stretch` scales its height alone."""
        if opacity <= 0.003 or scale <= 0.003:
            return
        a = math.radians(degrees)
        turn = np.array([[math.cos(a), -math.sin(a)], [math.sin(a), math.cos(a)]]) @ np.diag([scale, scale * stretch])
        shift = np.array([x, y]) - turn @ np.array(sprite.anchor)
        w, h = sprite.size
        corners = np.array([[0, 0], [w, 0], [0, h], [w, h]]) @ turn.T + shift
        x0, y0 = np.maximum(np.floor(corners.min(axis=0)).astype(int) - 1, 0)
        x1, y1 = np.minimum(np.ceil(corners.max(axis=0)).astype(int) + 1, [self.pixels.shape[1], self.pixels.shape[0]])
        if x1 <= x0 or y1 <= y0:
            return
        matrix = np.column_stack([turn, shift - [x0, y0]])
        ink = cv2.warpAffine(sprite.pixels, matrix, (int(x1 - x0), int(y1 - y0)), flags=cv2.INTER_LINEAR)
        self._blend(np.asarray(ink, np.uint8), int(x0), int(y0), opacity)

    def _blend(self, ink: Pixels, x: int, y: int, opacity: float) -> None:
        target = self.pixels[y : y + ink.shape[0], x : x + ink.shape[1]]
        share = ink.astype(np.float32) * opacity
        mixed = target * (1 - share[..., 3:] / 255) + share[..., :3]
        target[:] = np.minimum(mixed + 0.5, 255).astype(np.uint8)

    def fill(self, outline: Points, colour: str, opacity: float = 1.0) -> None:
        """Fill an outline with one colour; smooth edges."""
        low = np.floor(outline.min(axis=0)).astype(int) - 2
        high = np.ceil(outline.max(axis=0)).astype(int) + 2
        x0, y0 = np.maximum(low, 0)
        x1, y1 = np.minimum(high, [self.pixels.shape[1], self.pixels.shape[0]])
        if x1 <= x0 or y1 <= y0 or opacity <= 0.003:
            return
        mask = np.zeros((y1 - y0, x1 - x0), np.uint8)
        cv2.fillPoly(mask, [np.round((outline - [x0, y0]) * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
        self._tint(mask, int(x0), int(y0), colour, opacity)

    def stroke(self, line: Points, colour: str, thickness: float, opacity: float = 1.0) -> None:
        """Draw a line with round ends."""
        pad = thickness + 2
        x0, y0 = np.maximum(np.floor(line.min(axis=0) - pad).astype(int), 0)
        limit = [self.pixels.shape[1], self.pixels.shape[0]]
        x1, y1 = np.minimum(np.ceil(line.max(axis=0) + pad).astype(int), limit)
        if x1 <= x0 or y1 <= y0 or opacity <= 0.003:
            return
        mask = np.zeros((2 * (y1 - y0), 2 * (x1 - x0)), np.uint8)
        points = np.round((line - [x0, y0]) * 32).astype(np.int32)
        cv2.polylines(mask, [points], False, 255, max(1, round(thickness * 2)), cv2.LINE_AA, 4)
        mask = np.asarray(cv2.resize(mask, (int(x1 - x0), int(y1 - y0)), interpolation=cv2.INTER_AREA), np.uint8)
        self._tint(mask, int(x0), int(y0), colour, opacity)

    def _tint(self, mask: Pixels, x: int, y: int, colour: str, opacity: float) -> None:
        target = self.pixels[y : y + mask.shape[0], x : x + mask.shape[1]]
        share = mask.astype(np.float32)[..., None] * (opacity / 255)
        target[:] = (target * (1 - share) + np.array(rgb(colour), np.float32) * share + 0.5).astype(np.uint8)

    def shade(self, colour: str, opacity: float) -> None:
        """Lay one colour over the whole picture."""
        if opacity > 0.003:
            share = np.float32(opacity)
            self.pixels = (self.pixels * (1 - share) + np.array(rgb(colour), np.float32) * share + 0.5).astype(np.uint8)
