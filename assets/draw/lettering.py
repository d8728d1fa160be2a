"""Text as sprites, in Rubik (SIL OFL 1.1), which OpenCV carries: no font has to be installed or shipped."""

from functools import cache

import cv2
import numpy as np

from assets.draw.canvas import Sprite, rgb

_DETAIL = 2
_FACE = cv2.FontFace("sans")
BOLD, MEDIUM, REGULAR = 700, 500, 400


def width_of(text: str, size: int, weight: int = BOLD) -> int:
    """Pixels that a line of text takes."""
    box = cv2.getTextSize((8000, 1000), text, (0, 0), _FACE, size, weight)
    return int(box[2])


@cache
def text(words: str, size: int, colour: str, weight: int = BOLD) -> Sprite:
    """One line; the anchor is the left end of its baseline."""
    pad = size // 3
    width, height = width_of(words, size, weight) + 2 * pad, size * 2
    ink = np.zeros((height * _DETAIL, width * _DETAIL, 3), np.uint8)
    origin = (pad * _DETAIL, round(size * 1.35 * _DETAIL))
    cv2.putText(ink, words, origin, (255, 255, 255), _FACE, size * _DETAIL, weight)
    mask = cv2.resize(ink[..., 0], (width, height), interpolation=cv2.INTER_AREA).astype(np.float32)[..., None] / 255
    tint = np.array([*rgb(colour), 255.0], np.float32)
    return Sprite(np.round(mask * tint).astype(np.uint8), (pad, size * 1.35))


def fitting(words: str, size: int, room: int, weight: int = BOLD) -> int:
    """The largest size, not above `size`, at which the line is not wider than `room` pixels."""
    while width_of(words, size, weight) > room:
        size -= 2
    return size
