"""A supersampled canvas: filled and stroked outlines with gradients, blur and clips, ending as a sprite."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from assets.draw.paths import Points

Pixels = npt.NDArray[np.uint8]
Plane = npt.NDArray[np.floating[Any]]
_SHIFT = 4  # sub-pixel bits of OpenCV's polygon drawing


def rgb(colour: str) -> tuple[float, float, float]:
    """'#RRGGBB' as three numbers of 0 to 255."""
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def mixed(first: str, second: str, share: float) -> str:
    """The colour that lies `share` of the way from the first to the second."""
    pairs = zip(rgb(first), rgb(second), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * share):02X}" for a, b in pairs)


def lighter(colour: str, share: float) -> str:
    """Mixed with white."""
    return mixed(colour, "#FFFFFF", share)


def darker(colour: str, share: float) -> str:
    """Mixed with a warm black."""
    return mixed(colour, "#120C10", share)


Stops = Sequence[tuple[float, str, float]]  # place 0..1, colour, opacity


def _ramp(place: Plane, stops: Stops) -> Plane:
    at = [s[0] for s in stops]
    columns = [[*rgb(colour), alpha] for _, colour, alpha in stops]
    out = [np.interp(place, at, [c[i] for c in columns]) for i in range(4)]
    return np.stack(out, axis=-1).astype(np.float32)


@dataclass(frozen=True)
class Linear:
    """A gradient from one point to another."""

    start: tuple[float, float]
    stop: tuple[float, float]
    stops: Stops

    def at(self, x: Plane, y: Plane) -> Plane:
        """Colour (0..255) and opacity (0..1) of each point."""
        dx, dy = self.stop[0] - self.start[0], self.stop[1] - self.start[1]
        place = ((x - self.start[0]) * dx + (y - self.start[1]) * dy) / (dx * dx + dy * dy)
        return _ramp(place, self.stops)


@dataclass(frozen=True)
class Radial:
    """A gradient from a centre outwards, with its own radius each way."""

    centre: tuple[float, float]
    radius: tuple[float, float]
    stops: Stops

    def at(self, x: Plane, y: Plane) -> Plane:
        """Colour (0..255) and opacity (0..1) of each point."""
        place = np.hypot((x - self.centre[0]) / self.radius[0], (y - self.centre[1]) / self.radius[1])
        return _ramp(place, self.stops)


def fade(*stops: tuple[float, str] | tuple[float, str, float]) -> Stops:
    """Stops whose opacity is 1 where it is not said."""
    return [(s[0], s[1], s[2] if len(s) == 3 else 1.0) for s in stops]


Paint = str | Linear | Radial


@dataclass(frozen=True)
class Sprite:
    """A drawn picture: premultiplied RGBA, and the point that is placed, turned and scaled about."""

    pixels: Pixels
    anchor: tuple[float, float]

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.pixels.shape[1], self.pixels.shape[0]

    def resized(self, scale: float) -> "Sprite":
        """The same at another size, by area averages: for sprites shown much smaller than drawn."""
        w, h = round(self.size[0] * scale), round(self.size[1] * scale)
        small = cv2.resize(self.pixels, (w, h), interpolation=cv2.INTER_AREA)
        return Sprite(np.asarray(small, np.uint8), (self.anchor[0] * scale, self.anchor[1] * scale))


def stacked(*layers: Sprite) -> Sprite:
    """Sprites of one size, laid over each other."""
    total: Plane = layers[0].pixels.astype(np.float32)
    for layer in layers[1:]:
        over = layer.pixels.astype(np.float32)
        total = total * (1 - over[..., 3:] / 255) + over
    return Sprite(np.clip(np.round(total), 0, 255).astype(np.uint8), layers[0].anchor)


class Canvas:
    """Draws outlines at `detail` times the size, so that the finished edges are smooth."""

    def __init__(self, width: int, height: int, detail: int = 3, background: str | None = None) -> None:
        self.width, self.height, self.detail = width, height, detail
        self._pixels: Plane = np.zeros((height * detail, width * detail, 4), np.float32)
        if background is not None:
            self._pixels[:] = (*rgb(background), 1.0)
        self._clips: list[Plane] = []

    def _mask(self, outline: Points, thickness: float | None = None, closed: bool = False) -> Plane:
        mask = np.zeros(self._pixels.shape[:2], np.uint8)
        points = np.round(outline * self.detail * (1 << _SHIFT)).astype(np.int32)
        if thickness is None:
            cv2.fillPoly(mask, [points], 255, cv2.LINE_AA, _SHIFT)
        else:
            width = max(1, round(thickness * self.detail))
            cv2.polylines(mask, [points], closed, 255, width, cv2.LINE_AA, _SHIFT)
        return mask.astype(np.float32) / 255

    @contextmanager
    def clip(self, outline: Points) -> Iterator[None]:
        """What is drawn inside the block shows only inside the outline."""
        mask = self._mask(outline)
        self._clips.append(mask * self._clips[-1] if self._clips else mask)
        try:
            yield
        finally:
            self._clips.pop()

    def fill(self, outline: Points, paint: Paint, opacity: float = 1.0, blur: float = 0.0) -> None:
        """Fill an outline; `blur` is a radius in pixels of the finished picture."""
        self._paint(self._mask(outline), paint, opacity, blur)

    def stroke(
        self,
        line: Points,
        paint: Paint,
        thickness: float,
        opacity: float = 1.0,
        closed: bool = False,
        blur: float = 0.0,
    ) -> None:
        """Draw a line with round ends."""
        self._paint(self._mask(line, thickness, closed), paint, opacity, blur)

    def cover(self, paint: Paint, opacity: float = 1.0) -> None:
        """Fill everything, or all that the clip leaves."""
        self._paint(np.ones(self._pixels.shape[:2], np.float32), paint, opacity, 0.0)

    def _paint(self, mask: Plane, paint: Paint, opacity: float, blur: float) -> None:
        if blur:
            mask = np.asarray(cv2.GaussianBlur(mask, (0, 0), blur * self.detail), np.float32)
        if self._clips:
            mask = mask * self._clips[-1]
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        if not len(rows):
            return
        box = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        cover = mask[box][..., None] * opacity
        if isinstance(paint, str):
            colour: Plane = np.array(rgb(paint), np.float32)
        else:
            y, x = np.mgrid[box].astype(np.float32) / self.detail
            ramp = paint.at(x, y)
            colour, cover = ramp[..., :3], cover * ramp[..., 3:]
        target = self._pixels[box]
        target *= 1 - cover
        target[..., :3] += colour * cover
        target[..., 3:] += cover

    def sprite(self, anchor: tuple[float, float] | None = None) -> Sprite:
        """What was drawn, at its finished size; the anchor is the middle where none is given."""
        small = cv2.resize(self._pixels, (self.width, self.height), interpolation=cv2.INTER_AREA)
        small[..., 3] *= 255
        pixels = np.clip(np.round(small), 0, 255).astype(np.uint8)
        return Sprite(pixels, anchor or (self.width / 2, self.height / 2))
