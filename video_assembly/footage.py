"""What a clip's pictures are like: bright, sharp, steady, quick, of which colours, and where in them something happens.

Measured on the small arrays that the search for scene cuts decodes anyway, a few of them a second; OpenCV is imported
only here and when asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from video_assembly import faces

Array = NDArray[Any]

RATE = 6
"""Looks a second."""
BLACK_BELOW, FLAT_BELOW = 24.0, 8.0
"""Mean luma of a picture in which one sees nothing, and its greatest spread; 0 to 255."""
BLURRED_BELOW = 14.0
"""Variance of the Laplacian at 256 pixels under which nothing in a picture is sharp."""
SHAKEN_ABOVE = 0.012
"""Mean change of direction of the whole picture between two looks, as a share of its width."""
FLASH_STEP = 25.0
"""Change of mean luma that counts as half a flash; WCAG 2.2 speaks of a tenth of the greatest luminance."""
MOST_FLASHES = 3
"""In one second (WCAG 2.2, 2.3.1)."""
_EXPLAINED = 0.7
COLUMNS = 64
"""Into how many columns the attention of a picture is divided."""
_LYING = 1.2
"""From this width to height on, a picture is shown through a window, and its faces are looked for."""
_FACES_EVERY = 3
"""At every third look: a face seldom goes far in half a second."""
_FACES = 2.0
"""What faces weigh beside all that is salient or moves."""


@dataclass(frozen=True)
class Look:
    """One look at a picture: seconds, luma and its spread, sharpness, shift of the whole (shares of its width), motion
    left beside that (0 to 1), mean colour (red, green, blue), attention by column."""

    time: float
    luma: float
    spread: float
    sharpness: float
    shift: tuple[float, float]
    motion: float
    colour: tuple[int, int, int]
    attention: Array


@dataclass(frozen=True)
class Impression:
    """What a stretch of a clip is like: findings by code, dominant colour (0xRRGGBB), pace 0 still to 1 quick."""

    findings: tuple[str, ...]
    colour: int | None
    pace: float | None


@dataclass
class Footage:
    """All looks at a clip, and the luma of every picture for flashes."""

    looks: list[Look] = field(default_factory=list)
    lumas: list[tuple[float, float]] = field(default_factory=list)

    def impression(self, start: float, end: float) -> Impression:
        """What is seen from `start` to `end`, in seconds."""
        seen = [look for look in self.looks if start <= look.time < end]
        if not seen:
            return Impression((), None, None)
        findings = []
        if np.mean([look.luma < BLACK_BELOW and look.spread < FLAT_BELOW for look in seen]) > 0.5:
            findings.append("black")
        elif np.median([look.sharpness for look in seen]) < BLURRED_BELOW:
            findings.append("blurred")
        shifts = np.array([look.shift for look in seen])
        if len(shifts) > 3 and np.abs(np.diff(shifts[1:], axis=0)).sum(axis=1).mean() > SHAKEN_ABOVE:
            findings.append("shaky")
        if self.flashes(start, end) > MOST_FLASHES:
            findings.append("flashing")
        red, green, blue = _dominant(np.array([look.colour for look in seen]))
        pace = float(np.clip(np.mean([look.motion * 3 + np.hypot(*look.shift) * 8 for look in seen]), 0, 1))
        return Impression(tuple(findings), red << 16 | green << 8 | blue, round(pace, 3))

    def flashes(self, start: float, end: float) -> int:
        """The most flashes in any second: pairs of opposing changes."""
        times = [time for time, _ in self.lumas if start <= time < end]
        lumas = np.array([luma for time, luma in self.lumas if start <= time < end])
        turns: list[tuple[float, int]] = []
        anchor = lumas[0] if len(lumas) else 0.0
        for time, luma in zip(times, lumas, strict=True):
            way = 1 if luma - anchor >= FLASH_STEP else -1 if anchor - luma >= FLASH_STEP else 0
            if way and (not turns or turns[-1][1] != way):
                turns.append((time, way))
            if way or not turns or (luma - anchor) * turns[-1][1] > 0:
                anchor = luma
        most = 0
        for at, (time, _) in enumerate(turns):
            most = max(most, sum(1 for later, _ in turns[at:] if later < time + 1) // 2)
        return most

    def motion_at(self, time: float) -> float:
        """How much moves around a moment, 0 to 1, beside the median of the clip."""
        if not self.looks:
            return 0.0
        every = np.array([look.motion for look in self.looks])
        near = every[np.abs(np.array([look.time for look in self.looks]) - time) <= 1 / RATE]
        return float(np.clip((near.mean() - np.median(every)) * 8, 0, 1)) if near.size else 0.0


class Watcher:
    """Looks at small pictures (blue, green, red) in their order."""

    def __init__(self) -> None:
        self.footage = Footage()
        self._due = 0.0
        self._before: Array | None = None
        self._window: Array | None = None
        self._faces: Array | None = None

    def see(self, time: float, small: Array) -> None:
        """Take a picture of at most 256 pixels a side."""
        import cv2

        grey: Array = cv2.cvtColor(small, cv2.COLOR_BGR2GRAY)
        luma = float(grey.mean())
        self.footage.lumas.append((time, luma))
        if time < self._due:
            return
        self._due = max(self._due + 1 / RATE, time + 0.5 / RATE)
        exact = grey.astype(np.float32)
        shift, motion = (0.0, 0.0), np.zeros_like(exact)
        if self._before is not None and self._before.shape == exact.shape:
            shift, motion = self._moved(self._before, exact)
        self._before = exact
        blue, green, red = (int(value) for value in np.median(small.reshape(-1, 3)[::7], axis=0))
        self.footage.looks.append(
            Look(
                time=time,
                luma=luma,
                spread=float(grey.std()),
                sharpness=float(cv2.Laplacian(grey, cv2.CV_32F).var()),
                shift=shift,
                motion=float((motion > 18).mean()),
                colour=(red, green, blue),
                attention=self._with_faces(_attention(exact, motion), small),
            )
        )

    def _with_faces(self, attention: Array, small: Array) -> Array:
        """Attention with what faces add to it, where the detector is installed."""
        high, wide = small.shape[:2]
        finder = faces.finder() if wide >= _LYING * high else None
        if finder is None:
            return attention
        if len(self.footage.looks) % _FACES_EVERY == 0:
            self._faces = _columns(finder.faces(small), wide)
        return attention if self._faces is None else _share(attention + _FACES * self._faces)

    def _moved(self, before: Array, now: Array) -> tuple[tuple[float, float], Array]:
        """Shift of the whole picture as shares of its width, and what differs beside it."""
        import cv2

        high, wide = now.shape
        if self._window is None or self._window.shape != now.shape:
            self._window = cv2.createHanningWindow((wide, high), cv2.CV_32F)
        # Copies: OpenCV 5 multiplies what it is given by the window, in place.
        (across, down), sure = cv2.phaseCorrelate(before.copy(), now.copy(), self._window)
        still = np.abs(now - before)
        if sure < 0.1 or np.hypot(across, down) > 0.15 * wide:
            return (0.0, 0.0), still
        moved = cv2.warpAffine(
            before, np.array([[1, 0, across], [0, 1, down]], np.float32), (wide, high), borderMode=cv2.BORDER_REPLICATE
        )
        beside = np.abs(now - moved)
        # Somebody who moves before a plain wall takes the correlation along: the whole picture moved only if that
        # explains most of what changed.
        if beside.mean() < _EXPLAINED * still.mean():
            return (across / wide, down / wide), beside
        return (0.0, 0.0), still


def _attention(grey: Array, motion: Array) -> Array:
    """Attention by column, summing to 1: what is salient (spectral residual, Hou and Zhang 2007) and what moves."""
    import cv2

    small = cv2.resize(grey, (COLUMNS, COLUMNS), interpolation=cv2.INTER_AREA)
    spectrum = np.fft.fft2(small)
    amplitude = np.log(np.abs(spectrum) + 1e-6).astype(np.float32)
    residual = amplitude - cv2.blur(amplitude, (3, 3))
    salient = np.abs(np.fft.ifft2(np.exp(residual + 1j * np.angle(spectrum)))) ** 2
    salient = cv2.GaussianBlur(salient.astype(np.float32), (0, 0), 2.5)
    moving = cv2.resize(np.where(motion > 12, motion, 0), (COLUMNS, COLUMNS), interpolation=cv2.INTER_AREA)
    found = _share(salient**2) + 2 * _share(moving)
    columns: Array = found.sum(axis=0)
    return _share(columns)


def _columns(found: Sequence[tuple[float, float, float]], wide: int) -> Array | None:
    """Faces by column, summing to 1; None without one. Near ones count more: they are the larger."""
    columns = np.zeros(COLUMNS)
    for middle, width, _ in found:
        first, last = ((middle + side * width / 2) / wide * COLUMNS for side in (-1, 1))
        columns[max(0, int(first)) : max(1, int(np.ceil(last)))] += width
    return _share(columns) if found else None


def _share(values: Array) -> Array:
    total = float(values.sum())
    shared: Array = values / total if total > 1e-6 else np.zeros_like(values, dtype=np.float64)
    return shared


def _dominant(colours: Array) -> tuple[int, int, int]:
    """The colour nearest to all others: a mean of red and green would be of neither."""
    distances = np.abs(colours[:, None, :].astype(int) - colours[None, :, :]).sum(axis=(1, 2))
    red, green, blue = colours[int(distances.argmin())].tolist()
    return red, green, blue


def from_looks(looks: Sequence[Look]) -> Footage:
    """A footage of given looks, whose lumas are those of every picture."""
    return Footage(list(looks), [(look.time, look.luma) for look in looks])
