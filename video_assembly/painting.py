"""Pictures as arrays of yuv420p: something drawn on top, one fading into the next, another shape around them."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter
from numpy.typing import NDArray
from PIL import Image

Picture = NDArray[np.uint8]
Plane = NDArray[np.floating[Any]]
"""A whole yuv420p picture as `VideoFrame.to_ndarray` gives it, shape (height * 3 / 2, width)."""

HALF_FADE = 8
"""Frames on either side of a join that a crossfade takes: with both sides a little over half a second."""


def planes(picture: Picture) -> tuple[Picture, Picture, Picture]:
    """Views of luma and both chroma planes; what is written to them is written to the picture."""
    height, width = picture.shape[0] * 2 // 3, picture.shape[1]
    flat, whole, quarter = picture.reshape(-1), height * width, height * width // 4
    shape = (height // 2, width // 2)
    first, second = flat[whole : whole + quarter], flat[whole + quarter :]
    return flat[:whole].reshape(height, width), first.reshape(shape), second.reshape(shape)


def as_frame(picture: Picture) -> av.VideoFrame:
    """The picture for an encoder, tagged as what it is: bt709 in limited range."""
    frame = av.VideoFrame.from_ndarray(picture, format="yuv420p")
    frame.colorspace, frame.color_range = Colorspace.ITU709, ColorRange.MPEG
    return frame


def as_picture(frame: av.VideoFrame) -> Picture:
    """The picture of a yuv420p frame."""
    assert frame.format.name == "yuv420p", "the common form has this format"
    return np.asarray(frame.to_ndarray(), np.uint8)


class Stamp:
    """An image with transparency, drawn on pictures at a place with even coordinates."""

    def __init__(self, image: Image.Image, left: int, top: int) -> None:
        assert not (image.width | image.height | left | top) % 2, "chroma has half the resolution"
        self.left, self.top, self.width, self.height = left, top, image.width, image.height
        rgba = np.asarray(image.convert("RGBA"), np.float32)
        red, green, blue = (rgba[..., channel] / 255 for channel in range(3))
        # ITU-R BT.709, limited range
        luma = 0.2126 * red + 0.7152 * green + 0.0722 * blue
        chroma = ((blue - luma) / 1.8556, (red - luma) / 1.5748)
        self._alpha = rgba[..., 3] / 255
        self._luma = 16 + 219 * luma
        self._half = _halved(self._alpha)
        weight = np.maximum(self._half, 1e-6)
        self._chroma = [128 + 224 * _halved(each * self._alpha) / weight for each in chroma]

    def draw(self, picture: Picture, strength: float = 1.0) -> None:
        """Draw it; `strength` from 0 to 1 thins it."""
        luma, *chroma = planes(picture)
        rows, columns = slice(self.top, self.top + self.height), slice(self.left, self.left + self.width)
        _mix(luma[rows, columns], self._luma, self._alpha * strength)
        rows, columns = (slice(each.start // 2, each.stop // 2) for each in (rows, columns))
        for plane, colour in zip(chroma, self._chroma, strict=True):
            _mix(plane[rows, columns], colour, self._half * strength)


@dataclass(frozen=True)
class Shown:
    """A stamp from one frame up to, but not including, another; it comes and goes within `fade` frames."""

    stamp: Stamp
    first: int
    stop: int
    fade: int = 0

    def draw(self, picture: Picture, number: int) -> None:
        """Draw it where its time has come."""
        if self.first <= number < self.stop:
            edge = min(number - self.first + 1, self.stop - number)
            self.stamp.draw(picture, min(1.0, edge / (self.fade + 1)))


def crossfaded(
    pictures: Iterable[tuple[int, Picture]], joins: Collection[int], half: int = HALF_FADE
) -> Iterator[tuple[int, Picture]]:
    """Fade numbered pictures over each join, the number of the first picture after it; the length stays the same.

    Each side stands still while only the other moves: there is no material behind a cut, and sound keeps its place.
    """
    waiting: deque[tuple[int, Picture]] = deque()
    before: Picture | None = None
    joined = -(1 << 30)
    for number, picture in pictures:
        if number in joins and waiting:
            joined, before = number, waiting[-1][1].copy()
            for each, earlier in waiting:
                _mix_into(earlier, picture, (each - (number - half) + 0.5) / (2 * half))
        if before is not None and number - joined < half:
            faded = before.copy()
            _mix_into(faded, picture, (number - (joined - half) + 0.5) / (2 * half))
            picture = faded
        waiting.append((number, picture))
        if len(waiting) > half:
            yield waiting.popleft()
    yield from waiting


class Canvas:
    """Puts upright pictures into another shape: the middle as large as fits, the rest of it blurred behind."""

    def __init__(self, width: int, height: int, least_shown: float) -> None:
        """`least_shown` is the share of a picture's height that must stay visible; the more, the smaller it is."""
        self.width, self.height, self._shown = width, height, least_shown
        self._scalers = [VideoReformatter() for _ in range(3)]

    def fit(self, picture: Picture) -> Picture:
        """The picture in the new shape."""
        high, wide = picture.shape[0] * 2 // 3, picture.shape[1]
        kept = _even(max(high * self._shown, wide * self.height / self.width))
        scale = min(self.width / wide, self.height / kept)
        inner = self._scaled(0, _cropped(picture, kept), _even(wide * scale), _even(kept * scale))
        behind = _cropped(picture, _even(wide * self.height / self.width))
        small = self._scaled(1, behind, 2 * max(8, self.width // 64), 2 * max(8, self.height // 64), Interpolation.AREA)
        whole = self._scaled(2, small, self.width, self.height, Interpolation.BICUBIC)
        luma, *chroma = planes(whole)
        # Darker than the picture, so that nobody looks there.
        luma[:] = 16 + (luma.astype(np.uint16) - np.minimum(luma, 16)) * 9 // 16
        parts = zip((luma, *chroma), planes(inner), strict=True)
        for target, source in parts:
            top, left = ((target.shape[axis] - source.shape[axis]) // 2 for axis in (0, 1))
            target[top : top + source.shape[0], left : left + source.shape[1]] = source
        return whole

    def _scaled(
        self, scaler: int, picture: Picture, width: int, height: int, how: Interpolation = Interpolation.BILINEAR
    ) -> Picture:
        frame = self._scalers[scaler].reformat(as_frame(picture), width, height, interpolation=how, threads=1)
        return as_picture(frame)


def _cropped(picture: Picture, height: int) -> Picture:
    parts = []
    for plane, wanted in zip(planes(picture), (height, height // 2, height // 2), strict=True):
        top = (plane.shape[0] - wanted) // 2
        parts.append(plane[top : top + wanted].reshape(-1))
    return np.concatenate(parts).reshape(height * 3 // 2, picture.shape[1])


def _mix(target: Picture, colour: Plane, alpha: Plane) -> None:
    target[:] = np.rint(target * (1 - alpha) + colour * alpha).astype(np.uint8)


def _mix_into(target: Picture, other: Picture, share: float) -> None:
    weight = round(256 * min(1.0, max(0.0, share)))
    mixed = target.astype(np.uint16) * (256 - weight) + other.astype(np.uint16) * weight
    target[:] = (mixed + 128 >> 8).astype(np.uint8)


def _halved(values: Plane) -> Plane:
    means: Plane = values.reshape(values.shape[0] // 2, 2, values.shape[1] // 2, 2).mean(axis=(1, 3))
    return means


def _even(length: float) -> int:
    return round(length / 2) * 2
