"""Where faces are in a picture, for footage that is shown through a window: the optional extra `scripts/install faces`.

The detector is BlazeFace for short distances (Bazarevsky and others, 2019), as @mediapipe/face_detection has it; OpenCV
runs it by itself. It tells where a face is and nothing of whose it is; nothing of it is kept.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

MODEL = Path(__file__).parent / "models" / "face_detection_short_range.tflite"
SURE = 0.75
"""Likelihood from which something is a face."""
_SIDE = 128
_GRIDS = ((16, 2), (8, 6))
"""The model's grids: cells a side, and answers a cell."""


class Finder:
    """The detector; one is enough for a process, and it is for one thread at a time."""

    def __init__(self, model: Path) -> None:
        import cv2

        # The engine that OpenCV 5 prefers gives one of the two answers only.
        self._net = cv2.dnn.readNetFromTFLite(str(model), cv2.dnn.ENGINE_CLASSIC)
        self._cells = np.concatenate([_middles(size).repeat(each, axis=0) for size, each in _GRIDS])

    def faces(self, picture: Array) -> list[tuple[float, float, float]]:
        """Find faces in a picture (blue, green, red): the middle and the width of each, in columns, and how sure.

        A lying picture is looked at in squares of its height that overlap by half, or small faces would be missed.
        """
        high, wide = picture.shape[:2]
        found: list[tuple[float, float, float]] = []
        last = max(0, wide - high)
        for left in sorted({*range(0, last, max(1, high // 2)), last}):
            for middle, width, sure in self._in_square(picture[:, left : left + high]):
                if _apart(left + middle, width, found):
                    found.append((left + middle, width, sure))
        return found

    def _in_square(self, part: Array) -> list[tuple[float, float, float]]:
        import cv2

        side = max(part.shape[:2])
        square = np.zeros((side, side, 3), np.uint8)
        square[: part.shape[0], : part.shape[1]] = part
        self._net.setInput(cv2.dnn.blobFromImage(square, 1 / 127.5, (_SIDE, _SIDE), (127.5,) * 3, swapRB=True))
        boxes, scores = self._net.forward(["regressors", "classificators"])
        sure = 1 / (1 + np.exp(-np.clip(scores[0, :, 0], -50, 50)))
        found: list[tuple[float, float, float]] = []
        for at in np.argsort(-sure):
            if sure[at] < SURE:
                break
            middle = float(boxes[0, at, 0] / _SIDE + self._cells[at, 0]) * side
            width = float(boxes[0, at, 2] / _SIDE) * side
            if _apart(middle, width, found):
                found.append((middle, width, float(sure[at])))
        return found


@cache
def finder() -> Finder | None:
    """Return this process's detector; None where the extra is not installed."""
    return Finder(MODEL) if MODEL.is_file() else None


def _apart(middle: float, width: float, found: list[tuple[float, float, float]]) -> bool:
    """Tell whether a face is none of those found, which overlap it less."""
    return not any(abs(middle - other) < (width + over) / 2 for other, over, _ in found)


def _middles(size: int) -> Array:
    """The middles of a grid's cells, row by row, as shares of the side."""
    steps = (np.arange(size) + 0.5) / size
    return np.stack([np.tile(steps, size), np.repeat(steps, size)], axis=1)
